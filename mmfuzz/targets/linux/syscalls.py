"""System calls that the standard library lacks, as thin as can be; x86-64 numbers.

Every call raises `OSError` with the errno of the kernel. Addresses and lengths are bytes.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

PAGE: Final = 4096
PMD_SIZE: Final = 2 << 20

PROT_READ: Final = 1
PROT_WRITE: Final = 2
MAP_SHARED: Final = 0x01
MAP_PRIVATE: Final = 0x02
MAP_ANONYMOUS: Final = 0x20
MAP_NORESERVE: Final = 0x4000
MAP_POPULATE: Final = 0x8000
MAP_FIXED_NOREPLACE: Final = 0x100000

MADV_DONTNEED: Final = 4
MADV_HUGEPAGE: Final = 14
MADV_NOHUGEPAGE: Final = 15
MADV_COLD: Final = 20
"""Since 5.4; drains the LRU batches of its CPU, and splits a large folio that it hits in part."""
MADV_PAGEOUT: Final = 21
MADV_POPULATE_WRITE: Final = 23
"""Since 5.14: what get_user_pages does to fault in for writing, without taking a reference."""
MADV_COLLAPSE: Final = 25
"""Since 6.1."""

SPLICE_F_NONBLOCK: Final = 2
F_SETPIPE_SZ: Final = 1031
MPOL_MF_MOVE: Final = 2
MPOL_MF_MOVE_ALL: Final = 4

_NR_MOVE_PAGES = 279
_NR_BPF = 321
_NR_IO_URING_SETUP = 425
_NR_IO_URING_ENTER = 426
_NR_IO_URING_REGISTER = 427

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_mmap = _libc.mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_munmap = _libc.munmap
_munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_mprotect = _libc.mprotect
_mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_madvise = _libc.madvise
_madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_vmsplice = _libc.vmsplice
_vmsplice.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint]
_vmsplice.restype = ctypes.c_ssize_t
_swapon = _libc.swapon
_swapon.argtypes = [ctypes.c_char_p, ctypes.c_int]
_swapoff = _libc.swapoff
_swapoff.argtypes = [ctypes.c_char_p]
_prctl = _libc.prctl
_prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]


class IoVec(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def _failed() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def mmap(
    address: int | None, length: int, prot: int = 3, flags: int = 0x22, fd: int = -1, offset: int = 0
) -> int:
    """mmap(2); by default anonymous, private, readable and writable. Returns the address."""
    result = _mmap(address, length, prot, flags, fd, offset)
    if result is None or result == ctypes.c_void_p(-1).value:
        raise _failed()
    return int(result)


def munmap(address: int, length: int) -> None:
    """munmap(2)."""
    if _munmap(address, length) < 0:
        raise _failed()


def mprotect(address: int, length: int, prot: int) -> None:
    """mprotect(2)."""
    if _mprotect(address, length, prot) < 0:
        raise _failed()


def madvise(address: int, length: int, advice: int) -> None:
    """madvise(2)."""
    if _madvise(address, length, advice) < 0:
        raise _failed()


def vmsplice(fd: int, address: int, length: int) -> int:
    """vmsplice(2) of one range into a pipe, without waiting for room; returns the bytes taken."""
    vector = IoVec(address, length)
    taken = int(_vmsplice(fd, ctypes.byref(vector), 1, SPLICE_F_NONBLOCK))
    if taken < 0:
        raise _failed()
    return taken


def swapon(path: str, priority: int) -> None:
    """swapon(2) with a priority of 0 to 32767."""
    if _swapon(path.encode(), 0x8000 | priority) < 0:
        raise _failed()


def swapoff(path: str) -> None:
    """swapoff(2)."""
    if _swapoff(path.encode()) < 0:
        raise _failed()


def become_subreaper() -> None:
    """Orphans below this process become its children instead of init's."""
    pr_set_child_subreaper = 36
    if _prctl(pr_set_child_subreaper, 1, 0, 0, 0) < 0:
        raise _failed()


def move_pages(addresses: list[int], nodes: list[int] | None, *, shared_too: bool = False) -> list[int]:
    """move_pages(2) of this process: the resulting node of each page, or a negative errno.

    `nodes` None only asks. Without `shared_too` it refuses pages that other processes map. Even where nothing
    moves it drains the LRU batches of all CPUs.
    """
    count = len(addresses)
    pages = (ctypes.c_void_p * count)(*addresses)
    status = (ctypes.c_int * count)()
    wanted = None if nodes is None else (ctypes.c_int * count)(*nodes)
    how = MPOL_MF_MOVE_ALL if shared_too else MPOL_MF_MOVE
    if _syscall(_NR_MOVE_PAGES, 0, ctypes.c_ulong(count), pages, wanted, status, how) < 0:
        raise _failed()
    return list(status)


def bpf(command: int, attr: ctypes.Array[ctypes.c_char]) -> int:
    """bpf(2) with a prepared attribute block, which the kernel may write to."""
    result = int(_syscall(_NR_BPF, command, attr, len(attr)))
    if result < 0:
        raise _failed()
    return result


def io_uring_setup(entries: int, params: ctypes.Array[ctypes.c_char]) -> int:
    """io_uring_setup(2)."""
    result = int(_syscall(_NR_IO_URING_SETUP, entries, params))
    if result < 0:
        raise _failed()
    return result


def io_uring_enter(fd: int, submit: int, wait: int) -> int:
    """io_uring_enter(2): hand `submit` entries in and wait for `wait` completions."""
    getevents = 1
    result = int(_syscall(_NR_IO_URING_ENTER, fd, submit, wait, getevents, None, ctypes.c_size_t(0)))
    if result < 0:
        raise _failed()
    return result


def register_buffer(fd: int, address: int, length: int) -> None:
    """Make a range of *this* process the only fixed buffer of a ring: FOLL_PIN, long term, for writing."""
    vector = IoVec(address, length)
    register_buffers = 0
    if _syscall(_NR_IO_URING_REGISTER, fd, register_buffers, ctypes.byref(vector), 1) < 0:
        raise _failed()


def unregister_buffers(fd: int) -> None:
    """Unpin a ring's fixed buffer. At once, where closing the ring unpins some milliseconds later.

    Any process that has the ring may do it, also after the process that registered has ended.
    """
    unregister = 1
    if _syscall(_NR_IO_URING_REGISTER, fd, unregister, None, 0) < 0:
        raise _failed()
