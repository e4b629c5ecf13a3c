"""Planted bugs with pages of a device: at which count they are free, who hears of it, and what may hold them."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.memory import Memory
from mmfuzz.kernel.mm import DevicePte, Mm, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.planted.catalogue import bug

_PRIVATE = "memory of a device that processes own came with v4.14 (5042db43cc26)"


@bug(
    "device-free-at-one",
    "assertion",
    summary="a page of a device is free when its count falls to 1, although no reference stays with it any more",
    reached="move a page to the device",
    fix='none: what 27674ef6c73f ("mm: remove the extra ZONE_DEVICE struct page refcount", v5.18) had to change in '
    "every put at once",
    since="5.18",
    because="before, one reference always stayed, and free at 1 was right",
)
class DeviceFreeAtOne(Kernel):
    """folio_put() that still asks put_devmap_managed_page()."""

    def folio_put(self, folio: Folio, refs: int = 1) -> None:
        """Tell the driver at 1."""
        super().folio_put(folio, refs)
        if folio.pgmap is not None and folio._refcount == 1 and folio not in self.device.free:
            self.free_zone_device_folio(folio)


@bug(
    "device-free-at-zero",
    "free-event",
    summary="a put forgets that a page of a device is free when its count falls to 1: its driver never hears of it",
    reached="move a page to the device, and unmap it",
    fix='none: what 07d802699528 ("mm: devmap: refactor 1-based refcounting for ZONE_DEVICE pages", v5.7) is there '
    "for",
    since="5.7",
    until="5.14",
    because="since 27674ef6c73f (v5.18) no reference stays with a free page",
)
class DeviceFreeAtZero(Kernel):
    """put_page() without put_devmap_managed_page()."""

    def put_devmap_managed_page(self, folio: Folio, refs: int) -> None:
        """A put like any other."""
        Memory.folio_put(self, folio, refs)


@bug(
    "device-page-to-buddy",
    "free-event",
    summary="a page of a device is freed to the page allocator, and its driver is not told",
    reached="move a page to the device, and unmap it",
    since="5.7",
    because=_PRIVATE,
)
class DevicePageToBuddy(Kernel):
    """__folio_put() that does not ask folio_is_zone_device()."""

    def page_free(self, folio: Folio) -> None:
        """Hand it to whoever allocates next."""
        self.free_block(folio, 0)


@bug(
    "pgmap-ref-leak",
    "free-event",
    summary="a page of a device that is freed keeps its reference on the device's map, which can never go",
    reached="move a page to the device, and unmap it",
    since="6.1",
    because="before 0dc45ca1ce18 (v6.1) pages took no reference on the map when they were handed out",
)
class PgmapRefLeak(Kernel):
    """free_zone_device_folio() without put_dev_pagemap()."""

    def put_dev_pagemap(self, folio: Folio) -> None:
        """Nothing."""


@bug(
    "device-page-on-lru",
    "assertion",
    summary="a page of a device is put on an LRU list, which overwrites the words that its pgmap is in",
    reached="move a page to the device",
    since="5.7",
    because=_PRIVATE,
)
class DevicePageOnLru(Kernel):
    """migrate_vma_finalize() that treats every destination alike."""

    def finalize_device(self, device: Folio) -> None:
        """folio_putback_lru()."""
        self.folio_putback_lru(device)


@bug(
    "device-ignores-pins",
    "refusal",
    summary="a page goes to the device although a pin or get refers to it, which is left with the old frame",
    reached="get a page and move it to the device",
    since="5.7",
    because=_PRIVATE,
)
class DeviceIgnoresPins(Kernel):
    """migrate_vma_check_page() that is satisfied with anything."""

    def migrate_vma_check_page(self, folio: Folio) -> bool:
        """Always."""
        return True


@bug(
    "device-stale-swapcache",
    "assertion",
    summary="a page leaves the swap cache on its way to the device and is then moved as if it were there: "
    "the cache's reference is dropped twice",
    reached="swap a page out and in, and move it to the device",
    fix='34a00895d032 ("mm/migrate_device: clear stale mapping after freeing swapcache", v7.3-rc1, v7.2.4), '
    "CVE-2026-89755",
    since="6.8",
    because="before df263d9a7dff (v6.6) what was in the swap cache did not go to a device",
)
class DeviceStaleSwapcache(Kernel):
    """__migrate_device_pages() that keeps the mapping which it looked up before folio_free_swap()."""

    def leaves_swap_cache(self, folio: Folio) -> bool:
        """Drop what is not there any more."""
        was_cached = folio.swapcache
        left = super().leaves_swap_cache(folio)
        if was_cached and left:
            self.put_cache_refs(folio)
        return left


@bug(
    "device-fork-no-ref",
    "identity",
    summary="fork copies an entry for a page on a device without taking a reference for it",
    reached="move a page to the device and fork",
    since="5.7",
    because=_PRIVATE,
)
class DeviceForkNoRef(Kernel):
    """copy_nonpresent_pte() that takes such an entry for one that holds nothing, as swap entries do."""

    def copy_device_private(self, parent: Mm, vma: Vma, child: Mm, page: int, entry: DevicePte) -> DevicePte:
        """Count the mapping, not the reference."""
        shared = super().copy_device_private(parent, vma, child, page, entry)
        entry.page._refcount -= 1
        return shared
