"""The page tables of x86-64, read as they are.

Pagemap tells nothing of PMD mappings before 6.7 (PAGEMAP_SCAN) and costs 10 to 20 us an area; the tables
themselves cost one gather for all processes, and look the same on every kernel. What the machine keeps
secret - where the direct map begins, whether there are five levels - is found out by walking to a page whose
frame pagemap tells, so a wrong reading cannot go unnoticed. Formats: the processor's manual; swap entries as
in the kernel's pgtable_64.h.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mmfuzz.errors import TargetUnavailable
from mmfuzz.observation import TABLE, ZERO, Entry, Mapped, Special, Swapped
from mmfuzz.ops import AREAS_MAX, PAGES_MAX
from mmfuzz.targets.linux.bpf import KernelMemory
from mmfuzz.targets.linux.btf import Btf
from mmfuzz.targets.linux.syscalls import PAGE, PMD_SIZE

AREA_STRIDE: Final = 2 * PMD_SIZE
"""From one area to the next: a gap between them keeps their VMAs apart."""
ANCHOR_AT: Final = 256 << 20
"""Where the anchor pages lie from the base: in the same PMD table, away from the areas."""
ROW_BYTES: Final = 8 * AREAS_MAX * AREA_STRIDE // PMD_SIZE
"""The PMD entries of all areas of a process, gaps included."""
TABLE_BYTES: Final = PAGE

FRAME: Final = 0x000F_FFFF_FFFF_F000
HUGE_FRAME: Final = 0x000F_FFFF_FFE0_0000
PRESENT: Final = 0x101
"""Present, or PROT_NONE: both map the page."""
HUGE_ENTRY: Final = 0x80
_KEY: Final = FRAME | PRESENT
"""What makes two present entries the same mapping: not the accessed, dirty and writable bits."""
_GIB: Final = 1 << 30
_SWAP_TYPES_MAX: Final = 23
"""Types from here on mark migration, poison and other things; MAX_SWAPFILES depends on the configuration and
is at least this."""


_mapped: Callable[[tuple[int, None]], Mapped] = functools.partial(tuple.__new__, Mapped)
"""`Mapped`, at half the cost: tables have 512 of them."""


def area_address(base: int, area: int) -> int:
    """Where an area begins."""
    return base + area * AREA_STRIDE


def swap_slot(raw: int) -> tuple[int, int]:
    """(type, offset) of a swap entry in a page table: the offset is stored inverted above bit 9."""
    return raw >> 59 & 31, ~raw >> 9 & (1 << 50) - 1


@dataclass(slots=True)
class Tables:
    """What one process's tables held when they were last read."""

    row: int
    """Kernel address of the PMD entry of area 0."""
    pmds: list[int] = field(default_factory=lambda: [0] * AREAS_MAX)
    ptes: list[bytes] = field(default_factory=lambda: [b""] * AREAS_MAX)
    """The table of each area whose PMD entry points to one, else empty."""

    def words(self, area: int) -> list[int]:
        """The raw entries of an area's table."""
        return memoryview(self.ptes[area]).cast("Q").tolist()

    def frames(self, area: int, first: int, count: int) -> list[int | None]:
        """The frame under each page of a range, None where none is mapped; zero pages are frames here."""
        head = Walker.huge_frame(self.pmds[area])
        if head is not None:
            return [head + page for page in range(first, first + count)]
        if not self.ptes[area]:
            return [None] * count
        words = self.words(area)[first : first + count]
        return [(word & FRAME) >> 12 if word & PRESENT else None for word in words]


