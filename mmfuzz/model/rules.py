"""What each operation may change, must leave behind, and must refuse.

`follow` brings the world to what the target reports. Every entry that changed must be a change that the
operation may make, in the range and the processes that it may make it in; then the operation's own promises
are asked. Refusals are asked for both ways: done although something else refers to the folio, and, on a
target that refuses only for reasons that the model can see, refused although nothing does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmfuzz import ops
from mmfuzz.model.change import Change, address, describe, folio_name, owners
from mmfuzz.model.owners import Area, Folio, Handle, Owned, Page, Process, Slot, Where
from mmfuzz.model.permits import (
    NOTHING,
    POPULATE,
    REMAP,
    WRITABLE,
    ZAP,
    Permits,
    first,
    has_one_user,
    not_allowed,
)
from mmfuzz.observation import TABLE, ZERO, Report, stamp
from mmfuzz.ops import Operation
from mmfuzz.violation import Term, Violation


class Oracle(Permits):
    """Follows a target's reports with a `World`, and raises a `Violation` where one must not happen."""

    def follow(self, op: Operation, report: Report) -> None:
        """Bring the world to what `report` says that `op` did."""
        world = self.world
        world.steps += 1
        world.affected.clear()
        self.freed.clear()
        kind = type(op)
        if report.error:
            self._error(op, report.error)
        _FOLLOW[kind](self, op, report)
        for slot in world.loose:
            world.release_slot(slot)
        world.loose.clear()
        for folio in world.affected:
            if not folio.is_owned:
                world.forget(folio)
                self.freed.append(folio)
        for folio in self.freed:
            world.affected.pop(folio, None)

    def _alloc(self, op: ops.Alloc, report: Report) -> None:
        process = self.world.processes[op.process]
        process.areas[op.area] = Area(op.order, self.world.pages)
        self._change(op, report, NOTHING)

    def _fault(self, op: ops.Fault, report: Report) -> None:
        world = self.world
        span = world.span(op.page, op.count)
        self._change(op, report, WRITABLE if op.write else POPULATE, span)
        process = world.processes[op.process]
        area = process.areas[op.area]
        done = len(span) if not report.error else report.done
        found = area.view()[span.start : span.start + done]
        if op.write:
            self._write(op, process, found)
            return
        for page, owned in zip(span, found, strict=False):
            if type(owned) is not Page and owned is not ZERO:
                raise _left_unmapped(op, (op.process, op.area, page), owned)
        self._must_tell(report, len(span))
        for page, owned, value in zip(span, found, report.values, strict=False):
            if value or type(owned) is Page:
                _same_value((op.process, op.area, page), owned, value)

    def _must_tell(self, report: Report, pages: int) -> None:
        """What reads says what it has read, a value a page; a real kernel may leave out what it cannot see."""
        if self._exact and not report.error and len(report.values) != pages:
            raise Violation("outcome", f"{len(report.values)} values were read of {pages} pages")

    def _write(self, op: ops.Fault, process: Process, found: list[Owned]) -> None:
        """A process has written to a range: each page there must be nobody else's."""
        affected = self.world.affected
        step = self.world.steps
        for index, owned in enumerate(found):
            if type(owned) is not Page:
                raise _left_unmapped(op, (op.process, op.area, op.page + index), owned)
            folio = owned.folio
            if not has_one_user(owned, folio):
                where = (op.process, op.area, op.page + index)
                self._own(process, where, owned, "isolation", "was written in place")
            if self._exact and not owned.writers and not folio.writers:
                where = (op.process, op.area, op.page + index)
                raise Violation("outcome", f"{address(where)} was written, and no entry there may write")
            owned.value = stamp(step, index)
            owned.private_to = process
            affected[folio] = None

    # Processes

    def _fork(self, op: ops.Fork, report: Report) -> None:
        world = self.world
        parent = world.processes[op.process]
        if report.error:
            self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
            self._shared_in_vain(parent)
            return
        child = world.processes[op.child] = Process(op.child)
        origins = {}
        for number, area in parent.areas.items():
            origins[number] = area.view()
            copy = child.areas[number] = Area(area.order, world.pages)
            copy.mapped = area.mapped.copy()
        change = Change(world, child=op.child, origins=origins)
        change.apply(report)
        for where, old, new in change.moves:
            if where[0] != op.child:
                raise not_allowed(op, where, old, new)
        for turn in change.turns:
            if turn[0] != op.child:
                raise not_allowed(op, *first(turn))
        for number, area in parent.areas.items():
            self._inherit(parent, child, number, area, child.areas[number])

    def _shared_in_vain(self, parent: Process) -> None:
        """A fork that failed midway: any page but a pinned one may have been shared, and stays so."""
        for area in parent.areas.values():
            for owned in area.view():
                if type(owned) is Page and not any(handle.process is parent for handle in owned.pins):
                    owned.private_to = None
                elif type(owned) is Slot:
                    owned.private_to = None
                    if owned.page is not None:
                        owned.page.private_to = None

    def _inherit(self, parent: Process, child: Process, number: int, area: Area, copy: Area) -> None:
        """A child sees what its parent saw: the same page, shared from now on, or a copy of its own."""
        if type(area.pmd) is Folio and copy.pmd is area.pmd:
            for page, owned in enumerate(area.pmd.pages):
                owned.private_to = None
                if owned.pins:
                    self._share(parent, (child.number, number, page), owned)
            return
        before, after = area.view(), copy.view()
        if before == after and not any(before):
            return
        for page, (theirs, ours) in enumerate(zip(before, after, strict=True)):
            if theirs is ours:
                if type(theirs) is Page or type(theirs) is Slot:
                    self._share(parent, (child.number, number, page), theirs)
            elif theirs is ZERO and ours is None:
                continue  # fork copies no page table of an area that was only ever read.
            elif not (type(theirs) is type(ours) is Page and len(ours.maps) + len(ours.folio.pmds) == 1):
                where = (child.number, number, page)
                raise Violation(
                    "outcome",
                    f"{address(where)} has {describe(ours)} after fork, its parent {describe(theirs)}",
                )

    def _share(self, parent: Process, where: Where, owned: Page | Slot) -> None:
        owned.private_to = None
        if type(owned) is Slot:
            if owned.page is not None:
                owned.page.private_to = None
            return
        assert type(owned) is Page
        for handle in owned.pins:
            if handle.process is parent:
                raise Violation(
                    "pin-coherence",
                    f"{address(where)} shares the page that {parent} has pinned with {handle}: "
                    "the next write takes the pin's page away",
                    folio=folio_name(owned.folio),
                    terms=[
                        Term("mappers of a pinned page", "its owner", "also the child", owners(owned.folio))
                    ],
                )

    def _exit(self, op: ops.Exit, report: Report) -> None:
        world = self.world
        process = world.processes[op.process]
        for number, area in process.areas.items():
            world.unmap_all(op.process, number, area)
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        del world.processes[op.process]

    # Handles

    def _take(self, op: ops.Pin | ops.Get, report: Report) -> None:
        world = self.world
        pinned = type(op) is ops.Pin
        span = world.span(op.page, op.count)
        self._change(op, report, WRITABLE if op.write or pinned else POPULATE, span)
        if report.error:
            return
        process = world.processes[op.process]
        area = process.areas[op.area]
        handle = Handle(op.handle, process, op.area, span[0], pinned=pinned, write=op.write)
        for page in span:
            where = (op.process, op.area, page)
            owned = area.at(page)
            if type(owned) is Page:
                if op.write or pinned:
                    self._own(process, where, owned, "pin-coherence", "was taken for good")
                    owned.private_to = process
                handle.pages.append(owned)
                owned.hold(handle)
                world.affected[owned.folio] = None
            elif owned is ZERO and not op.write and not pinned:
                handle.pages.append(None)
            else:
                raise _left_unmapped(op, where, owned)
        world.handles[op.handle] = handle

    def _release(self, op: ops.Unpin | ops.Put, report: Report) -> None:
        world = self.world
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        handle = world.handles.pop(op.handle)
        self._seen_by(handle, report)
        for page in handle.pages:
            if page is not None:
                page.release(handle)
                world.affected[page.folio] = None

    def _dma(self, op: ops.Dma, report: Report) -> None:
        world = self.world
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        handle = world.handles[op.handle]
        for index, page in enumerate(handle.pages):
            if page is not None:
                if op.write:
                    page.value = stamp(world.steps, index)
                world.affected[page.folio] = None
        self._seen_by(handle, report)

    def _seen_by(self, handle: Handle, report: Report) -> None:
        if not handle.pinned:
            self._must_tell(report, len(handle.pages))
        if report.values:
            for index, (page, value) in enumerate(zip(handle.pages, report.values, strict=False)):
                where = (handle.process.number, handle.area, handle.first + index)
                _same_value(where, page if page is not None else ZERO, value, by=f" through {handle}")

    # Mappings and folios

    def _split_map(self, op: ops.SplitMap, report: Report) -> None:
        self._change(op, report, NOTHING)
        area = self.world.processes[op.process].areas[op.area]
        if not report.error and area.pmd is not TABLE:
            raise Violation("outcome", f"p{op.process} a{op.area} is still mapped by a PMD")

    def _split(self, op: ops.Split, report: Report) -> None:
        world = self.world
        page = world.processes[op.process].areas[op.area].at(op.page)
        assert type(page) is Page
        folio, held, order = page.folio, page.folio.is_held, page.folio.order
        if held and not report.error:
            raise _done_anyway("split", folio)
        self._elsewhere(op, report, REMAP, splits=True, relocates=False)
        if report.error:
            if page.folio.order != order:
                raise Violation("outcome", "the split was refused, yet the folio is in pieces")
            if not held and self._exact and report.error != "ENOMEM":
                raise _refused("split", report.error, folio)
        elif page.folio.order and page.folio.is_owned:
            raise Violation("outcome", "the folio was split, yet it is large", folio=folio_name(page.folio))

    def _collapse(self, op: ops.Collapse, report: Report) -> None:
        world = self.world
        area = world.processes[op.process].areas[op.area]
        sources = self._folios(area)
        if not report.error:
            for folio in sources:
                if folio.is_held:
                    raise _done_anyway("collapse", folio)
        self._change(op, report, WRITABLE if not report.error else frozenset({"sp"}))
        if not report.error:
            if type(area.pmd) is not Folio:
                raise Violation("outcome", f"p{op.process} a{op.area} was collapsed, yet no PMD maps it")
        elif self._exact and report.error != "ENOMEM":
            after = dict.fromkeys((*sources, *self._folios(area)))
            if not any(folio.is_held for folio in after):
                raise _refused("collapse", report.error, *after)

    def _folios(self, area: Area) -> dict[Folio, None]:
        """The folios that an area refers to, through a PTE or through a swap entry."""
        found: dict[Folio, None] = {}
        for owned in area.table:
            page = owned.page if type(owned) is Slot else owned
            if type(page) is Page:
                found[page.folio] = None
        return found

    def _zap(self, op: ops.Unmap | ops.Dontneed, report: Report) -> None:
        world = self.world
        span = world.span(op.page, op.count)
        self._change(op, report, ZAP, span)
        process = world.processes[op.process]
        area = process.areas[op.area]
        left = area.view()[span.start : span.stop]
        for page, owned in zip(span, left, strict=True):
            if owned is not None:
                where = (op.process, op.area, page)
                raise Violation("outcome", f"{address(where)} still has {describe(owned)}")
        if type(op) is ops.Unmap:
            area.mapped[span.start : span.stop] = [False] * len(span)
        if not any(area.mapped):
            del process.areas[op.area]

    def _free(self, op: ops.Free, report: Report) -> None:
        process = self.world.processes[op.process]
        self._change(op, report, ZAP)
        if any(owned is not None for owned in process.areas[op.area].view()):
            raise Violation("outcome", f"p{op.process} a{op.area} still maps something")
        del process.areas[op.area]

    # Swap and migration

    def _swap_out(self, op: ops.SwapOut, report: Report) -> None:
        before = self._reclaimable(op)
        asked = {page for folio in before for page in folio.pages}
        moves = self._elsewhere(op, report, frozenset({"ps", "pz"}), splits=True, relocates=False)
        for where, old, new in moves:
            if old not in asked:
                raise not_allowed(op, where, old, new)
        for folio, (slot, pinned, held, mapped) in before.items():
            if pinned and slot is None and folio.slot is not None:
                raise _done_anyway("swapping out", folio)
            if held and slot is not None and folio.slot is None and folio.pages[0].folio is folio:
                raise _done_anyway("leaving the swap cache", folio)
            if self._exact and mapped and not held and not report.error:
                self._must_be_reclaimed(folio)

    def _reclaimable(self, op: ops.SwapOut) -> dict[Folio, tuple[int | None, bool, bool, bool]]:
        """The folios of a range, each with its slot, whether it is pinned, held at all, and mapped."""
        area = self.world.processes[op.process].areas[op.area]
        found = {}
        for number in self.world.span(op.page, op.count):
            owned = area.at(number)
            page = owned.page if type(owned) is Slot else owned
            if type(page) is Page:
                folio = page.folio
                pinned = any(page.pins for page in folio.pages)
                mapped = bool(folio.pmds) or any(page.maps for page in folio.pages)
                found[folio] = (folio.slot, pinned, folio.is_held, mapped)
        return found

    def _must_be_reclaimed(self, folio: Folio) -> None:
        """A mapped folio that nobody holds was unmapped, or split for the next pass, unless slots are short."""
        if folio.pages[0].folio is not folio or len(self.world.slots) * 2 > (self._frames or 0):
            return
        if folio.pmds or any(page.maps for page in folio.pages):
            raise _refused("swap_out", "nothing done", folio)

    def _swap_in(self, op: ops.SwapIn, report: Report) -> None:
        self._change(op, report, frozenset({"sp"}))
        area = self.world.processes[op.process].areas[op.area]
        if report.error:
            return
        for index, page in enumerate(self.world.span(op.page, op.count)):
            where, owned = (op.process, op.area, page), area.at(page)
            if type(owned) is Slot:
                raise _left_unmapped(op, where, owned)
            if index < len(report.values):
                _same_value(where, owned, report.values[index])

    def _free_swap(self, op: ops.FreeSwap, report: Report) -> None:
        self._change(op, report, NOTHING)
        area = self.world.processes[op.process].areas[op.area]
        for page in self.world.span(op.page, op.count):
            owned = area.at(page)
            if type(owned) is not Page or owned.folio.slot is None or self._is_needed(owned.folio):
                continue
            if self._exact and not report.error:
                raise Violation(
                    "refusal",
                    "no swap entry needs the slots, yet the folio stays in the swap cache",
                    folio=folio_name(owned.folio),
                )

    def _is_needed(self, folio: Folio) -> bool:
        """Whether a swap entry refers to any of a cached folio's slots."""
        assert folio.slot is not None
        slots = self.world.slots
        return any(
            number in slots and slots[number].entries
            for number in range(folio.slot, folio.slot + len(folio.pages))
        )

    def _migrate(self, op: ops.Migrate, report: Report) -> None:
        world = self.world
        area = world.processes[op.process].areas[op.area]
        held: dict[Page, bool] = {}
        for number in world.span(op.page, op.count):
            owned = area.at(number)
            if type(owned) is Page and owned not in held:
                held |= dict.fromkeys(owned.folio.pages, owned.folio.is_held)
        mapped = [page for page in held if page.maps or page.folio.pmds]
        moves = self._elsewhere(op, report, _MOVES, splits=True, relocates=True)
        moved = {old: None for _, old, _ in moves if type(old) is Page}
        for page in moved:
            if page not in held:
                what = "a folio outside the range was migrated"
                raise Violation("outcome", what, folio=folio_name(page.folio))
            if held[page]:
                raise _done_anyway("migrate", page.folio)
        if self._exact and report.error != "ENOMEM":
            for page in mapped:
                if not held[page] and page not in moved:
                    raise _refused("migrate", report.error or "no error", page.folio)

    def _drain(self, op: ops.Drain, report: Report) -> None:
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        for folio in self.world.batched:
            raise Violation("outcome", "an LRU batch holds a folio after the drain", folio=folio_name(folio))


