"""One folio's counters against its owners: the identity and each of its terms.

    refcount == PTE maps + PMD maps + pins * weight + gets + swap cache or page cache + private data + LRU batches

A PMD map is one reference however large the folio, a cache holds one for each page, private data of a file system is
one, and a pin weighs 1024 on a base page but 1 on a large folio, where `_pincount` keeps it apart. Until v4.4 what
refers to a tail is counted on the tail as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmfuzz.checks.eras import check_era
from mmfuzz.folding import runs
from mmfuzz.model.names import address, folio_name, owners
from mmfuzz.model.owners import DevicePage, File, Folio, Page
from mmfuzz.observation import Counters
from mmfuzz.profiles import BIAS, Profile
from mmfuzz.violation import Term, Violation

PIN_WEIGHT = 1024
"""What a FOLL_PIN adds to a base page's refcount on every kernel that `plainly_holds` is for."""

ENTIRELY_MAPPED = 0x800000
"""What `_nr_pages_mapped` carries on top while a PMD maps the folio.

4b51634cd16a ("mm,thp,rmap: subpages_mapcount COMPOUND_MAPPED if PMD-mapped", v6.2).
"""

LIST_MAX = 8
"""Pages of a folio up to which a list shows each of them."""
RUNS_MAX = 6
"""Runs, or pages that differ, that the list of a larger folio shows at most."""


def check_folio(
    folio: Folio, seen: Counters, rules: Profile, *, exact: bool = True, pins_coalesced: bool = False
) -> None:
    """Compare what a target shows of a folio with its owners, by an era's rules; raise the first `Violation`.

    Where a target is not `exact`, flags that tell what happened to a folio are not compared: it may have been in hands
    that nobody reports.
    """
    if seen.head != folio.head or seen.order != folio.order:
        raise Violation(
            "outcome",
            f"the target has a folio of order {seen.order} at frame {seen.head} there",
            folio=folio_name(folio),
            terms=[Term("order", folio.order, seen.order, owners(folio))],
        )
    if folio.dax:
        _check_dax(folio, seen, rules)
    elif folio.order:
        _check_large(folio, seen, rules, pins_coalesced)
    else:
        _check_base(folio, seen, rules)
    if seen.pinned is not None:
        _check_pinned(folio, seen)
    if seen.swapcache != (folio.slot is not None):
        what = "is set, yet no slot holds it" if seen.swapcache else "is clear, yet a slot holds it"
        raise _differs("swap-cache", folio, seen, f"the swap cache flag {what}")
    if seen.contents is not None:
        _check_contents(folio, seen)
    if folio.file is not None:
        if folio.first >= folio.file.size:
            what = f"the page cache of {folio.file} has page {folio.first}, and it ends at {folio.file.size}"
            raise _differs("page-cache", folio, seen, what)
        if seen.dirty is False:
            _check_clean(folio, folio.file)
    if seen.private != folio.private:
        what = f"the private flag is {'set' if seen.private else 'clear'}, the file system says otherwise"
        raise _differs("page-cache", folio, seen, what)
    if seen.exclusive is not None:
        if folio.of_file:
            _check_shared(folio, seen)
        else:
            _check_exclusive(folio, seen)
    if exact:
        if seen.partially_mapped is not None:
            _check_partially_mapped(folio, seen)
        check_era(folio, rules)


def _check_clean(folio: Folio, file: File) -> None:
    """What is clean is on disk as it is, or on its way there, unless a device may still write to it."""
    for index, page in enumerate(folio.pages, folio.first):
        stored = file.stored.get(index, 0)
        if index < file.size and page.value != stored and index not in file.writing and not folio.is_held:
            raise Violation(
                "contents",
                f"{file}.{index} is clean, and the disk does not have what it holds",
                folio=folio_name(folio),
                terms=[Term("value on disk", page.value, stored, owners(folio))],
            )


def has_plain_rules(rules: Profile) -> bool:
    """Whether `plainly_holds` knows the rules of an era: those of every kernel since v6.15."""
    return rules.exclusive and rules.pins == "pincount" and not rules.double_map and rules.dax_maps_counted


def plainly_holds(folio: Folio, seen: Counters) -> bool:
    """Whether one look shows that `check_folio` would find nothing: most folios are simple, and right."""
    return _whole_holds(folio, seen) if folio.order else _base_holds(folio, seen)


