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
from mmfuzz.model.change import KINDS, Change, Move, Turn, address, describe, folio_name, owners
from mmfuzz.model.owners import Area, Folio, Handle, Owned, Page, Process, Slot, Where
from mmfuzz.model.world import World
from mmfuzz.observation import TABLE, ZERO, Report, stamp
from mmfuzz.ops import Operation
from mmfuzz.violation import Term, Violation

POPULATE = frozenset({"np", "nz", "sp"})
"""Nothing becomes a page or the zero page; a swap entry becomes a page."""
AROUND = POPULATE | {"zp"}
"""What a fault may also do to the pages around: a large folio comes into being, or a huge zero page goes."""
WRITABLE = AROUND | {"pp"}
"""Also: a shared page becomes a copy."""
ZAP = frozenset({"pn", "zn", "sn"})
REMAP = frozenset({"pz"})
"""A split maps the shared zero page in place of a zero-filled one (b1f202060afe, "mm: remap unused subpages
to shared zeropage when splitting isolated thp", v6.12)."""
NOTHING: frozenset[str] = frozenset()


class Oracle:
    """Follows a target's reports with a `World`, and raises a `Violation` where one must not happen."""

    def __init__(self, huge_order: int, *, exact: bool, frames: int | None) -> None:
        self.world = World(huge_order)
        self._exact = exact
        self._frames = frames
        self.freed: list[Folio] = []
        """Folios that lost their last owner in the newest step."""

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

    def _error(self, op: Operation, error: str) -> None:
        allowed = ERRORS.get(type(op), NOTHING)
        if error not in allowed:
            names = ", ".join(sorted(allowed)) or "none"
            what = f"{ops.NAMES[type(op)]} failed with {error}; it may fail with: {names}"
            raise Violation("outcome", what)
        if error == "ENOMEM" and self._frames is not None:
            spare = self._frames - self.world.owned_frames()
            if spare > 2 << self.world.huge_order:
                raise Violation("outcome", f"out of memory with {spare} of {self._frames} frames free")

    # Changes that stay inside one process's area

    def _change(self, op: Any, report: Report, may: frozenset[str], span: range | None = None) -> None:
        """Apply a report whose changes must be of kinds `may`, in `op`'s area, zaps and copies in `span`."""
        if _is_quiet(report):
            return
        change = Change(self.world)
        change.apply(report)
        own = (op.process, op.area)
        for where, old, new in change.moves:
            kind = KINDS[type(old)] + KINDS[type(new)]
            if kind not in may or where[:2] != own:
                raise _not_allowed(op, where, old, new)
            if span is not None and where[2] not in span and kind not in AROUND:
                raise _not_allowed(op, where, old, new)
            if kind in _LOSES:
                self._keep_pin(where, old)
        for turn in change.turns:
            if turn[:2] != own:
                raise _not_allowed(op, *_first(turn))
            self._may_turn(op, turn, may)
            if span is not None and any(turn[2]):
                for page, old in enumerate(turn[2]):
                    if old is not None and page not in span:
                        raise _not_allowed(op, (*own, page), old, None)

    def _may_turn(self, op: Operation, turn: Turn, may: frozenset[str]) -> None:
        """Whether a whole area may be filled or emptied like this."""
        _, _, before, after = turn
        for old, new in set(zip(map(type, before), map(type, after), strict=True)):
            if old is not new and KINDS[old] + KINDS[new] not in may:
                raise _not_allowed(op, *_first(turn, old, new))

    def _keep_pin(self, where: Where, old: Owned) -> None:
        """A process whose page is pinned keeps that page until it unmaps it."""
        if type(old) is not Page or not old.pins:
            return
        process = self.world.processes[where[0]]
        for handle in old.pins:
            if handle.process is process:
                raise Violation(
                    "pin-coherence",
                    f"{address(where)} no longer refers to the page that {handle} pinned there",
                    folio=folio_name(old.folio),
                    terms=[Term("page at " + address(where), describe(old), "another", owners(old.folio))],
                )

    def _elsewhere(
        self, op: Any, report: Report, may: frozenset[str], *, splits: bool, relocates: bool
    ) -> list[Move]:
        """Apply a report that may change entries of every process: split, reclaim, migration."""
        if _is_quiet(report):
            return []
        change = Change(self.world, splits=splits, relocates=relocates)
        change.apply(report)
        for where, old, new in change.moves:
            if KINDS[type(old)] + KINDS[type(new)] not in may:
                raise _not_allowed(op, where, old, new)
            if not relocates and KINDS[type(new)] == "s":
                self._keep_pin(where, old)
        for turn in change.turns:
            self._may_turn(op, turn, may)
        return change.moves

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
        for page, owned, value in zip(span, found, report.values, strict=False):
            if value or type(owned) is Page:
                _same_value((op.process, op.area, page), owned, value)

    def _write(self, op: ops.Fault, process: Process, found: list[Owned]) -> None:
        """A process has written to a range: each page there must be nobody else's."""
        affected = self.world.affected
        step = self.world.steps
        for index, owned in enumerate(found):
            if type(owned) is not Page:
                raise _left_unmapped(op, (op.process, op.area, op.page + index), owned)
            folio = owned.folio
            if not _has_one_user(owned, folio):
                where = (op.process, op.area, op.page + index)
                self._own(process, where, owned, "isolation", "was written in place")
            owned.value = stamp(step, index)
            owned.private_to = process
            affected[folio] = None

    def _own(self, process: Process, where: Where, page: Page, property: str, what: str) -> None:
        """Nobody but `process`, and the handles that it took, may refer to the page."""
        folio = page.folio
        if _has_one_user(page, folio):
            return
        stranger = self._stranger(process, where, page)
        if stranger:
            raise Violation(
                property,
                f"the page at {address(where)} {what}, and {stranger} refers to it as well",
                folio=folio_name(folio),
                terms=[Term("others that see the page", "none", stranger, owners(folio))],
            )

    def _stranger(self, process: Process, where: Where, page: Page) -> str:
        for other in page.maps:
            if other != where:
                return address(other)
        for mapper in page.folio.pmds:
            if mapper != where[:2]:
                return f"p{mapper[0]} a{mapper[1]}"
        for handle in (*page.pins, *page.gets):
            if handle.process is not process:
                return f"{handle} of {handle.process}"
        if page.folio.slot is not None:
            slot = self.world.slots.get(page.folio.slot + page.index)
            for entry in slot.entries if slot is not None else ():
                return f"the swap entry of {address(entry)}"
        return ""

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
                raise _not_allowed(op, where, old, new)
        for turn in change.turns:
            if turn[0] != op.child:
                raise _not_allowed(op, *_first(turn))
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
            elif owned is ZERO and not op.write:
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
        self._elsewhere(op, report, frozenset({"ps", "pz"}), splits=True, relocates=False)

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
        asked = {}
        for page in world.span(op.page, op.count):
            owned = area.at(page)
            if type(owned) is Page:
                asked[owned.folio] = owned.folio.is_held
        moves = self._elsewhere(op, report, frozenset({"pp"}), splits=False, relocates=True)
        moved = {old.folio: None for _, old, _ in moves if type(old) is Page}
        for folio in moved:
            if folio not in asked:
                raise Violation("outcome", "a folio outside the range was migrated", folio=folio_name(folio))
            if asked[folio]:
                raise _done_anyway("migrate", folio)
        if self._exact and report.error != "ENOMEM":
            for folio, held in asked.items():
                if not held and folio not in moved:
                    raise _refused("migrate", report.error or "no error", folio)

    def _drain(self, op: ops.Drain, report: Report) -> None:
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        for folio in self.world.batched:
            raise Violation("outcome", "an LRU batch holds a folio after the drain", folio=folio_name(folio))


