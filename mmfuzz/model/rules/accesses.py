"""Accesses: faults, references and pins, and what is read and written through them."""

from __future__ import annotations

from collections.abc import Sequence

from mmfuzz import ops
from mmfuzz.model.names import address, folio_name
from mmfuzz.model.owners import Area, File, Handle, Owned, Page, Process, Where
from mmfuzz.model.rules.failures import left_unmapped, same_value
from mmfuzz.model.rules.permits import NOTHING, POPULATE, WRITABLE, Permits, has_one_user
from mmfuzz.observation import ZERO, Report, stamp
from mmfuzz.ops import Operation
from mmfuzz.violation import Term, Violation


class Accesses(Permits):
    """Who may see what is written, and that everybody sees it who must."""

    def _fault(self, op: ops.Fault, report: Report) -> None:
        world = self.world
        span = world.span(op.page, op.count)
        process = world.processes[op.process]
        area = process.areas[op.area]
        before = area.view() if op.write and self.promises.looks_back else ()
        self._change(op, report, WRITABLE if op.write else POPULATE, span)
        if report.error == "SIGBUS":
            self._beyond_end(op, area, op.page + report.done)
        done = len(span) if not report.error else report.done
        found = area.view()[span.start : span.start + done]
        if op.write:
            if area.file is not None:
                self._write_file_map(op, area, area.file, found)
            self._write(op, process, found, before)
            return
        for page, owned in zip(span, found, strict=False):
            if type(owned) is not Page and owned is not ZERO:
                raise left_unmapped(op, (op.process, op.area, page), owned)
        self._must_tell(report, len(span))
        for page, owned, value in zip(span, found, report.values, strict=False):
            if value or type(owned) is Page:
                same_value((op.process, op.area, page), owned, value)

    def _beyond_end(self, op: Operation, area: Area, page: int) -> None:
        """SIGBUS is for what is behind the end of a file."""
        if area.file is None or page < area.file.size:
            where = (op.process, op.area, page)  # type: ignore[union-attr]
            raise Violation(
                "outcome", f"{address(where)} raised SIGBUS, and it is no page behind the end of a file"
            )

    def _write_file_map(self, op: ops.Fault, area: Area, file: File, found: list[Owned]) -> None:
        """Who writes to a private mapping must not write to the file, and who writes to a shared one must."""
        for page, owned in enumerate(found, op.page):
            if type(owned) is Page and owned.folio.of_file != area.shared:
                where = (op.process, op.area, page)
                whose = f"to {file}" if owned.folio.of_file else f"past {file}"
                kind = "shared" if area.shared else "private"
                raise Violation(
                    "isolation",
                    f"{address(where)} was written {whose}, and the mapping is {kind}",
                    folio=folio_name(owned.folio),
                )

    def _must_tell(self, report: Report, pages: int) -> None:
        """What reads says what it has read, a value a page; a real kernel may leave out what it cannot see."""
        if self._exact and not report.error and len(report.values) != pages:
            raise Violation("outcome", f"{len(report.values)} values were read of {pages} pages")

    def _write(self, op: ops.Fault, process: Process, found: list[Owned], before: Sequence[Owned]) -> None:
        """A process has written to a range: each page there must be nobody else's."""
        affected = self.world.affected
        step = self.world.steps
        for index, owned in enumerate(found):
            if type(owned) is not Page:
                raise left_unmapped(op, (op.process, op.area, op.page + index), owned)
            folio = owned.folio
            if before and folio.pmds:
                self._expose(process, folio)
            if not folio.of_file and not has_one_user(owned, folio):
                where = (op.process, op.area, op.page + index)
                was = before[where[2]] if before else None
                self._own(process, where, owned, "isolation", "was written in place", was)
            if self._exact and not owned.writers and not folio.writers:
                where = (op.process, op.area, op.page + index)
                raise Violation("outcome", f"{address(where)} was written, and no entry there may write")
            owned.value = stamp(step, index)
            if not folio.of_file:
                owned.private_to = process
            affected[folio] = None

    def _take(self, op: ops.Pin | ops.Get, report: Report) -> None:
        world = self.world
        pinned = type(op) is ops.Pin
        span = world.span(op.page, op.count)
        promises = self.promises
        alone = op.write or (pinned and promises.pins_are_alone)
        breaks = op.write or pinned or promises.gets_break_cow
        process = world.processes[op.process]
        area = process.areas[op.area]
        before = area.view() if alone and promises.looks_back else ()
        self._change(op, report, WRITABLE if breaks else POPULATE, span)
        refusal = self._refused_for_long(op, area) if pinned else None
        if refusal is not None:
            error, what = refusal
            if report.error != error:
                raise Violation("refusal", what, terms=[Term("outcome", error, report.error or "done")])
            return
        if report.error:
            beyond = area.file is not None and span[-1] >= area.file.size
            if self._exact and report.error != "ENOMEM" and not beyond and not self._fails(op, report.error):
                what = f"{ops.NAMES[type(op)]} failed with {report.error}, and every page of the range was to be had"
                raise Violation("refusal", what)
            return
        handle = Handle(op.handle, process, op.area, span[0], pinned=pinned, write=op.write)
        for page in span:
            where = (op.process, op.area, page)
            owned = area.at(page)
            if type(owned) is Page:
                if area.file is not None:
                    self._take_of_file(op, area, where, owned)
                if promises.gets_break_cow and not owned.folio.of_file and self._mapper(where, owned):
                    self._own(process, where, owned, "isolation", "was taken, which breaks sharing first")
                if alone and not owned.folio.of_file:
                    was = before[page] if before else None
                    if before and owned.folio.pmds:
                        self._expose(process, owned.folio)
                    self._own(process, where, owned, "pin-coherence", "was taken for good", was)
                    owned.private_to = process
                handle.pages.append(owned)
                owned.hold(handle)
                world.affected[owned.folio] = None
            elif owned is ZERO and not op.write and not (pinned and promises.pins_unshare_zero):
                world.hold_zero(handle, page)
            else:
                raise left_unmapped(op, where, owned)
        world.handles[op.handle] = handle

    def _refused_for_long(self, op: ops.Pin | ops.Get, area: Area) -> tuple[str, str] | None:
        """The error that a long-term pin of such a mapping must end with, and why; None where it may be had."""
        if area.file is not None and area.file.dax == "fs":
            return (
                "EOPNOTSUPP",
                f"a long-term pin of {area.file} was not refused: truncating it would wait for ever",
            )
        if op.write and self._tells_nobody(area):
            return (
                "EFAULT",
                f"a long-term pin may write to {area.file}, whose file system does not hear of it",
            )
        return None

    def _tells_nobody(self, area: Area) -> bool:
        """Whether a device that writes to a mapping would change what only faults may."""
        file = area.file
        return (
            self.promises.stable_files and file is not None and area.shared and not (file.shmem or file.dax)
        )

    def _take_of_file(self, op: ops.Pin | ops.Get, area: Area, where: Where, page: Page) -> None:
        """A shared mapping gives the file's page away, a private one a copy: to write, and for long since v6.2."""
        private = op.write or (type(op) is ops.Pin and self.promises.pins_unshare_zero)
        if page.folio.of_file and not area.shared and private:
            raise Violation(
                "pin-coherence",
                f"the page at {address(where)} was taken for good, and the next write there will go to a copy",
                folio=folio_name(page.folio),
            )

    def _release(self, op: ops.Unpin | ops.Put, report: Report) -> None:
        world = self.world
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        handle = world.handles.pop(op.handle)
        self._seen_by(handle, report)
        for page in handle.pages:
            if page is not None:
                page.release(handle)
                world.affected[page.folio] = None
        if world.zero:
            world.release_zero(handle)

    def _dma(self, op: ops.Dma, report: Report) -> None:
        world = self.world
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        handle = world.handles[op.handle]
        handle.written |= op.write
        for index, page in enumerate(handle.pages):
            if page is not None:
                if op.write:
                    page.value = stamp(world.steps, index)
                    world.from_devices.add(page.value)
                world.affected[page.folio] = None
        self._seen_by(handle, report)

    def _seen_by(self, handle: Handle, report: Report) -> None:
        if not handle.pinned:
            self._must_tell(report, len(handle.pages))
        if report.values:
            for index, (page, value) in enumerate(zip(handle.pages, report.values, strict=False)):
                where = (handle.process.number, handle.area, handle.first + index)
                same_value(where, page if page is not None else ZERO, value, by=f" through {handle}")

    _pin = _get = _take
    _unpin = _put = _release
