"""What a kernel of an era promises, and what it was known to get wrong.

Rules of later kernels do not hold on earlier ones: until v5.9 a write fault could reuse a page that another
process had a reference on, until v5.19 it could copy one that its owner had pinned. A property that an
era never had is not asked of it.
"""

from __future__ import annotations

from mmfuzz.model.owners import Folio, Owned, Page, Slot
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
        self.copies_huge = profile.copies_huge
        """A write may copy a whole huge page."""

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

    def must_refuse_collapse(self, folio: Folio) -> bool:
        """Whether khugepaged of the era takes no such source: a large folio, or a page that several map."""
        if self.profile.collapse != "base-unshared":
            return False
        return folio.order > 0 or len(folio.pages[0].maps) > 1

    def may_refuse_collapse(self, folio: Folio, slots: dict[int, Slot]) -> bool:
        """Whether khugepaged of the era would not take a source although nothing holds it."""
        rule = self.profile.collapse
        maps = len(folio.pmds) + sum(len(page.maps) for page in folio.pages)
        if rule == "base-unshared" and (folio.order > 0 or maps > 1):
            return True
        if self.profile.cow in ("mapcount", "count"):
            return folio.slot is not None and (maps > 1 or _is_swapped(folio, slots))
        return False


def _is_swapped(folio: Folio, slots: dict[int, Slot]) -> bool:
    assert folio.slot is not None
    numbers = range(folio.slot, folio.slot + len(folio.pages))
    return any(number in slots and slots[number].entries for number in numbers)
