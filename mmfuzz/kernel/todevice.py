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
from mmfuzz.kernel.split import Unmapped
from mmfuzz.observation import TABLE


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
            entry = vma.ptes[number] if vma.pmd is TABLE else None
            if type(entry) is Pte and self.migrates_to_device(entry.page.head):
                failed = self.migrate_one_to_device(entry.page, unused)
                error = ENOMEM if ENOMEM in (failed, error) else failed or error
        for device in unused:
            self.folio_put(device)
        return error

    def migrates_to_device(self, folio: Folio) -> bool:
        """Whether a device takes such: a base page that is anonymous."""
        return not folio.order and type(folio.mapping) is not File

    def migrate_vma_collect_pmd(self, mm: Mm, vma: Vma) -> str:
        """Huge pages go in pieces (until the v6.19 support for device-private THP)."""
        if type(vma.pmd) is Pte and vma.file is None:
            return "EBUSY" if self.get_and_split(vma.pmd.page) else ""
        return ""

    def migrate_one_to_device(self, folio: Folio, unused: list[Folio]) -> str:
        """Isolate, unmap, compare references, copy, and leave device-private entries behind."""
        if not self.folio_isolate_lru(folio):
            return "EBUSY"
        unmapped = self.unmap_ptes(folio)
        if not self.migrate_vma_check_page(folio):
            return self.stay(folio, unmapped, "EBUSY")
        device = self.alloc_device_page()
        if device is None:
            return self.stay(folio, unmapped, "ENOMEM")
        if not self.leaves_swap_cache(folio):
            unused.append(device)
            return self.stay(folio, unmapped, "EBUSY")
        device.content = folio.content
        device.mapping = folio.mapping
        device.index = folio.index
        for mm, vma, number in unmapped:
            entry = vma.ptes[number]
            assert type(entry) is MigrationPte
            self.install_device_pte(mm, vma, number, device, entry)
        self.finalize_device(device)
        self.folio_put(folio)
        return ""

    def stay(self, folio: Folio, unmapped: Unmapped, error: str) -> str:
        """Map a folio again where it was."""
        self.remap(unmapped, use_zero_page=False)
        self.folio_putback_lru(folio)
        return error

    def migrate_vma_check_page(self, folio: Folio) -> bool:
        """Whether nothing refers to an unmapped folio but its isolation and the swap cache."""
        return folio._refcount == self.migrate_expected_refs(folio)

    def leaves_swap_cache(self, folio: Folio) -> bool:
        """A cached folio leaves the swap cache first, where no swap entry needs it (df263d9a7dff, v6.6)."""
        return not folio.swapcache or self.folio_free_swap(folio)

    def install_device_pte(self, mm: Mm, vma: Vma, number: int, device: Folio, entry: MigrationPte) -> None:
        """remove_migration_pte() on a page of a device: an entry that is not present, with reference and mapcount."""
        self.folio_get(device)
        if entry.exclusive:
            self.set_exclusive(device)
        self.folio_add_anon_rmap_ptes(device, (device,), mm)
        self.set_pte(mm, vma, number, DevicePte(device, entry.writable))

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
