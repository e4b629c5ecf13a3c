"""The abstract state of a folio: what kind of situation it is in, whatever its frame and its numbers.

State coverage guides campaigns, and works alike on every target because it looks at owners only.
"""

from __future__ import annotations

from mmfuzz.model.owners import Folio
from mmfuzz.model.world import World

GONE = 0
"""The state of a folio that does not exist: before it was made, and after it was freed."""


def state_of(folio: Folio, world: World) -> int:
    """A small integer that is equal for folios in the same kind of situation.

    It packs: order class, PMD maps (0, 1, more), pages with PTE maps (none, some, all), most PTE maps of a
    page (0, 1, more), pins, gets, swap cache with or without swap entries, LRU batch, and whether one
    process owns it alone.
    """
    pages = folio.pages
    mapped = most = 0
    flags = 1
    for page in pages:
        maps = len(page.maps)
        if maps:
            mapped += 1
            if maps > most:
                most = maps
        if page.pins:
            flags |= 2
        if page.gets:
            flags |= 4
        if page.private_to is not None:
            flags |= 8
    if folio.slot is not None:
        flags |= 16
        slot = world.slots.get(folio.slot)
        if slot is not None and slot.entries:
            flags |= 32
    if folio.batches:
        flags |= 64
    order = folio.order
    shape = 0 if not order else 2 if order == world.huge_order else 1
    some = 0 if not mapped else 2 if mapped == len(pages) else 1
    pmds = min(len(folio.pmds), 2)
    return flags | (shape | pmds << 2 | some << 4 | min(most, 2) << 6) << 8
