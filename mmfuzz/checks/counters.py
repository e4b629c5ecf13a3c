"""One folio's counters against its owners: the identity and each of its terms.

    refcount == PTE maps + PMD maps + pins * weight + gets + swap cache + LRU batches

A PMD map is one reference however large the folio, the swap cache holds one for each page, and a pin weighs
1024 on a base page but 1 on a large folio, where `_pincount` keeps it apart.
"""

from __future__ import annotations

from mmfuzz.model.change import folio_name, owners
from mmfuzz.model.owners import Folio, Page
from mmfuzz.observation import Counters
from mmfuzz.violation import Term, Violation

PIN_WEIGHT = 1024
"""GUP_PIN_COUNTING_BIAS: what a FOLL_PIN adds to a base page's refcount.

3faa52c03f44 ("mm/gup: track FOLL_PIN pages", v5.7).
"""

ENTIRELY_MAPPED = 0x800000
"""What `_nr_pages_mapped` carries on top while a PMD maps the folio.

4b51634cd16a ("mm,thp,rmap: subpages_mapcount COMPOUND_MAPPED if PMD-mapped", v6.2).
"""


def check_folio(folio: Folio, seen: Counters, *, pins_coalesced: bool = False) -> None:
    """Compare what a target shows of a folio with its owners; raise the first `Violation`."""
    if not folio.order and _base_holds(folio, seen):
        return
    if seen.head != folio.head or seen.order != folio.order:
        raise Violation(
            "outcome",
            f"the target has a folio of order {seen.order} at frame {seen.head} there",
            folio=folio_name(folio),
            terms=[Term("order", folio.order, seen.order, owners(folio))],
        )
    if folio.order:
        _check_large(folio, seen, pins_coalesced)
    else:
        _check_base(folio, seen)
    if seen.swapcache != (folio.slot is not None):
        raise _differs("swap-cache", folio, seen, "is" if seen.swapcache else "is not", "swap cache flag")
    if seen.contents is not None:
        _check_contents(folio, seen)
    if seen.exclusive is not None:
        _check_exclusive(folio, seen)


def _base_holds(folio: Folio, seen: Counters) -> bool:
    """All that is asked of a base page, in one look: most folios are base pages, and most are right."""
    page = folio.pages[0]
    maps = len(page.maps)
    cached = folio.slot is not None
    exclusive = seen.exclusive is not None and seen.exclusive[0]
    return (
        seen.refcount
        == maps + PIN_WEIGHT * len(page.pins) + len(page.gets) + cached + folio.batches
        and seen.mapcounts[0] == maps
        and seen.swapcache == cached
        and seen.head == folio.head
        and not seen.order
        and (seen.contents is None or seen.contents[0] == page.value)
        and (maps <= 1 if exclusive else page.private_to is None)
    )


def _check_base(folio: Folio, seen: Counters) -> None:
    page = folio.pages[0]
    maps = len(page.maps)
    expected = (
        maps + PIN_WEIGHT * len(page.pins) + len(page.gets) + (folio.slot is not None) + folio.batches
    )
    if seen.refcount != expected:
        raise _differs("identity", folio, seen, f"{seen.refcount}, not {expected},", "refcount", expected)
    if seen.mapcounts[0] != maps:
        raise _differs("mapcount", folio, seen, f"{seen.mapcounts[0]}, not {maps},", "mapcount")


def _check_large(folio: Folio, seen: Counters, pins_coalesced: bool) -> None:
    pmds = len(folio.pmds)
    mapcounts = [len(page.maps) for page in folio.pages]
    maps = pmds + sum(mapcounts)
    pins = gets = 0
    for page in folio.pages:
        pins += len(page.pins)
        gets += len(page.gets)
    if pins_coalesced and seen.pincount is not None:
        pins = _pins_within(folio, seen, pins)
    expected = maps + pins + gets + folio.batches
    if folio.slot is not None:
        expected += len(folio.pages)
    if seen.refcount != expected:
        raise _differs("identity", folio, seen, f"{seen.refcount}, not {expected},", "refcount", expected)
    if seen.pincount is not None and seen.pincount != pins:
        raise _differs("pincount", folio, seen, f"{seen.pincount}, not {pins},", "pincount")
    if seen.entire != pmds or list(seen.mapcounts) != mapcounts:
        raise _differs("mapcount", folio, seen, "not what maps it:", "a mapcount")
    if seen.large is not None and seen.large != maps:
        raise _differs("mapcount", folio, seen, f"{seen.large}, not {maps},", "large mapcount")
    if seen.nr_pages_mapped is not None:
        mapped = len(mapcounts) - mapcounts.count(0) + (ENTIRELY_MAPPED if pmds else 0)
        if seen.nr_pages_mapped != mapped:
            raise _differs("mapcount", folio, seen, f"{seen.nr_pages_mapped:#x}, not {mapped:#x},", "nr_pages_mapped")
    if seen.mm_slots is not None:
        _check_mm_slots(folio, seen, maps)


