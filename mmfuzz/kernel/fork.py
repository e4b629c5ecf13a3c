"""fork: page tables copied, pages shared read-only, pinned pages copied at once."""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.gupfast import GupFast
from mmfuzz.kernel.mm import DevicePte, MigrationPte, Mm, PmdEntry, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.observation import TABLE, ZERO


class Fork(GupFast):
    """dup_mmap() and copy_page_range()."""

    def fork_mm(self, parent: Mm, process: int, cpu: int) -> str:
        """A copy of an address space; ENOMEM leaves no trace of it. With the parent's mmap_lock for writing."""
        if process in self.mms:
            return "EAGAIN"
        child = self.new_mm(process, cpu)
        self.down_write(child)
        for vma in parent.vmas.values():
            copy = child.vmas[vma.area] = self.vma_type(
                vma.area, vma.order, self.nr_huge, vma.file, shared=vma.shared
            )
            copy.present = vma.present.copy()
            self.link_vma(vma, child, copy)
        error = self.copy_page_tables(parent, child)
        if error:
            self.exit_mm(child)
        self.up_write(child)
        return error

    def link_vma(self, vma: Vma, child: Mm, copy: Vma) -> None:
        """anon_vma_fork(), and i_mmap: reverse mapping finds the copy before there is anything in it."""
        if vma.file is not None:
            self.down_write(vma.file)
            vma.file.mappers[child, copy] = None
            self.up_write(vma.file)
        copy.anon_vma = vma.anon_vma
        if vma.anon_vma is not None:
            self.down_write(vma.anon_vma)
            vma.anon_vma.mms[child] = None
            self.up_write(vma.anon_vma)

    def copy_page_tables(self, parent: Mm, child: Mm) -> str:
        """copy_page_range() of every area, which GUP-fast hears of: see write_protect_begin()."""
        self.write_protect_begin(parent)
        copied = all(
            self.copy_area(parent, vma, child, child.vmas[area]) for area, vma in parent.vmas.items()
        )
        self.write_protect_end(parent)
        return "" if copied else "ENOMEM"

    def write_protect_begin(self, mm: Mm) -> None:
        """raw_write_seqcount_begin(): who pins without a lock while pages are shared has to do it over.

        57efa1fe5957 ("mm/gup: prevent gup_fast from racing with COW during fork", v5.11).
        """
        mm.write_protect_seq += 1
        self.smp_wmb()

    def write_protect_end(self, mm: Mm) -> None:
        """raw_write_seqcount_end()."""
        self.smp_wmb()
        mm.write_protect_seq += 1

    def copy_area(self, parent: Mm, vma: Vma, child: Mm, copy: Vma) -> bool:
        """Copy one area's entries; false when a page had to be copied and could not.

        An area without an anon_vma was only ever read, or maps a file shared: a child finds its pages by faults of
        its own, and so it does with a file's huge page.
        """
        pmd = vma.pmd
        if pmd is None or vma.anon_vma is None:
            return True
        if pmd is not TABLE:
            if vma.file is not None or self.copy_huge_pmd(parent, vma, child, copy):
                return True
            self.split_huge_pmd(parent, vma)
        self.need_table(child, copy)
        if not self.pte_offset_map_lock(vma):
            return True
        self.spin_lock(copy)
        copied = self.copy_pte_range(parent, vma, child, copy)
        self.spin_unlock(copy)
        self.spin_unlock(vma)
        return copied

    def copy_pte_range(self, parent: Mm, vma: Vma, child: Mm, copy: Vma) -> bool:
        """The entries of two page tables, which are locked, but not while a page is allocated."""
        page = 0
        while page < self.nr_huge:
            entry = vma.ptes[page]
            if type(entry) is Pte:
                copied = self.copy_present_ptes(parent, vma, child, copy, page)
                if copied is None:
                    return False
                page += copied
                continue
            if entry is not None:
                if type(entry) is SwapPte:
                    entry = self.copy_swap_pte(parent, vma, page, entry)
                elif type(entry) is DevicePte:
                    entry = self.copy_device_private(parent, vma, child, page, entry)
                elif type(entry) is MigrationPte:
                    entry = MigrationPte(entry.page, False, False)
                    self.set_pte(parent, vma, page, entry)
                self.set_pte(child, copy, page, entry)
            page += 1
        return True

    def copy_huge_pmd(self, parent: Mm, vma: Vma, child: Mm, copy: Vma) -> bool:
        """Share a PMD-mapped folio, or the huge zero page; false when it may be pinned, or is not mapped so."""
        table = self.pte_alloc_one()
        entry = self.pmd_lock(vma)
        self.spin_lock(copy)
        shared: PmdEntry = None
        if entry is ZERO:
            shared = ZERO
        elif type(entry) is MigrationPte:
            shared = MigrationPte(entry.page, False, False)
            self.set_pmd(parent, vma, shared)
        elif type(entry) is Pte and self.share_pmd(entry.page, parent, child):
            shared = Pte(entry.page, False)
            if entry.writable:
                self.set_pmd(parent, vma, shared)
        if shared is not None:
            self.deposit_table(copy, table)
            self.set_pmd(child, copy, shared)
        self.spin_unlock(copy)
        self.spin_unlock(vma)
        if shared is None:
            self.pte_free(table)
        return shared is not None

    def share_pmd(self, folio: Folio, parent: Mm, child: Mm) -> bool:
        """The child's reference and map of a folio that a PMD maps; false, and none, when it may be pinned."""
        self.fork_get(folio, 1)
        if self.folio_try_dup_anon_rmap_pmd(folio, parent, child):
            return True
        self.folio_put(folio)
        return False

    def copy_present_ptes(self, parent: Mm, vma: Vma, child: Mm, copy: Vma, page: int) -> int | None:
        """Share one PTE's page, or all neighbouring ones of a large folio; copy one that may be pinned.

        How many entries were copied, None when no copy can be made; 0 where the entry is another one when a page has
        been allocated for that.
        """
        pages = self.batch(vma, page, self.nr_huge)
        if self.share_ptes(parent, vma, child, copy, page, pages):
            return len(pages)
        if len(pages) > 1 and self.share_ptes(parent, vma, child, copy, page, pages[:1]):
            return 1
        fresh = self.prealloc_for_copy(vma, copy)
        if fresh is None:
            return None
        entry = vma.ptes[page]
        if type(entry) is not Pte or entry.page is not pages[0]:
            self.folio_put(fresh)
            return 0
        return 1 if self.copy_present_page(pages[0], fresh, child, copy, page) else None

    def prealloc_for_copy(self, vma: Vma, copy: Vma) -> Folio | None:
        """page_copy_prealloc(): a page, for which both page tables are unlocked and locked again."""
        self.spin_unlock(copy)
        self.spin_unlock(vma)
        fresh = self.alloc_folio(0)
        self.spin_lock(vma)
        self.spin_lock(copy)
        return fresh

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

    def copy_present_page(self, page: Page, fresh: Folio, child: Mm, copy: Vma, number: int) -> bool:
        """The child gets a page of its own at once.

        70e806e4e645 ("mm: Do early cow for pinned pages during fork() for ptes", v5.9).
        """
        if not self.copy_page(fresh, page):
            self.folio_put(fresh)
            return False
        self.folio_mark_uptodate(fresh)
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
