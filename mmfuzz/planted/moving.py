"""Planted bugs in UFFDIO_MOVE: the reverse map of what was not moved, the swap cache, and the huge zero page."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm, Pte, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.planted.catalogue import bug

SINCE = "6.8"
BECAUSE = "UFFDIO_MOVE came with v6.8"


@bug(
    "move-rewrites-then-refuses",
    "rmap",
    summary="UFFDIO_MOVE gives a page its new place in the reverse map before it finds the page pinned and stops",
    reached="pin a base page and move it",
    fix='d7a08838ab74 ("mm: userfaultfd: fix unexpected change to src_folio when UFFDIO_MOVE fails", v6.9)',
    since=SINCE,
    because=BECAUSE,
)
class MoveRewritesThenRefuses(Kernel):
    """move_present_pte() that looks for pins last."""

    def move_present_pte(self, mm: Mm, source: Vma, page: int, target: Vma, to: int, entry: Pte) -> str:
        """Change the folio first."""
        if entry.page.anon_exclusive:
            self.move_anon_rmap(entry.page, mm, target, to)
        return super().move_present_pte(mm, source, page, target, to, entry)


@bug(
    "move-huge-rewrites-then-refuses",
    "rmap",
    summary="UFFDIO_MOVE gives a huge page its new place in the reverse map before it finds it pinned and stops",
    reached="pin a huge page and move the whole area",
    fix='c0205eaf3af9 ("userfaultfd: change src_folio after ensuring it\'s unpinned in UFFDIO_MOVE", v6.9)',
    since=SINCE,
    because=BECAUSE,
)
class MoveHugeRewritesThenRefuses(Kernel):
    """move_pages_huge_pmd() that looks for pins last."""

    def move_huge_pmd(self, mm: Mm, source: Vma, target: Vma) -> str:
        """Change the folio first."""
        if type(source.pmd) is Pte and source.pmd.page.anon_exclusive:
            self.move_anon_rmap(source.pmd.page, mm, target, 0)
        return super().move_huge_pmd(mm, source, target)


@bug(
    "move-forgets-swap-cache",
    "assertion",
    summary="UFFDIO_MOVE takes a swap entry along, and not the page that the swap cache still has for it",
    reached="swap a page out, move it, and touch it where it has gone",
    fix='c50f8e6053b0 ("mm: fix kernel BUG when userfaultfd_move encounters swapcache", v6.14)',
    since=SINCE,
    because=BECAUSE,
)
class MoveForgetsSwapCache(Kernel):
    """move_swap_pte() that does not look into the swap cache."""

    def move_cached(self, folio: Folio, mm: Mm, target: Vma, to: int) -> None:
        """Nothing, where mapping and index should follow."""


@bug(
    "move-huge-zero",
    "assertion",
    summary="UFFDIO_MOVE asks the huge zero page for its folio, gets none, and follows the null pointer",
    reached="read a huge area for the first time, and move all of it",
    fix="CVE-2026-31397",
    since=SINCE,
    because=BECAUSE,
)
class MoveHugeZero(Kernel):
    """move_pages_huge_pmd() that takes any PMD for a folio's."""

    def move_huge_zero(self, mm: Mm, target: Vma) -> None:
        """vm_normal_folio_pmd() has nothing to show for the huge zero page."""
        folio: Folio = None  # type: ignore[assignment]
        self.move_anon_rmap(folio, mm, target, 0)
