"""What this machine has and lacks, and what it is up to meanwhile."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import socket
import sys
from pathlib import Path
from typing import Final

from mmfuzz.errors import TargetUnavailable
from mmfuzz.observation import KernelBug
from mmfuzz.targets.linux import syscalls
from mmfuzz.targets.linux.bpf import KernelMemory
from mmfuzz.targets.linux.btf import VMLINUX

KERNEL_MIN: Final = (5, 10)
"""Runs a raw-tracepoint program on demand, and lets an array map be mapped."""

_THP = Path("/sys/kernel/mm/transparent_hugepage")
_FACILITY = 8
_BUG = re.compile(r"kernel BUG at|BUG: |WARNING: |Oops|general protection fault|Bad page state|bad_page")


def release() -> tuple[int, int]:
    """The running kernel's version, such as (6, 18)."""
    match = re.match(r"(\d+)\.(\d+)", platform.release())
    return (int(match[1]), int(match[2])) if match else (0, 0)


def requirements() -> list[str]:
    """What this machine lacks to be a target, each with how to get it; empty when nothing is missing."""
    if sys.platform != "linux":
        return [f"this is {sys.platform}, not Linux: use the sim target, or a Linux machine or VM"]
    missing = []
    if platform.machine() != "x86_64":
        missing.append(
            f"page tables are read as x86-64 has them, this is {platform.machine()}: use an x86-64 machine"
        )
    if release() < KERNEL_MIN:
        missing.append(f"Linux 5.10 or later, this is {platform.release()}: boot a newer kernel")
    if os.geteuid():
        missing.append("root, to read frame numbers and kernel memory: run it with sudo, best in a VM")
        return missing
    missing += [
        f"{path} is missing: {how}"
        for path, how in (
            (VMLINUX, "a kernel with CONFIG_DEBUG_INFO_BTF"),
            ("/proc/self/pagemap", "a kernel with CONFIG_PROC_PAGE_MONITOR"),
            ("/proc/kpageflags", "a kernel with CONFIG_PROC_PAGE_MONITOR"),
        )
        if not Path(path).exists()
    ]
    return missing + _refused()


def _refused() -> list[str]:
    """What the kernel has, but does not let us use."""
    refused = []
    try:
        KernelMemory((64,)).close()
    except OSError as failure:
        refused.append(
            f"BPF does not read kernel memory ({failure.strerror}): CONFIG_BPF_SYSCALL and CONFIG_BPF_EVENTS,"
            " CAP_SYS_ADMIN, and no kernel lockdown in confidentiality mode"
        )
    try:
        os.close(syscalls.io_uring_setup(1, ctypes.create_string_buffer(120)))
    except OSError as failure:
        refused.append(
            f"io_uring is not available ({failure.strerror}): CONFIG_IO_URING, and"
            " sysctl kernel.io_uring_disabled=0"
        )
    return refused


def mthp_missing(order: int) -> str | None:
    """Why an area cannot be given folios of one order below the PMD's, or None when it can.

    A fault takes the largest size that is enabled, so the larger ones have to be off.
    """
    kib = 4 << order
    own = _THP / f"hugepages-{kib}kB" / "enabled"
    if not own.exists():
        return f"this kernel has no {kib} KiB folios for anonymous memory (they came with 6.8)"
    if not _is_on(own):
        return f"{kib} KiB folios are off: echo madvise > {own}"
    larger = [size for size in range(order + 1, 10) if _is_on(_THP / f"hugepages-{4 << size}kB" / "enabled")]
    if larger:
        return f"{4 << larger[-1]} KiB folios are on and would be taken instead: switch them off"
    return None


def _is_on(path: Path) -> bool:
    try:
        chosen = re.search(r"\[(\w+)\]", path.read_text())
    except OSError:
        return False
    word = chosen[1] if chosen else "never"
    return _is_on(_THP / "enabled") if word == "inherit" else word in ("always", "madvise")


def memory_nodes() -> list[int]:
    """NUMA nodes that have memory."""
    try:
        text = Path("/sys/devices/system/node/has_memory").read_text().strip()
    except OSError:
        return [0]
    nodes: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        nodes += range(int(first), int(last or first) + 1)
    return nodes


class Place:
    """A number that no other run on this machine has now: runs side by side use different addresses.

    A frame that one run gave back may be another run's the next moment; different addresses tell them apart.
    The first run gets 0, so that a run alone uses the same addresses every time. The kernel drops the name
    with the process, however it ends.
    """

    def __init__(self, name: str = "place", places_max: int = 64) -> None:
        for self.number in range(places_max):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                self._socket.bind(f"\0mmfuzz-linux-{name}-{self.number}")
            except OSError:
                self._socket.close()
            else:
                return
        raise TargetUnavailable(f"{places_max} runs on this machine use {name} already: wait for one to end")

    def close(self) -> None:
        """Give the number back."""
        self._socket.close()


class KernelLog:
    """Watches for the kernel's own complaints."""

    def __init__(self) -> None:
        self._fd: int | None = None
        with contextlib.suppress(OSError):
            self._fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._fd, 0, os.SEEK_END)

    def check(self) -> None:
        """Raise `KernelBug` when the kernel complained since the last call."""
        if self._fd is None:
            return
        try:
            record = os.read(self._fd, 8192)
        except BlockingIOError:
            return
        except BrokenPipeError:  # overwritten before we read it: the next one is the oldest that is left
            record = b""
        lines: list[str] = []
        while True:
            prefix, _, text = record.partition(b";")
            if prefix and int(prefix.partition(b",")[0]) < _FACILITY:  # the kernel's own, not a service's
                lines.append(text.decode(errors="replace").partition("\n")[0])
            try:
                record = os.read(self._fd, 8192)
            except OSError:
                break
        complaint = next((line for line in lines if _BUG.search(line)), None)
        if complaint is not None:
            after = lines[lines.index(complaint) + 1 :][:6]
            raise KernelBug(complaint, details="; ".join(after))

    def close(self) -> None:
        """Stop watching."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
