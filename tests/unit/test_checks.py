"""What a failed check says, on a base page and on a folio of 512."""

from __future__ import annotations

import pytest

from mmfuzz.checks.counters import ENTIRELY_MAPPED, check_folio, plainly_holds
from mmfuzz.model.owners import Folio, Handle, Page, Process
from mmfuzz.observation import Counters
from mmfuzz.profiles import DEFAULT, PROFILES
from mmfuzz.violation import Violation

PAGES = 512
PARENT = Process(0)


RULES = PROFILES[DEFAULT]


def folio_of(order: int) -> Folio:
    folio = Folio(head=4096, order=order)
    folio.pages = [Page(folio, index) for index in range(1 << order)]
    return folio


def pte_mapped() -> tuple[Folio, Counters]:
    """A folio of 512 pages, each mapped by a PTE of process 0, and counters that say so."""
    folio = folio_of(9)
    for page in folio.pages:
        page.maps = {(0, 0, page.index)}
    seen = Counters(4096, 9, PAGES, [1] * PAGES, large=PAGES, nr_pages_mapped=PAGES, pincount=0)
    seen.mm_slots = ((1, PAGES), (0, 0))
    seen.shared = False
    seen.exclusive = [True] * PAGES
    return folio, seen


def failure(folio: Folio, seen: Counters, *, pins_coalesced: bool = False) -> Violation:
    with pytest.raises(Violation) as caught:
        check_folio(folio, seen, RULES, pins_coalesced=pins_coalesced)
    return caught.value


def test_huge_folio_obeys() -> None:
    check_folio(*pte_mapped(), RULES)


def test_reference_without_owner_is_shown_with_runs_and_folded_owners() -> None:
    folio, seen = pte_mapped()
    seen.refcount += 1
    violation = failure(folio, seen)
    assert (violation.property, violation.message) == (
        "identity",
        "refcount is 513, its owners add up to 512",
    )
    assert violation.report().splitlines() == [
        "identity: refcount is 513, its owners add up to 512",
        "  folio at frame 4096, order 9",
        "  ! refcount               expected 512  seen 513",
        "      PTE of page 0..511 at p0 a0.0..511",
        "    PTE maps of each page  expected 512 x 1  seen 512 x 1",
        "    PMD maps               expected 0  seen 0",
        "    large mapcount         expected 512  seen 512",
        "    nr_pages_mapped        expected 0x200  seen 0x200",
        "    pincount               expected 0  seen 0",
        "    maps of tracked mms    expected [512, 0]  seen [512, 0]",
        "    shared bit             expected False  seen False",
        "    in swap cache          expected False  seen False",
        "    exclusive              expected 512 x True  seen 512 x True",
        "  (refcount is maps + pins + gets + caches + private data + LRU batches, as many as there are owners)",
    ]


def test_few_wrong_pages_of_many_runs_are_shown_alone() -> None:
    folio, seen = pte_mapped()
    for page in folio.pages[::2]:
        page.maps = set()
    seen.refcount = seen.large = seen.nr_pages_mapped = PAGES // 2
    mapcounts = [index % 2 for index in range(PAGES)]
    mapcounts[7], mapcounts[8] = 0, 1
    seen.mapcounts = mapcounts
    violation = failure(folio, seen)
    assert violation.message == "mapcount of page 7 is 0, 1 PTE maps it"
    assert "  ! PTE maps of each page: 7, 8  expected [1, 0]  seen [0, 1]" in violation.report().splitlines()


def test_pins_that_coalesce_are_right_within_bounds() -> None:
    folio, seen = pte_mapped()
    handle = Handle(3, PARENT, 0, 0, pinned=True, write=True)
    for page in folio.pages[:4]:
        page.hold(handle)
    seen.refcount, seen.pincount = PAGES + 2, 2
    check_folio(folio, seen, RULES, pins_coalesced=True)
    assert failure(folio, seen).message == "refcount is 514, its owners add up to 516"
    seen.pincount = 5
    message = "pincount is 5, the open pins add up to 1 to 4"
    assert failure(folio, seen, pins_coalesced=True).message == message


@pytest.mark.parametrize(
    ("field", "value", "property", "message"),
    [
        ("mapcounts", (2,), "mapcount", "mapcount is 2, 1 PTE maps the page"),
        ("swapcache", True, "swap-cache", "the swap cache flag is set, yet no slot holds it"),
        ("contents", (5,), "contents", "page 0 of the folio holds 5, 0 was written last"),
        ("exclusive", (False,), "exclusive", "the exclusive flag of page 0 is lost, p0 has it alone"),
    ],
)
def test_base_page_says_what_is_wrong(field: str, value: object, property: str, message: str) -> None:
    folio = folio_of(0)
    (page,) = folio.pages
    page.maps, page.private_to, page.value = {(0, 0, 3)}, PARENT, 0
    seen = Counters(4096, 0, 1, (1,), exclusive=(True,), contents=(0,))
    check_folio(folio, seen, RULES)
    setattr(seen, field, value)
    violation = failure(folio, seen)
    assert (violation.property, violation.message) == (property, message)


def pmd_mapped(mappers: int) -> tuple[Folio, Counters]:
    """A folio of 512 pages that one or two processes map whole, and counters that say so."""
    folio = folio_of(9)
    folio.pmds = {(process, 0) for process in range(mappers)}
    if mappers == 1:
        folio.pages[0].private_to = PARENT
    seen = Counters(4096, 9, mappers, [0] * PAGES, entire=mappers, large=mappers, pincount=0)
    seen.nr_pages_mapped = ENTIRELY_MAPPED
    seen.mm_slots, seen.shared = ((1, 1), (2, mappers - 1)), mappers > 1
    seen.exclusive = [mappers == 1] + [False] * (PAGES - 1)
    return folio, seen


@pytest.mark.parametrize("mappers", [1, 2])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("refcount", 3),
        ("entire", 0),
        ("large", 3),
        ("nr_pages_mapped", 0),
        ("pincount", 1),
        ("mapcounts", [0] * (PAGES - 1) + [1]),
        ("swapcache", True),
        ("mm_slots", ((1, 2), (2, 1))),
        ("shared", None),
        ("exclusive", None),
    ],
)
def test_one_look_at_a_huge_page_misses_nothing(mappers: int, field: str, value: object) -> None:
    """`shared` and `exclusive` are turned round; they are wrong then for one mapper and for two."""
    folio, seen = pmd_mapped(mappers)
    assert plainly_holds(folio, seen)
    check_folio(folio, seen, RULES)
    if field == "shared":
        value = mappers == 1
    elif field == "exclusive":
        value = [mappers > 1] + [False] * (PAGES - 1)
    setattr(seen, field, value)
    assert not plainly_holds(folio, seen)
    failure(folio, seen)
