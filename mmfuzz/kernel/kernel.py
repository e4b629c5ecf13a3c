"""The whole simulated kernel: the sum of its rooms, and the system calls that reach them."""

from __future__ import annotations

from mmfuzz.kernel.lru import CPUS
from mmfuzz.kernel.mm import Mm, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.userfault import Userfault
from mmfuzz.ops import AS_WRITTEN, BASE, CLEAN, DIRTY_LOCK
from mmfuzz.profiles import Profile


class Pinned:
    """An open pin or get: its pages in order, None for the zero page."""

    __slots__ = ("pages", "pin", "written")

    def __init__(self, pages: list[Page | None], *, pin: bool) -> None:
        self.pages = pages
        self.pin = pin
        self.written = False
        """The driver had its device write to the pages."""


class Kernel(Userfault):
    """One machine. Planted bugs are subclasses that override one routine of a room."""

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        super().__init__(profile, frames, huge_order)
        self.handles: dict[int, Pinned] = {}
        self.unread: dict[Folio, None] = {}
        """Folios into which this step could read nothing from swap."""
        self.new_mm(0, 0)

    def place(self, process: int, area: int) -> tuple[Mm, Vma]:
        """The address space of a process, running on its CPU, and one of its areas."""
        mm = self.mms[process]
        self.cpu = mm.cpu
        return mm, mm.vmas[area]

    def mmap(self, process: int, area: int, order: int) -> None:
        """Map an anonymous area."""
        self.mms[process].vmas[area] = self.vma_type(area, order, self.nr_huge)

    def mmap_file(self, process: int, area: int, number: int, *, shared: bool) -> None:
        """Map a file, from its first page on."""
        mm = self.mms[process]
        file = self.file(number)
        vma = mm.vmas[area] = self.vma_type(area, BASE, self.nr_huge, file, shared=shared)
        file.mappers[mm, vma] = None

    def fork(self, process: int, child: int) -> str:
        """fork() into slot `child`."""
        parent = self.mms[process]
        self.cpu = parent.cpu
        return self.fork_mm(parent, child, child % CPUS)

    def exit(self, process: int) -> None:
        """exit(); open handles stay."""
        mm = self.mms[process]
        self.cpu = mm.cpu
        self.exit_mm(mm)

    def take(self, process: int, area: int, span: range, handle: int, *, write: bool, pin: bool) -> str:
        """pin_user_pages() or get_user_pages() of a range."""
        mm, vma = self.place(process, area)
        taken = self.gup_fast(mm, vma, span, write=write, pin=pin) if self.fast_first else []
        error, pages = self.gup(mm, vma, span[len(taken) :], write=write, pin=pin)
        if error:
            self.release_range(taken, pin=pin)
        else:
            self.handles[handle] = Pinned([*taken, *pages], pin=pin)
        return error

    def dup(self, handle: int, new: int) -> None:
        """What a driver does that hands on pages which it holds: get_page() on each."""
        pages = self.handles[handle].pages
        for page in pages:
            if page is None:
                self.grab_zero(pin=False)
            else:
                self.get_page(page)
        self.handles[new] = Pinned(list(pages), pin=False)

    def device_writes(self, handle: int, values: list[int]) -> None:
        """A device writes to the pages under a handle, and nothing in the kernel sees it."""
        pinned = self.handles[handle]
        pinned.written = True
        for page, value in zip(pinned.pages, values, strict=True):
            if page is not None:
                page.content = value
                self.touched[page.head] = None

    def release(self, handle: int, dirty: int = AS_WRITTEN) -> None:
        """What a driver does with a handle that it is done with: put_page(), or one of the ways to unpin."""
        pinned = self.handles.pop(handle)
        if not pinned.pin:
            self.put_pages(pinned.pages)
        elif dirty == AS_WRITTEN:
            self.unpin_user_pages_dirty_lock(pinned.pages, make_dirty=self.driver_dirties(pinned))
        elif dirty == CLEAN:
            self.unpin_user_pages(pinned.pages)
        else:
            self.unpin_user_pages_dirty_lock(pinned.pages, make_dirty=True, lock=dirty == DIRTY_LOCK)

    def driver_dirties(self, pinned: Pinned) -> bool:
        """Whether a driver says that its device wrote to what it releases."""
        return pinned.written
