"""Faults on device-private entries: the page comes home, for everybody who maps it."""

from __future__ import annotations

from mmfuzz.kernel.cow import Cow
from mmfuzz.kernel.mm import DevicePte, Mm, Pte, Vma
from mmfuzz.kernel.page import Folio

Afar = list[tuple[Mm, Vma, int, bool]]
"""Where device-private entries were taken away: (mm, area, page, writable)."""


class ToRam(Cow):
    """do_swap_page() on a device-private entry, and the driver's migrate_to_ram()."""

    def migrate_to_ram(self, mm: Mm, vma: Vma, page: int) -> str:
        """Bring the page of a device-private entry into memory; an errno name when it had to stay.

        The fault has a reference of its own meanwhile (16ce101db85d, "mm/memory.c: fix race when faulting a device
        private page", v6.1).
        """
        entry = vma.ptes[page]
        assert type(entry) is DevicePte
        device = entry.page
        self.page_pgmap(device)
        fresh = self.alloc_folio(0)
        if fresh is None:
            return "ENOMEM"
        self.device_fault_get(device)
        exclusive = device.anon_exclusive
        afar = self.unmap_device(device)
        if device._refcount != self.device_unmapped_refs():
            self.map_home(device, device, afar, exclusive=exclusive)
            self.folio_put(fresh)
            self.folio_put(device)
            return "EAGAIN"
        fresh.content = device.content
        fresh.mapping = device.mapping
        fresh.index = device.index
        self.map_home(device, fresh, afar, exclusive=exclusive)
        self.folio_add_lru(fresh)
        self.folio_put(fresh)
        self.folio_put(device)
        return ""

    def device_fault_get(self, device: Folio) -> None:
        """The fault's own reference."""
        self.folio_get(device)

    def device_unmapped_refs(self) -> int:
        """What a page of a device has that nothing maps: the reference of whoever moves it."""
        return 1

    def unmap_device(self, device: Folio) -> Afar:
        """Take all device-private entries of a page away."""
        afar: Afar = []
        for mm, vma in self.rmap_walk(device):
            for number, entry in self.ptes_of(device, vma):
                if type(entry) is DevicePte and entry.page is device:
                    afar.append((mm, vma, number, entry.writable))
                    self.folio_remove_rmap_ptes(device, (device,), mm)
                    self.folio_put(device)
        return afar

    def map_home(self, device: Folio, target: Folio, afar: Afar, *, exclusive: bool) -> None:
        """Map what came home where the device's page was; or that again, where it could not leave."""
        for mm, vma, number, writable in afar:
            self.folio_get(target)
            if exclusive:
                self.set_exclusive(target)
            self.folio_add_anon_rmap_ptes(target, (target,), mm)
            entry = DevicePte(target, writable) if target is device else Pte(target, writable)
            self.set_pte(mm, vma, number, entry)
