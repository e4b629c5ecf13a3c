"""Truncating a file whose pages are on a device: its blocks are free only when nothing refers to the pages."""

from __future__ import annotations

from mmfuzz.kernel.device import DevPagemap
from mmfuzz.kernel.file import File
from mmfuzz.kernel.page import Page
from mmfuzz.kernel.truncate import Truncate


class DaxTruncate(Truncate):
    """dax_break_layouts(), and dax_delete_mapping_range()."""

    def break_layouts(self, file: File, span: range) -> str:
        """Unmap a range, and wait until none of its pages is in use; EBUSY where that would be for ever.

        A file system does so before it truncates. Here nobody else can run meanwhile, so it gives up instead.
        """
        if file.pgmap is None:
            return ""
        self.unmap_mapping_range(file, span, even_cows=False)
        pages = filter(None, map(file.cached, span))
        return "" if all(self.dax_page_is_idle(page) for page in pages) else "EBUSY"

    def dax_page_is_idle(self, page: Page) -> bool:
        """Whether the count is that of a page which nothing refers to: 1, or 0 since v6.15."""
        return page._refcount == self.page_pgmap(page).base

    def truncate_inode_pages(self, file: File, span: range) -> None:
        """Give the blocks of a range back."""
        if file.pgmap is None:
            super().truncate_inode_pages(file, span)
            return
        for index in span:
            page = file.cached(index)
            if page is not None:
                self.dax_delete_entry(file, file.pgmap, index, page)

    def dax_delete_entry(self, file: File, pgmap: DevPagemap, index: int, page: Page) -> None:
        """dax_disassociate_entry(): the block may be another file's, or another page's, from now on."""
        self.spin_lock(file)
        self.set_cached(file, index, None)
        page.mapping = None
        self.spin_unlock(file)
        page.dirty = False
        self.touched[page] = None
        if page._refcount != pgmap.base:
            raise self.vm_bug_on("WARN_ON_ONCE(trunc && page_ref_count(page) > 1)", page)
        pgmap.free[page] = None
