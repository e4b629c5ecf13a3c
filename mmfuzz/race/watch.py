"""What must hold at every step: maps are never more than references, and nobody refers to what is frozen or free.

A watcher is told of each write, and reads what comes last in the order of writes. What does not hold for a moment
only in somebody's stale view is not a failure.
"""

from __future__ import annotations

from mmfuzz.interleave.machine import Failed
from mmfuzz.interleave.memory import Cell
from mmfuzz.kernel.page import Page
from mmfuzz.profiles import BIAS
from mmfuzz.race.target import RacingSim

MAPS = "maps-within-refs"
PIN_SHOWN = "pin-shown"


class Watch:
    """Looks at the folio of each location that a step wrote."""

    def __init__(self, target: RacingSim) -> None:
        self._target = target
        self._profile = target.profile
        self._samples_pins = target.kernel.pins_are_sampled
        self._plain_before: dict[Page, int] = {}
        if self._samples_pins:
            pages = [page for page in target.kernel.mem_map.values() if page.head is page]
            self._plain_before = {page: self._plain(page) for page in pages}

    def __call__(self, cell: Cell) -> None:
        """After a step that wrote a location."""
        page = cell.owner
        if not isinstance(page, Page):
            return
        folio = page.head
        if folio.pgmap is not None or folio is self._target.kernel.zero_page:
            return
        refs, maps = folio._refcount, self._maps(folio)
        if refs < 0:
            raise Failed(
                "use-after-free", f"frame {folio.pfn}: refcount is {refs}: who dropped the last one had none"
            )
        if maps > refs:
            raise Failed(MAPS, f"frame {folio.pfn}: {maps} maps, and {refs} references", self._terms(folio))
        if self._samples_pins:
            self._check_pin_shown(folio)

    def _maps(self, folio: Page) -> int:
        """Maps of a folio, by the counters of its era; as many as must have references of their own.

        While a PMD map is split, its pages are mapped by PTEs before it is dropped, on the references of those.
        """
        if not folio.order or self._profile.tail_refs != "none":
            return folio._mapcount + 1
        if not self._profile.large_mapcount:
            return 0
        splitting = folio._entire_mapcount >= 0 and all(page._mapcount >= 0 for page in folio.pages)
        return folio._large_mapcount + 1 - splitting

    def _terms(self, folio: Page) -> list[str]:
        return [f"refcount {folio._refcount}", f"maps {self._maps(folio)}", f"order {folio.order}"]

    def _plain(self, folio: Page) -> int:
        """References beside maps and the swap cache, as far as they are no whole pins."""
        cached = len(folio.pages) if folio.swapcache else 0
        return (folio._refcount - self._maps(folio) - cached) % BIAS

    def _check_pin_shown(self, folio: Page) -> None:
        """With pins and unpins under way and nothing else, what is no map is a multiple of a pin's weight."""
        if folio.order >= self._profile.pincount_order:
            return
        plain = (self._plain(folio) - self._plain_before.get(folio, 0)) % BIAS
        if plain:
            raise Failed(
                PIN_SHOWN,
                f"frame {folio.pfn}: a pin that is half taken shows as a plain reference, as its other {BIAS - 1} are "
                "not there yet: harmless, as the reference alone keeps the page",
                self._terms(folio),
            )
