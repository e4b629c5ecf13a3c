"""Kernel memory, read through small BPF programs that we run ourselves.

A raw-tracepoint program can be run on demand with BPF_PROG_TEST_RUN (5.10). It gets its arguments in the
context and copies kernel memory into an array map that we have mapped: so a read costs one system
call and no copy through the kernel's interface. Reading a bad address gives EFAULT or zeroes, never an oops.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import resource
import struct
from collections.abc import Sequence

from mmfuzz.targets.linux import syscalls

OUT_BYTES = 1 << 20
"""What one read returns at most."""
GATHER_MAX = 1024
"""Addresses that one gather takes at most."""

_MAP_CREATE, _PROG_LOAD, _PROG_TEST_RUN = 0, 5, 10
_MAP_TYPE_ARRAY, _MMAPABLE = 2, 0x400
_RAW_TRACEPOINT = 17
_GET_CURRENT_TASK, _PROBE_READ_KERNEL = 35, 113
_LOADS_MAX = 10
_ADDRESS = (1 << 64) - 1
_LICENSE = b"Dual MIT/GPL\0"
"""The helper that reads kernel memory asks for a licence string that is compatible with the GPL."""


def _instruction(code: int, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> bytes:
    return struct.pack("<BBhi", code, src << 4 | dst, off, imm)


def _load_map_value(register: int, fd: int) -> bytes:
    pseudo_map_value = 2
    return _instruction(0x18, register, pseudo_map_value, 0, fd) + _instruction(0)


def _range_program(out: int) -> bytes:
    """r3 = address, r2 = length: copy to the map; return -7 when too long."""
    return b"".join(
        (
            _instruction(0x79, 3, 1, 0),
            _instruction(0x79, 2, 1, 8),
            _load_map_value(1, out),
            _instruction(0xB7, 0, imm=-7),
            _instruction(0x25, 2, off=1, imm=OUT_BYTES),
            _instruction(0x85, imm=_PROBE_READ_KERNEL),
            _instruction(0x95),
        )
    )


def _gather_program(out: int, addresses: int, size: int) -> bytes:
    """r6 = count; copy `size` bytes from each address in the second map to the first, one after the other."""
    count_max = min(GATHER_MAX, OUT_BYTES // size)
    return b"".join(
        (
            _instruction(0x79, 6, 1, 0),
            _instruction(0xB7, 9, imm=0),
            _load_map_value(7, addresses),
            _load_map_value(8, out),
            _instruction(0x3D, 9, 6, 9),  # the loop: leave when all are done, or at the bound
            _instruction(0x35, 9, off=8, imm=count_max),
            _instruction(0x79, 3, 7, 0),
            _instruction(0xBF, 1, 8),
            _instruction(0xB7, 2, imm=size),
            _instruction(0x85, imm=_PROBE_READ_KERNEL),
            _instruction(0x07, 7, imm=8),
            _instruction(0x07, 8, imm=size),
            _instruction(0x07, 9, imm=1),
            _instruction(0x05, off=-10),
            _instruction(0xB7, 0, imm=0),
            _instruction(0x95),
        )
    )


def _task_program(out: int) -> bytes:
    """Store the address of the running task."""
    return b"".join(
        (
            _instruction(0x85, imm=_GET_CURRENT_TASK),
            _load_map_value(1, out),
            _instruction(0x7B, 1, 0, 0),
            _instruction(0xB7, 0, imm=0),
            _instruction(0x95),
        )
    )


def _attr(packed: bytes) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(packed.ljust(128, b"\0"), 128)


def _array_map(size: int) -> int:
    return syscalls.bpf(_MAP_CREATE, _attr(struct.pack("<IIIII", _MAP_TYPE_ARRAY, 4, size, 1, _MMAPABLE)))


def _load(code: bytes) -> int:
    instructions = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(_LICENSE)
    packed = struct.pack(
        "<IIQQ", _RAW_TRACEPOINT, len(code) // 8, ctypes.addressof(instructions), ctypes.addressof(licence)
    )
    for _ in range(_LOADS_MAX):
        # The verifier gives up with EAGAIN when a signal is pending, whoever it is for.
        with contextlib.suppress(BlockingIOError):
            return syscalls.bpf(_PROG_LOAD, _attr(packed))
    return syscalls.bpf(_PROG_LOAD, _attr(packed))


class RunnableProgram:
    """A loaded program and the prepared call that runs it; also usable in a process that inherited `fd`."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._context = ctypes.create_string_buffer(96)
        context = ctypes.addressof(self._context)
        self._attr = _attr(
            struct.pack("<IIIIQQIIIIQQ", fd, 0, 0, 0, 0, 0, 0, 0, len(self._context), 0, context, 0)
        )

    def run(self, *arguments: int) -> int:
        """The program's return value, as a signed 32-bit number."""
        struct.pack_into(f"<{len(arguments)}Q", self._context, 0, *arguments)
        syscalls.bpf(_PROG_TEST_RUN, self._attr)
        return int.from_bytes(memoryview(self._attr)[4:8], "little", signed=True)


class KernelMemory:
    """Reads kernel memory. Not for several threads at once: all reads share one buffer."""

    def __init__(self, gather_sizes: Sequence[int]) -> None:
        # Before 5.11 maps count against the memlock limit.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self._fds = [_array_map(OUT_BYTES), _array_map(8 * GATHER_MAX)]
        out, addresses = self._fds
        self._out = mmap.mmap(out, OUT_BYTES)
        self._addresses = mmap.mmap(addresses, 8 * GATHER_MAX)
        self._range = self._program(_range_program(out))
        self._task = self._program(_task_program(out))
        self._gathers = {size: self._program(_gather_program(out, addresses, size)) for size in gather_sizes}

    def _program(self, code: bytes) -> RunnableProgram:
        fd = _load(code)
        self._fds.append(fd)
        return RunnableProgram(fd)

    @property
    def task_program(self) -> int:
        """The program that stores which task runs it, for `RunnableProgram` in another process."""
        return self._task.fd

    def last_task(self) -> int:
        """Address of the `task_struct` that last ran `task_program`."""
        return int.from_bytes(self._out[:8], "little")

    def current_task(self) -> int:
        """Address of our own `task_struct`."""
        self._task.run()
        return self.last_task()

    def read(self, address: int, length: int) -> bytes:
        """`length` bytes at a kernel address; about 2.5 us, and 1 us more for each 32 KiB."""
        error = self._range.run(address & _ADDRESS, length)
        if error:
            raise OSError(-error, f"cannot read {length} bytes of kernel memory at {address:#x}")
        return self._out[:length]

    def read_u64(self, address: int) -> int:
        """One 64-bit word."""
        return int.from_bytes(self.read(address, 8), "little")

    def gather(self, addresses: Sequence[int], size: int) -> bytes:
        """`size` bytes at each address, joined; `size` is one of those given at the start. One system call
        for each `GATHER_MAX` addresses; what cannot be read is zero."""
        program = self._gathers[size]
        room = min(GATHER_MAX, OUT_BYTES // size)
        parts = []
        for start in range(0, len(addresses), room):
            some = addresses[start : start + room]
            self._addresses[: 8 * len(some)] = struct.pack(f"<{len(some)}Q", *some)
            program.run(len(some))
            parts.append(self._out[: size * len(some)])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Give the maps and programs back."""
        self._out.close()
        self._addresses.close()
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
