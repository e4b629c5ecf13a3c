"""UFFDIO_MOVE: the same page at another address, and who forbids that."""

from __future__ import annotations

from collections.abc import Sequence

from mmfuzz import ops
from mmfuzz.model.change import KINDS, Change
from mmfuzz.model.names import address, describe, folio_name, owners
from mmfuzz.model.owners import Area, DevicePage, Folio, Owned, Page, Process, Slot, Where
from mmfuzz.model.rules.devices import Devices
from mmfuzz.model.rules.failures import done_anyway
from mmfuzz.model.rules.permits import REMAP, first, not_allowed
from mmfuzz.observation import ZERO, Report
from mmfuzz.violation import Term, Violation

PMD = -1
"""The page number of a PMD where a walk of the reverse map found it."""


class Userfault(Devices):
    """What is moved is the process's own, and nothing but its address changes."""

    def _move(self, op: ops.Move, report: Report) -> None:
        process = self.world.processes[op.process]
        span = self.world.span(op.page, op.count)
        source, target = process.areas[op.area].view(), process.areas[op.to_area].view()
        done = len(span) if not report.error else report.done
        for page in span[:done]:
            self._may_go(op, source[page])
        refusal = ""
        if report.error:
            refusal = self._refusal(op, process, source[span[done]], target[op.to_page + done], report.error)
        self._apply(op, report, process, source, done)
        for offset in range(done):
            self._has_gone(op, process.areas[op.area], process.areas[op.to_area], source, offset)
        self._check_walked(report)
        if refusal:
            raise Violation("refusal", refusal)

    def _may_go(self, op: ops.Move, owned: Owned) -> None:
        """Nobody else may refer to what was moved, but for a plain reference of somebody's."""
        if type(owned) is Page:
            folio = owned.folio
            pages = folio.pages if folio.pmds else [owned]
            pinned = self.promises.has_pins and any(page.pins for page in pages)
            if pinned or len(owned.maps) + len(folio.pmds) > 1:
                raise done_anyway("move", folio)
        elif type(owned) is Slot and len(owned.entries) > 1:
            raise Violation("refusal", f"a swap entry was moved that shares {describe(owned)} with others")

    def _refusal(self, op: ops.Move, process: Process, owned: Owned, there: Owned, error: str) -> str:
        """What is wrong with an error: empty when it tells the truth."""
        if error == "ENOENT":
            return "" if owned is None else f"move says that nothing is there, and there is {describe(owned)}"
        if error == "EFAULT":
            return (
                "" if type(owned) is DevicePage else f"move fails with EFAULT, and there is {describe(owned)}"
            )
        if error == "EEXIST":
            return "" if there is not None else "move says that something is there, and there is nothing"
        if not self._exact or not self._must_do(op) or self._is_others(process, owned):
            return ""
        return f"move was refused ({error}), and nobody else refers to {describe(owned)}"

    def _is_others(self, process: Process, owned: Owned) -> bool:
        """Whether a page may belong to others as well, or be held by somebody."""
        if type(owned) is Slot:
            cached = owned.page
            if cached is None:
                return owned.private_to is not process
            return cached.private_to is not process or cached.folio.order > 0
        if type(owned) is not Page:
            return False
        folio = owned.folio
        if any(page.private_to is not process for page in (folio.pages if folio.pmds else (owned,))):
            return True
        return bool(owned.pins) or (folio.order > 0 and folio.is_held)

    def _apply(
        self, op: ops.Move, report: Report, process: Process, source: Sequence[Owned], done: int
    ) -> None:
        """Follow the report: what stands at the target by now has come from the source."""
        pages = self.world.pages
        origins: dict[int, list[Owned]] = {number: [None] * pages for number in process.areas}
        origins[op.to_area][op.to_page : op.to_page + done] = source[op.page : op.page + done]
        change = Change(self.world, splits=True, child=op.process, origins=origins)
        change.apply(report)
        for where, old, new in change.moves:
            gone = where[:2] == (op.process, op.area) and 0 <= where[2] - op.page < done
            come = where[:2] == (op.process, op.to_area) and 0 <= where[2] - op.to_page < done
            remapped = KINDS[type(old)] + KINDS[type(new)] in REMAP
            if not remapped and not (gone and new is None) and not (come and old is None):
                raise not_allowed(op, where, old, new)
        for turn in change.turns:
            if turn[0] != op.process or turn[1] not in (op.area, op.to_area):
                raise not_allowed(op, *first(turn))

    def _has_gone(
        self, op: ops.Move, source: Area, target: Area, before: Sequence[Owned], offset: int
    ) -> None:
        """A page that was moved is at its new address, and nothing is at the old one."""
        moved = before[op.page + offset]
        here: Where = (op.process, op.area, op.page + offset)
        there: Where = (op.process, op.to_area, op.to_page + offset)
        if source.at(here[2]) is not None:
            what = f"{address(here)} was moved, and still has {describe(source.at(here[2]))}"
            raise Violation("outcome", what)
        found = target.at(there[2])
        zeroed = found is ZERO and type(moved) is Page and not moved.value
        if moved is None or (found is not moved and not zeroed):
            what = f"{address(there)} has {describe(found)}, and {describe(moved)} was moved there"
            raise Violation("outcome", what)

    def _check_walked(self, report: Report) -> None:
        """Moved or not, a folio is found wherever it is mapped."""
        for head, found in report.walked:
            page = self.world.frames.get(head)
            if page is None:
                raise Violation(
                    "outcome", f"a reverse map leads to frame {head}, which is in no folio in use"
                )
            folio = page.folio
            mapped = _maps(folio)
            if found != mapped:
                what = "the reverse map does not lead to every entry that maps the folio"
                if found - mapped:
                    what = "the reverse map leads to entries that do not map the folio"
                terms = [Term("mapped at", _spelled(mapped), _spelled(found), owners(folio))]
                raise Violation("rmap", what, folio=folio_name(folio), terms=terms)


def _maps(folio: Folio) -> set[Where]:
    """Every entry that maps a folio."""
    return {where for page in folio.pages for where in page.maps} | {(*pmd, PMD) for pmd in folio.pmds}


def _spelled(found: set[Where]) -> list[str]:
    return [address(where) if where[2] != PMD else f"p{where[0]} a{where[1]}" for where in sorted(found)]
