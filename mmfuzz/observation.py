"""What a target shows: the structure that a step changed, and the counters of a folio.

A step's `Report` says *what now refers to what*: page-table entries, swap cache, LRU batches, the folios
that were made. It carries no counter. Counters are shown apart, as `Counters`, and only the checks
compare them with what the owners add up to.

Frames are frame numbers of the target. An address is (process, area, page). Values are the contents of a
page, one integer a page: 0 for a zero-filled page, else the `stamp` of the write that made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple


class Mapped(NamedTuple):
    """A present entry; as a PMD entry it maps the whole folio whose head is `frame`."""

    frame: int
    writable: bool | None
    """None where the target cannot see it."""


class Swapped(NamedTuple):
    """A swap entry."""

    slot: int


class OnDevice(NamedTuple):
    """An entry for a page that is on a device: not present, yet it holds a reference and a mapcount."""

    frame: int
    writable: bool


class Special(NamedTuple):
    """An entry that holds no reference and has nothing to number."""

    name: str


ZERO: Final = Special("zero page")
"""The shared zero page; as a PMD entry the huge zero page. No reference, no mapcount."""

ZERO_FRAME: Final = -1
"""The frame that counters of the shared zero page are asked by: it is in nobody's page table as a page."""

TABLE: Final = Special("page table")
"""A PMD entry that points to a table of PTEs."""

Entry = Mapped | Swapped | OnDevice | Special | None
"""A page-table entry; None where nothing is mapped."""


def stamp(step: int, page: int) -> int:
    """The value that step `step` (from 1) writes to the `page`-th page of the range that it writes."""
    return step << 10 | page


@dataclass(slots=True)
class Report:
    """What one operation did. Everything is listed once, in its state at the end of the step.

    `pmds` and `ptes` hold every entry that changed, be it of another process than the one that ran the
    operation. When a PMD entry becomes `TABLE`, the entries of its table that are not None are in `ptes`;
    when it stops being `TABLE`, its entries are gone without being listed. A process that exits loses all
    its entries without any being listed.
    """

    error: str = ""
    """The errno name, such as "EAGAIN"; empty when the operation was done."""

    done: int = 0
    """Where `error` ended an operation midway: the pages of its range that were done before."""

    pmds: list[tuple[int, int, Entry]] = field(default_factory=list)
    """(process, area, new entry): Mapped, TABLE, ZERO or None."""

    ptes: list[tuple[int, int, int, Entry]] = field(default_factory=list)
    """(process, area, page, new entry): Mapped, Swapped, ZERO or None."""

    folios: list[tuple[int, int]] = field(default_factory=list)
    """(head frame, order) of each folio that this step made and that is still in use: fresh ones, and the
    pieces of a split."""

    cached: list[tuple[int, int | None]] = field(default_factory=list)
    """(swap slot, frame that the swap cache holds for it now or None)."""

    batched: list[tuple[int, int]] = field(default_factory=list)
    """(head frame, LRU batch slots that hold it now), for each folio that entered or left a batch."""

    lent: list[int] = field(default_factory=list)
    """Frames of a device that its driver handed out in this step."""

    blocks: list[int] = field(default_factory=list)
    """Frames of a device whose blocks were given to a file in this step."""

    woken: list[int] = field(default_factory=list)
    """Frames of such files that were said to be idle now, which is what truncating them waits for."""

    writing: list[tuple[int, int]] = field(default_factory=list)
    """(file, index) of each page whose way to disk began in this step."""

    written: list[tuple[int, int, int]] = field(default_factory=list)
    """(file, index, value) of each page that reached its disk in this step."""

    given_back: list[int] = field(default_factory=list)
    """Frames of a device that its driver was given back, by the free event: as often as it was told."""

    values: list[int | None] = field(default_factory=list)
    """What was read, a value a page: by a read fault of a range, a dma read, a put. None: not looked at."""

    filed: list[tuple[int, int, Entry]] = field(default_factory=list)
    """(file, index, what its page cache has there now: Mapped to a frame, Swapped, or None)."""

    private: list[tuple[int, bool]] = field(default_factory=list)
    """(head frame, whether the file system keeps something with the folio now)."""

    tables: int | None = None
    """Page tables in all, where that number changed; deposited ones are counted as well."""
    unread: tuple[int, ...] = ()
    """Frames that the swap cache was given in this step, and into which nothing could be read."""

    walked: tuple[tuple[int, set[tuple[int, int, int]]], ...] = ()
    """(head frame, where a walk of its reverse map finds it mapped) of folios that an operation moved, or might have:
    addresses, with page -1 for a PMD."""

    touched: list[int] = field(default_factory=list)
    """Head frames of the folios whose counters or flags the step may have written, in use or not."""