_FOLLOW: dict[type[Operation], Callable[[Oracle, Any, Report], None]] = {
    ops.Alloc: Oracle._alloc,
    ops.Fault: Oracle._fault,
    ops.Fork: Oracle._fork,
    ops.Exit: Oracle._exit,
    ops.Pin: Oracle._take,
    ops.Unpin: Oracle._release,
    ops.Get: Oracle._take,
    ops.Put: Oracle._release,
    ops.Dma: Oracle._dma,
    ops.SplitMap: Oracle._split_map,
    ops.Split: Oracle._split,
    ops.Collapse: Oracle._collapse,
    ops.Unmap: Oracle._zap,
    ops.Dontneed: Oracle._zap,
    ops.SwapOut: Oracle._swap_out,
    ops.SwapIn: Oracle._swap_in,
    ops.FreeSwap: Oracle._free_swap,
    ops.Migrate: Oracle._migrate,
    ops.Drain: Oracle._drain,
    ops.Free: Oracle._free,
}


_MOVES = frozenset({"pp", "pz"})
"""What migration does to an entry; a partially mapped folio is split first, which drops zero-filled pages."""


def _same_value(where: Where, owned: Owned, value: int | None, by: str = "") -> None:
    expected = owned.value if type(owned) is Page else 0
    if value is not None and value != expected:
        terms = [Term("value", expected, value, owners(owned.folio) if type(owned) is Page else ())]
        raise Violation("contents", f"{address(where)} reads wrong{by}", terms=terms)


def _left_unmapped(op: Operation, where: Where, owned: Owned) -> Violation:
    what = f"{ops.NAMES[type(op)]} succeeded, yet {address(where)} has {describe(owned)}"
    return Violation("outcome", what)


def _done_anyway(what: str, folio: Folio) -> Violation:
    return Violation(
        "refusal",
        f"{what} went through although a pin or get refers to the folio",
        folio=folio_name(folio),
        terms=[Term("outcome", "refused", "done", owners(folio))],
    )


def _refused(what: str, error: str, *folios: Folio) -> Violation:
    return Violation(
        "refusal",
        f"{what} was refused ({error}) although nothing but mappings and swap cache refers to the folio",
        folio="; ".join(folio_name(folio) for folio in folios),
        terms=[Term("outcome", "done", error, [name for folio in folios for name in owners(folio)])],
    )
