"""Faults in mappings of files: the pages around, private copies, shared writes, and huge mappings.

The context of the fault goes from hand to hand here, and is checked wherever it does: see
`mmfuzz.kernel.context`. The form is that of v5.12 (f9ce0be71d1f, "mm: Cleanup faultaround and finish_fault()
codepaths") and later.
"""

from __future__ import annotations

from mmfuzz.kernel.context import FaultContext
from mmfuzz.kernel.fault import EFAULT, ENOMEM
from mmfuzz.kernel.file import File
from mmfuzz.kernel.mm import DevicePte, Mm, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Page
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
        if type(vma.pmd) is Pte:
            if not unshare and (not write or vma.pmd.writable):
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
        if not error:
            self.finish_fault(vmf)
            self.give_back(vmf)
        return error

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
        self.finish_fault(vmf)
        self.give_back(vmf)
        return ""

    def do_shared_fault(self, vmf: FaultContext) -> str:
        """The page itself, for writing: the file system hears of it first."""
        error = self.find_page(vmf)
        if not error:
            assert vmf.page is not None
            self.page_mkwrite(vmf.page)
            self.finish_fault(vmf)
            self.give_back(vmf)
        return error

    def find_page(self, vmf: FaultContext) -> str:
        """__do_fault(): the page comes locked, with one reference; SIGBUS behind the end of the file.

        A page table is preallocated first: no allocation may wait while the page is locked (63f3655f9501, "mm,
        memcg: fix reclaim deadlock with writeback", v5.0).
        """
        if vmf.vma.pmd is None and vmf.prealloc_pte is None:
            vmf.prealloc_pte = self.pte_alloc_one()
        file = vmf.vma.file
        assert file is not None
        if vmf.address >= file.size:
            return SIGBUS
        page = self.file_page(file, vmf.address)
        if isinstance(page, str):
            return EFAULT if page == EIO else page
        self.get_page(page)
        vmf.page = page
        return ""

    def give_back(self, vmf: FaultContext) -> None:
        """The page that the handler found was not what was mapped: its reference goes."""
        if vmf.page is not None:
            self.put_page(vmf.page)
            vmf.page = None

    # The pages around

    def fault_around_pages(self) -> int:
        """The size of the window, a power of two."""
        return min(FAULT_AROUND_PAGES, self.nr_huge // 2)

    def around_window(self, vmf: FaultContext) -> range:
        """The aligned window, clipped to the VMA, the page table and the end of the file."""
        return vmf.limits()

    def do_fault_around(self, vmf: FaultContext) -> bool:
        """Whether the faulting page was mapped along with others that the page cache has."""
        if vmf.vma.pmd is None:
            vmf.prealloc_pte = self.pte_alloc_one()
        vmf.check_map_pages()
        vmf.window = self.fault_around_pages()
        mapped = self.filemap_map_pages(vmf, self.around_window(vmf))
        vmf.window = 0
        vmf.check_around()
        return mapped

    def filemap_map_pages(self, vmf: FaultContext, window: range) -> bool:
        """Map every cached page of the window whose entry is empty."""
        vma = vmf.vma
        found = self.next_uptodate(vmf, window)
        if not found:
            return False
        if self.filemap_map_pmd(vmf, found[0]):
            return True
        for page in found:
            self.map_around(vmf, page)
        self.back_to_asked(vmf)
        return vma.ptes[vmf.asked] is not None

    def next_uptodate(self, vmf: FaultContext, window: range) -> list[Page]:
        """The pages of a window that are in the page cache."""
        file = vmf.vma.file
        assert file is not None
        return [page for page in map(file.cached, window) if page is not None]

    def map_around(self, vmf: FaultContext, page: Page) -> None:
        """One of the pages around, with a reference of its own."""
        vmf.address = page.head.index + page.number
        vmf.pte = vmf.address
        vmf.ptl = "pte"
        if vmf.vma.ptes[vmf.address] is None:
            self.get_page(page)
            self.set_pte_range(vmf, page, 1, prefault=True)
        vmf.ptl = None

    def back_to_asked(self, vmf: FaultContext) -> None:
        """The context is the faulting page's again."""
        vmf.address = vmf.asked
        vmf.pte = None

    def filemap_map_pmd(self, vmf: FaultContext, page: Page) -> bool:
        """Whether a huge mapping solves the fault: there already, or made now; else there is a page table after."""
        if type(vmf.vma.pmd) is Pte:
            return True
        if vmf.vma.pmd is None:
            if self.can_map_huge(vmf, page):
                self.get_page(page)
                self.do_set_pmd(vmf, page)
                return True
            self.install_prealloc(vmf)
        return False

    # Installing

    def finish_fault(self, vmf: FaultContext) -> None:
        """Map what was found; its reference becomes the mapping's."""
        vmf.check("finish_fault")
        page = vmf.cow_page or vmf.page
        assert page is not None
        if vmf.vma.pmd is None:
            if vmf.cow_page is None and self.can_map_huge(vmf, page):
                self.do_set_pmd(vmf, page)
                vmf.page = None
                return
            self.install_prealloc(vmf)
        span = self.finish_span(vmf, page)
        self.map_found(vmf, page, span)

    def map_found(self, vmf: FaultContext, page: Page, span: range) -> None:
        """Write the entries of a range, one reference each: the first is the handler's."""
        if len(span) > 1:
            page = page.head.pages[page.number - (vmf.address - span.start)]
            self.folio_get(page.head, len(span) - 1)
        vmf.address = vmf.pte = span.start
        vmf.ptl = "pte"
        self.set_pte_range(vmf, page, len(span))
        vmf.ptl = None
        self.back_to_asked(vmf)
        if vmf.cow_page is not None:
            vmf.cow_page = None
        else:
            vmf.page = None

    def finish_span(self, vmf: FaultContext, page: Page) -> range:
        """All of a folio that fits into the VMA, the page table and the file, if nothing is there yet.

        19773df031bc ("mm/fault: try to map the entire file folio in finish_fault()", v6.18).
        """
        one = range(vmf.address, vmf.address + 1)
        folio = page.head
        if vmf.cow_page is not None or not folio.order:
            return one
        span = self.clipped(vmf, range(folio.index, folio.index + len(folio.pages)))
        if any(vmf.vma.ptes[index] is not None for index in span):
            return one
        return span

    def clipped(self, vmf: FaultContext, span: range) -> range:
        """As much of a range as may be mapped."""
        limits = vmf.limits()
        return range(max(span.start, limits.start), min(span.stop, limits.stop))

    def install_prealloc(self, vmf: FaultContext) -> None:
        """pmd_install(): the preallocated page table has a new owner."""
        table = vmf.prealloc_pte
        if table is None:
            raise vmf.broken("F7: a page table is to be allocated while the page is locked", "pmd_install")
        if vmf.vma.pmd is not None:
            raise vmf.broken("F6: a page table is to be installed where there is something", "pmd_install")
        vmf.prealloc_pte = None
        self.pmd_install(vmf.mm, vmf.vma, table)

    def can_map_huge(self, vmf: FaultContext, page: Page) -> bool:
        """Whether the PMD can map the folio whole: the VMA must have all of it, and the file too, but for shmem.

        74207de2ba10 ("mm/memory: do not populate page table entries beyond i_size", v6.18) left shmem as it was.
        """
        file = vmf.vma.file
        assert file is not None
        fits = file.shmem or file.size == self.nr_huge
        return page.head.order == self.huge_order and fits and all(vmf.vma.present)

    def do_set_pmd(self, vmf: FaultContext, page: Page) -> None:
        """One reference, which the caller took, and one PMD map. No page table is deposited for a file."""
        folio = page.head
        self.folio_add_file_rmap_pmd(folio, vmf.mm)
        self.mapped_file(vmf.mm, len(folio.pages))
        self.set_pmd(vmf.mm, vmf.vma, Pte(folio, vmf.write and vmf.vma.shared))

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
        return "", values

    def write_file(self, file: File, index: int, content: int) -> str:
        """write(2) of one page, beyond the end of the file too."""
        page = self.file_page(file, index)
        if isinstance(page, str):
            return page
        self.wait_on_writeback(page.head)
        page.content = content
        self.touched[page.head] = None
        self.mark_dirty(page.head)
        file.size = max(file.size, index + 1)
        return ""
