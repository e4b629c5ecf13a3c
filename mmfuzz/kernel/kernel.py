"""The whole simulated kernel: the sum of its rooms, and the system calls that reach them."""

from __future__ import annotations

from mmfuzz.kernel.collapse import Collapse
from mmfuzz.kernel.lru import CPUS
from mmfuzz.kernel.mm import Mm, Vma
from mmfuzz.kernel.page import Page
from mmfuzz.profiles import Profile


class Pinned:
    """An open pin or get: its pages in order, None for the zero page."""

    __slots__ = ("pages", "pin")

    def __init__(self, pages: list[Page | None], *, pin: bool) -> None:
        self.pages = pages
        self.pin = pin


class Kernel(Collapse):
    """One machine. Planted bugs are subclasses that override one routine of a room."""

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        super().__init__(profile, frames, huge_order)
        self.handles: dict[int, Pinned] = {}
        self.new_mm(0, 0)

    def place(self, process: int, area: int) -> tuple[Mm, Vma]:
        """The address space of a process, running on its CPU, and one of its areas."""
        mm = self.mms[process]
        self.cpu = mm.cpu
        return mm, mm.vmas[area]

    def mmap(self, process: int, area: int, order: int) -> None:
        """Map an anonymous area."""
        self.mms[process].vmas[area] = Vma(area, order, self.nr_huge)

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
        error, pages = self.gup(mm, vma, span, write=write, pin=pin)
        if not error:
            self.handles[handle] = Pinned(pages, pin=pin)
        return error

    def release(self, handle: int) -> None:
        """unpin_user_pages() or put_page() of everything under a handle."""
        pinned = self.handles.pop(handle)
        self.release_range(pinned.pages, pin=pinned.pin)
