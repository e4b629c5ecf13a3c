"""Address spaces: VMAs with their order policy, page tables, and the entries in them."""

from __future__ import annotations

from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.swap import SwapSpace
from mmfuzz.observation import TABLE, Special
from mmfuzz.profiles import Profile


class Pte:
    """A present entry. As a PMD entry it maps the whole folio of its page, a head."""

    __slots__ = ("page", "writable")

    def __init__(self, page: Page, writable: bool) -> None:
        self.page = page
        self.writable = writable


class SwapPte:
    """A swap entry; `exclusive` is what PG_anon_exclusive was (1493a1913e34, v5.19)."""

    __slots__ = ("exclusive", "slot")

    def __init__(self, slot: int, exclusive: bool) -> None:
        self.slot = slot
        self.exclusive = exclusive


class MigrationPte:
    """Stands for a page while it is split or moved; holds no reference."""

    __slots__ = ("exclusive", "page", "writable")

    def __init__(self, page: Page, writable: bool, exclusive: bool) -> None:
        self.page = page
        self.writable = writable
        self.exclusive = exclusive


PteEntry = Pte | SwapPte | MigrationPte | Special | None
"""An entry of a page table; `ZERO` is the shared zero page."""

PmdEntry = Pte | Special | None
"""A PMD entry: a huge page, `ZERO` (the huge zero page), `TABLE`, or none."""


class AnonVma:
    """The address spaces in which a folio of this area may be mapped: a fork family."""

    __slots__ = ("mms",)

    def __init__(self) -> None:
        self.mms: dict[Mm, None] = {}


class Vma:
    """One area of an address space: which pages are mapped, the order policy, and its page table."""

    __slots__ = ("anon_vma", "area", "order", "pmd", "present", "ptes")

    def __init__(self, area: int, order: int, pages: int) -> None:
        self.area = area
        self.order = order
        self.present = [True] * pages
        """Whether each page is inside the VMA: an unmap may leave several VMAs in an area."""
        self.pmd: PmdEntry = None
        self.ptes: list[PteEntry] = [None] * pages
        self.anon_vma: AnonVma | None = None


class Mm:
    """An address space. Areas stand at the same addresses in every process of a fork family."""

    __slots__ = ("cpu", "has_pinned", "mm_id", "process", "vmas")

    def __init__(self, process: int, mm_id: int, cpu: int) -> None:
        self.process = process
        self.mm_id = mm_id
        """Never reused, from 1: 0 is an empty slot of a folio."""
        self.cpu = cpu
        self.has_pinned = False
        """MMF_HAS_PINNED: fork looks for pinned pages only when this is set."""
        self.vmas: dict[int, Vma] = {}


class AddressSpaces(SwapSpace):
    """All address spaces, and the writes to their page tables."""

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        super().__init__(profile, frames, huge_order)
        self.mms: dict[int, Mm] = {}
        self.pmd_writes: dict[tuple[Mm, int], None] = {}
        """(mm, area) whose PMD entry this step wrote."""
        self.pte_writes: dict[tuple[Mm, int, int], None] = {}
        """(mm, area, page) whose PTE this step wrote."""
        self._next_mm_id = 1

    def new_mm(self, process: int, cpu: int) -> Mm:
        """An empty address space."""
        mm = self.mms[process] = Mm(process, self._next_mm_id, cpu)
        self._next_mm_id += 1
        return mm

    def set_pte(self, mm: Mm, vma: Vma, page: int, entry: PteEntry) -> None:
        """Write one PTE."""
        vma.ptes[page] = entry
        self.pte_writes[mm, vma.area, page] = None

    def set_pmd(self, mm: Mm, vma: Vma, entry: PmdEntry) -> None:
        """Write the PMD entry of an area."""
        vma.pmd = entry
        self.pmd_writes[mm, vma.area] = None

    def need_table(self, mm: Mm, vma: Vma) -> None:
        """pte_alloc(): a page table where there is none."""
        if vma.pmd is None:
            self.set_pmd(mm, vma, TABLE)

    def anon_vma_prepare(self, mm: Mm, vma: Vma) -> AnonVma:
        """The anon_vma of an area, made with its first page."""
        if vma.anon_vma is None:
            vma.anon_vma = AnonVma()
            vma.anon_vma.mms[mm] = None
        return vma.anon_vma

    def mapped_at(self, folio: Folio, mm: Mm) -> Vma | None:
        """The area of `mm` in which the folio may be mapped, by its anon_vma."""
        anon_vma = folio.mapping
        if anon_vma is None:
            return None
        for vma in mm.vmas.values():
            if vma.anon_vma is anon_vma:
                return vma
        return None
