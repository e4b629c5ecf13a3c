"""migrate_vma: anonymous pages to the memory of a device, and back at its driver's wish.

What a process has there is named by device-private entries, which hold a reference and a mapcount although the
process cannot access the page (5042db43cc26, "mm/ZONE_DEVICE: new type of ZONE_DEVICE for unaddressable memory",
v4.14).
"""

from __future__ import annotations

from mmfuzz.kernel.fault import ENOMEM
from mmfuzz.kernel.file import File
from mmfuzz.kernel.mm import DevicePte, MigrationPte, Mm, Pte, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.kernel.protect import Protect


class ToDevice(Protect):
    """What a driver does with a range of a process."""

    def migrate_to_device(self, mm: Mm, vma: Vma, span: range) -> str:
        """Move the base pages of a range, a PMD-mapped folio split first; EBUSY when one had to stay.

        What the driver has allocated for those it gets back when everything is done.
        """
        self.lru_add_drain_all()
        unused: list[Folio] = []
        error = self.migrate_vma_collect_pmd(mm, vma)
        for number in span:
            folio = self.collect_one(vma, number)
            if folio is not None:
                failed = self.migrate_one_to_device(folio, unused)
                error = ENOMEM if ENOMEM in (failed, error) else failed or error
        for device in unused:
            self.folio_put(device)
        return error

    def collect_one(self, vma: Vma, number: int) -> Folio | None:
        """migrate_vma_collect_pmd() for one PTE: what it maps, with a reference, if a device takes such."""
        if not self.pte_offset_map_lock(vma):
            return None
        entry = vma.ptes[number]
        folio = entry.page.head if type(entry) is Pte and self.migrates_to_device(entry.page.head) else None
        if folio is not None:
            self.folio_get(folio)
        self.spin_unlock(vma)
        return folio

    def migrates_to_device(self, folio: Folio) -> bool:
        """Whether a device takes such: a base page that is anonymous."""
        return not folio.order and type(folio.mapping) is not File

    def migrate_vma_collect_pmd(self, mm: Mm, vma: Vma) -> str:
        """Huge pages go in pieces (until the v6.19 support for device-private THP)."""
        if vma.file is not None:
            return ""
        self.spin_lock(vma)
        entry = vma.pmd
        page = entry.page if type(entry) is Pte else None
        if page is not None:
            self.split_get(page)
        self.spin_unlock(vma)
        return "EBUSY" if page is not None and self.try_split(page) else ""

    def migrate_one_to_device(self, folio: Folio, unused: list[Folio]) -> str:
        """Isolate, unmap, compare references, copy, and leave device-private entries behind."""
        isolated = self.folio_isolate_lru(folio)
        self.folio_put(folio)
        if not isolated:
            return "EBUSY"
        self.folio_lock(folio)
        mapping = self.rmap_lock(folio)
        error = self.move_to_device(folio, unused)
        self.rmap_unlock(mapping)
        self.folio_unlock(folio)
        if error:
            self.folio_putback_lru(folio)
        else:
            self.folio_put(folio)
        return error

    def move_to_device(self, folio: Folio, unused: list[Folio]) -> str:
        """With the page lock and the lock of the reverse map: why it stays where it was."""
        self.unmap_ptes(folio)
        device = None
        gone = not self.folio_mapped(folio) and self.migrate_vma_check_page(folio)
        error = "" if gone else "EBUSY"
        if not error:
            device = self.alloc_device_page()
            error = "" if device is not None else "ENOMEM"
        if device is not None and not self.leaves_swap_cache(folio):
            unused.append(device)
            error = "EBUSY"
        if error or device is None:
            self.remap(folio, [folio], [folio])
            return error
        device.content = folio.content
        device.mapping = folio.mapping
        device.index = folio.index
        self.folio_mark_uptodate(device)
        self.install_device_ptes(folio, device)
        self.finalize_device(device)
        return ""

    def migrate_vma_check_page(self, folio: Folio) -> bool:
        """Whether nothing refers to an unmapped folio but its isolation and the swap cache."""
        return folio._refcount == self.migrate_expected_refs(folio)

    def leaves_swap_cache(self, folio: Folio) -> bool:
        """A cached folio leaves the swap cache first, where no swap entry needs it (df263d9a7dff, v6.6)."""
        return not folio.swapcache or self.folio_free_swap(folio)

    def install_device_ptes(self, folio: Folio, device: Folio) -> None:
        """remove_migration_pte() on a page of a device: entries that are not present, with reference and mapcount."""
        for mm, vma in self.rmap_walk(folio):
            if not self.pte_offset_map_lock(vma):
                continue
            for number, entry in self.ptes_of(folio, vma):
                if type(entry) is MigrationPte and entry.page is folio:
                    self.folio_get(device)
                    if entry.exclusive:
                        self.set_exclusive(device)
                    self.folio_add_anon_rmap_ptes(device, (device,), mm)
                    self.set_pte(mm, vma, number, DevicePte(device, entry.writable))
            self.spin_unlock(vma)

    def finalize_device(self, device: Folio) -> None:
        """migrate_vma_finalize(): the driver's reference goes, and no LRU list gets the page."""
        self.folio_put(device)

    def migrate_from_device(self, mm: Mm, vma: Vma, span: range) -> str:
        """Bring home what a range has on the device."""
        error = ""
        for number in span:
            if type(vma.ptes[number]) is DevicePte:
                error = self.migrate_to_ram(mm, vma, number) or error
        return error
