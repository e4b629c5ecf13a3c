"""Address spaces: VMAs with their order policy, page tables, and the entries in them."""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.page import Page
from mmfuzz.kernel.swap import SwapSpace
from mmfuzz.observation import TABLE, KernelBug, Special
from mmfuzz.profiles import Profile


class Pte:
    """A present entry. As a PMD entry it maps the whole folio of its page, a head."""

    __slots__ = ("page", "splitting", "writable")

    def __init__(self, page: Page, writable: bool, *, splitting: bool = False) -> None:
        self.page = page
        self.writable = writable
        self.splitting = splitting
        """Of a PMD entry until v4.4: the page is being split, so that nobody takes references through it."""


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


class DevicePte:
    """A device-private entry: like a swap entry, but the page is there, on a device, with reference and mapcount."""

    __slots__ = ("page", "writable")

    def __init__(self, page: Page, writable: bool) -> None:
        self.page = page
        self.writable = writable


PteEntry = Pte | SwapPte | MigrationPte | DevicePte | Special | None
"""An entry of a page table; `ZERO` is the shared zero page."""

PmdEntry = Pte | MigrationPte | Special | None
"""A PMD entry: a huge page, what stands for it while it moves, `ZERO` (the huge zero page), `TABLE`, or none."""


def pte_same(one: PteEntry, other: PteEntry) -> bool:
    """pte_same(), pmd_same(): entries are numbers, so two that say the same are the same, whatever was in between."""
    if one is other or type(one) is not type(other):
        return one is other
    if isinstance(one, SwapPte):
        assert isinstance(other, SwapPte)
        return one.slot == other.slot and one.exclusive == other.exclusive
    if isinstance(one, MigrationPte):
        assert isinstance(other, MigrationPte)
        return one.page is other.page and (one.writable, one.exclusive) == (other.writable, other.exclusive)
    if isinstance(one, (Pte, DevicePte)):
        assert isinstance(other, (Pte, DevicePte))
        return one.page is other.page and one.writable == other.writable
    return False


class AnonVma:
    """The address spaces in which a folio of this area may be mapped: a fork family."""

    __slots__ = ("mms",)

    def __init__(self) -> None:
        self.mms: dict[Mm, None] = {}


class PageTable:
    """A page full of PTEs. It is in one place only: preallocated by a fault, under a PMD, or deposited for one."""

    __slots__ = ()


class Vma:
    """One area of an address space: which pages are mapped, the order policy, and its page table.

    A mapping of a file maps the file's pages at the numbers that they have there; `shared` is MAP_SHARED.
    """

    __slots__ = ("anon_vma", "area", "deposit", "file", "order", "pmd", "present", "ptes", "shared", "table")

    def __init__(
        self, area: int, order: int, pages: int, file: File | None = None, *, shared: bool = False
    ) -> None:
        self.area = area
        self.order = order
        self.file = file
        self.shared = shared
        self.present = [True] * pages
        """Whether each page is inside the VMA: an unmap may leave several VMAs in an area."""
        self.pmd: PmdEntry = None
        self.ptes: list[PteEntry] = [None] * pages
        self.anon_vma: AnonVma | None = None
        self.table: PageTable | None = None
        """The page table, while `pmd` is `TABLE`."""
        self.deposit: PageTable | None = None
        """The table that a huge anonymous mapping keeps for the day when it is split."""


class Mm:
    """An address space. Areas stand at the same addresses in every process of a fork family."""

    __slots__ = ("cpu", "file_pages", "has_pinned", "mm_id", "process", "vmas", "write_protect_seq")

    def __init__(self, process: int, mm_id: int, cpu: int) -> None:
        self.process = process
        self.mm_id = mm_id
        """Never reused, from 1: 0 is an empty slot of a folio."""
        self.cpu = cpu
        self.has_pinned = False
        """MMF_HAS_PINNED: fork looks for pinned pages only when this is set."""
        self.write_protect_seq = 0
        """Odd while fork write-protects what it shares, so that GUP-fast looks again (57efa1fe5957, v5.11)."""
        self.vmas: dict[int, Vma] = {}
        self.file_pages = 0
        """MM_FILEPAGES and MM_SHMEMPAGES: pages of files that are mapped."""


