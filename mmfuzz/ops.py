"""The vocabulary: what a program can ask a kernel to do with memory.

An operation is a frozen value over small integers. Processes, areas and handles are named by slot
number, so that a program reads well and shrinks well. An *area* is one PMD-sized, aligned piece of
address space; its pages are numbered from 0. `count` is a number of pages, or `WHOLE` for every page
of the area. Nothing here knows a kernel: whether an operation applies is the model's business.
"""

from __future__ import annotations

from dataclasses import dataclass

PROCESSES_MAX = 8
AREAS_MAX = 8
HANDLES_MAX = 8
PAGES_MAX = 512
"""Pages of an area at most: 2 MiB of 4 KiB pages, the PMD size of x86-64."""

WHOLE = 0
"""A `count` that means every page of the area; it goes with page 0."""

BASE = 0
"""An order policy: base pages only."""

HUGE = 9
"""An order policy: huge pages, of whatever order the target's PMD has."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file is: its name in programs, whether it lives in memory and swap alone, and its folios' order."""

    name: str
    shmem: bool
    order: int
    dax: str = ""
    """Whose pages are on a device: "fs" for a file of a file system there, "device" for the device itself."""


FILES = (
    FileKind("memfd0", shmem=True, order=BASE),
    FileKind("disk0", shmem=False, order=BASE),
    FileKind("huge0", shmem=True, order=HUGE),
    FileKind("large0", shmem=False, order=2),
    FileKind("dax0", shmem=False, order=BASE, dax="fs"),
    FileKind("dev0", shmem=False, order=BASE, dax="device"),
)
"""The files that there are, by number. Each begins as long as an area, and empty: a memfd, a file on disk, a
file on a tmpfs that is mounted huge=always, one on a disk whose file system likes large folios, one on persistent
memory that is mapped directly (fsdax), and such memory as a device (device-dax)."""
FAILURES = ("alloc", "copy", "io", "trylock", "partial")
"""What can be made to fail once: an allocation, copying contents, a read from swap, a folio's lock that is asked
for without waiting, and a range of which only the first pages are to be had."""

MTHP_ORDERS = range(2, HUGE)
"""Order policies in between: multi-size THP of that order. Order 1 does not exist for anonymous memory."""

AS_WRITTEN = 0
"""A `dirty`: pages that a device wrote to are dirtied, others are not, which is what a driver owes."""

CLEAN = 1
"""A `dirty`: nothing is dirtied. Only what no device wrote to may be released so."""

DIRTY = 2
"""A `dirty`: every page is dirtied, without its lock."""

DIRTY_LOCK = 3
"""A `dirty`: every page is dirtied under its lock."""


@dataclass(frozen=True, slots=True)
class Alloc:
    """Map an anonymous private area; `order` is `BASE`, one of `MTHP_ORDERS`, or `HUGE`."""

    process: int
    area: int
    order: int


@dataclass(frozen=True, slots=True)
class Free:
    """Give a whole area back (munmap)."""

    process: int
    area: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Touch pages one after the other; a write stores a value that is new in this program."""

    process: int
    area: int
    page: int
    count: int
    write: bool


@dataclass(frozen=True, slots=True)
class Fork:
    """Fork `process` into the free slot `child`."""

    process: int
    child: int


@dataclass(frozen=True, slots=True)
class Exit:
    """End a process; what it pinned stays pinned until the handle is released."""

    process: int


@dataclass(frozen=True, slots=True)
class Pin:
    """pin_user_pages (FOLL_PIN, long term) of a range, kept under a free handle."""

    process: int
    area: int
    page: int
    count: int
    write: bool
    handle: int


@dataclass(frozen=True, slots=True)
class Unpin:
    """Release everything under a FOLL_PIN handle; `dirty` says by which routine.

    unpin_user_pages() is `CLEAN`, unpin_user_pages_dirty_lock() the others (before v5.6 put_user_pages() and its
    _dirty and _dirty_lock variants, fc1d8e7cca2d, v5.2).
    """

    handle: int
    dirty: int = AS_WRITTEN


@dataclass(frozen=True, slots=True)
class Get:
    """get_user_pages (FOLL_GET) of a range, kept under a free handle."""

    process: int
    area: int
    page: int
    count: int
    write: bool
    handle: int


@dataclass(frozen=True, slots=True)
class Put:
    """put_page of everything under a handle, after a last look at what the pages hold."""

    handle: int


@dataclass(frozen=True, slots=True)
class Dup:
    """get_page() on each page that a driver holds under `handle`, kept under the free handle `new`.

    For threads of a race only: what it may do to a page depends on who else has it in hand at that moment.
    """

    new: int
    handle: int


@dataclass(frozen=True, slots=True)
class GetFast:
    """get_user_pages_fast_only() of a range, kept under a free handle: what cannot be had without a lock is not had.

    For threads of a race only: alone it is a get.
    """

    process: int
    area: int
    page: int
    count: int
    write: bool
    handle: int


@dataclass(frozen=True, slots=True)
class PinFast:
    """pin_user_pages_fast_only() of a range; for threads of a race only."""

    process: int
    area: int
    page: int
    count: int
    write: bool
    handle: int


@dataclass(frozen=True, slots=True)
class Dma:
    """A device writes to, or reads from, the pages under a FOLL_PIN handle."""

    handle: int
    write: bool


@dataclass(frozen=True, slots=True)
class SplitMap:
    """Replace one process's PMD mapping of an area by PTEs; the folio stays whole."""

    process: int
    area: int


