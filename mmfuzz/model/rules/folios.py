"""Mappings and folios: splitting either, and collapse."""

from __future__ import annotations

from mmfuzz import ops
from mmfuzz.model.change import is_unread
from mmfuzz.model.names import folio_name
from mmfuzz.model.owners import Area, Folio, Page, Slot
from mmfuzz.model.rules.failures import done_anyway, refused
from mmfuzz.model.rules.permits import NOTHING, REMAP, WRITABLE
from mmfuzz.model.rules.processes import Processes
from mmfuzz.observation import Report
from mmfuzz.violation import Violation


class Folios(Processes):
    """What keeps its pages while it changes its shape, and what forbids that."""

    def _split_map(self, op: ops.SplitMap, report: Report) -> None:
        area = self.world.processes[op.process].areas[op.area]
        pages = area.view()
        self._change(op, report, NOTHING)
        if not report.error and type(area.pmd) is Folio:
            raise Violation("outcome", f"p{op.process} a{op.area} is still mapped by a PMD")
        if self.promises.splits_folios:
            for page in pages:
                if type(page) is Page and page.folio.order:
                    what = "its map was split, yet the folio is large"
                    raise Violation("outcome", what, folio=folio_name(page.folio))

    def _protect(self, op: ops.Protect, report: Report) -> None:
        """What may be written afterwards is the kernel's choice, as far as it is exclusive."""
        self._change(op, report, NOTHING)

    def _split(self, op: ops.Split, report: Report) -> None:
        world = self.world
        page = world.processes[op.process].areas[op.area].at(op.page)
        assert type(page) is Page
        folio, held, order = page.folio, page.folio.is_held, page.folio.order
        batched, whole = folio.batches > 0, set(folio.pmds)
        if held and not report.error and self.promises.split_refuses:
            raise done_anyway("split", folio)
        remapped = REMAP if self.promises.splits_to_zero else NOTHING
        self._elsewhere(op, report, remapped, splits=True, relocates=False)
        if report.error:
            if self._exact and held and folio.pmds != whole:
                what = "the split was refused for references, and the PMD that maps the folio is gone"
                raise Violation("outcome", what, folio=folio_name(folio))
            if page.folio.order != order:
                raise Violation("outcome", "the split was refused, yet the folio is in pieces")
            may_refuse = (held or batched) and self.promises.split_refuses
            if self._must_do(op) and report.error != "ENOMEM" and not may_refuse:
                raise refused("split", report.error, folio)
        elif page.folio.order and page.folio.is_owned:
            raise Violation("outcome", "the folio was split, yet it is large", folio=folio_name(page.folio))

    def _collapse(self, op: ops.Collapse, report: Report) -> None:
        world = self.world
        area = world.processes[op.process].areas[op.area]
        sources = self._folios(area)
        beyond = self.promises.beyond_limits(area)
        if not report.error:
            if beyond:
                raise Violation("refusal", f"collapse went through although {beyond}")
            for folio in sources:
                if folio.is_held or self.promises.refuses_collapse(folio, world.slots):
                    raise done_anyway("collapse", folio)
        self._change(op, report, WRITABLE if not report.error else frozenset({"sp"}))
        if not report.error:
            if type(area.pmd) is not Folio:
                raise Violation("outcome", f"p{op.process} a{op.area} was collapsed, yet no PMD maps it")
        elif self._must_do(op) and report.error != "ENOMEM":
            after = dict.fromkeys((*sources, *self._folios(area)))
            slots = self.world.slots
            unread = any(map(is_unread, area.table))
            limited = beyond or self.promises.beyond_limits(area)
            if (
                not limited
                and not unread
                and not any(folio.is_held or self.promises.refuses_collapse(folio, slots) for folio in after)
            ):
                raise refused("collapse", report.error, *after)

    def _folios(self, area: Area) -> dict[Folio, None]:
        """The folios that an area refers to, through a PTE or through a swap entry."""
        found: dict[Folio, None] = {}
        for owned in area.table:
            page = owned.page if type(owned) is Slot else owned
            if type(page) is Page:
                found[page.folio] = None
        return found
