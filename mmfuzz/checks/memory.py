"""All of memory: no folio leaks, none is freed early, and each frame is accounted for exactly once."""

from __future__ import annotations

from mmfuzz.model.names import address, folio_name, owners
from mmfuzz.model.owners import Folio, Slot
from mmfuzz.model.world import World
from mmfuzz.observation import Counters, Sweep
from mmfuzz.profiles import Profile
from mmfuzz.violation import Term, Violation


def freed_early(folio: Folio) -> Violation:
    """A folio that has owners is free on the target."""
    return Violation(
        "use-after-free",
        f"{folio_name(folio)} is free, and {len(owners(folio))} owners refer to it",
        folio=folio_name(folio),
        terms=[Term("refcount", f"at least {len(owners(folio))}", 0, owners(folio))],
    )


def leaked(folio: Folio, seen: Counters) -> Violation:
    """A folio that nothing refers to is not free on the target."""
    return Violation(
        "leak",
        f"nothing refers to the folio any more, yet its refcount is {seen.refcount}",
        folio=folio_name(folio),
        terms=[Term("refcount", 0, seen.refcount), Term("mapcounts", 0, sum(seen.mapcounts) + seen.entire)],
    )


def check_zero_page(world: World, seen: Counters, rules: Profile) -> None:
    """The shared zero page: one reference of the machine itself, and those of the handles that took it."""
    pins = sum(handle.pinned for handle, _ in world.zero)
    weight = rules.pin_weight(0) if rules.zero_page_counted else 0
    expected = 1 + len(world.zero) - pins + pins * weight
    if seen.refcount != expected:
        holders = [
            f"{'pin' if handle.pinned else 'get'} of page {page} {handle}" for handle, page in world.zero
        ]
        raise Violation(
            "zero-page",
            f"refcount is {seen.refcount}, its owners add up to {expected}",
            folio="the shared zero page",
            terms=[Term("refcount", expected, seen.refcount, ["the machine itself", *holders])],
        )


def check_tables(world: World, seen: int) -> None:
    """As many page tables as PMDs that point to one and anonymous huge mappings that keep one."""
    expected = world.tables()
    if seen != len(expected):
        what = f"there are {seen} page tables, {len(expected)} are in use"
        raise Violation("page-table", what, terms=[Term("page tables", len(expected), seen, expected)])


def check_free_frames(world: World, free: int, frames: int) -> None:
    """The number of free frames is what the folios in use leave over."""
    owned = world.owned_frames()
    if free != frames - owned:
        raise Violation(
            "frames",
            f"{frames - owned - free} of {frames} frames are neither in use nor free",
            terms=[Term("free frames", frames - owned, free)],
        )


def check_empty(world: World) -> None:
    """With everything released, nothing is left: no folio, be it in the swap cache alone, and no swap slot."""
    for page in (*world.frames.values(), *world.device_frames.values()):
        folio = page.folio
        raise Violation(
            "leak",
            "everything was released, and the folio is still there",
            folio=folio_name(folio),
            terms=[Term("owners", "none", len(owners(folio)), owners(folio))],
        )
    for number, slot in world.slots.items():
        what = f"everything was released, and swap slot {number} is still in use"
        raise Violation("swap-cache", what, terms=[Term("swap entries", 0, len(slot.entries))])


def check_sweep(world: World, sweep: Sweep) -> None:
    """Every frame in exactly one place, the folios in use those that have owners, swap counts as entries."""
    _check_cover(sweep)
    used = set(sweep.used)
    owned = {(page.folio.head, page.folio.order) for page in world.frames.values()}
    if used != owned:
        head, order = min(used ^ owned)
        kind = "leak" if (head, order) in used else "use-after-free"
        raise Violation(
            kind,
            f"at the end of the program, the folio at frame {head}, order {order}, is "
            + ("in use without an owner" if kind == "leak" else "not in use, but has owners"),
        )
    counts = {number: len(slot.entries) for number, slot in world.slots.items()}
    if counts != sweep.swap_counts:
        number = min(
            number
            for number in counts.keys() | sweep.swap_counts.keys()
            if counts.get(number) != sweep.swap_counts.get(number)
        )
        raise Violation(
            "swap-cache",
            f"swap slot {number} is counted wrongly",
            terms=[
                Term("swap entries", counts.get(number, "unused"), sweep.swap_counts.get(number, "unused"))
            ],
        )

    for number, value in sweep.swapped.items():
        _check_swapped(world.slots[number], value)
    for (number, index), value in sweep.disk.items():
        _check_on_disk(world, number, index, value)


def _check_on_disk(world: World, number: int, index: int, value: int) -> None:
    """What a page of a file held when it left memory is what the disk has."""
    file = world.file(number)
    if index < file.size and file.cached[index] is None and file.kept[index] != value:
        what = f"the disk lost what {file}.{index} held when it left memory"
        raise Violation("contents", what, terms=[Term("value", file.kept[index], value)])


def _check_swapped(slot: Slot, value: int) -> None:
    """What a page held when it left memory is what its swap slot holds."""
    if slot.page is None and slot.value != value:
        raise Violation(
            "contents",
            f"swap slot {slot.number} lost what its page held when it left memory",
            terms=[Term("value", slot.value, value, [address(where) for where in sorted(slot.entries)])],
        )


def _check_cover(sweep: Sweep) -> None:
    at = 0
    for frame, order in sorted(sweep.free + sweep.used):
        if frame != at:
            what = "in two places" if frame < at else "lost"
            raise Violation(
                "frames", f"frame {min(frame, at)} is {what}", terms=[Term("next frame", at, frame)]
            )
        at = frame + (1 << order)
    if at != sweep.frames:
        raise Violation(
            "frames", f"frames from {at} on are lost", terms=[Term("next frame", sweep.frames, at)]
        )
