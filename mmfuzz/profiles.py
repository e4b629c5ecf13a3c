"""What each kernel release counts, allows and refuses: switches, all in one table.

A profile states facts about releases. The simulated kernel carries them out, and the model and the checks hold a
target to those that are promises, each in its own words; neither knows a version. A profile begins with the release
that brought the last of its rules, and holds until the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal

from mmfuzz.errors import UsageError

BIAS = 1024
"""GUP_PIN_COUNTING_BIAS: what a FOLL_PIN adds to a refcount that keeps pins as well.

3faa52c03f44 ("mm/gup: track FOLL_PIN pages", v5.7).
"""

NEVER = 99
"""An order that no folio has: `pincount_order` of a kernel without a pin count of its own."""

TailRefs = Literal["count", "mapcount", "none"]
PinScheme = Literal["none", "page-bit", "lru-field", "biased", "pincount"]
CollapseRule = Literal["base-unshared", "shared", "file", "expected"]
CowRule = Literal["mapcount", "count", "drain", "exclusive"]
FinishMaps = Literal["page", "shmem", "folio"]
FaultForm = Literal["do_set_pte", "alloc_set_pte", "finish_fault"]

PIN_SCHEMES: dict[PinScheme, str] = {
    "none": "a pin is a plain reference: nothing tells the two apart",
    "page-bit": "a page flag says that a page is pinned, and cannot say how often",
    "lru-field": "a count in the words of the page that chain it on the LRU otherwise",
    "biased": "a pin adds 1024 to the refcount, whatever the order of the folio",
    "pincount": "large folios count their pins apart, base pages have them in the refcount as 1024 each",
}
"""How a kernel may tell pins from references, each with what it amounts to."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of an era. Fields are in the order in which kernels changed."""

    name: str
    """The first release that has all of these rules."""
    brought: str
    """What it brought that the profile before does not have, in a line."""

    # Compound pages
    tail_refs: TailRefs
    """Where a reference on a tail page is noted beside the head's: in its count (2.6.38), in its mapcount
    (70b50f94f164, "mm: thp: tail page refcounting fix", v3.2), or nowhere (ddc58f27f9ee, "mm: drop tail page
    refcounting", v4.5)."""
    mixed_maps: bool
    """One process may map a folio by a PMD and another by PTEs; before, splitting a map split the folio, for
    everybody and whatever refers to it (eef1b3ba053a, "thp: implement split_huge_pmd()", v4.5)."""
    huge_zero_page: bool
    """A read fault maps the huge zero page where a huge page would fit; before, a huge page ("thp: setup huge zero
    page on non-write page fault", v3.8)."""
    double_map: bool
    """PG_double_map: while set, each page's `_mapcount` is one higher than its PTE maps (53f9263baba6, v4.5,
    until 4b51634cd16a, v6.2)."""
    swap_huge: bool
    """A huge page may enter the swap cache whole; before, reclaim split it first (38d8b4e6bdc8, v4.13)."""
    migrate_huge: bool
    """A PMD-mapped folio may migrate whole (616b8371539a, v4.14); before it was split."""
    nr_pages_mapped: bool
    """`_nr_pages_mapped` counts pages with PTE maps (4b51634cd16a, be5ef2d9b006, v6.2)."""
    mthp: bool
    """Anonymous memory of the orders between (19eaf44954df, v6.8)."""
    large_mapcount: bool
    """`_large_mapcount` counts all maps of a large folio (05c5323b2a34, v6.10)."""
    partially_mapped: bool
    """PG_partially_mapped (8422acdc97ed, v6.12)."""
    zero_page_at_split: bool
    """A split maps the shared zero page in place of zero-filled pages (b1f202060afe, v6.12)."""
    mm_ids: bool
    """Two mms of a large folio are tracked (6af8cb80d3a9, v6.15)."""

    # Copy on write
    cow: CowRule
    """Who may write in place: whose mapping is the only one, by mapcount (until v5.8); whose reference is the
    only one (09854ba94c6a, v5.9); the same, with the LRU batch drained and the swap cache left first
    (53a05ad9f21d, d4c470970d45, v5.18); whoever has the page exclusively (6c287605fd56, v5.19)."""
    get_breaks_cow: bool
    """FOLL_GET for reading breaks sharing first (17839856fd58, v5.8 only)."""
    copies_huge: bool
    """A write fault on a shared huge page copies it whole; from 3917c80280c9 (v5.8) on it is mapped by PTEs first."""
    large_reuse: bool
    """A write fault may reuse a page of a large folio in place (1da190f4d0a6, v6.15)."""

    # Pins
    pins: PinScheme
    """How pins are told from references."""
    pincount_order: int
    """The smallest order whose folios have `_pincount`: 2 (47e29d32afba, v5.7), then 1 (5232c63f46fd, v5.18)."""
    fork_copies_pinned: bool
    """Fork copies what may be pinned (70e806e4e645, v5.9)."""
    reclaim_spares_pinned: bool
    """Reclaim leaves out what may be pinned (feb889fb40fa, v5.11)."""
    zero_page_counted: bool
    """A pin of the shared zero page takes references (until c8070b787519, v6.5, which 6.1 has as well)."""
    stable_files: bool
    """No long-term pin may write to a shared mapping of a file on disk, so that what is being written to disk does
    not change (8ac268436e6d, v6.5)."""
    pin_unshares_zero: bool
    """A long-term pin of the zero page replaces it first (84209e87c696, v6.2)."""

    # Collapse
    collapse: CollapseRule
    """What may be collapsed: base pages that nobody shares; shared and large ones (9445689f3b61,
    5503fbf2b0b8, v5.8); counting file and private references (777b83001c91, v6.12); by
    folio_expected_ref_count() (86ebd50224c0, v6.16)."""

    collapse_swapin: bool
    """Collapse reads back what is swapped out (8a966ed746d6, v4.8)."""
    collapse_limits: bool
    """Only khugepaged collapses, and it keeps to max_ptes_swap and, since 71a2c112a0f6 (v5.8), to max_ptes_shared;
    MADV_COLLAPSE does not (7d8faaf15545, v6.1)."""

    # Files, faults and devices
    file_huge: bool
    """Huge pages in the page cache, of shmem at first (dd78fedde4b9, v4.8)."""
    large_cache: bool
    """Large folios of other orders in the page cache (v5.18)."""
    finish_maps: FinishMaps
    """What a file fault maps of a large folio: one page, all that fits of a shmem folio (43e027e41423, v6.11), or of
    any folio (19773df031bc, v6.18)."""
    shmem_swap_huge: bool
    """A large shmem folio may be swapped out whole (809bc86517cc, v6.12)."""
    fault_form: FaultForm
    """Who installs the PTE of a file fault: do_set_pte(); alloc_set_pte(), with the page table allocated as late
    as there (7267ec008b5c, v4.8); finish_fault() (f9ce0be71d1f, v5.12)."""
    zone_device: bool
    """ZONE_DEVICE pages (4.5 on as far as profiles go)."""
    dax_base: int
    """Refcount of an idle fsdax page: 1, then 0 (38607c62b34b, v6.15)."""
    device_base: int
    """Refcount of an idle device-private or device-dax page: 1, then 0 (27674ef6c73f, v5.18)."""
    device_private: bool
    """Memory of a device that processes can own and not access (5042db43cc26, v4.14)."""
    device_idle: int
    """Refcount of such a page that nobody has: 1, then 0 (ef233450898f, v6.1)."""
    device_takes_cached: bool
    """What is in the swap cache may go there, and leaves that first (df263d9a7dff, v6.6)."""
    dax_maps_counted: bool
    """A map of an fsdax page is a reference and in its mapcount (38607c62b34b, v6.15)."""

    # Batches, swap and the rest
    batch_size: int
    """PAGEVEC_SIZE: folios of an LRU batch before it drains by itself."""
    huge_batches: bool
    """Huge pages wait in LRU batches as well (until 8f182270dfec, v4.7)."""
    swap_bypass: bool
    """Swap-in from a synchronous device goes past the swap cache (0bcac06f27d7, v4.15, until v7.0)."""
    uffd_move: bool
    """UFFDIO_MOVE (adef440691ba, v6.8)."""
    copy_recovers: bool
    """Contents that the memory has lost are no panic where a page is copied: by a write fault (a873dfe1032a,
    v6.2), collapse (98c76c9f1ef7, v6.4), migration (060913999d7a, v6.11) or fork (658be46520ce, v6.12)."""

    @property
    def exclusive(self) -> bool:
        """PG_anon_exclusive exists."""
        return self.cow == "exclusive"

    def has_pincount(self, order: int) -> bool:
        """Whether a folio of that order counts its pins apart from its references."""
        return order >= self.pincount_order

    def takes_pins(self, scheme: str) -> bool:
        """Whether a pin scheme can be put in place of its own: not where references on tails are noted apart."""
        return self.tail_refs == "none" or scheme == self.pins

    def pin_weight(self, order: int) -> int:
        """What one pin adds to the refcount of a folio of that order."""
        return BIAS if self.pins in ("pincount", "biased") and not self.has_pincount(order) else 1