@dataclass(slots=True)
class Counters:
    """The counters and flags of one folio, as a target shows them. All counts start from 0.

    A field is None where the target's kernel does not have it or cannot show it.
    """

    head: int
    order: int
    refcount: int
    """`folio_ref_count()`."""
    mapcounts: Sequence[int]
    """PTE maps of each page of the folio: `_mapcount + 1`."""
    entire: int = 0
    """PMD maps: `_entire_mapcount + 1`; until v4.4 the head's `_mapcount + 1`."""
    large: int | None = None
    """All maps of a large folio: `_large_mapcount + 1`; None for a base page."""
    nr_pages_mapped: int | None = None
    """`_nr_pages_mapped` as it is: pages with a PTE map, plus 0x800000 while there is a PMD map."""
    pincount: int | None = None
    """`_pincount` of a large folio; None for a base page, whose pins count 1024 each in `refcount`."""
    mm_slots: tuple[tuple[int, int], tuple[int, int]] | None = None
    """Two tracked mms as (id, maps); id 0 is an empty slot."""
    shared: bool | None = None
    """The "mapped shared" bit beside the mm slots."""
    swapcache: bool = False
    exclusive: Sequence[bool] | None = None
    """PG_anon_exclusive of each page; while PMD-mapped only the head's means anything."""
    partially_mapped: bool | None = None
    private: bool = False
    contents: Sequence[int] | None = None
    """The value of each page."""
    pinned: bool | None = None
    """Whether the folio looks pinned, where a pin scheme of its own says so."""
    dirty: bool | None = None
    """Whether a folio with private data holds what its disk does not; None for all others."""
    double_map: bool | None = None
    """PG_double_map: each page's mapcount is one higher than its PTE maps."""
    tail_counts: Sequence[int] | None = None
    """Until v4.4, `_count` of each tail of a compound page, raw; the head's place, the first, is 0."""
    tail_mapcounts: Sequence[int] | None = None
    """Until v4.4, `_mapcount + 1` of each tail, raw; the head's place is 0. `mapcounts` are 0 then."""


@dataclass(slots=True)
class DeviceState:
    """What a driver and the kernel's map of its pages say."""

    frames: range
    """Frames of the device, behind those of the machine."""
    free: frozenset[int]
    """Those that are not handed out."""
    idle_refs: dict[int, int]
    """The refcount of each of these."""
    map_refs: int
    """References on the map: `dev_pagemap.ref`."""


@dataclass(slots=True)
class Sweep:
    """Everything at once, at the end of a program."""

    frames: int
    """Frames that the target manages; the lists below must account for each exactly once."""
    free: list[tuple[int, int]]
    """(frame, order) of each free block."""
    used: list[tuple[int, int]]
    """(head frame, order) of each folio in use."""
    swap_counts: dict[int, int]
    """Swap slot to the number of swap entries that refer to it, cached or not; unused slots are absent."""
    swapped: dict[int, int] = field(default_factory=dict)
    """What each slot holds whose page has left memory."""
    disk: dict[tuple[int, int], int] = field(default_factory=dict)
    """What the disk has of each (file, index) that is not in memory."""


class KernelBug(Exception):
    """The kernel's own assertion failed: VM_BUG_ON, bad page state, an underflow.

    `check` is the assertion as the kernel would print it, `frame` the folio's head frame or None; `property` is what
    does not hold then.
    """

    def __init__(
        self, check: str, frame: int | None = None, details: str = "", property: str = "assertion"
    ) -> None:
        super().__init__(f"{check}" + (f" ({details})" if details else ""))
        self.check = check
        self.frame = frame
        self.details = details
        self.property = property
