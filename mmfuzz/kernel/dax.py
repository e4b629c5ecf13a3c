"""Files whose pages are on a device: mapped, read and written there, with no page cache between.

What a file has at an index is a block of the device, and its page is the device's (fsdax), or the device itself is
the file (device-dax). Nobody copies such a page into memory, so reclaim, migration and LRU lists have nothing to do
with it. Here a block is given to a file when something first touches it, be it to read.
"""

from __future__ import annotations

from mmfuzz.kernel.context import FaultContext
from mmfuzz.kernel.device import DevPagemap
from mmfuzz.kernel.fault import ENOMEM
from mmfuzz.kernel.file import File
from mmfuzz.kernel.filefault import SIGBUS, FileFault
from mmfuzz.kernel.mm import Vma
from mmfuzz.kernel.page import Page


class Dax(FileFault):
    """dax_iomap_fault() and dev_dax_fault(), by single pages."""

    def file_page(self, file: File, index: int) -> Page | str:
        """The page that a file has at an index, be it in memory or on a device."""
        return (
            super().file_page(file, index) if file.pgmap is None else self.dax_block(file, file.pgmap, index)
        )

    def put_found(self, page: Page) -> None:
        """A block's page is not referred to for reading and writing."""
        if page.pgmap is None:
            super().put_found(page)

    def dax_block(self, file: File, pgmap: DevPagemap, index: int) -> Page:
        """The page of a file's block; a block of zeroes where there is none yet."""
        found = file.cached(index)
        if found is None:
            self.spin_lock(file)
            found = file.cached(index) or self.dax_insert_entry(file, pgmap, index)
            self.spin_unlock(file)
        return found

    def dax_insert_entry(self, file: File, pgmap: DevPagemap, index: int) -> Page:
        """A block of zeroes is the file's from now on."""
        self.critical("blocks")
        found, _ = pgmap.free.popitem()
        found.content = 0
        found.mapping = file
        found.index = index
        self.blocks[found] = None
        self.touched[found] = None
        self.smp_wmb()
        self.set_cached(file, index, found)
        return found

    def do_fault(self, vmf: FaultContext) -> str:
        """A fault on a file of either kind."""
        file = vmf.vma.file
        assert file is not None
        if file.pgmap is None:
            return super().do_fault(vmf)
        if vmf.address >= file.size:
            return SIGBUS
        self.preallocate(vmf)
        error = self.dax_fault(vmf, file, file.pgmap)
        self.free_prealloc(vmf)
        return error

    def dax_fault(self, vmf: FaultContext, file: File, pgmap: DevPagemap) -> str:
        """Map the page of a block, or a private copy of it."""
        if (vmf.write or vmf.unshare) and not vmf.vma.shared:
            return self.dax_fault_cow_page(vmf, file)
        self.vmf_insert_page_mkwrite(vmf, self.dax_block(file, pgmap, vmf.address))
        return ""

    def dax_fault_cow_page(self, vmf: FaultContext, file: File) -> str:
        """A copy in memory, straight from the device: its page is not referred to for that."""
        copy = self.alloc_folio(0)
        if copy is None:
            return ENOMEM
        block = file.cached(vmf.address)
        copy.content = block.content if block is not None else 0
        vmf.cow_page = copy
        self.finish_fault(vmf)
        self.give_back_copy(vmf)
        return ""

    def vmf_insert_page_mkwrite(self, vmf: FaultContext, page: Page) -> None:
        """Map a page of a device, with a reference and a mapcount (38607c62b34b, v6.15)."""
        if vmf.vma.pmd is None:
            self.install_prealloc(vmf)
        if self.pte_map_lock(vmf):
            if self.ptes_are_none(vmf, range(vmf.address, vmf.address + 1)):
                self.dax_map_get(page)
                self.set_pte_range(vmf, page, 1)
            self.pte_unmap_unlock(vmf)

    def dax_map_get(self, page: Page) -> None:
        """The mapping's reference, which may be the first of an idle page: folio_ref_inc()."""
        page.ref_add(1)
        self.touched[page] = None

    def may_pin_for_long(self, vma: Vma) -> bool:
        """Whether check_vma_flags() lets FOLL_LONGTERM pass: truncating an fsdax file would wait for ever.

        2bb6d2837083 ("mm: introduce get_user_pages_longterm", v4.15).
        """
        return vma.file is None or vma.file.pgmap is None or vma.file.pgmap.kind != "fs"
