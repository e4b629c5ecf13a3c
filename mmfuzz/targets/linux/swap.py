"""A small swap device of our own, made by the server and always taken away by it.

Needs no tools: the header that mkswap writes is written here. Layout: the kernel's `union swap_header`.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from pathlib import Path

from mmfuzz.targets.linux import syscalls
from mmfuzz.targets.linux.syscalls import PAGE

PRIORITY = 32000
"""Above any device that the machine has: our pages shall go to ours."""

_ZRAM_CONTROL = Path("/sys/class/zram-control")


def zram_missing() -> str | None:
    """Why there is no zram here, or None."""
    if (_ZRAM_CONTROL / "hot_add").exists():
        return None
    return "zram is missing: modprobe zram, or a kernel with CONFIG_ZRAM"


def _header(size: int) -> bytes:
    """The first page of a swap area of `size` bytes: version 1, last page, no bad pages, the magic."""
    fields = struct.pack("<III", 1, size // PAGE - 1, 0)
    return (b"\0" * 1024 + fields).ljust(PAGE - 10, b"\0") + b"SWAPSPACE2"


class Swap:
    """A zram device (`zram`), or a file that does not exist yet (its path)."""

    def __init__(self, what: str, size: int) -> None:
        self._what = what
        self._size = size
        self._zram: str | None = None
        self._file: str | None = None
        self._active: str | None = None

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
            syscalls.swapoff(self._active)
            self._active = None
        if self._zram is not None:
            self._remove_zram(self._zram)
            self._zram = None
        if self._file is not None:
            os.unlink(self._file)
            self._file = None

    def _make_zram(self) -> str:
        self._zram = (_ZRAM_CONTROL / "hot_add").read_text().strip()
        Path(f"/sys/block/zram{self._zram}/disksize").write_text(str(self._size))
        path = f"/dev/zram{self._zram}"
        self._write_header(path)
        return path

    def _make_file(self) -> str:
        fd = os.open(self._what, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self._file = self._what
        try:
            os.posix_fallocate(fd, 0, self._size)
        finally:
            os.close(fd)
        self._write_header(self._what)
        return self._what

    def _write_header(self, path: str) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, _header(self._size))
            os.fsync(fd)
        finally:
            os.close(fd)

    @staticmethod
    def _remove_zram(number: str) -> None:
        # Somebody who looks at new block devices may hold it open for a moment.
        for _ in range(50):
            with contextlib.suppress(OSError):
                Path(f"/sys/block/zram{number}/reset").write_text("1")
                (_ZRAM_CONTROL / "hot_remove").write_text(number)
                return
            time.sleep(0.02)
