"""Files: what is cached, what is in swap, what is on disk, and who maps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmfuzz.kernel.page import Page

if TYPE_CHECKING:
    from mmfuzz.kernel.device import DevPagemap
    from mmfuzz.kernel.mm import Mm, Vma


class Inode:
    """What its lock guards: the size, against who writes, truncates and punches holes."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class File:
    """An inode and its address_space.

    `order` is that of the folios that its page cache likes best; `shmem` says whether its pages live in memory
    and swap alone. Sizes and indices are in pages.
    """

    __slots__ = ("disk", "inode", "mappers", "number", "order", "pages", "pgmap", "shmem", "size")

    def __init__(self, number: int, order: int, size: int, *, shmem: bool) -> None:
        self.number = number
        self.inode = Inode(number)
        self.order = order
        self.shmem = shmem
        self.pgmap: DevPagemap | None = None
        """The device that the file's pages are on, None where a page cache has them."""
        self.size = size
        """i_size."""
        self.pages: dict[int, Page | int] = {}
        """i_pages: the cached page of an index, or the swap slot of one that shmem swapped out."""
        self.disk: dict[int, int] = {}
        """What was written to disk; what is not there reads as zero."""
        self.mappers: dict[tuple[Mm, Vma], None] = {}
        """i_mmap: every mapping of the file."""

    def cached(self, index: int) -> Page | None:
        """The page that the cache holds for an index."""
        entry = self.pages.get(index)
        return entry if isinstance(entry, Page) else None