class AddressSpaces(SwapSpace):
    """All address spaces, and the writes to their page tables."""

    mm_type = Mm
    vma_type = Vma
    """What address spaces and areas are made of: see `page_type`."""

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        super().__init__(profile, frames, huge_order)
        self.mms: dict[int, Mm] = {}
        self.pmd_writes: dict[tuple[Mm, int], None] = {}
        """(mm, area) whose PMD entry this step wrote."""
        self.pte_writes: dict[tuple[Mm, int, int], None] = {}
        """(mm, area, page) whose PTE this step wrote."""
        self.page_tables: dict[PageTable, None] = {}
        """Page tables that were allocated and not freed yet: nr_page_table_pages."""
        self._next_mm_id = 1

    def new_mm(self, process: int, cpu: int) -> Mm:
        """An empty address space."""
        mm = self.mms[process] = self.mm_type(process, self._next_mm_id, cpu)
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
        """pte_alloc(): a page table where there is none; not if somebody was faster."""
        if vma.pmd is None:
            table = self.pte_alloc_one()
            self.spin_lock(vma)
            lost = vma.pmd is not None
            if not lost:
                self.pmd_install(mm, vma, table)
            self.spin_unlock(vma)
            if lost:
                self.pte_free(table)

    def pmd_lock(self, vma: Vma) -> PmdEntry:
        """pmd_trans_huge_lock(): the page-table lock, and what the PMD is then."""
        self.spin_lock(vma)
        return vma.pmd

    def pte_offset_map_lock(self, vma: Vma) -> bool:
        """pte_offset_map_lock(): the page-table lock, where there is a page table still."""
        self.spin_lock(vma)
        if vma.pmd is TABLE:
            return True
        self.spin_unlock(vma)
        return False

    def pte_alloc_one(self) -> PageTable:
        """A page table that is nowhere yet."""
        table = PageTable()
        self.page_tables[table] = None
        return table

    def pte_free(self, table: PageTable) -> None:
        """The end of a page table."""
        if table not in self.page_tables:
            raise KernelBug("BUG: Bad page state: a page table was freed twice")
        del self.page_tables[table]

    def pmd_install(self, mm: Mm, vma: Vma, table: PageTable) -> None:
        """pmd_install(), pmd_populate(): from now on the table is under the PMD. With the page-table lock.

        What is in the table is to be seen before the table is.
        """
        vma.table = table
        self.smp_wmb()
        self.set_pmd(mm, vma, TABLE)

    def deposit_table(self, vma: Vma, table: PageTable) -> None:
        """pgtable_trans_huge_deposit(): what a split of the huge mapping will need is there beforehand."""
        vma.deposit = table

    def withdraw_table(self, vma: Vma) -> PageTable:
        """pgtable_trans_huge_withdraw()."""
        table = vma.deposit
        if table is None:
            raise KernelBug("BUG: no page table was deposited for a huge mapping")
        vma.deposit = None
        return table

    def free_tables(self, mm: Mm, vma: Vma) -> None:
        """free_pgtables(): nothing is mapped in the area any more; who walks without locks is waited for."""
        table, vma.table = vma.table, None
        if vma.pmd is not None:
            self.set_pmd(mm, vma, None)
        if table is not None:
            self.smp_call_function()
            self.pte_free(table)

    def anon_vma_prepare(self, mm: Mm, vma: Vma) -> AnonVma:
        """The anon_vma of an area, made with its first page."""
        if vma.anon_vma is None:
            self.critical("anon_vma")
        if vma.anon_vma is None:
            vma.anon_vma = AnonVma()
            vma.anon_vma.mms[mm] = None
        return vma.anon_vma
