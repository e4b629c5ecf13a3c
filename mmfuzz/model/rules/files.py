"""Files: mapping, reading and writing them, cutting them off, and collapse in their page cache."""

from __future__ import annotations

from mmfuzz import ops
from mmfuzz.model.change import is_unread
from mmfuzz.model.names import address, describe
from mmfuzz.model.owners import Area, File, Folio, Page, Slot
from mmfuzz.model.rules.failures import done_anyway, refused
from mmfuzz.model.rules.moves import Moves
from mmfuzz.model.rules.permits import NOTHING, POPULATE
from mmfuzz.observation import Report, stamp
from mmfuzz.violation import Term, Violation


class Files(Moves):
    """What a file holds is seen by everybody who reads it or maps it, until somebody writes or cuts it off."""

    def _map(self, op: ops.Map, report: Report) -> None:
        world = self.world
        area = Area(ops.BASE, world.pages, world.file(op.file), shared=op.shared)
        world.processes[op.process].areas[op.area] = area
        self._change(op, report, NOTHING)

    def _read_file(self, op: ops.ReadFile, report: Report) -> None:
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        file = self.world.file(op.file)
        span = self.world.span(op.page, op.count)
        self._must_tell(report, len(span))
        for index, value in zip(span, report.values, strict=False):
            if value is not None and value != file.value(index):
                where = address(file.where(index))
                what = f"{where} reads wrong: the page cache has {describe(file.cached[index])}"
                raise Violation("contents", what, terms=[Term("value", file.value(index), value)])

    def _write_file(self, op: ops.WriteFile, report: Report) -> None:
        world = self.world
        file = world.file(op.file)
        span = world.span(op.page, op.count)
        done = len(span) if not report.error else report.done
        size = file.size
        file.size = max(size, span[-1] + 1)
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        file.size = max(size, span.start + done if done else 0)
        for number, index in enumerate(span[:done]):
            page = file.cached[index]
            if type(page) is not Page:
                raise Violation(
                    "page-cache", f"{file}.{index} was written, and the page cache has {describe(page)}"
                )
            page.value = stamp(world.steps, number)
            world.affected[page.folio] = None

    def _write_back(self, op: ops.WriteBack, report: Report) -> None:
        """Nothing changes but who may write; what begins its way to disk is what the target says."""
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        world = self.world
        for number, index in report.writing:
            world.file(number).writing[index] = world.file(number).value(index)

    def _end_write_back(self, op: ops.EndWriteBack, report: Report) -> None:
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        if self.world.file(op.file).writing:
            raise Violation(
                "outcome", f"not all of {self.world.file(op.file)} that was being written is on disk"
            )

    def _stored(self, report: Report) -> None:
        """What reaches the disk is what a page held when it began its way there, where the era keeps it stable."""
        for number, index, value in report.written:
            file = self.world.file(number)
            began = file.writing.pop(index, None)
            file.stored[index] = value
            if began is not None and value != began and self.promises.stable_files:
                what = f"{address(file.where(index))} changed while it was being written to disk"
                raise Violation("contents", what, terms=[Term("value", began, value)])

    def _truncate(self, op: ops.Truncate, report: Report) -> None:
        file = self.world.file(op.file)
        cut = range(op.size, self.world.pages) if op.size <= file.size else range(0)
        if self._waits(op, report, file, cut):
            return
        file.size = op.size
        self._cut_off(op, report, file, cut, copies=True)

    def _punch(self, op: ops.Punch, report: Report) -> None:
        file = self.world.file(op.file)
        cut = self.world.span(op.page, op.count)
        if not self._waits(op, report, file, cut):
            self._cut_off(op, report, file, cut, copies=False)

    def _waits(self, op: ops.Truncate | ops.Punch, report: Report, file: File, cut: range) -> bool:
        """Blocks that are mapped directly stay their file's as long as somebody holds a page of theirs."""
        pages = [page for page in map(file.page, cut) if page is not None]
        held = [page.folio for page in pages if page.folio.dax and page.folio.is_held]
        if report.error:
            self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
            if not held:
                raise refused(ops.NAMES[type(op)], report.error, *(page.folio for page in pages))
        elif held:
            raise done_anyway(ops.NAMES[type(op)], held[0])
        return bool(report.error)

    def _cut_off(
        self, op: ops.Truncate | ops.Punch, report: Report, file: File, cut: range, *, copies: bool
    ) -> None:
        """Nothing is left of a range, but what somebody holds, and of a folio that could not be split zeroes."""
        self._zero_in_part(file, cut)
        may = frozenset({"pn", "sn", "dn"}) if copies else NOTHING
        for where, _, _ in self._elsewhere(op, report, may, splits=True, relocates=False):
            area = self.world.processes[where[0]].areas[where[1]]
            if area.file is not file or where[2] not in cut:
                raise Violation("outcome", f"{address(where)} was unmapped, and it is not what was cut off")
        for index in cut:
            self._is_cut_off(file, index)
            file.kept[index] = 0
            file.stored.pop(index, None)
        self._nothing_mapped(file, cut, copies=copies)

    def _zero_in_part(self, file: File, cut: range) -> None:
        """Pages that are cut off from a folio that stays hold zeroes, be the folio split or not."""
        for index in cut:
            page = file.cached[index]
            if type(page) is Page:
                folio = page.folio
                if not (folio.first in cut and folio.first + len(folio.pages) - 1 in cut):
                    page.value = 0
                    self.world.affected[folio] = None

    def _is_cut_off(self, file: File, index: int) -> None:
        found = file.cached[index]
        if found is None:
            return
        if type(found) is Page and found.folio.order and found.folio.is_held:
            return  # It could not be split, and goes with the rest of its folio.
        raise Violation("page-cache", f"{file}.{index} was cut off, and the page cache has {describe(found)}")

    def _nothing_mapped(self, file: File, cut: range, *, copies: bool) -> None:
        for process in self.world.processes.values():
            for number, area in process.areas.items():
                if area.file is not file:
                    continue
                for index in cut:
                    owned = area.at(index)
                    if owned is not None and (copies or (type(owned) is Page and owned.folio.of_file)):
                        where = (process.number, number, index)
                        what = f"{address(where)} was cut off from {file}, and still maps {describe(owned)}"
                        raise Violation("page-cache", what)

    def _collapse(self, op: ops.Collapse, report: Report) -> None:
        area = self.world.processes[op.process].areas[op.area]
        if area.file is None:
            super()._collapse(op, report)
        else:
            self._collapse_file(op, report, area, area.file)

    def _collapse_file(self, op: ops.Collapse, report: Report, area: Area, file: File) -> None:
        """The page cache has one huge page after; private copies stay where they are."""
        sources = _folios(file)
        if not report.error and not any(folio.order == self.world.huge_order for folio in sources):
            for folio in sources:
                if folio.is_held:
                    raise done_anyway("collapse", folio)
        self._change(op, report, POPULATE | {"pp"})
        after = _folios(file)
        if not report.error:
            if [folio.order for folio in after] != [self.world.huge_order]:
                raise Violation("outcome", f"{file} was collapsed, and its page cache has no huge page")
        elif self._must_do(op) and report.error not in ("ENOMEM", "EINVAL"):
            unread = any(map(is_unread, file.cached))
            if not unread and not any(folio.is_held for folio in (*sources, *after)):
                raise refused("collapse", report.error, *after)
        elif self._exact and report.error == "EINVAL" and self._is_collapsible(area, file):
            raise refused("collapse", report.error, *after)

    def _is_collapsible(self, area: Area, file: File) -> bool:
        """Whether the kernel has huge pages of such a file, and all of it is there to be one."""
        whole = file.shmem and file.size == self.world.pages and all(area.mapped)
        return whole and self.promises.profile.file_huge


def _folios(file: File) -> dict[Folio, None]:
    """The folios of a file that are in memory."""
    found: dict[Folio, None] = {}
    for entry in file.cached:
        page = entry.page if type(entry) is Slot else entry
        if type(page) is Page:
            found[page.folio] = None
    return found