def _whole_holds(folio: Folio, seen: Counters) -> bool:
    """A huge page that PMDs of different processes map, and nothing else."""
    pmds = len(folio.pmds)
    if not pmds or folio.slot is not None or folio.of_file:
        return False
    for page in folio.pages:
        if page.maps or page.pins or page.gets:
            return False
    return (
        seen.refcount == pmds + folio.batches
        and seen.entire == pmds
        and seen.large in (pmds, None)
        and seen.nr_pages_mapped in (ENTIRELY_MAPPED, None)
        and not seen.pincount
        and not seen.partially_mapped
        and not any(seen.mapcounts)
        and not seen.swapcache
        and seen.head == folio.head
        and seen.order == folio.order
        and _whole_is_tracked(pmds, seen)
        and _whole_is_exclusive(folio, pmds, seen)
        and (seen.contents is None or seen.contents == [page.value for page in folio.pages])
    )


def _whole_is_tracked(pmds: int, seen: Counters) -> bool:
    if seen.mm_slots is None:
        return True
    (_, first), (_, second) = seen.mm_slots
    return (
        bool(seen.shared) == (pmds > 1)
        and first + second <= pmds
        and (pmds == 1 or pmds not in (first, second))
    )


def _whole_is_exclusive(folio: Folio, pmds: int, seen: Counters) -> bool:
    if seen.exclusive is None:
        return True
    alone = folio.pages[0].private_to is not None
    return alone or pmds == 1 if seen.exclusive[0] else not alone and not folio.writers


def _base_holds(folio: Folio, seen: Counters) -> bool:
    """A base page, whatever refers to it."""
    page = folio.pages[0]
    maps = len(page.maps)
    cached = folio.slot is not None
    exclusive = seen.exclusive is not None and seen.exclusive[0]
    return (
        seen.refcount == maps + PIN_WEIGHT * len(page.pins) + len(page.gets) + cached + folio.batches
        and seen.mapcounts[0] == maps
        and seen.swapcache == cached
        and seen.head == folio.head
        and not seen.order
        and not folio.of_file
        and (seen.contents is None or seen.contents[0] == page.value)
        and (maps <= 1 if exclusive else page.private_to is None and not page.writers)
    )


def _check_base(folio: Folio, seen: Counters, rules: Profile) -> None:
    page = folio.pages[0]
    maps = len(page.maps)
    expected = (
        maps + rules.pin_weight(0) * len(page.pins) + len(page.gets) + _cache_refs(folio) + folio.batches
    )
    if type(page) is DevicePage:
        expected += rules.device_base
    if seen.refcount != expected:
        raise _identity(folio, seen, expected)
    if seen.mapcounts[0] != maps:
        raise _differs(
            "mapcount", folio, seen, f"mapcount is {seen.mapcounts[0]}, {_map(maps, 'PTE')} the page"
        )


def _check_dax(folio: Folio, seen: Counters, rules: Profile) -> None:
    """A page of a file on a device: its file has no reference, and a map has one since 38607c62b34b (v6.15)."""
    page = folio.pages[0]
    maps = len(page.maps) if rules.dax_maps_counted else 0
    base = rules.dax_base if folio.dax == "fs" else 1
    expected = base + maps + rules.pin_weight(0) * len(page.pins) + len(page.gets)
    if seen.refcount != expected:
        raise _identity(folio, seen, expected)
    if seen.mapcounts[0] != maps:
        raise _differs("mapcount", folio, seen, f"mapcount is {seen.mapcounts[0]}, and {maps} maps count")


def _cache_refs(folio: Folio) -> int:
    """Swap cache or page cache: one reference for each page; private data: one, whatever the order."""
    cached = (folio.slot is not None) + (folio.file is not None)
    return cached * len(folio.pages) + folio.private


def _check_large(folio: Folio, seen: Counters, rules: Profile, pins_coalesced: bool) -> None:
    pages = folio.pages
    mapcounts = [len(page.maps) for page in pages]
    maps = len(folio.pmds) + sum(mapcounts)
    pins = gets = 0
    for page in pages:
        if page.pins or page.gets:
            pins += len(page.pins)
            gets += len(page.gets)
    if pins_coalesced and seen.pincount is not None:
        pins = _pins_within(folio, seen, pins)
    expected = maps + pins * rules.pin_weight(folio.order) + gets + folio.batches
    expected += _cache_refs(folio)
    if seen.refcount != expected:
        raise _identity(folio, seen, expected, pins)
    if seen.pincount is not None and seen.pincount != pins:
        raise _pincount(folio, seen, pins)
    _check_mapcounts(folio, seen, rules, mapcounts, maps)
    if seen.tail_counts is not None:
        _check_tails(folio, seen, rules)
    if seen.mm_slots is not None:
        _check_mm_slots(folio, seen, maps)