class Walker:
    """Finds and reads page tables."""

    def __init__(self, memory: KernelMemory, btf: Btf, base: int) -> None:
        self._memory = memory
        self._base = base
        self._mm = btf.offset("task_struct", "mm")
        self._pgd = btf.offset("mm_struct", "pgd")
        self._children = btf.offset("task_struct", "children")
        self._sibling = btf.offset("task_struct", "sibling")
        self._direct_map = 0
        self._levels = 0
        self.zero_frame = 0
        """The shared zero page."""

    def calibrate(self, task: int, pid: int) -> None:
        """Learn the direct map and the number of levels from a worker's two anchor pages."""
        anchor = self._base + ANCHOR_AT
        with open(f"/proc/{pid}/pagemap", "rb") as file:
            written, read = struct.unpack("<QQ", os.pread(file.fileno(), 16, anchor // PAGE * 8))
        frame_bits = (1 << 55) - 1
        pgd = self._pgd_of(task)
        for levels in (4, 5):
            for direct_map in self._direct_map_candidates(pgd):
                self._direct_map, self._levels = direct_map, levels
                seen = self._frame_at(pgd, anchor), self._frame_at(pgd, anchor + PAGE)
                if seen == (written & frame_bits, read & frame_bits):
                    self.zero_frame = read & frame_bits
                    return
        raise TargetUnavailable(
            "cannot read this machine's page tables: walking them does not lead where pagemap says"
            " (memory encryption?); use the vm target"
        )

    def _direct_map_candidates(self, pgd: int) -> range:
        """The direct map begins on a GiB, and the physical address of the PGD lies in memory."""
        with open("/proc/zoneinfo") as file:
            lines = [line.split() for line in file]
        spanned = max(int(words[1]) for words in lines if words and words[0] == "spanned")
        starts = max(int(words[1]) for words in lines if words and words[0] == "start_pfn:")
        gibs = ((spanned + starts) * PAGE >> 30) + 1
        top = pgd & -_GIB
        return range(top, top - (gibs + 1) * _GIB, -_GIB)

    def _pgd_of(self, task: int) -> int:
        return self._memory.read_u64(self._memory.read_u64(task + self._mm) + self._pgd)

    def _pmd_table(self, pgd: int) -> int | None:
        """Kernel address of the PMD table that serves the areas and the anchor."""
        table = pgd
        for shift in (48, 39, 30)[5 - self._levels :]:
            try:
                entry = self._memory.read_u64(table + 8 * (self._base >> shift & 511))
            except OSError:
                return None
            if not entry & 1:
                return None
            table = self._direct_map + (entry & FRAME)
        return table

    def _frame_at(self, pgd: int, address: int) -> int | None:
        """The frame that a 4 KiB entry maps at an address of ours, or None."""
        table = self._pmd_table(pgd)
        if table is None:
            return None
        try:
            pmd = self._memory.read_u64(table + 8 * (address // PMD_SIZE & 511))
            pte = self._memory.read_u64(self._direct_map + (pmd & FRAME) + 8 * (address // PAGE & 511))
        except OSError:
            return None
        return (pte & FRAME) >> 12 if pmd & 1 and pte & 1 else None

    def newest_child(self, task: int) -> int:
        """The task that a task forked last: the list of its children is in the order of their birth."""
        prev = 8
        return self._memory.read_u64(task + self._children + prev) - self._sibling

    def tables_of(self, task: int) -> Tables:
        """Where a process has its tables; they stay there while it lives, because the anchor pages do."""
        table = self._pmd_table(self._pgd_of(task))
        if table is None:
            raise TargetUnavailable("a worker has lost its anchor pages")
        return Tables(table + 8 * (self._base // PMD_SIZE & 511))

    def read(self, processes: list[Tables], areas: int) -> list[tuple[list[int], list[bytes]]]:
        """The PMD entries, and the tables that they point to, of each process as it is now.

        Two gathers at most, whatever the number of processes and areas.
        """
        rows = memoryview(self._memory.gather([tables.row for tables in processes], ROW_BYTES)).cast("Q")
        step, per_row = AREA_STRIDE // PMD_SIZE, ROW_BYTES // 8
        pmds = [rows[i * per_row : (i + 1) * per_row : step].tolist() for i in range(len(processes))]
        wanted = [
            (i, area, self._direct_map + (pmd & FRAME))
            for i, row in enumerate(pmds)
            for area, pmd in enumerate(row[:areas])
            if pmd & PRESENT and not pmd & HUGE_ENTRY
        ]
        ptes = [[b""] * AREAS_MAX for _ in processes]
        if wanted:
            raw = self._memory.gather([address for _, _, address in wanted], TABLE_BYTES)
            for at, (i, area, _) in enumerate(wanted):
                ptes[i][area] = raw[at * TABLE_BYTES : (at + 1) * TABLE_BYTES]
        return list(zip(pmds, ptes, strict=True))

    @staticmethod
    def huge_frame(raw: int) -> int | None:
        """The head frame that a raw PMD entry maps whole, or None."""
        return (raw & HUGE_FRAME) >> 12 if raw & PRESENT and raw & HUGE_ENTRY else None

    def pmd_entry(self, raw: int, huge_zero: set[int]) -> Entry:
        """What a raw PMD entry means; `huge_zero` are the frames of the huge zero folio."""
        if not raw & PRESENT:
            return Special(f"pmd {raw:#x}") if raw else None
        frame = self.huge_frame(raw)
        if frame is None:
            return TABLE
        return ZERO if frame in huge_zero else Mapped(frame, None)

    def pte_entry(self, raw: int) -> Entry:
        """What a raw entry of a table means."""
        if raw & PRESENT:
            frame = (raw & FRAME) >> 12
            return ZERO if frame == self.zero_frame else _mapped((frame, None))
        if raw == 0:
            return None
        kind, offset = swap_slot(raw)
        return Swapped(kind << 58 | offset) if kind < _SWAP_TYPES_MAX else Special(f"swap type {kind}")


def changed_words(before: bytes, after: bytes) -> list[tuple[int, int, int]]:
    """(page, old, new) for each raw entry that no longer means the same; `before` may be empty."""
    before = before or bytes(TABLE_BYTES)
    if before == after:
        return []
    changes: list[tuple[int, int, int]] = []
    for start in range(0, TABLE_BYTES, TABLE_BYTES // 8):
        end = start + TABLE_BYTES // 8
        if before[start:end] == after[start:end]:
            continue
        old = memoryview(before)[start:end].cast("Q").tolist()
        new = memoryview(after)[start:end].cast("Q").tolist()
        changes += [
            (page, a, b)
            for page, a, b in zip(range(start // 8, end // 8), old, new, strict=True)
            if a != b and not (a & b & 1 and not (a ^ b) & _KEY)
        ]
    return changes


assert PAGES_MAX * 8 == TABLE_BYTES