@dataclass(frozen=True, slots=True)
class Split:
    """Split the large folio mapped at a page into base pages."""

    process: int
    area: int
    page: int


@dataclass(frozen=True, slots=True)
class Collapse:
    """Replace what an area maps by one huge page (MADV_COLLAPSE)."""

    process: int
    area: int


@dataclass(frozen=True, slots=True)
class Unmap:
    """munmap a range of an area."""

    process: int
    area: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class Dontneed:
    """MADV_DONTNEED a range: the pages go, the mapping stays."""

    process: int
    area: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class SwapOut:
    """Reclaim the folios of a range: mapped ones move to the swap cache, cached ones leave memory."""

    process: int
    area: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class SwapIn:
    """Read back, by fault, what a range has in swap."""

    process: int
    area: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class FreeSwap:
    """Drop the swap cache of the folios mapped in a range, where no swap entry needs it."""

    process: int
    area: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class Migrate:
    """Move the folios mapped in a range to other frames."""

    process: int
    area: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class Map:
    """mmap a file into a free area, all of it, MAP_SHARED or MAP_PRIVATE."""

    process: int
    area: int
    file: int
    shared: bool


@dataclass(frozen=True, slots=True)
class ReadFile:
    """read(2) a range of a file into the page cache."""

    file: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class WriteFile:
    """write(2) a range of a file, beyond its end too; values are new in this program."""

    file: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class WriteBack:
    """Begin to write the dirty pages of a range of a file to disk; from then on they are clean."""

    file: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class EndWriteBack:
    """What is being written of a file is on disk."""

    file: int


@dataclass(frozen=True, slots=True)
class Truncate:
    """ftruncate a file to a size in pages."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Punch:
    """fallocate(FALLOC_FL_PUNCH_HOLE) a range of a file."""

    file: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class Drain:
    """Empty the per-CPU LRU batches of all CPUs."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Make one thing fail, the first time that the next operation comes to it: `point` counts in `FAILURES`.

    Whether it came to it or not, the operation after that is as safe as ever.
    """

    point: int


@dataclass(frozen=True, slots=True)
class Protect:
    """mprotect a range to read-only and back: its entries may not write any more until a fault lets them."""

    process: int
    area: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class ToDevice:
    """Move the base pages of a range to the memory of a device, which processes cannot access (migrate_vma)."""

    process: int
    area: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class FromDevice:
    """Bring home what a range has on the device, without a fault."""

    process: int
    area: int
    page: int
    count: int


@dataclass(frozen=True, slots=True)
class Move:
    """UFFDIO_MOVE: a range of pages goes to an empty place in another area of the process, as it is."""

    process: int
    area: int
    page: int
    count: int
    to_area: int
    to_page: int


Operation = (
    Alloc
    | Fault
    | Fork
    | Exit
    | Pin
    | Unpin
    | Get
    | Put
    | Dma
    | SplitMap
    | Split
    | Collapse
    | Unmap
    | Dontneed
    | SwapOut
    | SwapIn
    | FreeSwap
    | Migrate
    | Drain
    | Free
    | Map
    | ReadFile
    | WriteFile
    | Truncate
    | Punch
    | WriteBack
    | EndWriteBack
    | Fail
    | Protect
    | ToDevice
    | FromDevice
    | Move
    | Dup
    | GetFast
    | PinFast
)

OPERATIONS: tuple[type[Operation], ...] = (
    Alloc,
    Fault,
    Fork,
    Exit,
    Pin,
    Unpin,
    Get,
    Put,
    Dma,
    SplitMap,
    Split,
    Collapse,
    Unmap,
    Dontneed,
    SwapOut,
    SwapIn,
    FreeSwap,
    Migrate,
    Drain,
    Free,
    Map,
    ReadFile,
    WriteFile,
    Truncate,
    Punch,
    WriteBack,
    EndWriteBack,
    Fail,
    Protect,
    ToDevice,
    FromDevice,
    Move,
)
"""Every kind of operation that a search draws, simple ones first: the order in which choices shrink."""

THREAD_OPERATIONS: tuple[type[Operation], ...] = (Dup, GetFast, PinFast)
"""Kinds that only a thread of a race may have, and that nothing draws."""

FAMILIES: dict[str, tuple[type[Operation], ...]] = {
    "anonymous memory": OPERATIONS[: OPERATIONS.index(Free) + 1],
    "files": (Map, ReadFile, WriteFile, Truncate, Punch, WriteBack, EndWriteBack),
    "failures": (Fail,),
    "protection": (Protect,),
    "devices": (ToDevice, FromDevice),
    "userfaultfd": (Move,),
}
"""Kinds that belong together: a search takes or leaves a whole family for a program. The first is always in."""

NAMES: dict[type[Operation], str] = {
    kind: "".join("_" * (c.isupper() and i > 0) + c.lower() for i, c in enumerate(kind.__name__))
    for kind in OPERATIONS
}
"""The name of each kind as programs spell it: `SplitMap` is `split_map`."""

THREAD_NAMES: dict[type[Operation], str] = {Dup: "dup", GetFast: "get_fast", PinFast: "pin_fast"}
"""The names of those that only threads have."""
