"""A small swap device of our own, made by the server and taken away by it when it ends.

Needs no tools: the header that mkswap writes is written here. Layout: the kernel's `union swap_header`.

A server that is killed itself cannot clean up. So its swap carries a label, and a lock that dies with the
server: the next run finds swap with the label and without a lock, and takes it away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from mmfuzz.targets.linux import syscalls
from mmfuzz.targets.linux.syscalls import PAGE

PRIORITY = 32000
"""Above any device that the machine has: our pages shall go to ours."""

_ZRAM_CONTROL = Path("/sys/class/zram-control")
_ZRAM = "/dev/zram"
_BLOCK = Path("/sys/block")
_SWAPS = Path("/proc/swaps")
_LABEL = b"mmfuzz".ljust(16, b"\0")
_LABEL_AT = 1052


def zram_missing() -> str | None:
    """Why there is no zram here, or None."""
    if (_ZRAM_CONTROL / "hot_add").exists():
        return None
    return "zram is missing: modprobe zram, or a kernel with CONFIG_ZRAM"


def _header(size: int) -> bytes:
    """The first page of a swap area of `size` bytes: version 1, last page, no bad pages, label, the magic."""
    fields = struct.pack("<III", 1, size // PAGE - 1, 0)
    labelled = (b"\0" * 1024 + fields).ljust(_LABEL_AT, b"\0") + _LABEL
    return labelled.ljust(PAGE - 10, b"\0") + b"SWAPSPACE2"


def remove_leftovers() -> list[str]:
    """Take away the swap of servers that were killed; the paths of what there was."""
    removed = []
    active = set(_active())
    for path in abandoned():
        with contextlib.suppress(OSError):  # another run was faster
            if path in active:
                syscalls.swapoff(path)
            _dispose(path)
            removed.append(path)
    return removed


def abandoned() -> list[str]:
    """Swap, in use or not, with our label and without a server that lives."""
    found = []
    for path in dict.fromkeys((*_active(), *(f"/dev/{path.name}" for path in _BLOCK.glob("zram*")))):
        with contextlib.suppress(OSError):
            if _is_abandoned(path):
                found.append(path)
    return found


def _active() -> Iterator[str]:
    for line in _SWAPS.read_text().splitlines()[1:]:
        # The kernel writes what would end the word as three octal digits.
        yield os.fsdecode(line.split()[0].encode().decode("unicode_escape").encode("latin-1"))


def _is_abandoned(path: str) -> bool:
    """Whether a device or file has our label, and nobody's lock."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # be it a FIFO
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.pread(fd, len(_LABEL), _LABEL_AT) == _LABEL
    finally:
        os.close(fd)


def _dispose(path: str) -> None:
    if path.startswith(_ZRAM):
        _remove_zram(path.removeprefix(_ZRAM))
    else:
        Path(path).unlink(missing_ok=True)


def _swap_off(path: str) -> None:
    """Swap off; that somebody else was faster, as the next run may be, is as good."""
    try:
        syscalls.swapoff(path)
    except OSError:
        if path in _active():
            raise


def _remove_zram(number: str) -> None:
    # Somebody who looks at new block devices may hold it open for a moment.
    for _ in range(50):
        with contextlib.suppress(OSError):
            Path(f"/sys/block/zram{number}/reset").write_text("1")
            (_ZRAM_CONTROL / "hot_remove").write_text(number)
            return
        time.sleep(0.02)


class Swap:
    """A zram device (`zram`), or a file that does not exist yet (its path)."""

    def __init__(self, what: str, size: int) -> None:
        self._what = what
        self._size = size
        self._made: str | None = None
        self._active: str | None = None
        self._lock: int | None = None

    def install(self) -> str:
        """Make the device or file and swap on it; returns its path. Leaves nothing when it fails."""
        try:
            path = self._make_zram() if self._what == "zram" else self._make_file()
            syscalls.swapon(path, PRIORITY)
            self._active = path
        except OSError:
            self.remove()
            raise
        return path

    def remove(self) -> None:
        """Swap off, then take the device or file away."""
        if self._active is not None:
            _swap_off(self._active)
            self._active = None
        self.disown()
        if self._made is not None:
            _dispose(self._made)
            self._made = None

    def disown(self) -> None:
        """Let go of the lock, as a process has to that was forked with it: only the server's shall count."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _make_zram(self) -> str:
        number = (_ZRAM_CONTROL / "hot_add").read_text().strip()
        self._made = f"{_ZRAM}{number}"
        Path(f"/sys/block/zram{number}/disksize").write_text(str(self._size))
        self._write_header(self._made)
        return self._made

    def _make_file(self) -> str:
        with contextlib.suppress(OSError):
            if _is_abandoned(self._what):  # of a run that died with its machine
                os.unlink(self._what)
        fd = os.open(self._what, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self._made = self._what
        try:
            os.posix_fallocate(fd, 0, self._size)
        finally:
            os.close(fd)
        self._write_header(self._what)
        return self._what

    def _write_header(self, path: str) -> None:
        """Label it as ours, and lock it before."""
        self._lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, _header(self._size))
            os.fsync(fd)
        finally:
            os.close(fd)
