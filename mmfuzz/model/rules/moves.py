"""Moving memory: swap, migration, and the LRU batches."""

from __future__ import annotations

from mmfuzz import ops
from mmfuzz.model.names import folio_name
from mmfuzz.model.owners import File, Folio, Page, Slot
from mmfuzz.model.rules.failures import done_anyway, left_unmapped, refused, same_value
from mmfuzz.model.rules.folios import Folios
from mmfuzz.model.rules.permits import NOTHING, not_allowed
from mmfuzz.observation import Report
from mmfuzz.violation import Violation

_MOVES = frozenset({"pp", "pz"})
"""What migration does to an entry; a partially mapped folio is split first, which drops zero-filled pages."""


class Moves(Folios):
    """What may leave its frame, and what may not."""

    def _swap_out(self, op: ops.SwapOut, report: Report) -> None:
        before = self._reclaimable(op)
        cached = self._in_memory(op)
        asked = {page for folio in before for page in folio.pages}
        moves = self._elsewhere(op, report, frozenset({"ps", "pz"}), splits=True, relocates=False)
        for where, old, new in moves:
            if old not in asked:
                raise not_allowed(op, where, old, new)
        for folio, (slot, pinned, held, mapped) in before.items():
            if pinned and slot is None and folio.slot is not None and self.promises.swap_keeps_pins:
                raise done_anyway("swapping out", folio)
            if held and slot is not None and folio.slot is None and folio.pages[0].folio is folio:
                raise done_anyway("leaving the swap cache", folio)
            splits = folio.order > 0 and not self.promises.split_refuses
            if self._must_do(op) and mapped and (splits or not held) and not report.error:
                self._must_be_reclaimed(folio)
        if self._must_do(op) and not report.error:
            self._must_leave(cached)

    def _in_memory(self, op: ops.SwapOut | ops.Migrate) -> dict[Page, tuple[File, int, Folio]]:
        """Pages of the range's file that are in memory and that nobody holds, with their places and folios."""
        area = self.world.processes[op.process].areas[op.area]
        found: dict[Page, tuple[File, int, Folio]] = {}
        if area.file is not None:
            for index in self.world.span(op.page, op.count):
                page = area.file.page(index)
                if page is not None and not page.folio.is_held and not page.folio.dax:
                    found[page] = (area.file, index, page.folio)
        return found

    def _must_leave(self, cached: dict[Page, tuple[File, int, Folio]]) -> None:
        """What nobody holds leaves the page cache, or was split for the next pass, unless slots are short."""
        if len(self.world.slots) * 2 > (self._frames or 0):
            return
        for page, (file, index, folio) in cached.items():
            if file.cached[index] is page and page.folio is folio:
                raise refused("swap_out", "nothing done", page.folio)

    def _reclaimable(self, op: ops.SwapOut) -> dict[Folio, tuple[int | None, bool, bool, bool]]:
        """The folios of a range, each with its slot, whether it is pinned, held at all, and mapped."""
        area = self.world.processes[op.process].areas[op.area]
        found = {}
        for number in self.world.span(op.page, op.count):
            owned = area.at(number)
            page = owned.page if type(owned) is Slot else owned
            if type(page) is Page and not page.folio.dax:
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
            raise refused("swap_out", "nothing done", folio)

    def _swap_in(self, op: ops.SwapIn, report: Report) -> None:
        self._change(op, report, frozenset({"sp"}))
        area = self.world.processes[op.process].areas[op.area]
        if report.error:
            return
        for index, page in enumerate(self.world.span(op.page, op.count)):
            where, owned = (op.process, op.area, page), area.at(page)
            if type(owned) is Slot:
                raise left_unmapped(op, where, owned)
            if index < len(report.values):
                same_value(where, owned, report.values[index])

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
            for page in (area.at(number), area.file.page(number) if area.file is not None else None):
                if type(page) is Page and page not in held:
                    held |= self._held(page.folio)
        mapped = [page for page in held if page.maps or page.folio.pmds]
        cached = self._in_memory(op)
        moves = self._elsewhere(op, report, _MOVES, splits=True, relocates=True)
        moved = {old: None for _, old, _ in moves if type(old) is Page}
        for page in moved:
            if page not in held:
                what = "a folio outside the range was migrated"
                raise Violation("outcome", what, folio=folio_name(page.folio))
            if held[page]:
                raise done_anyway("migrate", page.folio)
        if self._must_do(op) and report.error != "ENOMEM":
            for page, (file, index, _) in cached.items():
                if file.page(index) is page:
                    raise refused("migrate", report.error or "no error", page.folio)
            for page in mapped:
                if not page.folio.of_file and not held[page] and page not in moved:
                    raise refused("migrate", report.error or "no error", page.folio)

    def _held(self, folio: Folio) -> dict[Page, bool]:
        """The pages of a folio, each with whether a pin or get keeps it from migrating.

        Where splitting is never refused, a huge page goes in pieces, and what holds one of them does not hold others.
        """
        if self.promises.split_refuses:
            return dict.fromkeys(folio.pages, folio.is_held)
        return {page: bool(page.pins or page.gets) for page in folio.pages}

    def _drain(self, op: ops.Drain, report: Report) -> None:
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        for folio in self.world.batched:
            raise Violation("outcome", "an LRU batch holds a folio after the drain", folio=folio_name(folio))
