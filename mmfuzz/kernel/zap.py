"""Unmapping: madvise(MADV_DONTNEED), munmap, and the end of an address space."""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.huge import HugeMappings
from mmfuzz.kernel.mm import DevicePte, Mm, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.observation import TABLE, KernelBug


class Zap(HugeMappings):
    """zap_page_range(): entries, then mapcounts, then references."""

    def zap_range(self, mm: Mm, vma: Vma, span: range) -> None:
        """Empty the entries of a range; a PMD that maps more than that is split first."""
        pmd = vma.pmd
        if pmd is None:
            return
        if pmd is not TABLE:
            if len(span) == self.nr_huge and self.zap_pmd(mm, vma):
                return
            self.split_huge_pmd(mm, vma)
        if not self.pte_offset_map_lock(vma):
            return
        page = span.start
        ptes = vma.ptes
        while page < span.stop:
            if ptes[page] is None:
                page += 1
            else:
                page += self.zap_pte(mm, vma, page, span.stop)
        self.spin_unlock(vma)

    def zap_pmd(self, mm: Mm, vma: Vma) -> bool:
        """Drop the PMD mapping of an area; false where somebody has split it."""
        if vma.file is not None:
            self.unmap_huge_file(mm, vma)
            return True
        entry = self.pmd_lock(vma)
        if entry is None or entry is TABLE:
            self.spin_unlock(vma)
            return entry is None
        self.set_pmd(mm, vma, None)
        if type(entry) is Pte:
            self.folio_remove_rmap_pmd(entry.page, mm)
        table = self.withdraw_table(vma)
        self.spin_unlock(vma)
        if type(entry) is Pte:
            self.zap_put(entry.page, 1)
        self.pte_free(table)
        return True

    def zap_pte(self, mm: Mm, vma: Vma, page: int, stop: int) -> int:
        """Drop one entry, or all neighbouring ones of one large folio; how many. With the page-table lock."""
        entry = vma.ptes[page]
        if type(entry) is Pte:
            pages = self.batch(vma, page, stop)
            for number in range(page, page + len(pages)):
                self.set_pte(mm, vma, number, None)
            folio = entry.page.head
            # While it is mapped nobody truncates it without the page-table lock; afterwards it may be no file's.
            is_files = vma.file is not None and type(folio.mapping) is File
            self.folio_remove_rmap_ptes(folio, pages, mm)
            if is_files:
                self.unmapped_file(mm, folio, len(pages))
            self.zap_put(folio, len(pages))
            return len(pages)
        self.set_pte(mm, vma, page, None)
        if type(entry) is SwapPte:
            self.free_swap_and_cache(entry.slot)
        elif type(entry) is DevicePte:
            self.zap_device_private(entry.page, mm)
        return 1

    def zap_device_private(self, folio: Folio, mm: Mm) -> None:
        """zap_nonpresent_ptes(): a device-private entry had a mapcount and a reference."""
        self.folio_remove_rmap_ptes(folio, (folio,), mm)
        self.folio_put(folio)

    def batch(self, vma: Vma, page: int, stop: int) -> list[Page]:
        """The pages of one folio that neighbouring PTEs map in order, from `page` on: folio_pte_batch()."""
        entry = vma.ptes[page]
        assert type(entry) is Pte
        first = entry.page
        folio = first.head
        if not folio.order:
            return [first]
        pages = [first]
        number = first.number + 1
        page += 1
        while page < stop and number < len(folio.pages):
            entry = vma.ptes[page]
            if type(entry) is not Pte or entry.page is not folio.pages[number]:
                break
            pages.append(entry.page)
            page += 1
            number += 1
        return pages

    def zap_put(self, folio: Folio, refs: int) -> None:
        """free_folio_and_swap_cache(): the last step of unmapping."""
        self.free_swap_cache(folio)
        self.folio_put(folio, refs)

    def exit_mm(self, mm: Mm) -> None:
        """The end of an address space; with its mmap_lock."""
        for vma in mm.vmas.values():
            self.zap_range(mm, vma, range(self.nr_huge))
            self.unlink_vma(mm, vma)
            self.free_tables(mm, vma)
        if mm.file_pages:
            raise KernelBug(f"BUG: Bad rss-counter state: {mm.file_pages} pages of files")
        mm.vmas.clear()
        del self.mms[mm.process]

    def unmap_vma(self, mm: Mm, vma: Vma, span: range) -> None:
        """munmap() of a range; with the mmap_lock for writing."""
        self.zap_range(mm, vma, span)
        for page in span:
            vma.present[page] = False
        if not any(vma.present):
            self.unlink_vma(mm, vma)
            self.free_tables(mm, vma)
            del mm.vmas[vma.area]

    def unlink_vma(self, mm: Mm, vma: Vma) -> None:
        """Reverse mapping does not find the area any more."""
        if vma.anon_vma is not None:
            self.down_write(vma.anon_vma)
            vma.anon_vma.mms.pop(mm, None)
            self.up_write(vma.anon_vma)
        if vma.file is not None:
            self.down_write(vma.file)
            vma.file.mappers.pop((mm, vma), None)
            self.up_write(vma.file)
