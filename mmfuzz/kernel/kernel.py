"""The whole simulated kernel: the sum of its rooms, and the system calls that reach them."""

from __future__ import annotations

from mmfuzz.kernel.mm import Mm, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.syscalls import SystemCalls
from mmfuzz.ops import AS_WRITTEN, CLEAN, DIRTY_LOCK
from mmfuzz.profiles import Profile


class Pinned:
    """An open pin or get: its pages in order, None for the zero page."""

    __slots__ = ("pages", "pin", "written")

    def __init__(self, pages: list[Page | None], *, pin: bool) -> None:
        self.pages = pages
        self.pin = pin
        self.written = False
        """The driver had its device write to the pages."""


class Kernel(SystemCalls):
    """One machine. Planted bugs are subclasses that override one routine of a room."""

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        super().__init__(profile, frames, huge_order)
        self.handles: dict[int, Pinned] = {}
        self.unread: dict[Folio, None] = {}
        """Folios into which this step could read nothing from swap."""
        self.new_mm(0, 0)

    def take(self, process: int, area: int, span: range, handle: int, *, write: bool, pin: bool) -> str:
        """pin_user_pages() or get_user_pages() of a range."""
        fast = self.take_fast(process, area, span, write=write, pin=pin) if self.fast_first else []
        taken = list(fast)

        def asked(mm: Mm, vma: Vma) -> str:
            error, pages = self.gup(mm, vma, span[len(fast) :], write=write, pin=pin)
            taken.extend(pages)
            return error

        error = self.reading(process, area, asked) if len(fast) < len(span) else ""
        if error:
            self.release_range(fast, pin=pin)
        else:
            self.handles[handle] = Pinned(taken, pin=pin)
        return error

    def take_fast(self, process: int, area: int, span: range, *, write: bool, pin: bool) -> list[Page | None]:
        """pin_user_pages_fast() or get_user_pages_fast(), which ask no lock: what can be had so."""
        mm = self.mms[process]
        self.cpu = mm.cpu
        vma = mm.vmas.get(area)
        return self.gup_fast(mm, vma, span, write=write, pin=pin) if vma is not None else []

    def take_fast_only(
        self, process: int, area: int, span: range, handle: int, *, write: bool, pin: bool
    ) -> str:
        """get_user_pages_fast_only() of a range (dadbb612f6e5, v5.8), or pin_...: all of it, or EAGAIN."""
        taken = self.take_fast(process, area, span, write=write, pin=pin)
        if len(taken) < len(span):
            self.release_range(taken, pin=pin)
            return "EAGAIN"
        self.handles[handle] = Pinned(taken, pin=pin)
        return ""

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