class _Change:
    """A release that changed the rules: its name, what it brought in a line, and the switches that it set."""

    def __init__(self, name: str, brought: str, **switches: Any) -> None:
        self.name = name
        self.brought = brought
        self.switches = switches


_OLDEST = Profile(
    name="2.6.38",
    brought="huge pages; a reference on a tail page is counted at the tail and at the head",
    tail_refs="count",
    mixed_maps=False,
    huge_zero_page=False,
    double_map=False,
    swap_huge=False,
    migrate_huge=False,
    nr_pages_mapped=False,
    mthp=False,
    large_mapcount=False,
    partially_mapped=False,
    zero_page_at_split=False,
    mm_ids=False,
    cow="mapcount",
    get_breaks_cow=False,
    copies_huge=True,
    large_reuse=False,
    pins="none",
    pincount_order=NEVER,
    fork_copies_pinned=False,
    reclaim_spares_pinned=False,
    zero_page_counted=True,
    stable_files=False,
    pin_unshares_zero=False,
    collapse="base-unshared",
    collapse_swapin=False,
    collapse_limits=True,
    file_huge=False,
    large_cache=False,
    finish_maps="page",
    shmem_swap_huge=False,
    fault_form="do_set_pte",
    zone_device=False,
    dax_base=1,
    device_base=1,
    device_private=False,
    device_idle=1,
    device_takes_cached=False,
    dax_maps_counted=False,
    batch_size=14,
    huge_batches=True,
    swap_bypass=False,
    uffd_move=False,
    copy_recovers=False,
)
"""The first profile: every switch is written out."""

