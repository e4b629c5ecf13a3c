"""get_user_pages and pin_user_pages: references and pins taken through a page table."""

from __future__ import annotations

from mmfuzz.kernel.dax import Dax
from mmfuzz.kernel.fault import EFAULT
from mmfuzz.kernel.file import File
from mmfuzz.kernel.filefault import SIGBUS
from mmfuzz.kernel.mm import Mm, Pte, PteEntry, Vma
from mmfuzz.kernel.page import Page
from mmfuzz.observation import TABLE, ZERO
from mmfuzz.profiles import BIAS

ATTEMPTS = 32
"""Faults for one page at most: alone it takes 3, as a huge zero page is replaced, split, and then a PTE is unshared;
but each may be in vain where others are quicker."""


class Gup(Dax):
    """__get_user_pages(). A range's pages are listed in order; None stands for the zero page."""

    def gup(self, mm: Mm, vma: Vma, span: range, *, write: bool, pin: bool) -> tuple[str, list[Page | None]]:
        """Take a reference or a pin on each page of a range; on an error, (errno name, nothing taken)."""
        taken: list[Page | None] = []
        if pin and not self.may_pin_for_long(vma):
            return "EOPNOTSUPP", taken
        if pin and write and not self.may_write_file_for_long(vma):
            return "EFAULT", taken
        if pin:
            mm.has_pinned = True
        for page in span:
            error = EFAULT
            if vma.present[page]:
                error = self.faultin_page(mm, vma, page, write=write, pin=pin)
            if error:
                self.gup_unwind(taken, pin=pin)
                return error, []
            taken.append(self.follow_page(vma, page, pin=pin))
            self.spin_unlock(vma)
        return "", taken

    def follow_page(self, vma: Vma, page: int, *, pin: bool) -> Page | None:
        """follow_page_mask(): what an address maps, with a reference or a pin; the page table is locked."""
        found = self.follow(vma, page)
        if found is None:
            self.grab_zero(pin=pin)
        elif pin:
            self.grab_pin(found)
        else:
            self.gup_get(found)
        return found

    def gup_unwind(self, taken: list[Page | None], *, pin: bool) -> None:
        """What a caller does that got fewer pages than it asked for: it gives those back."""
        self.release_range(taken, pin=pin)

    def gup_get(self, page: Page) -> None:
        """try_grab_folio() with FOLL_GET: a reference on what a page table was just seen to map."""
        self.folio_get(page.head)

    def may_write_file_for_long(self, vma: Vma) -> bool:
        """writable_file_mapping_allowed(): not where each write is to be heard of, as a device tells nobody.

        8ac268436e6d ("mm/gup: disallow FOLL_LONGTERM GUP-nonfast writing to file-backed mappings", v6.5).
        """
        file = vma.file
        return file is None or not vma.shared or file.shmem or file.pgmap is not None

    def follow(self, vma: Vma, page: int) -> Page | None:
        """The page that an address maps; None for the zero page."""
        pmd = vma.pmd
        if type(pmd) is Pte:
            return pmd.page.pages[page]
        entry = vma.ptes[page] if pmd is TABLE else None
        return entry.page if type(entry) is Pte else None

    def faultin_page(self, mm: Mm, vma: Vma, page: int, *, write: bool, pin: bool) -> str:
        """Fault until the page is present as the flags ask: writable, or exclusive for a read-only pin.

        The page table is locked then, so that what was seen is there still when the reference is taken.
        """
        for _ in range(ATTEMPTS):
            pmd = self.pmd_lock(vma)
            entry = vma.ptes[page] if pmd is TABLE else pmd
            if self.will_do(vma, entry, write=write, pin=pin):
                return ""
            self.spin_unlock(vma)
            if not write and (entry is ZERO or type(entry) is Pte):
                error = self.unshare(mm, vma, page)
            else:
                error = self.handle_fault(mm, vma, page, write=write)
            if error:
                return EFAULT if error == SIGBUS else error
        return EFAULT

    def will_do(self, vma: Vma, entry: PteEntry, *, write: bool, pin: bool) -> bool:
        """Whether an entry can be followed."""
        if entry is ZERO:
            return not write and not pin
        return type(entry) is Pte and self.is_as_asked(vma, entry, write=write, pin=pin)

    def is_as_asked(self, vma: Vma, entry: Pte, *, write: bool, pin: bool) -> bool:
        """Whether a present entry will do: writable, or for a read-only pin not to be unshared first."""
        if write:
            return entry.writable
        if not pin or vma.shared:
            return True
        if vma.file is not None and type(entry.page.head.mapping) is File:
            return not self.must_unshare_file()
        return not self.must_unshare(entry.page)

    def must_unshare_file(self) -> bool:
        """A long-term pin of a private mapping takes a copy of the file's page at once (84209e87c696, v6.2)."""
        return True

    def must_unshare(self, page: Page) -> bool:
        """gup_must_unshare(): a pin of an anonymous page that is not exclusive would lose it at the next write.

        a7f226604170 ("mm/gup: trigger FAULT_FLAG_UNSHARE when R/O-pinning a possibly shared anonymous page",
        v5.19). A long-term pin, as all pins are here, does not take the shared zero page either.
        """
        return not page.anon_exclusive

    def unshare(self, mm: Mm, vma: Vma, page: int) -> str:
        """FAULT_FLAG_UNSHARE."""
        if vma.file is not None:
            return self.handle_file_fault(mm, vma, page, write=False, unshare=True)
        pmd = vma.pmd
        if pmd is not TABLE:
            if type(pmd) is Pte or pmd is ZERO:
                self.do_huge_pmd_wp_page(mm, vma, unshare=True)
            return ""
        return "" if self.do_wp_page(mm, vma, page, unshare=True) else "ENOMEM"

    def grab_pin(self, page: Page) -> None:
        """try_grab_folio() with FOLL_PIN: 1024 references on a base page, one and a pin on a large folio.

        3faa52c03f44 ("mm/gup: track FOLL_PIN pages", v5.7); 5232c63f46fd ("mm: Make compound_pincount always
        available", v5.18).
        """
        folio = page.head
        if folio.order >= self.profile.pincount_order:
            self.folio_get(folio)
            folio.add("_pincount", 1)
        else:
            self.folio_get(folio, BIAS)

    def drop_pin(self, page: Page) -> None:
        """gup_put_folio() with FOLL_PIN."""
        folio = page.head
        if folio.order >= self.profile.pincount_order:
            if folio.add_return("_pincount", -1) < 0:
                raise self.vm_bug_on("VM_WARN_ON_FOLIO(_pincount < 0)", folio)
            self.folio_put(folio)
        else:
            self.folio_put(folio, BIAS)

    def grab_zero(self, *, pin: bool) -> None:
        """A get of the zero page is a reference, a pin of it is nothing (c8070b787519, v6.5)."""
        if not pin:
            self.get_page(self.zero_page)

    def drop_zero(self, *, pin: bool) -> None:
        """The end of grab_zero()."""
        if not pin:
            self.put_page(self.zero_page)

    def put_pages(self, pages: list[Page | None]) -> None:
        """put_page() on each: the end of get_user_pages()."""
        self.release_range(pages, pin=False)

    def unpin_user_pages(self, pages: list[Page | None]) -> None:
        """The end of pin_user_pages(), for what no device wrote to; put_user_pages() before v5.6."""
        self.release_range(pages, pin=True)

    def unpin_user_pages_dirty_lock(
        self, pages: list[Page | None], *, make_dirty: bool, lock: bool = True
    ) -> None:
        """The end of pin_user_pages(), that says first what has changed.

        Until 2d15eb31b50a ("mm/gup: add make_dirty arg to put_user_pages_dirty_lock()", v5.4) put_user_pages_dirty()
        did it without the page lock, which is for callers that keep the page from being truncated otherwise.
        """
        if make_dirty:
            for page in pages:
                if page is not None and lock:
                    self.set_page_dirty_lock(page)
                elif page is not None:
                    self.set_page_dirty(page)
        self.release_range(pages, pin=True)

    def set_page_dirty_lock(self, page: Page) -> None:
        """set_page_dirty() with the page locked, so that nobody truncates it or writes it out meanwhile."""
        self.set_page_dirty(page)

    def set_page_dirty(self, page: Page) -> None:
        """What the page holds is nowhere else any more."""
        self.mark_dirty(page.head)

    def release_range(self, pages: list[Page | None], *, pin: bool) -> None:
        """unpin_user_pages() or put_page() on each."""
        for page in pages:
            if page is None:
                self.drop_zero(pin=pin)
            elif pin:
                self.drop_pin(page)
            else:
                self.put_page(page)
