"""mprotect: entries that may not write for a while, and do not get their right back by themselves."""

from __future__ import annotations

from mmfuzz.kernel.collapse import Collapse
from mmfuzz.kernel.mm import DevicePte, MigrationPte, Mm, Pte, Vma
from mmfuzz.observation import TABLE


class Protect(Collapse):
    """change_protection(), to read-only and back.

    On the way back a kernel may let exclusive pages be written at once (64fe24a3e05e, "mm/mprotect: try avoiding
    write faults for exclusive anonymous pages when changing protection", v6.1). Here a fault has to.
    """

    def protect_range(self, mm: Mm, vma: Vma, span: range) -> None:
        """Write-protect what a range maps; a PMD that maps more than that is split first."""
        pmd = vma.pmd
        if pmd is None:
            return
        if pmd is not TABLE:
            if len(span) == self.nr_huge and self.protect_pmd(mm, vma):
                return
            self.split_huge_pmd(mm, vma)
        if not self.pte_offset_map_lock(vma):
            return
        for page in span:
            entry = vma.ptes[page]
            if type(entry) is Pte and entry.writable:
                self.set_pte(mm, vma, page, Pte(entry.page, False))
            elif type(entry) is DevicePte and entry.writable:
                self.set_pte(mm, vma, page, DevicePte(entry.page, False))
            elif type(entry) is MigrationPte and entry.writable:
                self.set_pte(mm, vma, page, MigrationPte(entry.page, False, entry.exclusive))
        self.spin_unlock(vma)

    def protect_pmd(self, mm: Mm, vma: Vma) -> bool:
        """change_huge_pmd(): false where somebody has split the mapping."""
        entry = self.pmd_lock(vma)
        if type(entry) is Pte and entry.writable:
            self.set_pmd(mm, vma, Pte(entry.page, False))
        elif type(entry) is MigrationPte and entry.writable:
            self.set_pmd(mm, vma, MigrationPte(entry.page, False, entry.exclusive))
        self.spin_unlock(vma)
        return entry is not TABLE