def _check_mapcounts(folio: Folio, seen: Counters, rules: Profile, mapcounts: list[int], maps: int) -> None:
    pmds = len(folio.pmds)
    if seen.entire != pmds:
        what = f"PMD mapcount is {seen.entire}, {_map(pmds, 'PMD')} the folio"
        raise _differs("mapcount", folio, seen, what)
    if seen.double_map is not None:
        _check_double_map(folio, seen)
        offset = pmds if folio.of_file else seen.double_map
        mapcounts = [count + offset for count in mapcounts]
    if list(seen.mapcounts) != mapcounts:
        index = next(i for i, count in enumerate(mapcounts) if seen.mapcounts[i] != count)
        what = f"mapcount of page {index} is {seen.mapcounts[index]}, {_map(mapcounts[index], 'PTE')} it"
        raise _differs("mapcount", folio, seen, what)
    if seen.large is not None and seen.large != maps:
        what = f"large mapcount is {seen.large}, {_map(maps, 'PTE or PMD')} the folio"
        raise _differs("mapcount", folio, seen, what)
    if seen.nr_pages_mapped is not None:
        mapped = _nr_pages_mapped(folio)
        if seen.nr_pages_mapped != mapped:
            what = f"nr_pages_mapped is {seen.nr_pages_mapped:#x}, not {mapped:#x}"
            raise _differs("mapcount", folio, seen, what)


def _check_double_map(folio: Folio, seen: Counters) -> None:
    """PG_double_map goes with the last PMD; it may be clear while PMDs and PTEs map the folio, after migration.

    53f9263baba6 ("mm: rework mapcount accounting to enable 4k mapping of THPs", v4.5).
    """
    if seen.double_map and not folio.pmds:
        raise _differs("mapcount", folio, seen, "PG_double_map is set, and no PMD maps the folio")
    mixed = folio.pmds and any(page.maps for page in folio.pages)
    if not seen.double_map and mixed and folio.fresh and not folio.of_file:
        raise _differs("mapcount", folio, seen, "PG_double_map is clear, and a PMD and PTEs map the folio")


def _check_partially_mapped(folio: Folio, seen: Counters) -> None:
    """Set once a page has no map while others have: never on what lost no map, and always on what shows it.

    8422acdc97ed ("mm: introduce a pageflag for partially mapped folios", v6.12).
    """
    if seen.partially_mapped and (not folio.lost or folio.of_file):
        raise _differs("mapcount", folio, seen, "the folio is marked as mapped in part, and was never")
    mapped = [bool(page.maps) for page in folio.pages]
    partly = not folio.pmds and any(mapped) and not all(mapped)
    if partly and not seen.partially_mapped and folio.fresh and not folio.of_file:
        raise _differs("mapcount", folio, seen, "the folio is mapped in part, and not marked so")


def _check_shared(folio: Folio, seen: Counters) -> None:
    """A page of a file is nobody's own, and never marked so."""
    assert seen.exclusive is not None
    if any(seen.exclusive):
        raise _differs("exclusive", folio, seen, "the exclusive flag is set on a page of a file")


def _check_tails(folio: Folio, seen: Counters, rules: Profile) -> None:
    """References on tails stand on the tail as well as on the head: in its count, then in its mapcount.

    918070634448 ("thp: alter compound get/put_page", v2.6.38); 70b50f94f164 ("mm: thp: tail page refcounting fix",
    v3.2), since when the count of a tail is 0 whatever happens; until ddc58f27f9ee ("mm: drop tail page
    refcounting", v4.5).
    """
    assert seen.tail_counts is not None
    assert seen.tail_mapcounts is not None
    noted, other = seen.tail_counts, seen.tail_mapcounts
    if rules.tail_refs == "mapcount":
        noted, other = other, noted
    for index, refs in enumerate(_tail_refs(folio)):
        if noted[index] != refs:
            what = f"tail {index} has {noted[index]} references of its own, its owners add up to {refs}"
            raise _differs("identity", folio, seen, what)
        if other[index]:
            field = "count" if rules.tail_refs == "mapcount" else "mapcount"
            what = f"the {field} of tail {index} is {other[index]}, and nothing is noted there"
            raise _differs("identity" if field == "count" else "mapcount", folio, seen, what)


def _tail_refs(folio: Folio) -> list[int]:
    """Who refers to each tail as a page; the head's place is 0, as its references are the folio's."""
    return [0, *(len(page.pins) + len(page.gets) for page in folio.pages[1:])]