def _pins_within(folio: Folio, seen: Counters, pages: int) -> int:
    """Pins of a large folio where one pin of several pages may count once: any number in between."""
    assert seen.pincount is not None
    least = len({handle for page in folio.pages for handle in page.pins})
    if not least <= seen.pincount <= pages:
        raise _differs("pincount", folio, seen, f"{seen.pincount}, not {least} to {pages},", "pincount")
    return seen.pincount


def _check_mm_slots(folio: Folio, seen: Counters, maps: int) -> None:
    """The two tracked mms and the shared bit.

    6af8cb80d3a9 ("mm/rmap: basic MM owner tracking for large folios (!hugetlb)", v6.15).
    """
    assert seen.mm_slots is not None
    (first, first_maps), (second, second_maps) = seen.mm_slots
    if first_maps + second_maps > maps:
        raise _differs("mapcount", folio, seen, "more than there are:", "maps of the tracked mms")
    if not maps and (first or second or seen.shared):
        raise _differs("mapcount", folio, seen, "left on an unmapped folio:", "an mm slot or the shared bit")
    processes = {where[0] for page in folio.pages for where in page.maps}
    processes.update(process for process, _ in folio.pmds)
    if not seen.shared and len(processes) > 1:
        raise _differs("mapcount", folio, seen, "clear with several mappers:", "the shared bit")
    if seen.shared and maps and maps in (first_maps, second_maps):
        raise _differs("mapcount", folio, seen, "set with one mapper left:", "the shared bit")


def _check_contents(folio: Folio, seen: Counters) -> None:
    assert seen.contents is not None
    for page, value in zip(folio.pages, seen.contents, strict=True):
        if page.value is not None and page.value != value:
            raise Violation(
                "contents",
                f"page {page.index} of the folio holds {value}, not {page.value}",
                folio=folio_name(folio),
                terms=[Term("value", page.value, value, owners(folio))],
            )


def _check_exclusive(folio: Folio, seen: Counters) -> None:
    """The flag that says who alone may write.

    6c287605fd56 ("mm: remember exclusively mapped anonymous pages with PG_anon_exclusive", v5.19).
    """
    assert seen.exclusive is not None
    pmds = folio.pmds
    if pmds and folio.pages[0].private_to is None and len(pmds) > 1 and seen.exclusive[0]:
        raise _differs("exclusive", folio, seen, "set on a shared folio:", "the exclusive flag")
    for page, exclusive in zip(folio.pages, seen.exclusive, strict=True):
        if exclusive and len(page.maps) > 1:
            raise _differs("exclusive", folio, seen, f"set on shared page {page.index}:", "the exclusive flag")
        if not exclusive and page.private_to is not None and _must_be_exclusive(page):
            raise _differs("exclusive", folio, seen, f"lost on page {page.index}:", "the exclusive flag")


def _must_be_exclusive(page: Page) -> bool:
    """Whether the process that has owned the page alone ever since maps it now, so that the flag counts."""
    owner = page.private_to
    assert owner is not None
    if page.folio.pmds:
        return page.index == 0 and any(process == owner.number for process, _ in page.folio.pmds)
    return any(where[0] == owner.number for where in page.maps)


def _differs(
    property: str, folio: Folio, seen: Counters, what: str, counter: str, refcount: int | None = None
) -> Violation:
    """A failed comparison of one counter, shown with all terms and owners of the folio."""
    return Violation(
        property,
        f"{counter} is {what} with {len(owners(folio))} owners" if what[0].isdigit() else f"{counter} {what} see below",
        folio=folio_name(folio),
        terms=_terms(folio, seen, refcount),
    )


def _terms(folio: Folio, seen: Counters, refcount: int | None) -> list[Term]:
    """Each term of the identity, expected and seen, with the owners that make it up."""
    maps = [sorted(page.maps) for page in folio.pages]
    pins = sum(len(page.pins) for page in folio.pages)
    expected = refcount if refcount is not None else seen.refcount
    terms = [Term("refcount", expected, seen.refcount, owners(folio))]
    terms.append(Term("PTE maps of each page", [len(where) for where in maps], list(seen.mapcounts)))
    if folio.order:
        terms.append(Term("PMD maps", len(folio.pmds), seen.entire))
        if seen.large is not None:
            terms.append(Term("large mapcount", sum(map(len, maps)) + len(folio.pmds), seen.large))
        if seen.nr_pages_mapped is not None:
            mapped = sum(1 for where in maps if where) + (ENTIRELY_MAPPED if folio.pmds else 0)
            terms.append(Term("nr_pages_mapped", hex(mapped), hex(seen.nr_pages_mapped)))
        if seen.pincount is not None:
            terms.append(Term("pincount", pins, seen.pincount))
        if seen.mm_slots is not None:
            terms.append(Term("mm slots", "(maps of two mms)", [maps for _, maps in seen.mm_slots]))
            terms.append(Term("shared bit", "(see mm slots)", seen.shared))
    terms.append(Term("in swap cache", folio.slot is not None, seen.swapcache))
    if seen.exclusive is not None:
        expected_flags = [page.private_to is not None for page in folio.pages]
        terms.append(Term("exclusive", expected_flags, list(seen.exclusive)))
    return terms
