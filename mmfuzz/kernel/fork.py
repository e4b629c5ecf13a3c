"""fork: page tables copied, pages shared read-only, pinned pages copied at once."""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.gupfast import GupFast
from mmfuzz.kernel.mm import DevicePte, Mm, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.observation import ZERO


class Fork(GupFast):
    """dup_mmap() and copy_page_range()."""

    def fork_mm(self, parent: Mm, process: int, cpu: int) -> str:
        """A copy of an address space; ENOMEM leaves no trace of it."""
        child = self.new_mm(process, cpu)
        for vma in parent.vmas.values():
            copy = child.vmas[vma.area] = self.vma_type(
                vma.area, vma.order, self.nr_huge, vma.file, shared=vma.shared
            )
            if vma.file is not None:
                vma.file.mappers[child, copy] = None
            copy.present = vma.present.copy()
            copy.anon_vma = vma.anon_vma
            if vma.anon_vma is not None:
                vma.anon_vma.mms[child] = None
        for vma in parent.vmas.values():
            if not self.copy_area(parent, vma, child, child.vmas[vma.area]):
                self.exit_mm(child)
                return "ENOMEM"
        return ""

    def copy_area(self, parent: Mm, vma: Vma, child: Mm, copy: Vma) -> bool:
        """Copy one area's entries; false when a page had to be copied and could not.

        An area without an anon_vma was only ever read, or maps a file shared: a child finds its pages by faults of
        its own, and so it does with a file's huge page.
        """
        if vma.pmd is None or vma.anon_vma is None:
            return True
        if vma.pmd is ZERO:
            self.deposit_table(copy, self.pte_alloc_one())
            self.set_pmd(child, copy, ZERO)
            return True
        if type(vma.pmd) is Pte:
            if vma.file is not None or self.copy_huge_pmd(parent, vma, child, copy):
                return True
            self.split_huge_pmd(parent, vma)
        self.need_table(child, copy)
        page = 0
        while page < self.nr_huge:
            entry = vma.ptes[page]
            if type(entry) is Pte:
                copied = self.copy_present_ptes(parent, vma, child, copy, page)
                if not copied:
                    return False
                page += copied
                continue
            if entry is not None:
                if type(entry) is SwapPte:
                    entry = self.copy_swap_pte(parent, vma, page, entry)
                elif type(entry) is DevicePte:
                    entry = self.copy_device_private(parent, vma, child, page, entry)
                self.set_pte(child, copy, page, entry)
            page += 1
        return True

    def copy_huge_pmd(self, parent: Mm, vma: Vma, child: Mm, copy: Vma) -> bool:
        """Share a PMD-mapped folio; false when it may be pinned."""
        entry = vma.pmd
        assert type(entry) is Pte
        folio = entry.page
        self.fork_get(folio, 1)
        if not self.folio_try_dup_anon_rmap_pmd(folio, parent, child):
            self.folio_put(folio)
            return False
        if entry.writable:
            self.set_pmd(parent, vma, Pte(folio, False))
        self.deposit_table(copy, self.pte_alloc_one())
        self.set_pmd(child, copy, Pte(folio, False))
        return True

    def copy_present_ptes(self, parent: Mm, vma: Vma, child: Mm, copy: Vma, page: int) -> int:
        """Share one PTE's page, or all neighbouring ones of a large folio; copy those that may be pinned.

        How many entries were copied, 0 when no copy can be made.
        """
        pages = self.batch(vma, page, self.nr_huge)
        if self.share_ptes(parent, vma, child, copy, page, pages):
            return len(pages)
        for number, part in enumerate(pages, page):
            shared = len(pages) > 1 and self.share_ptes(parent, vma, child, copy, number, [part])
            if not shared and not self.copy_present_page(part, child, copy, number):
                return 0
        return len(pages)

    def share_ptes(self, parent: Mm, vma: Vma, child: Mm, copy: Vma, page: int, pages: list[Page]) -> bool:
        """Map pages of one folio in both, read-only; false, and nothing done, when one of them may be pinned."""
        folio = pages[0].head
        self.fork_get(folio, len(pages))
        if not self.fork_dup(folio, pages, parent, child):
            self.folio_put(folio, len(pages))
            return False
        for number, part in enumerate(pages, page):
            old = vma.ptes[number]
            if type(old) is Pte and old.writable:
                self.set_pte(parent, vma, number, Pte(part, False))
            self.set_pte(child, copy, number, Pte(part, False))
        return True

    def fork_get(self, folio: Folio, refs: int) -> None:
        """The child's references, before its mappings."""
        self.folio_get(folio, refs)

    def fork_dup(self, folio: Folio, pages: list[Page], parent: Mm, child: Mm) -> bool:
        """The child's mappings; false when a page may be pinned."""
        if type(folio.mapping) is File:
            return self.folio_try_dup_file_rmap_ptes(folio, pages, parent, child)
        return self.folio_try_dup_anon_rmap_ptes(folio, pages, parent, child)

    def folio_try_dup_file_rmap_ptes(self, folio: Folio, pages: list[Page], parent: Mm, child: Mm) -> bool:
        """Pages of a file that is mapped private are never anybody's own."""
        self.folio_add_file_rmap_ptes(folio, pages, child)
        child.file_pages += len(pages)
        return True

    def copy_present_page(self, page: Page, child: Mm, copy: Vma, number: int) -> bool:
        """The child gets a page of its own at once.

        70e806e4e645 ("mm: Do early cow for pinned pages during fork() for ptes", v5.9).
        """
        fresh = self.alloc_folio(0)
        if fresh is None:
            return False
        if not self.copy_page(fresh, page):
            self.folio_put(fresh)
            return False
        self.folio_add_new_anon_rmap(fresh, child, copy, number)
        self.folio_add_lru(fresh)
        self.set_pte(child, copy, number, Pte(fresh, True))
        return True

    def copy_device_private(self, parent: Mm, vma: Vma, child: Mm, page: int, entry: DevicePte) -> DevicePte:
        """copy_nonpresent_pte(): share a page that is on a device; nobody can have pinned it."""
        self.fork_get(entry.page, 1)
        entry.page.anon_exclusive = False
        self.folio_add_anon_rmap_ptes(entry.page, (entry.page,), child)
        shared = DevicePte(entry.page, False)
        if entry.writable:
            self.set_pte(parent, vma, page, shared)
        return shared

    def copy_swap_pte(self, parent: Mm, vma: Vma, page: int, entry: SwapPte) -> SwapPte:
        """A swap entry for two: neither is exclusive any more."""
        self.swap_duplicate(entry.slot)
        shared = SwapPte(entry.slot, False)
        if entry.exclusive:
            self.set_pte(parent, vma, page, shared)
        return shared