def _check_pinned(folio: Folio, seen: Counters) -> None:
    """What a pin scheme says of a folio, against the pins that are open."""
    pins = sum(len(page.pins) for page in folio.pages)
    if seen.pinned != (pins > 0):
        what = f"the folio looks {'pinned' if seen.pinned else 'unpinned'}, and {pins or 'no'} pins are open"
        raise _differs("pincount", folio, seen, what)


def _nr_pages_mapped(folio: Folio) -> int:
    return sum(1 for page in folio.pages if page.maps) + (ENTIRELY_MAPPED if folio.pmds else 0)


def _pins_within(folio: Folio, seen: Counters, pages: int) -> int:
    """Pins of a large folio where one pin of several pages may count once: any number in between."""
    assert seen.pincount is not None
    least = len({handle for page in folio.pages for handle in page.pins}) if pages else 0
    if not least <= seen.pincount <= pages:
        raise _pincount(folio, seen, pages if least == pages else f"{least} to {pages}")
    return seen.pincount


def _check_mm_slots(folio: Folio, seen: Counters, maps: int) -> None:
    """The two tracked mms and the shared bit.

    6af8cb80d3a9 ("mm/rmap: basic MM owner tracking for large folios (!hugetlb)", v6.15).
    """
    assert seen.mm_slots is not None
    (first, first_maps), (second, second_maps) = seen.mm_slots
    if first_maps + second_maps > maps:
        what = f"the tracked mms have {first_maps + second_maps} maps, {_map(maps, 'PTE or PMD')} the folio"
        raise _differs("mapcount", folio, seen, what)
    if not maps and (first or second or seen.shared):
        what = "an mm slot or the shared bit is left, and nothing maps the folio"
        raise _differs("mapcount", folio, seen, what)
    processes = _processes(folio)
    if not seen.shared and len(processes) > 1:
        what = f"the shared bit is clear, and {len(processes)} processes map the folio"
        raise _differs("mapcount", folio, seen, what)
    if seen.shared and maps and maps in (first_maps, second_maps):
        raise _differs("mapcount", folio, seen, "the shared bit is set, and one process maps the folio")


def _processes(folio: Folio) -> set[int]:
    """Slots of the processes that map a folio."""
    processes = {process for process, _ in folio.pmds}
    processes.update(where[0] for page in folio.pages if page.maps for where in page.maps)
    return processes


def _check_contents(folio: Folio, seen: Counters) -> None:
    assert seen.contents is not None
    for page, value in zip(folio.pages, seen.contents, strict=True):
        if page.value is not None and page.value != value:
            raise Violation(
                "contents",
                f"page {page.index} of the folio holds {value}, {page.value} was written last",
                folio=folio_name(folio),
                terms=[Term("value", page.value, value, owners(folio))],
            )


def _check_exclusive(folio: Folio, seen: Counters) -> None:
    """The flag that says who alone may write.

    6c287605fd56 ("mm: remember exclusively mapped anonymous pages with PG_anon_exclusive", v5.19).
    """
    assert seen.exclusive is not None
    pmds = len(folio.pmds)
    if pmds > 1 and folio.pages[0].private_to is None and seen.exclusive[0]:
        what = f"the exclusive flag is set, and {pmds} PMDs map the folio"
        raise _differs("exclusive", folio, seen, what)
    if folio.writers and not seen.exclusive[0]:
        raise _differs(
            "exclusive", folio, seen, "the exclusive flag is clear, and a PMD maps the folio writable"
        )
    for page, exclusive in zip(folio.pages, seen.exclusive, strict=True):
        if exclusive:
            if len(page.maps) > 1:
                what = f"the exclusive flag of page {page.index} is set, {_map(len(page.maps), 'PTE')} it"
                raise _differs("exclusive", folio, seen, what)
        elif page.writers:
            what = f"the exclusive flag of page {page.index} is clear, and {address(min(page.writers))} may write"
            raise _differs("exclusive", folio, seen, what)
        elif page.private_to is not None and _must_be_exclusive(page):
            what = f"the exclusive flag of page {page.index} is lost, {page.private_to} has it alone"
            raise _differs("exclusive", folio, seen, what)


def _must_be_exclusive(page: Page) -> bool:
    """Whether the process that has owned the page alone ever since maps it now, so that the flag counts."""
    owner = page.private_to
    if owner is None:
        return False
    if page.folio.pmds:
        return page.index == 0 and any(process == owner.number for process, _ in page.folio.pmds)
    return any(where[0] == owner.number for where in page.maps)


def _map(count: int, what: str) -> str:
    """`no PTE maps`, `1 PTE maps`, `2 PTEs map`."""
    return f"{count} {what}s map" if count > 1 else f"{count or 'no'} {what} maps"


