"""UFFDIO_MOVE: pages change their address, and nothing is copied.

adef440691ba ("userfaultfd: UFFDIO_MOVE uABI", v6.8). What moves must be the process's own: a page that may be pinned,
or that somebody else may map, stays where it is.
"""

from __future__ import annotations

from mmfuzz.kernel.gup import ATTEMPTS
from mmfuzz.kernel.mm import AnonVma, Mm, Pte, PteEntry, SwapPte, Vma, pte_same
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.split import EAGAIN
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
        folio = self.get_huge_source(source)
        if folio is None:
            return self.move_huge_locked(mm, source, target, None)
        self.folio_lock(folio)
        mapping = folio.mapping
        if type(mapping) is AnonVma:
            self.down_write(mapping)
        error = self.move_huge_locked(mm, source, target, folio)
        if type(mapping) is AnonVma:
            self.up_write(mapping)
        self.folio_unlock(folio)
        self.folio_put(folio)
        return error

    def get_huge_source(self, source: Vma) -> Folio | None:
        """What a PMD maps, with a reference; None for the huge zero page."""
        self.spin_lock(source)
        entry = source.pmd
        folio = entry.page if type(entry) is Pte else None
        if folio is not None:
            self.folio_get(folio)
        self.spin_unlock(source)
        return folio

    def move_huge_locked(self, mm: Mm, source: Vma, target: Vma, folio: Folio | None) -> str:
        """With the page lock, the lock of the reverse map, and both page tables."""
        self.double_pt_lock(source, target)
        entry = source.pmd
        error = "" if target.pmd is None else EEXIST
        if type(entry) is Pte and entry.page is folio:
            if not error and self.cannot_move(folio, exclusive=folio.anon_exclusive):
                error = EBUSY
            if not error:
                source.pmd = None
                error = "" if self.still_unpinned(folio) else EBUSY
                if error:
                    source.pmd = entry
            if not error:
                self.move_anon_rmap(folio, mm, target, 0)
                entry = Pte(folio, True)
        elif entry is ZERO and folio is None:
            if not error:
                self.move_huge_zero(mm, target)
        else:
            error = error or "EAGAIN"
        if not error:
            self.deposit_table(target, self.withdraw_table(source))
            self.set_pmd(mm, source, None)
            self.set_pmd(mm, target, entry)
        self.double_pt_unlock(source, target)
        return error

    def double_pt_lock(self, one: Vma, other: Vma) -> None:
        """Both page-table locks, always in one order."""
        first, second = sorted((one, other), key=lambda vma: vma.area)
        self.spin_lock(first)
        if second is not first:
            self.spin_lock(second)

    def double_pt_unlock(self, one: Vma, other: Vma) -> None:
        """The end of double_pt_lock()."""
        if one is not other:
            self.spin_unlock(other)
        self.spin_unlock(one)

    def still_unpinned(self, folio: Folio) -> bool:
        """What was cleared is nobody's to pin any more: whether nobody did before."""
        self.smp_mb()
        return not self.maybe_dma_pinned(folio)

    def move_huge_zero(self, mm: Mm, target: Vma) -> None:
        """The huge zero page is no folio of the process: there is nothing to lock, and no reverse map."""
        self.anon_vma_prepare(mm, target)

    def move_page(self, mm: Mm, source: Vma, page: int, target: Vma, to: int) -> str:
        """One page, out of whatever maps it."""
        pmd, there = source.pmd, target.pmd
        if pmd is None:
            return ENOENT
        if there is not None and there is not TABLE:
            return EEXIST
        if pmd is not TABLE:
            if type(pmd) is Pte and not pmd.page.anon_exclusive:
                return EBUSY
            self.split_huge_pmd(mm, source)
        self.need_table(mm, target)
        return self.move_pte(mm, source, page, target, to)

    def move_pte(self, mm: Mm, source: Vma, page: int, target: Vma, to: int) -> str:
        """move_pages_pte(): what there is to move is found, locked and looked at again; anew where it changed."""
        for _ in range(ATTEMPTS):
            error = self.try_move_pte(mm, source, page, target, to)
            if error != EAGAIN:
                return error
        return EAGAIN

    def try_move_pte(self, mm: Mm, source: Vma, page: int, target: Vma, to: int) -> str:
        """EAGAIN where somebody came between."""
        self.double_pt_lock(source, target)
        there, entry = target.ptes[to], source.ptes[page]
        folio = self.found_to_move(entry) if there is None else None
        self.double_pt_unlock(source, target)
        if there is not None or entry is None:
            return ENOENT if there is None else EEXIST
        if folio is None:
            return self.move_entry(mm, source, page, target, to, entry, None)
        if type(entry) is Pte and folio.order:
            if not entry.page.anon_exclusive:
                self.folio_put(folio)
                return EBUSY
            # The pieces, one of which is the page, are to be found as what they are then.
            return EBUSY if self.try_split(entry.page) else EAGAIN
        self.folio_lock(folio)
        mapping = folio.mapping
        if type(mapping) is AnonVma:
            self.down_write(mapping)
        error = self.move_entry(mm, source, page, target, to, entry, folio)
        if type(mapping) is AnonVma:
            self.up_write(mapping)
        self.folio_unlock(folio)
        self.folio_put(folio)
        return error

    def found_to_move(self, entry: PteEntry) -> Folio | None:
        """The folio that an entry maps, or that the swap cache has for it, with a reference."""
        if type(entry) is Pte:
            self.folio_get(entry.page.head)
            return entry.page.head
        cached = self.swap_cache_get(entry.slot) if type(entry) is SwapPte else None
        return cached.head if cached is not None else None

    def move_entry(
        self, mm: Mm, source: Vma, page: int, target: Vma, to: int, entry: PteEntry, locked: Folio | None
    ) -> str:
        """Move an entry that is still what it was, with both page tables locked, and the folio that it is about.

        What came into the swap cache since is not locked, so it is to be found first (0ea148a79919, v6.16).
        """
        self.double_pt_lock(source, target)
        if target.ptes[to] is not None or not pte_same(source.ptes[page], entry):
            error = EAGAIN
        elif type(entry) is Pte:
            error = self.move_present_pte(mm, source, page, target, to, entry)
        elif type(entry) is SwapPte:
            cached = self.swap_cache.get(entry.slot)
            if cached is not None and cached.head is not locked:
                error = EAGAIN
            else:
                error = self.move_swap_pte(mm, source, page, target, to, entry, cached)
        elif entry is ZERO:
            self.anon_vma_prepare(mm, target)
            error = ""
            self.set_pte(mm, target, to, ZERO)
        else:
            error = EFAULT
        if not error:
            self.set_pte(mm, source, page, None)
        self.double_pt_unlock(source, target)
        return error

    def move_present_pte(self, mm: Mm, source: Vma, page: int, target: Vma, to: int, entry: Pte) -> str:
        """Where a base page may go, its mapping goes with its reference and its mapcount.

        The entry is cleared before pins are looked at for the last time.
        """
        folio = entry.page
        if self.cannot_move(folio, exclusive=folio.anon_exclusive):
            return EBUSY
        source.ptes[page] = None
        if not self.still_unpinned(folio):
            source.ptes[page] = entry
            return EBUSY
        self.move_anon_rmap(folio, mm, target, to)
        self.set_pte(mm, target, to, Pte(folio, True))
        return ""

    def move_swap_pte(
        self, mm: Mm, source: Vma, page: int, target: Vma, to: int, entry: SwapPte, cached: Page | None
    ) -> str:
        """A swap entry that nobody shares, and with it the page that the swap cache may have for it."""
        if not entry.exclusive:
            return EBUSY
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
