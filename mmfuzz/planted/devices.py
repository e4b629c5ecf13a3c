"""Planted bugs with pages of a device: at which count they are free, who hears of it, and what may hold them."""

from __future__ import annotations

from collections.abc import Sequence

from mmfuzz.kernel.file import File
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.memory import Memory
from mmfuzz.kernel.mm import DevicePte, Mm, Vma
from mmfuzz.kernel.page import Folio, Page
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


_DAX = "files on a device are simulated from v5.7 on"


@bug(
    "dax-truncate-does-not-wait",
    "assertion",
    summary="truncating a file on a device gives blocks away while somebody has a reference on their pages",
    reached="get a page of an fsdax file, and truncate the file",
    since="5.7",
    because=_DAX,
)
class DaxTruncateDoesNotWait(Kernel):
    """A file system that unmaps and truncates, as it may where a page cache keeps what is held."""

    def break_layouts(self, file: File, span: range) -> str:
        """Nothing to wait for."""
        return ""


@bug(
    "dax-waiter-not-woken",
    "free-event",
    summary="the last reference of a page of an fsdax file goes, and who waits to truncate it is not woken",
    reached="get a page of an fsdax file, and put it",
    since="5.7",
    because=_DAX,
)
class DaxWaiterNotWoken(Kernel):
    """free_zone_device_folio() without wake_up_var()."""

    def dax_idle(self, folio: Folio) -> None:
        """Nobody is told."""


@bug(
    "dax-idle-at-one",
    "refusal",
    summary="truncating waits for a count of 1, which an idle page of an fsdax file does not have any more",
    reached="touch a page of an fsdax file, and truncate the file",
    fix='none: what 38607c62b34b ("fs/dax: properly refcount fs dax pages", v6.15) had to change in every file system '
    "at once",
    since="6.15",
    because="before, an idle page had one reference",
)
class DaxIdleAtOne(Kernel):
    """dax_page_is_idle() of before."""

    def dax_page_is_idle(self, page: Page) -> bool:
        """Whether the count is 1."""
        return page._refcount == 1


@bug(
    "fsdax-pinned-for-long",
    "refusal",
    summary="a page of an fsdax file is pinned for long, and the file cannot be truncated until that ends",
    reached="map an fsdax file, and pin a page of it",
    fix='2bb6d2837083 ("mm: introduce get_user_pages_longterm", v4.15)',
    since="5.7",
    because=_DAX,
)
class FsdaxPinnedForLong(Kernel):
    """check_vma_flags() without vma_is_fsdax()."""

    def may_pin_for_long(self, vma: Vma) -> bool:
        """Always."""
        return True


@bug(
    "dax-map-special",
    "free-event",
    summary="a page of a device is mapped with a reference by an entry that is marked special, so that unmapping it "
    "finds no page to put",
    reached="map a file on a device, touch a page, and unmap it",
    fix='c4297465d4ca ("mm/huge_memory: don\'t mark refcounted folios special in vmf_insert_folio_pmd()", v6.17), '
    "where huge mappings had it",
    since="6.15",
    until="6.15",
    because="maps are counted since 38607c62b34b (v6.15), and the fix is of v6.17",
)
class DaxMapSpecial(Kernel):
    """vmf_insert_folio_pmd() with pmd_mkspecial(), for single pages."""

    def folio_remove_rmap_ptes(self, folio: Folio, pages: Sequence[Page], mm: Mm) -> None:
        """vm_normal_page() finds nothing."""
        if folio.pgmap is None:
            super().folio_remove_rmap_ptes(folio, pages, mm)

    def zap_put(self, folio: Folio, refs: int) -> None:
        """So there is nothing to put."""
        if folio.pgmap is None:
            super().zap_put(folio, refs)
