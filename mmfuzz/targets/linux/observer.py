"""What a step changed: page tables against those of the step before, and the folios behind them.

The observer keeps what it saw last, and no counters. It looks at a folio when an entry of it changed, when
the step worked on it, or when the swap cache held it; so the cost of a look follows the change and the
number of processes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from typing import NamedTuple

from mmfuzz.observation import TABLE, Counters, Mapped, Report
from mmfuzz.targets.linux.bpf import KernelMemory
from mmfuzz.targets.linux.btf import Btf
from mmfuzz.targets.linux.folios import MAPPING_ANON, MAPPING_KINDS, Folios, PageState, Survey
from mmfuzz.targets.linux.syscalls import PAGE
from mmfuzz.targets.linux.tables import AREA_STRIDE, FRAME, PRESENT, Tables, Walker, changed_words

_NOTHING = (0, 0)
_KPF_ZERO_PAGE = 1 << 24


class Look(NamedTuple):
    """One reading of everything that may have changed; nothing of it is taken over yet."""

    tables: list[tuple[list[int], list[bytes]]]
    frames: set[int]
    """Every frame that was looked at."""
    heads: list[int]
    """The folios that they belong to now, and frames that no folio of ours begins at any more."""
    ours: dict[int, PageState]
    """Those of them that are in use, and by our processes."""
    orders: dict[int, int]
    """Of large ones."""
    settled: bool
    """Nobody has a folio in hand for a moment: none is locked, under writeback, or off the LRU lists."""


class Observer:
    """Reads page tables and folios of the live processes."""

    def __init__(self, memory: KernelMemory, btf: Btf, base: int, areas: int) -> None:
        self.folios = Folios(memory, btf)
        self.walker = Walker(memory, btf, base)
        self.tables: dict[int, Tables] = {}
        """What was seen last, by process slot."""
        self.tasks: dict[int, int] = {}
        """Address of each process's `task_struct`."""
        self._areas = areas
        self._first_place = base // PAGE
        self._last_place = (base + areas * AREA_STRIDE) // PAGE
        self._kpageflags = os.open("/proc/kpageflags", os.O_RDONLY | os.O_CLOEXEC)
        self._huge_zero: set[int] = set()
        self._known: dict[int, tuple[int, int]] = {}
        """(order, index) of each of our folios in use, by head frame."""
        self._cached: dict[int, int] = {}
        """Frame by swap slot, of what the swap cache holds."""
        self._orders: set[int] = set()
        """Every order above 0 that was ever seen."""
        self._fresh_orders: dict[int, int] = {}
        self._fresh: dict[int, PageState | None] = {}
        """Folios read by the last look; None for a frame that is free, or not ours any more."""

    def add(self, slot: int, parent: int) -> None:
        """Observe the process that a task has just forked from now on."""
        task = self.walker.newest_child(parent)
        self.tables[slot] = self.walker.tables_of(task)
        self.tasks[slot] = task

    def remove(self, slot: int) -> None:
        """A process ended: none of its entries is left."""
        del self.tables[slot], self.tasks[slot]

    def clear(self) -> None:
        """Forget everything: a new program begins."""
        self.tables.clear()
        self.tasks.clear()
        self._known.clear()
        self._cached.clear()
        self._fresh.clear()

    def close(self) -> None:
        """Give back what is open."""
        os.close(self._kpageflags)

    # What is where

    def frames(self, slot: int, area: int, first: int, count: int) -> list[int | None]:
        """The frame under each page of a range as last seen; None for nothing, swap, and the zero page."""
        tables = self.tables[slot]
        if tables.pmds[area] & PRESENT and self.walker.huge_frame(tables.pmds[area]) in self._huge_zero:
            return [None] * count
        zero = self.walker.zero_frame
        return [frame if frame != zero else None for frame in tables.frames(area, first, count)]

    def swapped(self, slot: int, area: int, first: int, count: int) -> list[int]:
        """Pages of a range that hold a swap entry as last seen."""
        tables = self.tables[slot]
        if not tables.ptes[area]:
            return []
        words = tables.words(area)
        return [page for page in range(first, first + count) if words[page] and not words[page] & PRESENT]

    def mapped_by(self, slot: int) -> set[int]:
        """Frames that a process mapped when last seen; of a huge mapping the head alone."""
        found = set()
        tables = self.tables[slot]
        for area, pmd in enumerate(tables.pmds):
            head = self.walker.huge_frame(pmd)
            if head is not None:
                found.add(head)
            elif tables.ptes[area]:
                found.update((word & FRAME) >> 12 for word in tables.words(area) if word & PRESENT)
        return found - self._huge_zero - {self.walker.zero_frame}

    def is_shared(self, frame: int) -> bool:
        """Whether more than one process maps a part of the folio that the frame belongs to."""
        survey = self.folios.survey([frame])
        (head,) = survey.states
        last = head + (1 << survey.orders.get(head, 0))
        mappers = sum(any(head <= f < last for f in self.mapped_by(slot)) for slot in self.tables)
        return mappers > 1

    def order_at(self, frame: int) -> int:
        """The order of the folio that a frame belongs to now."""
        return next(iter(self.folios.survey([frame]).orders.values()), 0)

    # What has changed

    def look(self, report: Report, frames: Iterable[int]) -> Look:
        """Read everything, and put the changes since the last `accept` into the report.

        `frames` are those that the step worked on. When the look is not `settled`, settle and look again.
        """
        slots = list(self.tables)
        now = self.walker.read([self.tables[slot] for slot in slots], self._areas)
        wanted = {*frames, *self._cached.values()}
        for slot, (pmds, ptes) in zip(slots, now, strict=True):
            before = self.tables[slot]
            for area in range(self._areas):
                if pmds[area] != before.pmds[area] or ptes[area] != before.ptes[area]:
                    self._area_changed(report, slot, area, before, pmds[area], ptes[area], wanted)
        wanted.discard(self.walker.zero_frame)
        survey = self.folios.survey(wanted)
        ours = self._ours(survey)
        heads = list(survey.states)
        for head, order in self._broken_up(survey, ours):
            frames = range(head, head + (1 << order))
            remains = self.folios.remains(head, order)
            ours |= self._ours(remains)
            survey.orders.update(remains.orders)
            wanted.update(frames)
            heads += frames
        return Look(now, wanted, heads, ours, survey.orders, self._are_settled(ours))

    def _area_changed(
        self,
        report: Report,
        slot: int,
        area: int,
        before: Tables,
        pmd: int,
        ptes: bytes,
        wanted: set[int],
    ) -> None:
        old_pmd, old_ptes = before.pmds[area], before.ptes[area]
        was = self.walker.pmd_entry(old_pmd, self._huge_zero)
        if pmd != old_pmd:
            self._notice_huge_zero(pmd)
        entry = self.walker.pmd_entry(pmd, self._huge_zero)
        if entry != was:
            report.pmds.append((slot, area, entry))
            wanted.update(e.frame for e in (was, entry) if type(e) is Mapped)
            if was is TABLE:
                words = memoryview(old_ptes).cast("Q").tolist()
                wanted.update((word & FRAME) >> 12 for word in words if word & PRESENT)
            old_ptes = b""
        if ptes:
            self._table_changed(report, slot, area, old_ptes, ptes, wanted)

    def _table_changed(
        self, report: Report, slot: int, area: int, before: bytes, after: bytes, wanted: set[int]
    ) -> None:
        meaning = self.walker.pte_entry
        add, ptes = wanted.add, report.ptes
        for page, old, new in changed_words(before, after):
            entry = meaning(new) if new else None
            if old:
                was = meaning(old)
                if was == entry:
                    continue
                if type(was) is Mapped:
                    add(was.frame)
            if type(entry) is Mapped:
                add(entry.frame)
            ptes.append((slot, area, page, entry))

    def _notice_huge_zero(self, pmd: int) -> None:
        """The huge zero folio comes and goes, so its frame is asked for whenever a PMD entry changes."""
        frame = self.walker.huge_frame(pmd)
        if frame is None:
            return
        (flags,) = struct.unpack("<Q", os.pread(self._kpageflags, 8, 8 * frame))
        if flags & _KPF_ZERO_PAGE:
            self._huge_zero.add(frame)
        else:
            self._huge_zero.discard(frame)

    def _ours(self, survey: Survey) -> dict[int, PageState]:
        """Folios in use, anonymous, and of addresses that only our processes use; others are not ours."""
        first, last = self._first_place, self._last_place
        return {
            head: state
            for head, state in survey.states.items()
            if first <= state.place < last
            and state.refcount > 0
            and state.mapping & MAPPING_KINDS == MAPPING_ANON
        }

    def _are_settled(self, ours: dict[int, PageState]) -> bool:
        on_lists, busy = self.folios.on_lists, self.folios.locked | self.folios.writeback
        flags = {state.flags for state in ours.values()}
        return all(word & on_lists and not word & busy for word in flags)

    def _broken_up(self, survey: Survey, ours: dict[int, PageState]) -> set[tuple[int, int]]:
        """Large folios known so far that are no longer what they were: freed, or in pieces."""
        gone = set()
        known, orders = self._known, survey.orders
        for head in survey.states:
            before = known.get(head)
            state = ours.get(head)
            if before is not None and state is not None and before == (orders.get(head, 0), state.place):
                continue
            if before is not None and before[0]:
                gone.add((head, before[0]))
            # Folios lie at multiples of their size: so a large one around this page is found by its order.
            for order in self._orders:
                whole = head >> order << order
                if whole != head and known.get(whole, _NOTHING)[0] == order:
                    gone.add((whole, order))
        return gone

    def accept(self, look: Look, report: Report) -> None:
        """Take a look over as the state of things, and complete the report with folios and swap cache."""
        for tables, (pmds, ptes) in zip(self.tables.values(), look.tables, strict=True):
            tables.pmds, tables.ptes = pmds, ptes
        known, orders = self._known, look.orders
        self._fresh = dict.fromkeys(look.heads)
        self._fresh.update(look.ours)
        self._fresh_orders = orders
        self._orders.update(orders.values())
        report.touched += look.ours
        cached: dict[int, int] = {}
        for frame in look.frames:
            if frame not in look.ours and known.pop(frame, None) is not None:
                report.touched.append(frame)
        for head, state in look.ours.items():
            now = orders.get(head, 0), state.place
            if known.get(head) != now:
                known[head] = now
                report.folios.append((head, now[0]))
            if self.folios.in_swapcache(state):
                cached.update((state.private + i, head + i) for i in range(1 << now[0]))
        if cached or self._cached:
            self._cache_changed(cached, report)

    def _cache_changed(self, cached: dict[int, int], report: Report) -> None:
        before = self._cached
        report.cached += [(slot, None) for slot in before if slot not in cached]
        report.cached += [(slot, frame) for slot, frame in cached.items() if before.get(slot) != frame]
        self._cached = cached

    def look_again(self) -> None:
        """Read every folio of ours anew, at once, for the checks to come."""
        survey = self.folios.survey(self._known)
        self._fresh = dict.fromkeys(survey.states)
        self._fresh.update(self._ours(survey))
        self._fresh_orders = survey.orders

    def counters(self, frame: int) -> Counters | None:
        """The folio that a frame belongs to; None when the frame is free, or not ours any more.

        As the last look found it when it is asked for the first time, read again after that.
        """
        if frame in self._fresh:
            head, state, order = frame, self._fresh[frame], self._fresh_orders.get(frame, 0)
            if state is None:
                return None
            del self._fresh[frame]
        else:
            survey = self.folios.survey([frame])
            (head,) = survey.states
            order, now = survey.orders.get(head, 0), self._ours(survey).get(head)
            if now is None:
                return None
            state = now
        return self.folios.large_counters(head, order) if order else self.folios.base_counters(head, state)