_CHANGES = (
    _Change("3.2", "references on tail pages move to the tail's mapcount", tail_refs="mapcount"),
    _Change(
        "4.5",
        "PMD and PTE maps of one folio mix; a split may be refused; DoubleMap; huge zero page; ZONE_DEVICE",
        tail_refs="none",
        mixed_maps=True,
        huge_zero_page=True,
        double_map=True,
        zone_device=True,
    ),
    _Change(
        "4.8",
        "huge pages in shmem; alloc_set_pte() in file faults; huge pages wait in no LRU batch",
        huge_batches=False,
        collapse_swapin=True,
        file_huge=True,
        fault_form="alloc_set_pte",
    ),
    _Change("4.13", "huge pages enter the swap cache whole", swap_huge=True),
    _Change(
        "5.7",
        "FOLL_PIN, 1024 a pin or counted apart; huge pages migrate whole; swap-in past the swap cache",
        pins="pincount",
        pincount_order=2,
        migrate_huge=True,
        batch_size=15,
        swap_bypass=True,
        device_private=True,
    ),
    _Change(
        "5.8",
        "collapse of shared pages; a get breaks copy-on-write; huge pages are copied page by page",
        collapse="shared",
        get_breaks_cow=True,
        copies_huge=False,
    ),
    _Change(
        "5.9",
        "write in place only with the last reference; fork copies what may be pinned",
        cow="count",
        get_breaks_cow=False,
        fork_copies_pinned=True,
    ),
    _Change("5.10", "the rules of 5.9, in a long-term release"),
    _Change(
        "5.14",
        "reclaim spares what may be pinned; finish_fault() in file faults",
        reclaim_spares_pinned=True,
        fault_form="finish_fault",
    ),
    _Change(
        "5.18",
        "LRU batches are drained before a write copies; large folios in the page cache",
        cow="drain",
        pincount_order=1,
        large_cache=True,
        device_base=0,
    ),
    _Change(
        "5.19", "an anon-exclusive flag says who may write in place, and pins rely on it", cow="exclusive"
    ),
    _Change(
        "6.1",
        "idle device pages and zero page pins have no reference; MADV_COLLAPSE, which knows no limits",
        zero_page_counted=False,
        collapse_limits=False,
        device_idle=0,
    ),
    _Change(
        "6.2",
        "_nr_pages_mapped in place of DoubleMap; a pin never gets the zero page",
        double_map=False,
        nr_pages_mapped=True,
        pin_unshares_zero=True,
    ),
    _Change(
        "6.8",
        "anonymous folios of the orders between (mTHP)",
        mthp=True,
        uffd_move=True,
        device_takes_cached=True,
        stable_files=True,
    ),
    _Change("6.10", "a mapcount of the whole folio; LRU batches of 31", large_mapcount=True, batch_size=31),
    _Change(
        "6.12",
        "a split drops zero-filled pages; large shmem folios go to swap whole; lost contents are survived",
        partially_mapped=True,
        zero_page_at_split=True,
        collapse="file",
        finish_maps="shmem",
        shmem_swap_huge=True,
        copy_recovers=True,
    ),
    _Change(
        "6.15",
        "large folios track two mms, and are reused in place; maps of fsdax pages are counted",
        mm_ids=True,
        large_reuse=True,
        dax_base=0,
        dax_maps_counted=True,
    ),
    _Change(
        "6.18",
        "collapse asks folio_expected_ref_count(); a file fault maps all that fits of a folio",
        collapse="expected",
        finish_maps="folio",
    ),
    _Change("7.2", "swap-in goes through the swap cache, always", swap_bypass=False),
)
"""Every profile after that: what its release changed."""


