"""Processes and their address spaces: alloc, fork, exit, and unmapping."""

from __future__ import annotations

from mmfuzz import ops
from mmfuzz.model.change import Change
from mmfuzz.model.names import address, describe, folio_name, owners
from mmfuzz.model.owners import Area, Folio, Page, Process, Slot, Where
from mmfuzz.model.rules.accesses import Accesses
from mmfuzz.model.rules.permits import NOTHING, ZAP, first, is_of_file, not_allowed
from mmfuzz.observation import ZERO, Report
from mmfuzz.violation import Term, Violation


class Processes(Accesses):
    """What a process starts with, inherits, and leaves behind."""

    def _alloc(self, op: ops.Alloc, report: Report) -> None:
        process = self.world.processes[op.process]
        process.areas[op.area] = Area(op.order, self.world.pages)
        self._change(op, report, NOTHING)

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
            copy = child.areas[number] = Area(area.order, world.pages, area.file, shared=area.shared)
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
                if isinstance(owned, Page) and not any(handle.process is parent for handle in owned.pins):
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
                if isinstance(theirs, Page | Slot) and not is_of_file(theirs):
                    self._share(parent, (child.number, number, page), theirs)
            elif ours is None and (theirs is ZERO or is_of_file(theirs)):
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
        assert isinstance(owned, Page)
        if not self.promises.fork_keeps_pins:
            return
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

    _unmap = _dontneed = _zap
