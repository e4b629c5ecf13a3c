"""Write-back: dirty pages of a file go to disk, and stay as they are until they are there.

It takes two steps here, so that something may happen in between. Who would change a page that is being written
waits, which ends the write at once. A device that writes through a pin does not ask anybody.
"""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.mm import Mm, Pte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.zap import Zap


class WriteBack(Zap):
    """write_cache_pages() and folio_end_writeback()."""

    def begin_writeback(self, file: File, span: range) -> None:
        """Begin to write what is dirty in a range, folio by folio."""
        for folio in self.find_get_folios(file, span):
            self.folio_lock(folio)
            if folio.mapping is file and folio.dirty:
                self.wait_on_writeback(folio)
                self.clear_page_dirty_for_io(folio)
                self.writebacks[folio] = None
                self.writing += [(file, folio.index + page.number) for page in folio.pages]
            self.folio_unlock(folio)
            self.folio_put(folio)

    def clear_page_dirty_for_io(self, folio: Folio) -> None:
        """The next write is to be heard of, so nobody may write without a fault any more: page_mkclean()."""
        for mm, vma in self.rmap_walk(folio):
            if vma.shared:
                self.write_protect(mm, vma, folio)
        folio.dirty = False
        self.touched[folio] = None

    def write_protect(self, mm: Mm, vma: Vma, folio: Folio) -> None:
        """page_mkclean_one()."""
        self.spin_lock(vma)
        for number in self.ptes_mapping(folio, vma):
            entry = vma.ptes[number]
            if type(entry) is Pte and entry.writable:
                self.set_pte(mm, vma, number, Pte(entry.page, False))
        self.spin_unlock(vma)

    def page_mkwrite(self, page: Page) -> None:
        """vm_ops->page_mkwrite() and fault_dirty_shared_page(): a page of a file is about to be written."""
        self.wait_for_stable_page(page.head)
        self.mark_dirty(page.head)

    def wait_for_stable_page(self, folio: Folio) -> None:
        """Do not change what is on its way to a disk that checks what it gets (1d1d1a767206, v3.9)."""
        self.wait_on_writeback(folio)