def _eras() -> list[Profile]:
    """Every profile, oldest first: each is the one before with what its release changed."""
    eras = [_OLDEST]
    for change in _CHANGES:
        eras.append(replace(eras[-1], name=change.name, brought=change.brought, **change.switches))
    return eras


PROFILES: dict[str, Profile] = {profile.name: profile for profile in _eras()}
"""Every profile by the release that it begins with, oldest first."""

DEFAULT = "6.18"
"""The profile that nobody chose: the newest that was compared with a running kernel."""


ALL = "all"
"""In place of a version: every profile, one after the other."""


def resolve(version: str, pins: str | None = None) -> Profile:
    """The newest profile that is not above a version such as `6.18` or `6.18.44`, with a pin scheme if one is named.

    Raises `UsageError` for what is not a version, for one that is older than every profile, and for a scheme that
    does not exist.
    """
    wanted = _numbers(version)
    fitting = [name for name in PROFILES if _numbers(name) <= wanted]
    if not fitting:
        raise UsageError(
            f"no kernel profile at or below {version!r}: the oldest is {min(PROFILES, key=_numbers)}"
        )
    profile = PROFILES[max(fitting, key=_numbers)]
    if pins is None:
        return profile
    scheme = pin_scheme(pins)
    if not profile.takes_pins(scheme):
        raise UsageError(
            f"profile {profile.name} has no pin scheme {pins!r}: "
            "until v4.5 references on tails are noted on the tails, and a pin is a reference"
        )
    order = min(profile.pincount_order, 2) if scheme == "pincount" else NEVER
    return replace(profile, pins=scheme, pincount_order=order)


def pin_scheme(name: str) -> PinScheme:
    """The pin scheme of that name; what is none is a `UsageError` that names a close match."""
    for scheme in PIN_SCHEMES:
        if scheme == name:
            return scheme
    close = get_close_matches(name, PIN_SCHEMES, 1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise UsageError(f"unknown pin scheme {name!r}{hint}: one of {', '.join(PIN_SCHEMES)}")


def _numbers(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        known = ", ".join(PROFILES)
        raise UsageError(f"{version!r} is not a kernel version: give one such as {known}") from None
