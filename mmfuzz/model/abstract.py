"""The abstract state of a folio: what kind of situation it is in, whatever its frame and its numbers.

State coverage guides campaigns, and works alike on every target because it looks at owners only.
"""

from __future__ import annotations

from mmfuzz.model.owners import DevicePage, Folio, Page
from mmfuzz.model.world import World

GONE = 0
"""The state of a folio that does not exist: before it was made, and after it was freed."""


def state_of(folio: Folio, world: World) -> int:
    """A small integer that is equal for folios in the same kind of situation.

    It packs: order class, PMD maps (0, 1, more), pages with PTE maps (none, some, all), most PTE maps of a
    page (0, 1, more), pins, gets, swap cache, the most swap entries of a page in it (0, 1, more), whether
    it has a page that nothing else refers to or that a device wrote, LRU batch, and whether one process owns it
    alone.
    """
    flags = 1 if folio.slot is None else _cached(folio, folio.slot, world)
    if folio.batches:
        flags |= 64
    if folio.of_file:
        flags |= _OF_FILE if folio.file is None else _FILED
        flags |= _saved(folio, world)
        if folio.dax:
            flags |= _ON_DEVICE if folio.dax == "fs" else _A_DEVICE
    if folio.private:
        flags |= _PRIVATE
    order = folio.order
    if not order:
        page = folio.pages[0]
        if type(page) is DevicePage:
            flags |= _ON_DEVICE
        maps = len(page.maps)
        return flags | _holds(page) | (maps if maps < 2 else 2) * _BASE_MAPPED
    mapped = most = 0
    for page in folio.pages:
        maps = len(page.maps)
        if maps:
            mapped += 1
            if maps > most:
                most = maps
        flags |= _holds(page)
    shape = 2 if order == world.huge_order else 1
    some = 0 if not mapped else 2 if mapped == len(folio.pages) else 1
    pmds = min(len(folio.pmds), 2)
    return flags | (shape | pmds << 2 | some << 4 | min(most, 2) << 6) << 8


_BASE_MAPPED = 1 << 14
"""Where the number of a page's PTE maps stands."""

_ABANDONED = 1 << 16
_BY_DEVICE = 1 << 17
_OF_FILE, _FILED, _PRIVATE = 1 << 18, 1 << 19, 1 << 20
"""Cut off from its file; in a page cache; with private data."""
_SAVED = 1 << 23
_ON_DEVICE, _A_DEVICE = 1 << 21, 1 << 22
"""In the memory of a device; of a device that is mapped as a file."""


def _saved(folio: Folio, world: World) -> int:
    """Of a folio in a page cache: whether the disk has what it holds, and whether a device wrote that."""
    flags = 0
    for index, page in enumerate(folio.pages, folio.first):
        if folio.file is not None and page.value and folio.file.stored.get(index) == page.value:
            flags |= _SAVED
        if page.value in world.from_devices:
            flags |= _BY_DEVICE
    return flags


def _cached(folio: Folio, first: int, world: World) -> int:
    """In the swap cache: the most swap entries of a page, and whether a page is neither mapped nor swapped.

    Also whether a device wrote what a page holds, which the copy in swap may not have.
    """
    flags = 1 | 16
    slots, by_device = world.slots, world.from_devices
    for number, page in enumerate(folio.pages, first):
        slot = slots.get(number)
        if slot is not None and slot.entries:
            flags |= 32 if len(slot.entries) == 1 else 32 | 128
        elif not page.maps and not folio.pmds:
            flags |= _ABANDONED
        if page.value in by_device:
            flags |= _BY_DEVICE
    return flags


def _holds(page: Page) -> int:
    return (2 if page.pins else 0) | (4 if page.gets else 0) | (8 if page.private_to is not None else 0)
