"""Faults in mappings of files: the pages around, private copies, shared writes, and huge mappings.

The context of the fault goes from hand to hand here, and is checked wherever it does: see
`mmfuzz.kernel.context`. The form is that of v5.12 (f9ce0be71d1f, "mm: Cleanup faultaround and finish_fault()
codepaths") and later.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmfuzz.kernel.context import FaultContext
from mmfuzz.kernel.fault import EFAULT, ENOMEM
from mmfuzz.kernel.file import File
from mmfuzz.kernel.mm import DevicePte, Mm, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.shmem import EIO, Shmem
from mmfuzz.observation import TABLE

SIGBUS = "SIGBUS"
FAULT_AROUND_PAGES = 16
"""fault_around_bytes: 64 KiB of 4 KiB pages; at most half of a page table where that is smaller."""


class FileFault(Shmem):
    """do_fault() and what it calls."""

    def handle_fault(self, mm: Mm, vma: Vma, page: int, *, write: bool) -> str:
        """Make one page present, and writable for a write."""
        if vma.file is None:
            return super().handle_fault(mm, vma, page, write=write)
        return self.handle_file_fault(mm, vma, page, write=write)

    def handle_file_fault(self, mm: Mm, vma: Vma, page: int, *, write: bool, unshare: bool = False) -> str:
        """The same for a mapping of a file; `unshare` takes a private copy that is not writable."""
        pmd = vma.pmd
        if type(pmd) is Pte:
            if not unshare and (not write or pmd.writable):
                return ""
            self.unmap_huge_file(mm, vma)
        entry = vma.ptes[page] if vma.pmd is TABLE else None
        if entry is None:
            vmf = FaultContext(mm, vma, page, write=write, unshare=unshare)
            error = self.do_fault(vmf)
            vmf.check_end()
            return error
        if type(entry) is SwapPte:
            return self.do_swap_page(mm, vma, page, entry, write)
        if type(entry) is DevicePte:
            error = self.migrate_to_ram(mm, vma, page)
            return error or self.handle_file_fault(mm, vma, page, write=write, unshare=unshare)
        if unshare or (write and type(entry) is Pte and not entry.writable):
            return "" if self.do_wp_page(mm, vma, page, unshare=unshare) else ENOMEM
        return ""

    def do_fault(self, vmf: FaultContext) -> str:
        """Nothing is mapped yet. What the fault preallocated and nobody used is freed here."""
        vmf.check("do_fault")
        if vmf.vma.shared and vmf.write:
            error = self.do_shared_fault(vmf)
        elif vmf.write or vmf.unshare:
            error = self.do_cow_fault(vmf)
        else:
            error = self.do_read_fault(vmf)
        self.free_prealloc(vmf)
        return error

    def preallocate(self, vmf: FaultContext) -> None:
        """A page table in reserve, where there is none: who needs it must not sleep."""
        vmf.found_table = vmf.vma.pmd is not None
        if not vmf.found_table and vmf.prealloc_pte is None:
            vmf.prealloc_pte = self.pte_alloc_one()

    def free_prealloc(self, vmf: FaultContext) -> None:
        """What was preallocated and not used goes with the fault (b0b9b3df27d1, v4.10)."""
        if vmf.prealloc_pte is not None:
            self.pte_free(vmf.prealloc_pte)
            vmf.prealloc_pte = None

    # The three kinds

    def do_read_fault(self, vmf: FaultContext) -> str:
        """Map what the page cache has around; else find the page and map that."""
        if self.fault_around_pages() > 1 and self.do_fault_around(vmf):
            return ""
        error = self.find_page(vmf)
        return error or self.finish_found(vmf)

    def finish_found(self, vmf: FaultContext) -> str:
        """Map what was found, and unlock it; its reference goes where the mapping did not take it over."""
        assert vmf.page is not None
        folio = vmf.page.head
        self.finish_fault(vmf)
        self.folio_unlock(folio)
        self.give_back(vmf)
        return ""

    def do_cow_fault(self, vmf: FaultContext) -> str:
        """A private copy at once."""
        copy = self.alloc_folio(0)
        if copy is None:
            return ENOMEM
        vmf.cow_page = copy
        error = self.find_page(vmf)
        if error:
            vmf.cow_page = None
            self.folio_put(copy)
            return error
        assert vmf.page is not None
        copy.content = vmf.page.content
        self.finish_found(vmf)
        self.give_back_copy(vmf)
        return ""

    def do_shared_fault(self, vmf: FaultContext) -> str:
        """The page itself, for writing: the file system hears of it first."""
        error = self.find_page(vmf)
        if error:
            return error
        assert vmf.page is not None
        self.page_mkwrite(vmf.page)
        return self.finish_found(vmf)

    def find_page(self, vmf: FaultContext) -> str:
        """__do_fault(): the page comes locked, with one reference; SIGBUS behind the end of the file.

        A page table is preallocated first: no allocation may wait while the page is locked (63f3655f9501, "mm,
        memcg: fix reclaim deadlock with writeback", v5.0).
        """
        self.preallocate(vmf)
        file = vmf.vma.file
        assert file is not None
        while not self.is_behind_end(vmf, file):
            page = self.file_page(file, vmf.address)
            if isinstance(page, str):
                return EFAULT if page == EIO else page
            folio = page.head
            self.folio_lock(folio)
            if self.is_in_cache(file, folio):
                if not self.is_behind_end(vmf, file):
                    vmf.page = page
                    return ""
                self.drop_behind_end(file, folio)
            self.folio_unlock(folio)
            self.folio_put(folio)
        return SIGBUS

    def is_behind_end(self, vmf: FaultContext, file: File) -> bool:
        """Whether the address is behind the end of the file; looked at again with the page locked."""
        self.critical("i_size")
        vmf.size = file.size
        return vmf.address >= vmf.size

    def drop_behind_end(self, file: File, folio: Folio) -> None:
        """shmem_get_folio_gfp(): what was brought in while the file was truncated is nobody else's to take out."""
        if folio.index >= file.size and not self.folio_mapped(folio):
            self.filemap_remove_folio(folio)

    def is_in_cache(self, file: File, folio: Folio) -> bool:
        """Whether a locked folio has not been truncated before it was locked."""
        return folio.mapping is file

    def give_back(self, vmf: FaultContext) -> None:
        """The page that the handler found was not what was mapped: its reference goes."""
        if vmf.page is not None:
            self.put_page(vmf.page)
            vmf.page = None

    def give_back_copy(self, vmf: FaultContext) -> None:
        """Somebody else mapped something first: the private copy goes."""
        if vmf.cow_page is not None:
            self.folio_put(vmf.cow_page)
            vmf.cow_page = None

    # The pages around

    def fault_around_pages(self) -> int:
        """The size of the window, a power of two."""
        return min(FAULT_AROUND_PAGES, self.nr_huge // 2)

    def around_window(self, vmf: FaultContext) -> range:
        """The aligned window, clipped to the VMA, the page table and the end of the file."""
        return vmf.limits()

    def do_fault_around(self, vmf: FaultContext) -> bool:
        """Whether the faulting page was mapped along with others that the page cache has."""
        self.preallocate(vmf)
        vmf.check_map_pages()
        file = vmf.vma.file
        assert file is not None
        vmf.size = file.size
        vmf.window = self.fault_around_pages()
        mapped = self.filemap_map_pages(vmf, self.around_window(vmf))
        vmf.window = 0
        vmf.check_around()
        return mapped

    def filemap_map_pages(self, vmf: FaultContext, window: range) -> bool:
        """Map every cached page of the window whose entry is empty: whether the page that faulted is mapped then."""
        around = self.next_uptodate(vmf, window)
        for pages in around:
            if vmf.pte is None:
                if self.filemap_map_pmd(vmf, pages[0]):
                    return True
                if not self.pte_map_lock(vmf):
                    self.end_around(pages[0])
                    return False
            for page in pages:
                self.map_around(vmf, page)
            self.end_around(pages[0])
        if vmf.pte is None:
            return False
        solved = vmf.vma.ptes[vmf.asked] is not None
        self.back_to_asked(vmf)
        self.pte_unmap_unlock(vmf)
        return solved

    def next_uptodate(self, vmf: FaultContext, window: range) -> Iterator[list[Page]]:
        """next_uptodate_folio(): the pages of a window that are in the page cache, folio by folio.

        Each folio comes locked and with a reference, for end_around() to give back. What is locked, or cannot be
        had without waiting, is left out.
        """
        file = vmf.vma.file
        assert file is not None
        index = window.start
        while index < window.stop:
            page = file.pages.get(index)
            stop = index + 1
            if isinstance(page, Page):
                folio = page.head
                number = page.pfn - folio.pfn
                stop = min(window.stop, max(stop, index + len(folio.pages) - number))
                if self.try_lock_cached(file, index, page, folio):
                    yield folio.pages[number : number + stop - index]
            index = stop

    def try_lock_cached(self, file: File, index: int, page: Page, folio: Folio) -> bool:
        """A reference on what an entry has, and its lock, if both are to be had now and it is still there then."""
        if not folio.ref_add_unless_zero():
            return False
        self.touched[folio] = None
        if self.entry_is_same(file, index, page, folio) and self.folio_trylock(folio):
            self.critical("i_size")
            if self.is_in_cache(file, folio) and index < file.size:
                return True
            self.folio_unlock(folio)
        self.folio_put(folio)
        return False

    def end_around(self, page: Page) -> None:
        """A folio of the pages around is done with."""
        folio = page.head
        self.folio_unlock(folio)
        self.folio_put(folio)

    def map_around(self, vmf: FaultContext, page: Page) -> None:
        """One of the pages around, with a reference of its own."""
        vmf.address = vmf.pte = page.head.index + page.number
        if vmf.vma.ptes[vmf.address] is None:
            self.get_page(page)
            self.set_pte_range(vmf, page, 1, prefault=True)

    def back_to_asked(self, vmf: FaultContext) -> None:
        """The context is the faulting page's again."""
        vmf.address = vmf.asked
        if vmf.pte is not None:
            vmf.pte = vmf.asked

    def filemap_map_pmd(self, vmf: FaultContext, page: Page) -> bool:
        """Whether a huge mapping solves the fault: there already, or made now; else there is a page table after.

        What was locked for it is given back then.
        """
        if type(vmf.vma.pmd) is not Pte:
            if vmf.vma.pmd is None and self.can_map_huge(vmf, page):
                self.get_page(page)
                if not self.do_set_pmd(vmf, page):
                    self.put_page(page)
            if vmf.vma.pmd is None:
                self.install_prealloc(vmf)
        if type(vmf.vma.pmd) is Pte:
            self.end_around(page)
            return True
        return False

    # The lock of the page table

    def pte_map_lock(self, vmf: FaultContext) -> bool:
        """pte_offset_map_lock(): false where there is no page table (any more)."""
        self.spin_lock(vmf.vma)
        if vmf.vma.pmd is not TABLE:
            self.spin_unlock(vmf.vma)
            return False
        vmf.pte, vmf.ptl = vmf.address, "pte"
        return True

    def pte_unmap_unlock(self, vmf: FaultContext) -> None:
        """pte_unmap_unlock(): the entry means nothing without the lock."""
        vmf.pte = vmf.ptl = None
        self.spin_unlock(vmf.vma)

    # Installing

    def finish_fault(self, vmf: FaultContext) -> None:
        """Map what was found; its reference becomes the mapping's, if nobody else has mapped anything there."""
        vmf.check("finish_fault")
        page = vmf.cow_page or vmf.page
        assert page is not None
        if vmf.vma.pmd is None:
            if vmf.cow_page is None and self.can_map_huge(vmf, page) and self.do_set_pmd(vmf, page):
                vmf.page = None
                return
            self.install_prealloc(vmf)
        span = self.finish_span(vmf, page)
        vmf.address = span.start
        if self.pte_map_lock(vmf):
            if self.ptes_are_none(vmf, span):
                self.map_found(vmf, page, span)
            elif len(span) > 1:
                self.finish_one(vmf, page)
            self.pte_unmap_unlock(vmf)
        self.back_to_asked(vmf)

    def finish_one(self, vmf: FaultContext, page: Page) -> None:
        """Something is mapped where the folio would be: the page that was asked for, if that is missing still."""
        self.back_to_asked(vmf)
        if self.ptes_are_none(vmf, range(vmf.asked, vmf.asked + 1)):
            self.map_found(vmf, page, range(vmf.asked, vmf.asked + 1))

    def ptes_are_none(self, vmf: FaultContext, span: range) -> bool:
        """vmf_pte_changed(), pte_range_none(), under the lock: whether the fault is still to be solved."""
        return all(vmf.vma.ptes[index] is None for index in span)

    def map_found(self, vmf: FaultContext, page: Page, span: range) -> None:
        """Write the entries of a range, one reference each: the first is the handler's."""
        if len(span) > 1:
            page = page.head.pages[page.number - (vmf.asked - span.start)]
            self.folio_get(page.head, len(span) - 1)
        self.set_pte_range(vmf, page, len(span))
        if vmf.cow_page is not None:
            vmf.cow_page = None
        else:
            vmf.page = None

    def finish_span(self, vmf: FaultContext, page: Page) -> range:
        """All of a folio that fits into the VMA, the page table and the file; see ptes_are_none().

        19773df031bc ("mm/fault: try to map the entire file folio in finish_fault()", v6.18).
        """
        one = range(vmf.address, vmf.address + 1)
        folio = page.head
        if vmf.cow_page is not None or not folio.order:
            return one
        return self.clipped(vmf, range(folio.index, folio.index + len(folio.pages)))

    def clipped(self, vmf: FaultContext, span: range) -> range:
        """As much of a range as may be mapped."""
        limits = vmf.limits()
        return range(max(span.start, limits.start), min(span.stop, limits.stop))

    def install_prealloc(self, vmf: FaultContext) -> None:
        """pmd_install(): the preallocated page table has a new owner, or is surplus if there is something by now."""
        table = vmf.prealloc_pte
        if table is None and vmf.found_table:
            # A collapse took the table away meanwhile; the fault is tried again.
            return
        if table is None:
            raise vmf.broken("F7: a page table is to be allocated while the page is locked", "pmd_install")
        self.spin_lock(vmf.vma)
        if self.pmd_is_none(vmf):
            if vmf.vma.pmd is not None:
                raise vmf.broken(
                    "F6: a page table is to be installed where there is something", "pmd_install"
                )
            vmf.prealloc_pte = None
            # Who sees the table sees that it is empty.
            self.smp_wmb()
            self.pmd_install(vmf.mm, vmf.vma, table)
        self.spin_unlock(vmf.vma)

    def pmd_is_none(self, vmf: FaultContext) -> bool:
        """pmd_none(), under the lock: whether nobody else has put anything there."""
        return vmf.vma.pmd is None

    def can_map_huge(self, vmf: FaultContext, page: Page) -> bool:
        """Whether the PMD can map the folio whole: the VMA must have all of it, and the file too, but for shmem.

        74207de2ba10 ("mm/memory: do not populate page table entries beyond i_size", v6.18) left shmem as it was.
        """
        file = vmf.vma.file
        assert file is not None
        fits = file.shmem or file.size == self.nr_huge
        return page.head.order == self.huge_order and fits and all(vmf.vma.present)

    def do_set_pmd(self, vmf: FaultContext, page: Page) -> bool:
        """One reference, which the caller took, and one PMD map; false if there is something by now.

        No page table is deposited for a file.
        """
        folio = page.head
        self.spin_lock(vmf.vma)
        free = self.pmd_is_none(vmf)
        if free:
            self.folio_add_file_rmap_pmd(folio, vmf.mm)
            self.mapped_file(vmf.mm, len(folio.pages))
            self.set_pmd(vmf.mm, vmf.vma, Pte(folio, vmf.write and vmf.vma.shared))
        self.spin_unlock(vmf.vma)
        return free

    def set_pte_range(self, vmf: FaultContext, page: Page, pages: int, *, prefault: bool = False) -> None:
        """Write `pages` entries from the context's address on, for pages of one folio from `page` on."""
        mm, vma, folio = vmf.mm, vmf.vma, page.head
        parts = folio.pages[page.number : page.number + pages]
        for index in range(vmf.address, vmf.address + pages):
            vmf.check_install(index, vma.ptes[index])
        if vmf.cow_page is not None:
            self.folio_add_new_anon_rmap(folio, mm, vma, vmf.address)
            self.folio_add_lru(folio)
        else:
            self.folio_add_file_rmap_ptes(folio, parts, mm)
            self.mapped_file(mm, pages)
        writable = vmf.write and not prefault
        for index, part in enumerate(parts, vmf.address):
            self.set_pte(mm, vma, index, Pte(part, writable))

    def mapped_file(self, mm: Mm, pages: int) -> None:
        """Pages of a file are mapped: MM_FILEPAGES."""
        mm.file_pages += pages

    # read() and write()

    def read_file(self, file: File, span: range) -> tuple[str, list[int | None]]:
        """read(2): an errno name, and what each page holds. A hole of a shmem file stays one."""
        values: list[int | None] = []
        for index in span:
            if (file.shmem or file.pgmap is not None) and index not in file.pages:
                values.append(0)
                continue
            page = self.file_page(file, index)
            if isinstance(page, str):
                return page, values
            values.append(page.content)
            self.put_found(page)
        return "", values

    def put_found(self, page: Page) -> None:
        """The end of file_page()."""
        self.put_page(page)

    def write_file(self, file: File, index: int, content: int) -> str:
        """write(2) of one page, beyond the end of the file too."""
        self.down_write(file.inode)
        error = self.write_page(file, index, content)
        if not error:
            self.critical("i_size")
            file.size = max(file.size, index + 1)
        self.up_write(file.inode)
        return error

    def write_page(self, file: File, index: int, content: int) -> str:
        """generic_perform_write() of one page: it is locked, in the page cache, and not on its way to disk."""
        while True:
            page = self.file_page(file, index)
            if isinstance(page, str):
                return page
            folio = page.head
            self.folio_lock(folio)
            found = self.is_in_cache(file, folio)
            if found:
                self.wait_on_writeback(folio)
                page.content = content
                self.touched[folio] = None
                self.mark_dirty(folio)
            self.folio_unlock(folio)
            self.put_found(page)
            if found:
                return ""
