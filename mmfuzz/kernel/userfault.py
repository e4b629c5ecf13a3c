"""UFFDIO_MOVE: pages change their address, and nothing is copied.

adef440691ba ("userfaultfd: UFFDIO_MOVE uABI", v6.8). What moves must be the process's own: a page that may be pinned,
or that somebody else may map, stays where it is.
"""

from __future__ import annotations

from mmfuzz.kernel.mm import Mm, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.kernel.todevice import ToDevice
from mmfuzz.observation import TABLE, ZERO

EBUSY, EEXIST, ENOENT = "EBUSY", "EEXIST", "ENOENT"
EFAULT = "EFAULT"
"""What is on a device has an entry that UFFDIO_MOVE does not know."""

PMD = -1
"""The page number by which `mapped_by` names a PMD."""


class Userfault(ToDevice):
    """move_pages() from one area of a process to another."""

    def move_pages(self, mm: Mm, source: Vma, span: range, target: Vma, to: int) -> tuple[str, int]:
        """An errno name, empty when all was moved, and how many pages were moved before."""
        if len(span) == self.nr_huge and target.pmd is None and source.pmd not in (None, TABLE):
            error = self.move_huge_pmd(mm, source, target)
            return error, 0 if error else len(span)
        for done, page in enumerate(span):
            error = self.move_page(mm, source, page, target, to + done)
            if error:
                return error, done
        return "", len(span)

    def move_huge_pmd(self, mm: Mm, source: Vma, target: Vma) -> str:
        """move_pages_huge_pmd(): a PMD mapping goes as a whole, the huge zero page's as well."""
        entry = source.pmd
        if type(entry) is Pte:
            folio = entry.page
            if self.cannot_move(folio, exclusive=folio.anon_exclusive):
                return EBUSY
            self.move_anon_rmap(folio, mm, target, 0)
            entry = Pte(folio, True)
        else:
            self.move_huge_zero(mm, target)
        self.deposit_table(target, self.withdraw_table(source))
        self.set_pmd(mm, source, None)
        self.set_pmd(mm, target, entry)
        return ""

    def move_huge_zero(self, mm: Mm, target: Vma) -> None:
        """The huge zero page is no folio of the process: there is nothing to lock, and no reverse map."""
        self.anon_vma_prepare(mm, target)

    def move_page(self, mm: Mm, source: Vma, page: int, target: Vma, to: int) -> str:
        """One page, out of whatever maps it."""
        if source.pmd is None:
            return ENOENT
        if target.pmd is not None and target.pmd is not TABLE:
            return EEXIST
        if source.pmd is not TABLE:
            if type(source.pmd) is Pte and not source.pmd.page.anon_exclusive:
                return EBUSY
            self.split_huge_pmd(mm, source)
        self.need_table(mm, target)
        return self.move_pte(mm, source, page, target, to)

    def move_pte(self, mm: Mm, source: Vma, page: int, target: Vma, to: int) -> str:
        """move_pages_pte()."""
        if target.ptes[to] is not None:
            return EEXIST
        entry = source.ptes[page]
        if entry is None:
            return ENOENT
        if type(entry) is Pte and entry.page.head.order:
            if not entry.page.anon_exclusive or self.get_and_split(entry.page):
                return EBUSY
            entry = source.ptes[page]
        if type(entry) is Pte:
            error = self.move_present_pte(mm, source, page, target, to, entry)
        elif type(entry) is SwapPte:
            error = self.move_swap_pte(mm, source, page, target, to, entry)
        elif entry is ZERO:
            self.anon_vma_prepare(mm, target)
            error = ""
            self.set_pte(mm, target, to, ZERO)
        else:
            error = EFAULT
        if not error:
            self.set_pte(mm, source, page, None)
        return error

    def move_present_pte(self, mm: Mm, source: Vma, page: int, target: Vma, to: int, entry: Pte) -> str:
        """Where a base page may go, its mapping goes with its reference and its mapcount."""
        folio = entry.page
        if self.cannot_move(folio, exclusive=folio.anon_exclusive):
            return EBUSY
        self.move_anon_rmap(folio, mm, target, to)
        self.set_pte(mm, target, to, Pte(folio, True))
        return ""

    def move_swap_pte(self, mm: Mm, source: Vma, page: int, target: Vma, to: int, entry: SwapPte) -> str:
        """A swap entry that nobody shares, and with it the page that the swap cache may have for it."""
        if not entry.exclusive:
            return EBUSY
        cached = self.swap_cache.get(entry.slot)
        if cached is not None:
            if cached.head.order:
                return EBUSY
            self.move_cached(cached, mm, target, to)
        self.anon_vma_prepare(mm, target)
        self.set_pte(mm, target, to, entry)
        return ""

    def move_cached(self, folio: Folio, mm: Mm, target: Vma, to: int) -> None:
        """c50f8e6053b0 ("mm: fix kernel BUG when userfaultfd_move encounters swapcache", v6.14)."""
        self.move_anon_rmap(folio, mm, target, to)

    def cannot_move(self, folio: Folio, *, exclusive: bool) -> bool:
        """Whether somebody else may map the folio, or somebody may have pinned it."""
        return not exclusive or self.maybe_dma_pinned(folio)

    def move_anon_rmap(self, folio: Folio, mm: Mm, target: Vma, to: int) -> None:
        """folio_move_anon_rmap(), and the index that goes with it."""
        folio.mapping = self.anon_vma_prepare(mm, target)
        folio.index = to
        self.touched[folio] = None

    def mapped_by(self, folio: Folio) -> set[tuple[int, int, int]]:
        """Where a walk of the reverse map finds the folio mapped: (process, area, page), `PMD` for a PMD."""
        found = set()
        for mm, vma in self.rmap_walk(folio):
            if type(vma.pmd) is Pte and vma.pmd.page is folio:
                found.add((mm.process, vma.area, PMD))
            found.update((mm.process, vma.area, page) for page in self.ptes_mapping(folio, vma))
        return found
