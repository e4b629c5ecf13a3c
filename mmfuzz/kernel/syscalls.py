"""System calls on areas, and what processes do with their memory: each takes the mmap_lock, and finds its area then.

An area may be gone by the time that the lock is had, as another thread of the process unmaps it; that is an error of
the call, as it would be if it had come later.
"""

from __future__ import annotations

from collections.abc import Callable

from mmfuzz.kernel.gup import ATTEMPTS
from mmfuzz.kernel.lru import CPUS
from mmfuzz.kernel.mm import Mm, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.kernel.userfault import Userfault
from mmfuzz.observation import TABLE, ZERO
from mmfuzz.ops import BASE

EFAULT = "EFAULT"
"""What is asked for is not mapped."""

Asked = Callable[[Mm, Vma], str | None]
"""What is done to an area: why it was refused, if it was."""


class SystemCalls(Userfault):
    """Calls of a process on one of its areas."""

    def run(self, process: int) -> Mm:
        """The address space of a process, which runs on its CPU."""
        mm = self.mms[process]
        self.cpu = mm.cpu
        return mm

    def reading(self, process: int, area: int, asked: Asked) -> str:
        """Do something to an area that lets others fault in it meanwhile."""
        mm = self.run(process)
        self.down_read(mm)
        vma = mm.vmas.get(area)
        error = (asked(mm, vma) or "") if vma is not None else EFAULT
        self.up_read(mm)
        return error

    def writing_to(self, process: int, area: int, asked: Asked) -> str:
        """Do something to an area that nobody else may be in."""
        mm = self.run(process)
        self.down_write(mm)
        vma = mm.vmas.get(area)
        error = (asked(mm, vma) or "") if vma is not None else EFAULT
        self.up_write(mm)
        return error

    def mmap(self, process: int, area: int, order: int) -> None:
        """Map an anonymous area."""
        mm = self.run(process)
        self.down_write(mm)
        mm.vmas[area] = self.vma_type(area, order, self.nr_huge)
        self.up_write(mm)

    def mmap_file(self, process: int, area: int, number: int, *, shared: bool) -> None:
        """Map a file, from its first page on."""
        mm, file = self.run(process), self.file(number)
        self.down_write(mm)
        vma = mm.vmas[area] = self.vma_type(area, BASE, self.nr_huge, file, shared=shared)
        self.down_write(file)
        file.mappers[mm, vma] = None
        self.up_write(file)
        self.up_write(mm)

    def munmap(self, process: int, area: int, span: range) -> str:
        """munmap() of a range."""
        return self.writing_to(process, area, lambda mm, vma: self.unmap_vma(mm, vma, span))

    def fork(self, process: int, child: int) -> str:
        """fork() into slot `child`, whose address space nobody sees before it is complete."""
        parent = self.run(process)
        self.down_write(parent)
        error = self.fork_mm(parent, child, child % CPUS)
        self.up_write(parent)
        return error

    def exit(self, process: int) -> None:
        """exit(); open handles stay."""
        mm = self.run(process)
        self.down_write(mm)
        self.exit_mm(mm)
        self.up_write(mm)

    # What a process does with its memory

    def user_write(self, process: int, area: int, page: int, value: int) -> str:
        """Write to a page, by faults until the page table allows it; an errno name, or none."""
        return self.user_access(process, area, page, value)[0]

    def user_read(self, process: int, area: int, page: int) -> tuple[str, int]:
        """Read a page, by a fault if need be: an errno name, or what it holds."""
        return self.user_access(process, area, page, None)

    def user_access(self, process: int, area: int, page: int, value: int | None) -> tuple[str, int]:
        """An access of a CPU: a fault, and then the access again, until nobody has come between the two."""
        mm = self.run(process)
        for _ in range(ATTEMPTS):
            self.down_read(mm)
            vma = mm.vmas.get(area)
            if vma is None or not vma.present[page]:
                error = EFAULT
            else:
                error = self.handle_fault(mm, vma, page, write=value is not None)
            self.up_read(mm)
            if error or vma is None:
                return error, 0
            content = self.cpu_write(vma, page, value) if value is not None else self.cpu_read(vma, page)
            if content is not None:
                return "", content
        return "EAGAIN", 0

    def cpu_write(self, vma: Vma, page: int, value: int) -> int | None:
        """Write where a page is mapped for that: what was written, None where it is not.

        Who takes a mapping away flushes the TLBs, and so waits for accesses under way: here it waits for the lock.
        """
        self.spin_lock(vma)
        pmd = vma.pmd
        entry = vma.ptes[page] if pmd is TABLE else pmd
        done = type(entry) is Pte and entry.writable
        if done and isinstance(entry, Pte):
            found = entry.page if pmd is TABLE else self.nth_page(entry.page, page)
            found.content = value
            self.cpu_dirties(vma, found.head)
        self.spin_unlock(vma)
        return value if done else None

    def cpu_dirties(self, vma: Vma, folio: Folio) -> None:
        """What the dirty bit of an entry comes to, when the kernel looks at it."""
        self.touched[folio] = None
        if vma.file is not None:
            self.mark_dirty(folio)
        else:
            folio.dirty = True

    def cpu_read(self, vma: Vma, page: int) -> int | None:
        """What a page holds; 0 of the zero page, None of what is not mapped."""
        self.spin_lock(vma)
        pmd = vma.pmd
        entry = vma.ptes[page] if pmd is TABLE else pmd
        content = 0 if entry is ZERO else None
        if type(entry) is Pte:
            content = (entry.page if pmd is TABLE else self.nth_page(entry.page, page)).content
        self.spin_unlock(vma)
        return content

    # madvise() and its kin

    def dontneed(self, process: int, area: int, span: range) -> str:
        """madvise(MADV_DONTNEED)."""
        return self.reading(process, area, lambda mm, vma: self.zap_range(mm, vma, span))

    def split_map(self, process: int, area: int) -> str:
        """What remaps or protects a part of a huge mapping does first."""
        return self.reading(process, area, self.split_huge_pmd)

    def split(self, process: int, area: int, page: int) -> str:
        """Split the folio that an address maps."""
        return self.reading(process, area, lambda mm, vma: self.split_mapped_page(vma, page))

    def collapse(self, process: int, area: int) -> str:
        """madvise(MADV_COLLAPSE); it takes the mmap_lock by itself, for reading and then for writing."""
        mm = self.run(process)
        vma = mm.vmas.get(area)
        return self.collapse_area(mm, vma) if vma is not None else EFAULT

    def swap_out(self, process: int, area: int, span: range) -> str:
        """madvise(MADV_PAGEOUT)."""
        return self.reading(process, area, lambda mm, vma: self.swap_out_range(vma, span))

    def swap_in(self, process: int, area: int, span: range) -> tuple[str, list[int | None]]:
        """Fault what is swapped out of a range: an errno name, and what each page holds that is there."""
        values: list[int | None] = []

        def read(mm: Mm, vma: Vma) -> str:
            for page in span:
                if type(vma.ptes[page]) is SwapPte:
                    error = self.handle_fault(mm, vma, page, write=False)
                    if error:
                        return error
            values.extend(self.cpu_read(vma, page) or 0 for page in span)
            return ""

        return self.reading(process, area, read), values

    def free_swap(self, process: int, area: int, span: range) -> str:
        """Have what a range maps leave the swap cache, as memory pressure does where swap is short."""

        def free(mm: Mm, vma: Vma) -> str:
            for folio in self.folios_in(vma, span):
                self.folio_lock(folio)
                self.folio_free_swap(folio)
                self.folio_unlock(folio)
                self.folio_put(folio)
            return ""

        return self.reading(process, area, free)

    def migrate(self, process: int, area: int, span: range) -> str:
        """move_pages()."""
        return self.reading(process, area, lambda mm, vma: self.migrate_range(vma, span))

    def to_device(self, process: int, area: int, span: range) -> str:
        """What a driver does with a range that its device is to have."""
        return self.reading(process, area, lambda mm, vma: self.migrate_to_device(mm, vma, span))

    def from_device(self, process: int, area: int, span: range) -> str:
        """And to have it back."""
        return self.reading(process, area, lambda mm, vma: self.migrate_from_device(mm, vma, span))

    def protect(self, process: int, area: int, span: range) -> str:
        """mprotect(), to read-only and back."""
        return self.writing_to(process, area, lambda mm, vma: self.protect_range(mm, vma, span))

    def move(self, process: int, area: int, span: range, to_area: int, to: int) -> tuple[str, int]:
        """UFFDIO_MOVE: an errno name, and how many pages were moved."""
        mm = self.run(process)
        self.down_read(mm)
        source, target = mm.vmas.get(area), mm.vmas.get(to_area)
        moved: tuple[str, int] = EFAULT, 0
        if source is not None and target is not None:
            moved = self.move_pages(mm, source, span, target, to)
        self.up_read(mm)
        return moved

    def walked(self, process: int, area: int, span: range) -> list[Folio]:
        """The folios that a range maps, for who only looks."""
        vma = self.mms[process].vmas[area]
        folios = self.folios_in(vma, span)
        for folio in folios:
            self.folio_put(folio)
        return folios
