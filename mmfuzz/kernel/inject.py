"""Failures to order: a kernel in which the next allocation, copy, read, lock or range fails once.

A kernel that is about to fail is a kernel with one routine overridden, just as a planted bug is. A machine becomes
one by taking that class, and is what it was before as soon as the failure has happened: what is not armed costs
nothing.
"""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm, Vma
from mmfuzz.kernel.page import Folio, Page

GARBAGE = -1
"""What a frame holds into which nothing could be read: no write ever stores it."""


class Failing(Kernel):
    """A machine with one failure ahead of it."""

    healthy: type[Kernel]
    """What it was, and will be."""


def arm(kernel: Kernel, point: str) -> None:
    """Have one thing fail, the next time that the kernel comes to it; `point` is one of `mmfuzz.ops.FAILURES`."""
    disarm(kernel)
    healthy = type(kernel)
    if (healthy, point) not in _CLASSES:
        name = f"{healthy.__name__} failing {point}"
        _CLASSES[healthy, point] = type(name, (_POINTS[point], healthy), {"healthy": healthy})
    kernel.__class__ = _CLASSES[healthy, point]


def disarm(kernel: Kernel) -> None:
    """Have nothing fail any more."""
    if isinstance(kernel, Failing):
        machine: Kernel = kernel
        machine.__class__ = kernel.healthy


_CLASSES: dict[tuple[type[Kernel], str], type[Kernel]] = {}
"""Every class of that kind that was ever needed: kernels are many, classes of them few."""


class FailsAlloc(Failing):
    """No memory for once, of whatever order."""

    def alloc_folio(self, order: int) -> Folio | None:
        """Nothing to be had."""
        disarm(self)
        return None


class FailsCopy(Failing):
    """A page that has lost its contents, found when they are copied: the fault ends with VM_FAULT_HWPOISON."""

    def copy_page(self, fresh: Page, old: Page) -> bool:
        """The contents are lost; the next time they are there again."""
        disarm(self)
        return False

    def handle_fault(self, mm: Mm, vma: Vma, page: int, *, write: bool) -> str:
        """What ended for want of a copy did not end for want of memory."""
        return _poisoned(self, super().handle_fault(mm, vma, page, write=write))

    def fork_mm(self, parent: Mm, process: int, cpu: int) -> str:
        """The same of copies made for a child."""
        return _poisoned(self, super().fork_mm(parent, process, cpu))

    def gup(self, mm: Mm, vma: Vma, span: range, *, write: bool, pin: bool) -> tuple[str, list[Page | None]]:
        """The same of copies made for a pin that is to be exclusive."""
        error, taken = super().gup(mm, vma, span, write=write, pin=pin)
        return _poisoned(self, error), taken


def _poisoned(kernel: Kernel, error: str) -> str:
    """EHWPOISON where a copy has failed since."""
    return error if isinstance(kernel, Failing) or not error else "EHWPOISON"


class FailsIo(Failing):
    """A read from swap that fails: the folio stays in the swap cache, and is not uptodate."""

    def swapin_anon(self, slot: int) -> Folio | None:
        """Of anonymous memory."""
        disarm(self)
        return _nothing_read(self, self.swapin_anon(slot))

    def swapin_shmem(self, slot: int) -> Folio | None:
        """Of shmem."""
        disarm(self)
        return _nothing_read(self, self.swapin_shmem(slot))


def _nothing_read(kernel: Kernel, folio: Folio | None) -> Folio | None:
    """The read ended with an error."""
    if folio is not None:
        folio.uptodate = False
        folio.content = GARBAGE
        kernel.unread[folio] = None
    return folio


class FailsTrylock(Failing):
    """A folio whose lock somebody else has."""

    def folio_trylock(self, folio: Folio) -> bool:
        """Not now."""
        disarm(self)
        return False

    def lock_to_free_swap(self, folio: Folio) -> bool:
        """Not this one: it would only leave to reclaim what nobody maps."""
        return True

    def lock_to_reuse(self, folio: Folio) -> bool:
        """Nor this one: a fault of its time waits for it."""
        return True

    def lock_device_page(self, device: Folio) -> bool:
        """Nor this one: a fault waits for it and comes again."""
        return True


class FailsPartly(Failing):
    """A range of which all pages but the last are to be had."""

    def gup(self, mm: Mm, vma: Vma, span: range, *, write: bool, pin: bool) -> tuple[str, list[Page | None]]:
        """Fewer pages than were asked for: the caller gives them back."""
        disarm(self)
        error, taken = self.gup(mm, vma, span[:-1] or span, write=write, pin=pin)
        if error or len(taken) == len(span):
            return error, taken
        self.gup_unwind(taken, pin=pin)
        return "EFAULT", []


_POINTS: dict[str, type[Failing]] = {
    "alloc": FailsAlloc,
    "copy": FailsCopy,
    "io": FailsIo,
    "trylock": FailsTrylock,
    "partial": FailsPartly,
}
