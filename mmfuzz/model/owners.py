"""Who owns what: the nouns of the ledger.

Nothing here counts. A page knows the set of page-table entries that map it and the handles that hold it, a
folio knows the PMD entries that map it, the swap slot that its cache entry stands at and the LRU batches
that hold it. What a counter should be is the size of such a set, and the checks take it from there.
"""

from __future__ import annotations

from typing import Any, Final

from mmfuzz.observation import TABLE, ZERO, Special
from mmfuzz.ops import FILES

Where = tuple[int, int, int]
"""A page's address: (process, area, page)."""

NOBODY: Final[Any] = frozenset()
"""The owners of what has none: most pages never have a pin, so a set is made when its first member comes."""


class Process:
    """A live process: its slot number, and its areas by number.

    A later process in the same slot is another object, so that what a dead process pinned is never
    mistaken for what its successor owns.
    """

    __slots__ = ("areas", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.areas: dict[int, Area] = {}

    def __repr__(self) -> str:
        return f"p{self.number}"


class Handle:
    """An open pin or get: the pages it holds, and the process and addresses it took them from."""

    __slots__ = ("area", "first", "number", "pages", "pinned", "process", "write", "written")

    def __init__(
        self, number: int, process: Process, area: int, first: int, *, pinned: bool, write: bool
    ) -> None:
        self.number = number
        self.process = process
        self.area = area
        self.first = first
        self.pinned = pinned
        """FOLL_PIN when true, FOLL_GET when false."""
        self.write = write
        self.written = False
        """A device wrote through it: whoever releases it has to say so, or the kernel may drop what was written."""
        self.pages: list[Page | None] = []
        """One for each page of the range; None for the shared zero page, which takes no reference."""

    def __repr__(self) -> str:
        return f"h{self.number}"


class Page:
    """One page of contents, in a frame or on its way through the swap cache."""

    __slots__ = ("exposed", "folio", "gets", "index", "maps", "pins", "private_to", "value", "writers")

    def __init__(self, folio: Folio, index: int) -> None:
        self.folio = folio
        self.index = index
        self.value: int | None = None
        """What the page holds; None while it is fresh and nothing has said yet what it must hold."""
        self.maps: set[Where] = NOBODY
        """PTEs that map this page."""
        self.writers: set[Where] = NOBODY
        """Those of them that are writable, as far as the target shows it."""
        self.pins: set[Handle] = NOBODY
        self.gets: set[Handle] = NOBODY
        self.exposed = False
        """Written in place although handles of others refer to it, by a kernel that does not keep them apart."""
        self.private_to: Process | None = None
        """The process that alone has owned this page since it was made, last written or last pinned."""

    def hold(self, handle: Handle) -> None:
        """A handle takes a reference."""
        if handle.pinned:
            self.pins = {*self.pins, handle}
        else:
            self.gets = {*self.gets, handle}

    def release(self, handle: Handle) -> None:
        """A handle gives its reference back."""
        if handle.pinned:
            self.pins.discard(handle)
        else:
            self.gets.discard(handle)


class DevicePage(Page):
    """A page that is on a device. What refers to it are entries that no process can access it through."""

    __slots__ = ()


class Folio:
    """Pages that are allocated, mapped by a PMD, cached in swap and split as one."""

    __slots__ = (
        "batches",
        "dax",
        "file",
        "first",
        "fresh",
        "head",
        "lost",
        "of_file",
        "order",
        "pages",
        "pmds",
        "private",
        "slot",
        "state",
        "writers",
    )

    def __init__(self, head: int, order: int) -> None:
        self.head = head
        """Frame number of the first page: the folio's name in reports."""
        self.order = order
        self.pages: list[Page] = []
        self.pmds: set[tuple[int, int]] = NOBODY
        """PMD entries that map the whole folio: (process, area)."""
        self.writers: set[tuple[int, int]] = NOBODY
        """Those of them that are writable, as far as the target shows it."""
        self.slot: int | None = None
        """Swap slot of the first page while the swap cache holds the folio; page i is at `slot + i`."""
        self.file: File | None = None
        """The file whose page cache holds the folio."""
        self.first = 0
        """Index in that file of the first page."""
        self.fresh = True
        """It stands where it was made, and was in no swap cache: its flags tell all that happened to it."""
        self.lost = False
        """A mapping of it has gone."""
        self.of_file = False
        """Made for a page cache, be it in there or cut off by now: no process has it to itself."""
        self.private = False
        """The file system keeps something with the folio."""
        self.dax = ""
        """Of a file whose pages are on a device, `fs` or `device`: its file has the folio, and no reference to it."""
        self.batches = 0
        """LRU batch slots that hold the folio, each its own owner."""
        self.state = 0
        """Its abstract state when last looked at, see `mmfuzz.model.abstract`; 0 for none yet."""

    @property
    def is_held(self) -> bool:
        """Whether a pin or a get holds any page: the references that forbid split, migrate, collapse."""
        for page in self.pages:
            if page.pins or page.gets:
                return True
        return False

    @property
    def is_owned(self) -> bool:
        """Whether anything at all refers to the folio."""
        if self.pmds or self.slot is not None or self.batches or self.file is not None or self.private:
            return True
        for page in self.pages:
            if page.maps or page.pins or page.gets:
                return True
        return False


class Slot:
    """A swap slot: the entries that refer to it, and what it holds while no folio in memory does."""

    __slots__ = ("entries", "number", "page", "private_to", "value")

    def __init__(self, number: int, value: int, private_to: Process | None) -> None:
        self.number = number
        self.value = value
        """Contents as they were when the page was last in the swap cache."""
        self.private_to = private_to
        self.entries: set[Where] = set()
        self.page: Page | None = None
        """The page that the swap cache holds for this slot."""

    @property
    def contents(self) -> int:
        """What a process that swaps this in must see."""
        if self.page is not None and self.page.value is not None:
            return self.page.value
        return self.value


class File:
    """A file: what its pages hold, wherever that is. Sizes and indices are in pages."""

    __slots__ = ("cached", "dax", "kept", "number", "shmem", "size", "stored", "writing")

    def __init__(self, number: int, pages: int) -> None:
        self.number = number
        self.shmem = FILES[number].shmem
        self.dax = FILES[number].dax
        self.stored: dict[int, int] = {}
        """What each page was when it reached the disk last."""
        self.writing: dict[int, int] = {}
        """What each page held when it began its way to disk, on which it still is."""
        self.size = pages
        self.cached: list[Page | Slot | None] = [None] * pages
        """The page that the page cache holds for an index, or the swap slot that shmem put it into."""
        self.kept: list[int] = [0] * pages
        """What a page holds that is not in memory, nor in swap: on disk, or zero."""

    def __repr__(self) -> str:
        return FILES[self.number].name

    def where(self, index: int) -> Where:
        """The owner of a swap entry in the page cache: an address that no process has."""
        return (-1 - self.number, 0, index)

    def value(self, index: int) -> int:
        """What a read must see."""
        found = self.cached[index]
        if type(found) is Slot:
            return found.contents
        return self.kept[index] if type(found) is not Page else found.value or 0

    def page(self, index: int) -> Page | None:
        """The page in memory, in the page cache or on its way through the swap cache."""
        found = self.cached[index]
        if type(found) is Slot:
            return found.page
        return found if type(found) is Page else None


Owned = Page | Slot | Special | None
"""What one page of an address space refers to: a page, a swap slot, `ZERO`, or nothing."""


class Area:
    """One PMD-sized piece of a process's address space."""

    __slots__ = ("file", "mapped", "order", "pmd", "shared", "table")

    def __init__(self, order: int, pages: int, file: File | None = None, *, shared: bool = False) -> None:
        self.order = order
        """The order policy it was allocated with."""
        self.file = file
        """The file that it maps, None for anonymous memory."""
        self.shared = shared
        """MAP_SHARED, of a file."""
        self.mapped = [True] * pages
        """Whether each page is still inside a VMA."""
        self.pmd: Folio | Special | None = None
        """A folio mapped whole, `ZERO` (the huge zero page), `TABLE`, or nothing."""
        self.table: list[Owned] = [None] * pages
        """What each page refers to; meaningful while `pmd` is `TABLE`."""

    def at(self, page: int) -> Owned:
        """What a page refers to, be it through the PMD or through a PTE."""
        pmd = self.pmd
        if pmd is TABLE:
            return self.table[page]
        if type(pmd) is Folio:
            return pmd.pages[page]
        return ZERO if pmd is ZERO else None

    def source(self, page: int) -> Owned:
        """What an access to a page will find: what is mapped, or what the page cache has."""
        owned = self.at(page)
        return self.file.cached[page] if owned is None and self.file is not None else owned

    def view(self) -> list[Owned]:
        """What every page refers to, as `at` says."""
        pmd = self.pmd
        if pmd is TABLE:
            return self.table.copy()
        if type(pmd) is Folio:
            return list(pmd.pages)
        return [ZERO if pmd is ZERO else None] * len(self.table)