_LOSES = frozenset({"pp", "ps", "pz"})
"""Changes by which a process loses its page without having unmapped it."""

_NO_MEMORY = frozenset({"ENOMEM"})
ERRORS: dict[type[Operation], frozenset[str]] = {
    ops.Fault: _NO_MEMORY,
    ops.Fork: _NO_MEMORY,
    ops.Pin: frozenset({"ENOMEM", "EFAULT", "EAGAIN"}),
    ops.Get: frozenset({"ENOMEM", "EFAULT", "EAGAIN"}),
    ops.Split: frozenset({"ENOMEM", "EAGAIN", "EBUSY", "EACCES"}),
    ops.Collapse: frozenset({"ENOMEM", "EAGAIN", "EBUSY", "EINVAL"}),
    ops.SwapOut: frozenset({"ENOMEM", "EAGAIN", "EBUSY"}),
    ops.SwapIn: _NO_MEMORY,
    ops.Migrate: frozenset({"ENOMEM", "EAGAIN", "EBUSY", "EACCES", "EADDRNOTAVAIL"}),
}
"""Errors that an operation may report; kinds that are absent always succeed."""

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


def _is_quiet(report: Report) -> bool:
    """Whether a step left the structure as it was, as a fault on a page that is there does."""
    return not (report.ptes or report.pmds or report.folios or report.cached or report.batched)


def _has_one_user(page: Page, folio: Folio) -> bool:
    """Whether a page that is mapped belongs to that mapping alone."""
    return len(page.maps) + len(folio.pmds) == 1 and not page.pins and not page.gets and folio.slot is None


def _same_value(where: Where, owned: Owned, value: int | None, by: str = "") -> None:
    expected = owned.value if type(owned) is Page else 0
    if value is not None and value != expected:
        terms = [Term("value", expected, value, owners(owned.folio) if type(owned) is Page else ())]
        raise Violation("contents", f"{address(where)} reads wrong{by}", terms=terms)


def _not_allowed(op: Operation, where: Where, old: Owned, new: Owned) -> Violation:
    return Violation(
        "outcome",
        f"{ops.NAMES[type(op)]} must not turn {describe(old)} at {address(where)} into {describe(new)}",
    )


def _first(turn: Turn, *kinds: type) -> Move:
    """The first page of a whole area that turned, or that turned in this way."""
    process, area, before, after = turn
    for page, (old, new) in enumerate(zip(before, after, strict=True)):
        if old is not new and (not kinds or (type(old), type(new)) == kinds):
            return (process, area, page), old, new
    return (process, area, 0), None, None


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
