"""What takes references to pages, and looks at them later: io_uring fixed buffers and pipes.

Fixed buffers are the pins of the running kernel, and the device that reads and writes through them.

One ring for each handle. The rings are made here and inherited by the workers; a worker registers its own
memory in one of them (FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE, of the calling address space), and the pin
outlives the worker until it is unregistered here. Measured on 6.18: registering from a forked process
works, and so does unregistering after that process has ended.

Pipes hold what vmsplice puts into them: one plain reference (FOLL_GET) a page, until the bytes are read.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import struct
from collections.abc import Sequence

from mmfuzz.ops import PAGES_MAX
from mmfuzz.targets.linux import syscalls
from mmfuzz.targets.linux.syscalls import PAGE

_OFF_SQES = 0x10000000
_READ_FIXED, _WRITE_FIXED = 4, 5
_SQE_BYTES, _CQE_BYTES = 64, 16


class Ring:
    """A ring with at most one fixed buffer and one transfer at a time."""

    def __init__(self) -> None:
        params = ctypes.create_string_buffer(120)
        self.fd = syscalls.io_uring_setup(1, params)
        sq_entries, cq_entries = struct.unpack_from("<II", params, 0)
        self._sq_head, self._sq_tail, self._sq_mask, *_, self._sq_array = struct.unpack_from(
            "<7I", params, 40
        )
        self._cq_head, self._cq_tail, self._cq_mask, *_, self._cqes = struct.unpack_from("<6I", params, 80)
        size = max(self._sq_array + 4 * sq_entries, self._cqes + _CQE_BYTES * cq_entries)
        # Both rings lie in one mapping since 5.4 (IORING_FEAT_SINGLE_MMAP).
        self._ring = mmap.mmap(self.fd, size, offset=0)
        self._sqes = mmap.mmap(self.fd, _SQE_BYTES * sq_entries, offset=_OFF_SQES)

    def unregister(self) -> None:
        """Release the pins, at once."""
        syscalls.unregister_buffers(self.fd)

    def transfer(self, fd: int, address: int, length: int, *, to_buffer: bool) -> None:
        """Move `length` bytes between the start of a file and the fixed buffer, by its address where it was
        registered. The kernel goes by the pinned pages, whatever that address means by now."""
        opcode = _READ_FIXED if to_buffer else _WRITE_FIXED
        entry = struct.pack("<BBHiQQIIQHHi", opcode, 0, 0, fd, 0, address, length, 0, 1, 0, 0, 0)
        self._sqes[:_SQE_BYTES] = entry.ljust(_SQE_BYTES, b"\0")
        tail = self._word(self._sq_tail)
        slot = tail & self._word(self._sq_mask)
        struct.pack_into("<I", self._ring, self._sq_array + 4 * slot, 0)
        struct.pack_into("<I", self._ring, self._sq_tail, tail + 1 & 0xFFFFFFFF)
        syscalls.io_uring_enter(self.fd, 1, 1)
        moved = self._completion()
        if moved < 0:
            raise OSError(-moved, os.strerror(-moved))
        if moved != length:
            raise OSError(errno.EIO, f"the device moved {moved} of {length} bytes")

    def _word(self, offset: int) -> int:
        return int.from_bytes(self._ring[offset : offset + 4], "little")

    def _completion(self) -> int:
        head = self._word(self._cq_head)
        if head == self._word(self._cq_tail):
            raise OSError(errno.EIO, "the device did not answer")
        slot = head & self._word(self._cq_mask)
        _, result = struct.unpack_from("<Qi", self._ring, self._cqes + _CQE_BYTES * slot)
        struct.pack_into("<I", self._ring, self._cq_head, head + 1 & 0xFFFFFFFF)
        return int(result)

    def close(self) -> None:
        """The kernel lets go of what is registered still a little later: unregister first."""
        self._ring.close()
        self._sqes.close()
        os.close(self.fd)


class Device:
    """A ring for each handle, and the memory of the device behind them: a file with a page for each page."""

    def __init__(self, handles: int) -> None:
        self._rings = [Ring() for _ in range(handles)]
        self._fd = os.memfd_create("mmfuzz-device", os.MFD_CLOEXEC)
        os.ftruncate(self._fd, PAGES_MAX * PAGE)
        self._memory = mmap.mmap(self._fd, PAGES_MAX * PAGE)

    @property
    def fds(self) -> list[int]:
        """The rings' file descriptors, for the workers that register."""
        return [ring.fd for ring in self._rings]

    def write(self, handle: int, address: int, values: Sequence[int]) -> None:
        """The device fills each page of a buffer: the value, then zeroes."""
        self._words(len(values))[:] = memoryview(array.array("Q", values))
        self._rings[handle].transfer(self._fd, address, len(values) * PAGE, to_buffer=True)

    def read(self, handle: int, address: int, pages: int) -> list[int]:
        """The device takes each page of a buffer: the values."""
        self._rings[handle].transfer(self._fd, address, pages * PAGE, to_buffer=False)
        return self._words(pages).tolist()

    def _words(self, pages: int) -> memoryview:
        return memoryview(self._memory)[: pages * PAGE].cast("Q")[:: PAGE // 8]

    def unpin(self, handle: int) -> None:
        """Release what a handle pins, at once."""
        self._rings[handle].unregister()

    def close(self) -> None:
        """Unpin everything, and give the rings back."""
        for ring in self._rings:
            with contextlib.suppress(OSError):
                ring.unregister()
            ring.close()
        self._memory.close()
        os.close(self._fd)


class Pipe:
    """Pipes that take `PAGES_MAX` pages together, the first one first.

    One would do, but only who has CAP_SYS_RESOURCE may exceed fs.pipe-max-size.
    """

    def __init__(self) -> None:
        self._readers: list[int] = []
        self.writers: list[int] = []
        room = 0
        while room < PAGES_MAX * PAGE:
            reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            self._readers.append(reader)
            self.writers.append(writer)
            room += self._enlarge(writer)
        self._buffer = bytearray(room)

    @staticmethod
    def _enlarge(writer: int) -> int:
        """Make a pipe as large as we may; its size in bytes."""
        size = PAGES_MAX * PAGE
        while size > 1 << 16:
            with contextlib.suppress(PermissionError):
                return fcntl.fcntl(writer, syscalls.F_SETPIPE_SZ, size)
            size //= 2
        return fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)

    def take(self) -> list[int]:
        """Read the pipes empty, which drops their references; the value of each page."""
        size = 0
        for reader in self._readers:
            with contextlib.suppress(BlockingIOError):
                size += os.readv(reader, [memoryview(self._buffer)[size:]])
        return memoryview(self._buffer)[:size].cast("Q")[:: PAGE // 8].tolist()

    def close(self) -> None:
        """Close all ends; what is in them still is dropped with the last of the workers' copies."""
        for fd in (*self._readers, *self.writers):
            os.close(fd)
