"""What a kernel of an era promises, and what it was known to get wrong.

Rules of later kernels do not hold on earlier ones: until v5.9 a write fault could reuse a page that another
process had a reference on, until v5.19 it could copy one that its owner had pinned. A property that an
era never had is not asked of it.
"""

from __future__ import annotations

from mmfuzz.model.owners import Area, Folio, Owned, Page, Slot
from mmfuzz.profiles import Profile


class Promises:
    """The promises of one profile, as the questions that the rules ask."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.has_pins = profile.pins != "none"
        """Pins can be told from references at all."""
        self.splits_folios = not profile.mixed_maps
        """Splitting a PMD map splits the folio."""
        self.split_refuses = profile.mixed_maps
        """References beside maps and swap cache forbid a split."""
        self.fork_keeps_pins = profile.fork_copies_pinned and self.has_pins
        """A child never shares what its parent has pinned."""
        self.swap_keeps_pins = profile.reclaim_spares_pinned and self.has_pins
        """What is pinned is not swapped out."""
        self.copy_keeps_pins = profile.exclusive and self.has_pins
        """A write fault never copies what its process has pinned."""
        self.gets_break_cow = profile.get_breaks_cow
        """Taking a reference for reading breaks sharing, as writing does."""
        self.pins_are_alone = self.copy_keeps_pins
        """Nobody but the pinning process refers to a page that was just pinned."""
        self.pins_unshare_zero = profile.pin_unshares_zero and self.has_pins
        """A pin never takes the shared zero page."""
        self.gets_isolate = profile.cow in ("drain", "exclusive")
        """A write never goes to a page that another process has a reference on."""
        self.splits_to_zero = profile.zero_page_at_split
        """A split maps the shared zero page in place of zero-filled pages."""
        self.copies_huge = profile.copies_huge
        """A write may copy a whole huge page."""

        self.stable_files = profile.stable_files
        """What is on its way to disk does not change: not even a device may write to it."""
        self.dax_maps_counted = profile.dax_maps_counted
        """A map of a page of a file on a device is a reference."""
        self.device_takes_cached = profile.device_takes_cached
        """What is in the swap cache may go to a device, unless a swap entry needs it."""
        self.looks_back = profile.cow == "count"
        """Isolation depends on how a page was mapped before it was written."""

    def isolates(self, before: Owned, page: Page) -> bool:
        """Whether a write could not stay on `page` if other processes' handles refer to it.

        `before` is what the address referred to before the write. From v5.9 to v5.17 pages were kept apart that a
        PTE maps, but neither huge pages nor what a write swaps in; before v5.9 none were.
        """
        if self.gets_isolate:
            return True
        return self.profile.cow == "count" and before is page and not page.folio.pmds and not page.exposed

    def keeps_sole_user(self, process: int, page: Page) -> bool:
        """Whether a write fault of a process had to leave a page where it was, as nobody else had any of its folio.

        Asked of the page that was left, so its user is gone already. By mapcount, until v5.8: 6d0a07edd17c ("mm:
        thp: calculate the mapcount correctly for THP pages during WP faults", v4.6).
        """
        folio = page.folio
        if self.profile.cow != "mapcount" or folio.pmds or folio.slot is not None or page.maps:
            return False
        return all(where[0] == process for other in folio.pages for where in other.maps)

    def beyond_limits(self, area: Area) -> str:
        """Why khugepaged, with the limits that a machine boots with, would not collapse an area; empty if it would."""
        if not self.profile.collapse_limits:
            return ""
        swapped = sum(type(owned) is Slot for owned in area.table)
        shared = sum(
            type(owned) is Page and len(owned.maps) + len(owned.folio.pmds) > 1 for owned in area.table
        )
        pages = len(area.table)
        if swapped > (pages // 8 if self.profile.collapse_swapin else 0):
            return f"{swapped} of {pages} pages are swapped out, beyond max_ptes_swap"
        return f"{shared} of {pages} pages are shared, beyond max_ptes_shared" if shared > pages // 2 else ""

    def refuses_collapse(self, folio: Folio, slots: dict[int, Slot]) -> bool:
        """Whether khugepaged of the era takes no such source, though nothing holds it.

        Until v5.8 that was a large folio, or a page that several map; until v5.18 what is in the swap cache, and has a
        page with two users.
        """
        if self.profile.collapse == "base-unshared" and (folio.order > 0 or len(folio.pages[0].maps) > 1):
            return True
        return (
            self.profile.cow in ("mapcount", "count")
            and folio.slot is not None
            and any(_users(page, folio.slot, slots) > 1 for page in folio.pages)
        )


def _users(page: Page, first: int, slots: dict[int, Slot]) -> int:
    """Maps and swap entries of a page of a cached folio."""
    slot = slots.get(first + page.index)
    entries = len(slot.entries) if slot is not None else 0
    return len(page.maps) + len(page.folio.pmds) + entries
