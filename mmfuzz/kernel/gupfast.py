"""GUP-fast: a walk of page tables with interrupts off, and references taken from pages that nobody keeps in place.

What it reads may be gone when it is read. So each reference is taken only from what has one, and everything that led
there is looked at once more, now that the reference keeps it: page, page-table entry, PMD entry, and for pins whether
fork was at work meanwhile. What does not fit is given back, and left to the slow way.

"[PATCH v2] mm/gup: fix try_grab_compound_head() race with split_huge_page()" (June 2021) has the first of these;
what orders reads and writes is said where each barrier stands.
"""

from __future__ import annotations

from mmfuzz.kernel.gup import Gup
from mmfuzz.kernel.mm import Mm, PageTable, PmdEntry, Pte, PteEntry, Vma, pte_same
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.observation import TABLE, KernelBug
from mmfuzz.profiles import BIAS

RETRIES = 8
"""Times that a page is found in another folio than a moment ago, before that is left to the slow way."""


class GupFast(Gup):
    """gup_fast(). It takes pages from the first one on, as many as it can."""

    fast_first = False
    """get_user_pages_fast(): tried before the slow way, and alone no different from it; races are about it."""
    pins_are_sampled = False
    """Somebody looks at counts between the two atomics of a pin: see the planted `pin-sampled-halfway`."""

    def gup_fast(self, mm: Mm, vma: Vma, span: range, *, write: bool, pin: bool) -> list[Page | None]:
        """Take what can be taken without a lock, from the beginning of a range; the caller sees to the rest."""
        if pin:
            mm.has_pinned = True
        sequence = self.write_protect_sequence(mm)
        if pin and self.is_write_protecting(sequence):
            return []
        self.local_irq_save()
        taken = self.gup_fast_range(vma, span, write=write, pin=pin)
        self.local_irq_restore()
        if pin and taken and self.was_write_protecting(mm, sequence):
            self.release_range(taken, pin=True)
            return []
        return taken

    def gup_fast_range(self, vma: Vma, span: range, *, write: bool, pin: bool) -> list[Page | None]:
        """gup_fast_pmd_range(): until something stands in the way."""
        taken: list[Page | None] = []
        for page in span:
            pmd = vma.pmd
            if type(pmd) is Pte:
                found = self.gup_fast_pmd_leaf(vma, pmd, page, write=write, pin=pin)
            elif pmd is TABLE:
                found = self.gup_fast_pte(vma, pmd, page, write=write, pin=pin)
            else:
                break
            if found is None:
                break
            taken.append(found)
        return taken

    # fork: 57efa1fe5957 ("mm/gup: prevent gup_fast from racing with COW during fork", v5.11)

    def write_protect_sequence(self, mm: Mm) -> int:
        """raw_seqcount_begin(): what is read after it is not older."""
        sequence = mm.write_protect_seq
        self.smp_rmb()
        return sequence

    def is_write_protecting(self, sequence: int) -> bool:
        """Fork is copying page tables."""
        return sequence % 2 == 1

    def was_write_protecting(self, mm: Mm, sequence: int) -> bool:
        """read_seqcount_retry(): fork has begun since, and may have shared a page that nobody had pinned yet."""
        self.smp_rmb()
        return mm.write_protect_seq != sequence

    # Entries

    def gup_fast_pte(self, vma: Vma, pmd: PmdEntry, page: int, *, write: bool, pin: bool) -> Page | None:
        """gup_fast_pte_range(), for one entry: a page with a reference or a pin; None for the slow way."""
        table = vma.table
        entry = vma.ptes[page]
        self.check_table(vma, table)
        if type(entry) is not Pte or not self.permits(entry, write=write):
            return None
        found = entry.page
        folio = self.try_grab_folio_fast(found, pin=pin)
        if folio is None:
            return None
        if not (self.pmd_is_same(vma, pmd) and self.pte_is_same(vma, page, entry)):
            self.gup_put_folio(folio, found, pin=pin)
            return None
        if pin and not entry.writable and self.must_unshare_fast(found):
            self.gup_put_folio(folio, found, pin=pin)
            return None
        return found

    def check_table(self, vma: Vma, table: PageTable | None) -> None:
        """What KASAN would say: an entry was read from a table that is free, or in use for something else, by now."""
        if table is not None and (table not in self.page_tables or vma.deposit is table):
            raise KernelBug(
                "KASAN: use-after-free in gup_fast_pte_range: the page table is another's by now",
                property="use-after-free",
            )

    def gup_fast_pmd_leaf(self, vma: Vma, pmd: Pte, page: int, *, write: bool, pin: bool) -> Page | None:
        """gup_fast_pmd_leaf(), for one page of a huge page."""
        if not self.permits(pmd, write=write) or self.is_splitting(pmd):
            return None
        # Address arithmetic: what the frames are by now is seen when they are counted.
        found = self.nth_page(pmd.page, page)
        folio = self.try_grab_folio_fast(found, pin=pin)
        if folio is None:
            return None
        unshare = pin and not pmd.writable
        if not self.pmd_is_same(vma, pmd) or (unshare and self.must_unshare_fast(pmd.page)):
            self.gup_put_folio(folio, found, pin=pin)
            return None
        return found

    def permits(self, entry: Pte, *, write: bool) -> bool:
        """pte_access_permitted()."""
        return entry.writable or not write

    def is_splitting(self, pmd: Pte) -> bool:
        """Whether the entry says that its huge page is being split: never, since v4.5."""
        return False

    def pmd_is_same(self, vma: Vma, pmd: PmdEntry) -> bool:
        """The PMD entry still is what it was: a table that was taken out of it may have been emptied, and reused.

        70cbc3cc78a9 ("mm: gup: fix the fast GUP race against THP collapse", v6.1).
        """
        return pte_same(vma.pmd, pmd)

    def pte_is_same(self, vma: Vma, page: int, entry: PteEntry) -> bool:
        """The entry still is what it was when the page was read from it: so the page was mapped when it was counted."""
        return pte_same(vma.ptes[page], entry)

    def must_unshare_fast(self, page: Page) -> bool:
        """gup_must_unshare() without a lock: the flag is read after the entry was looked at once more.

        088b8aa537c2 ("mm: fix PageAnonExclusive clearing racing with concurrent RCU GUP-fast", v6.1).
        """
        self.exclusive_barrier()
        return self.must_unshare(page)

    def exclusive_barrier(self) -> None:
        """smp_rmb(), which goes with the barrier after PG_anon_exclusive is cleared."""
        self.smp_rmb()

    # References

    def try_grab_folio_fast(self, page: Page, *, pin: bool) -> Folio | None:
        """try_grab_folio_fast(): a pin is a reference first, and then the rest of what a pin weighs.

        Who looks in between sees a plain reference: that keeps the page as well.
        """
        folio = self.try_get_folio(page)
        if folio is None or not pin:
            return folio
        self.add_pin(folio)
        self.pin_barrier()
        return folio

    def add_pin(self, folio: Folio) -> None:
        """What makes a reference a pin."""
        if folio.order >= self.profile.pincount_order:
            folio.add("_pincount", 1)
        else:
            folio.ref_add(BIAS - 1)
        self.touched[folio] = None

    def pin_barrier(self) -> None:
        """smp_mb__after_atomic(): the pin is seen before the entry is looked at once more.

        088b8aa537c2 ("mm: fix PageAnonExclusive clearing racing with concurrent RCU GUP-fast", v6.1).
        """
        self.smp_mb()

    def try_get_folio(self, page: Page) -> Folio | None:
        """try_get_folio(): a reference on the folio that a page is in, from which nobody keeps it; None for none."""
        for _ in range(RETRIES):
            folio = self.compound_head(page)
            if not self.folio_ref_try_add(folio):
                return None
            if self.is_still_in(page, folio):
                return folio
            self.gup_put_folio(folio, page, pin=False)
        return None

    def compound_head(self, page: Page) -> Folio:
        """compound_head(): read once, as it may be another one a moment later."""
        return page.head

    def folio_ref_try_add(self, folio: Folio) -> bool:
        """folio_ref_try_add(): a reference, if the folio has one; a full barrier then."""
        added = folio.ref_add_unless_zero()
        if added:
            self.touched[folio] = None
        return added

    def is_still_in(self, page: Page, folio: Folio) -> bool:
        """The page has not been split off, or freed and made part of another folio, before the folio was counted.

        c24d37322548 ("mm/gup: fix try_grab_compound_head() race with split_huge_page()", v5.14).
        """
        return self.compound_head(page) is folio

    def gup_put_folio(self, folio: Folio, page: Page, *, pin: bool) -> None:
        """gup_put_folio(): give back what was taken, to the folio that it was taken of.

        Where `page` is by now is another question.
        """
        if pin and folio.order >= self.profile.pincount_order:
            folio.add("_pincount", -1)
            self.folio_put(folio)
        else:
            self.folio_put(folio, BIAS if pin else 1)
