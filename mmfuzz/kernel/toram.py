"""Faults on device-private entries: the page comes home, for everybody who maps it."""

from __future__ import annotations

from mmfuzz.kernel.cow import Cow
from mmfuzz.kernel.mm import DevicePte, MigrationPte, Mm, Pte, Vma
from mmfuzz.kernel.page import Folio


class ToRam(Cow):
    """do_swap_page() on a device-private entry, and the driver's migrate_to_ram()."""

    def migrate_to_ram(self, mm: Mm, vma: Vma, page: int) -> str:
        """Bring the page of a device-private entry into memory; an errno name when it had to stay.

        The fault has a reference of its own meanwhile (16ce101db85d, "mm/memory.c: fix race when faulting a device
        private page", v6.1), and the page lock: who finds it locked waits without a reference, which would keep it
        where it is (1afaeb8293c9, "mm/migrate: Trylock device page in do_swap_page", v6.15).
        """
        if not self.pte_offset_map_lock(vma):
            return ""
        entry = vma.ptes[page]
        if type(entry) is not DevicePte:
            self.spin_unlock(vma)
            return ""
        device = entry.page
        self.page_pgmap(device)
        if not self.lock_device_page(device):
            self.spin_unlock(vma)
            self.folio_lock(device)
            self.folio_unlock(device)
            return ""
        self.device_fault_get(device)
        self.spin_unlock(vma)
        error = self.bring_home(device)
        self.folio_unlock(device)
        self.folio_put(device)
        return error

    def lock_device_page(self, device: Folio) -> bool:
        """trylock_page(), under the page-table lock."""
        return self.folio_trylock(device)

    def bring_home(self, device: Folio) -> str:
        """A page in memory takes the place of a page of a device, where nobody else refers to that."""
        fresh = self.alloc_folio(0)
        if fresh is None:
            return "ENOMEM"
        mapping = self.rmap_lock(device)
        self.unmap_device(device)
        stays = device._refcount != self.device_unmapped_refs()
        if not stays:
            fresh.content = device.content
            fresh.mapping = device.mapping
            fresh.index = device.index
            self.folio_mark_uptodate(fresh)
        self.map_home(device, device if stays else fresh)
        self.rmap_unlock(mapping)
        if not stays:
            self.folio_add_lru(fresh)
        self.folio_put(fresh)
        return "EAGAIN" if stays else ""

    def device_fault_get(self, device: Folio) -> None:
        """The fault's own reference."""
        self.folio_get(device)

    def device_unmapped_refs(self) -> int:
        """What a page of a device has that nothing maps: the reference of whoever moves it."""
        return 1

    def unmap_device(self, device: Folio) -> None:
        """Migration entries in the place of all device-private ones of a page; with its page and rmap locks."""
        exclusive = device.anon_exclusive
        for mm, vma in self.rmap_walk(device):
            if not self.pte_offset_map_lock(vma):
                continue
            for number, entry in self.ptes_of(device, vma):
                if type(entry) is DevicePte and entry.page is device:
                    self.set_pte(mm, vma, number, MigrationPte(device, entry.writable, exclusive))
                    self.folio_remove_rmap_ptes(device, (device,), mm)
                    self.folio_put(device)
            self.spin_unlock(vma)

    def map_home(self, device: Folio, target: Folio) -> None:
        """Map what came home where the device's page was; or that again, where it could not leave."""
        for mm, vma in self.rmap_walk(device):
            if not self.pte_offset_map_lock(vma):
                continue
            for number, entry in self.ptes_of(device, vma):
                if type(entry) is MigrationPte and entry.page is device:
                    self.folio_get(target)
                    if entry.exclusive:
                        self.set_exclusive(target)
                    self.folio_add_anon_rmap_ptes(target, (target,), mm)
                    kind = DevicePte if target is device else Pte
                    self.set_pte(mm, vma, number, kind(target, entry.writable))
            self.spin_unlock(vma)
