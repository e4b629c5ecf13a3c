"""The context of a page fault, and what must be true of it whenever one function hands it to another.

The rules come from "[PATCHv2 08/28] mm: postpone page table allocation until do_set_pte()" (February 2016), where
a reviewer asked for them, and from what became of it: `struct fault_env` (bae473a423f6, v4.8), then `struct
vm_fault` (v4.10).
"""

from __future__ import annotations

from typing import Literal

from mmfuzz.kernel.mm import Mm, PageTable, PteEntry, Vma
from mmfuzz.kernel.page import Page
from mmfuzz.observation import TABLE, KernelBug

FAULT_CONTEXT = "fault-context"
"""The property that a broken rule breaks."""

Lock = Literal["pte", "pmd"]


class FaultContext:
    """struct vm_fault: passes through the handlers of one fault in place of a list of arguments.

    `address` is a page number of the area. The PMD entry is the area's own, so it always matches the address (F2).
    """

    __slots__ = (
        "address",
        "asked",
        "cow_page",
        "found_table",
        "mm",
        "page",
        "prealloc_pte",
        "pte",
        "ptl",
        "size",
        "unshare",
        "vma",
        "window",
        "write",
    )

    def __init__(self, mm: Mm, vma: Vma, address: int, *, write: bool, unshare: bool = False) -> None:
        self.mm = mm
        self.vma = vma
        self.asked = address
        """The address that faulted; `address` moves while pages around it are mapped."""
        self.address = address
        self.write = write
        self.unshare = unshare
        self.size: int | None = None
        """i_size as the fault found it, with the page locked: who truncates after that unmaps what is mapped here."""
        self.window = 0
        """Pages of the aligned window while the pages around are mapped; 0 before and after."""
        self.pte: int | None = None
        """The entry of the page table that matches the address; None where there is no table yet."""
        self.ptl: Lock | None = None
        """The lock that is held: of the page table if `pte` is set, else of the PMD."""
        self.found_table = False
        """There was something under the PMD when a table could still be preallocated; it may be gone again."""
        self.prealloc_pte: PageTable | None = None
        """A page table for the one that must not sleep: used, and then None, or freed when the fault ends."""
        self.page: Page | None = None
        """What the handler found: locked, with one reference, until it is mapped or given back."""
        self.cow_page: Page | None = None
        """The private copy to be mapped in its place."""

    def check(self, where: str) -> None:
        """F1 to F3, true wherever the context goes from hand to hand; `where` is the function that gets it."""
        if self.pte is not None and self.vma.pmd is not TABLE:
            raise self.broken("F1: pte is set, and pmd points to no page table", where)
        if self.pte is not None and self.pte != self.address:
            raise self.broken(
                f"F2: pte is that of page {self.pte}, the address that of page {self.address}", where
            )
        if self.ptl is not None and self.ptl != ("pte" if self.pte is not None else "pmd"):
            raise self.broken(
                f"F3: the {self.ptl} lock is held, and it does not guard what is changed", where
            )

    def check_map_pages(self) -> None:
        """F7: what runs in atomic context cannot allocate, so where no page table was there must be one in reserve."""
        self.check("map_pages")
        if not self.found_table and self.prealloc_pte is None:
            raise self.broken("F7: no page table, and none preallocated", "map_pages")

    def limits(self) -> range:
        """Pages that the fault may map at most: of the same VMA, in the same page table, in the file."""
        present = self.vma.present
        start = stop = self.asked
        while start and present[start - 1]:
            start -= 1
        while stop < len(present) and present[stop]:
            stop += 1
        file = self.vma.file
        if file is not None:
            stop = min(stop, file.size if self.size is None else self.size)
        if self.window:
            first = self.asked & -self.window
            start, stop = max(start, first), min(stop, first + self.window)
        return range(start, stop)

    def check_install(self, index: int, current: PteEntry) -> None:
        """F4 and F11: an entry is written under the lock, where it may be, and while it is what the fault found."""
        self.check("set_pte_range")
        if index not in self.limits():
            raise self.broken(
                f"F11: page {index} is outside the VMA, the page table, the file or the window",
                "set_pte_range",
            )
        if self.ptl is None:
            raise self.broken("F3: an entry is written without its lock", "set_pte_range")
        if current is not None:
            raise self.broken(f"F4: page {index} has been mapped since the fault began", "set_pte_range")

    def check_around(self) -> None:
        """F10: after the pages around, the context is that of the address that faulted again."""
        if self.address != self.asked:
            raise self.broken(
                f"F10: the address is page {self.address}, page {self.asked} faulted", "do_fault_around"
            )
        self.check("do_fault_around")

    def check_end(self) -> None:
        """F5 and F8: whatever the context owned was used or given back, once; no lock is held."""
        if self.prealloc_pte is not None:
            raise self.broken("F5: the preallocated page table was neither used nor freed", "do_fault")
        if self.page is not None or self.cow_page is not None:
            raise self.broken("F8: the page was neither mapped nor given back", "do_fault")
        if self.ptl is not None:
            raise self.broken(f"F3: the {self.ptl} lock is still held", "do_fault")

    def broken(self, rule: str, where: str) -> KernelBug:
        """A rule that does not hold, to be raised by the caller."""
        at = f"p{self.mm.process} a{self.vma.area}.{self.asked}"
        return KernelBug(rule, details=f"at {where}, fault at {at}", property=FAULT_CONTEXT)