def _identity(folio: Folio, seen: Counters, expected: int, pins: int | None = None) -> Violation:
    what = f"refcount is {seen.refcount}, its owners add up to {expected}" + _mixed_up(
        seen.refcount - expected
    )
    return _differs("identity", folio, seen, what, refcount=expected, pins=pins)


def _mixed_up(surplus: int) -> str:
    """What a difference looks like that comes of releasing one kind of reference as the other."""
    times, rest = divmod(abs(surplus), BIAS - 1)
    if rest or not times:
        return ""
    kinds = ("pins were released as gets", "gets were released as pins")
    return f": off by {times} times {BIAS - 1}, as if so many {kinds[surplus < 0]}"


def _pincount(folio: Folio, seen: Counters, pins: int | str) -> Violation:
    what = f"pincount is {seen.pincount}, the open pins add up to {pins}"
    return _differs("pincount", folio, seen, what, pins=pins)


def _differs(
    property: str,
    folio: Folio,
    seen: Counters,
    what: str,
    *,
    refcount: int | None = None,
    pins: int | str | None = None,
) -> Violation:
    """A failed comparison, shown with all terms and owners of the folio.

    `refcount` and `pins` are what was expected, None where that was what is seen.
    """
    terms = _terms(
        folio,
        seen,
        seen.refcount if refcount is None else refcount,
        seen.pincount if pins is None else pins,
    )
    return Violation(property, what, folio=folio_name(folio), terms=terms)


def _terms(folio: Folio, seen: Counters, refcount: int, pins: int | str | None) -> list[Term]:
    """Each term of the identity, expected and seen, with the owners that make it up."""
    terms = [
        Term("refcount", refcount, seen.refcount, owners(folio)),
        _each("PTE maps of each page", [len(page.maps) for page in folio.pages], seen.mapcounts),
    ]
    if folio.order:
        terms += _large_terms(folio, seen, pins)
    if folio.of_file:
        terms.append(Term("private data", folio.private, seen.private))
    terms.append(Term("in swap cache", folio.slot is not None, seen.swapcache))
    if seen.pinned is not None:
        terms.append(Term("looks pinned", any(page.pins for page in folio.pages), seen.pinned))
    if seen.exclusive is not None:
        flags = zip(folio.pages, seen.exclusive, strict=True)
        wanted = [_must_be_exclusive(page) or (flag and len(page.maps) < 2) for page, flag in flags]
        terms.append(_each("exclusive", wanted, seen.exclusive))
    return terms


def _large_terms(folio: Folio, seen: Counters, pins: int | str | None) -> list[Term]:
    maps = len(folio.pmds) + sum(len(page.maps) for page in folio.pages)
    terms = [Term("PMD maps", len(folio.pmds), seen.entire)]
    if seen.large is not None:
        terms.append(Term("large mapcount", maps, seen.large))
    if seen.nr_pages_mapped is not None:
        terms.append(Term("nr_pages_mapped", hex(_nr_pages_mapped(folio)), hex(seen.nr_pages_mapped)))
    if seen.pincount is not None:
        terms.append(Term("pincount", pins, seen.pincount))
    if seen.tail_counts is not None and seen.tail_mapcounts is not None:
        noted = [max(pair) for pair in zip(seen.tail_counts, seen.tail_mapcounts, strict=True)]
        terms.append(_each("references on each tail", _tail_refs(folio), noted))
    if seen.mm_slots is not None:
        tracked = [count for _, count in seen.mm_slots]
        terms.append(
            Term("maps of tracked mms", tracked if sum(tracked) <= maps else f"{maps} at most", tracked)
        )
        shared = len(_processes(folio)) > 1 or (seen.shared and maps > 0 and maps not in tracked)
        terms.append(Term("shared bit", shared, seen.shared))
    return terms


def _each(name: str, expected: Sequence[object], seen: Sequence[object]) -> Term:
    """A list with a value for each page: whole when short, by runs when few, else only what differs."""
    if len(seen) <= LIST_MAX:
        return Term(name, list(expected), list(seen))
    as_runs = runs(expected), runs(seen)
    if max(map(len, as_runs)) <= RUNS_MAX:
        return Term(name, *map(", ".join, as_runs))
    differ = [index for index, value in enumerate(expected) if value != seen[index]]
    if not differ:
        return Term(name, "as seen", "as expected")
    shown = differ[:RUNS_MAX]
    more = "" if len(differ) == len(shown) else f" and {len(differ) - len(shown)} more"
    pages = ", ".join(map(str, shown))
    return Term(f"{name}: {pages}{more}", [expected[i] for i in shown], [seen[i] for i in shown])
