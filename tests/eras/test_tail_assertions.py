"""References on tails: the assertions of the thread, each shown to fire, and the re-checks of put_page().

"[PATCH 06 of 66] alter compound get_page/put_page" has each VM_BUG_ON of put_page() and get_page(). What only a second
CPU could bring about is brought about by hand, in the middle of the routine that must notice.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmfuzz.kernel.eras.compound import CompoundPages
from mmfuzz.kernel.mm import Pte
from mmfuzz.kernel.page import Page
from mmfuzz.observation import KernelBug
from tests.eras.test_tails import ERAS, compound
from tests.kernel.conftest import Machine

# Every VM_BUG_ON, brought about


Ruin = Callable[[CompoundPages, Page, Page], None]
"""Given (kernel, head, tail 3 with one reference): do what must be noticed."""


def get(made: CompoundPages, head: Page, tail: Page) -> None:
    made.get_page(tail)


def put(made: CompoundPages, head: Page, tail: Page) -> None:
    made.put_page(tail)


def walk(made: CompoundPages, head: Page, tail: Page) -> None:
    made.gup_get(tail)


def with_count(value: int, do: Ruin) -> Ruin:
    def ruin(made: CompoundPages, head: Page, tail: Page) -> None:
        tail._refcount = value
        do(made, head, tail)

    return ruin


def with_mapcount(value: int, do: Ruin) -> Ruin:
    def ruin(made: CompoundPages, head: Page, tail: Page) -> None:
        tail._mapcount = value - 1
        do(made, head, tail)

    return ruin


def with_head_count(value: int, do: Ruin) -> Ruin:
    def ruin(made: CompoundPages, head: Page, tail: Page) -> None:
        head._refcount = value
        do(made, head, tail)

    return ruin


def get_of_a_free_page(made: CompoundPages, head: Page, tail: Page) -> None:
    head._refcount = 0
    made.get_page(head)


def put_of_a_free_page(made: CompoundPages, head: Page, tail: Page) -> None:
    head._refcount = 0
    made.put_page_testzero(head)


def put_with_a_dangling_head(made: CompoundPages, head: Page, tail: Page) -> None:
    head._refcount = 0
    made.put_page(tail)


def put_with_a_head_that_is_none(made: CompoundPages, head: Page, tail: Page) -> None:
    """PageHead went before PageTail: the order that the protocol rests on is broken."""
    head.order = 0
    made.put_page(tail)


def put_after_a_split_that_left_the_head(made: CompoundPages, head: Page, tail: Page) -> None:
    """Another CPU cleared PageTail while this one waited for the lock, and PageHead is set still."""
    lock = made.compound_lock

    def wait(page: Page) -> None:
        lock(page)
        tail.head = tail

    made.compound_lock = wait  # type: ignore[method-assign]
    made.put_page(tail)


def put_when_the_head_changed(made: CompoundPages, head: Page, tail: Page) -> None:
    """Another CPU freed and reused the tail in a compound page elsewhere, which the lock excludes."""
    lock = made.compound_lock

    def wait(page: Page) -> None:
        lock(page)
        tail.first_page = tail

    made.compound_lock = wait  # type: ignore[method-assign]
    made.put_page(tail)


def put_when_others_put_the_head(made: CompoundPages, head: Page, tail: Page) -> None:
    """Another CPU drops what it does not have, so that the reference of step 2 is the last."""
    lock = made.compound_lock

    def wait(page: Page) -> None:
        lock(page)
        head._refcount = 1

    made.compound_lock = wait  # type: ignore[method-assign]
    made.put_page(tail)


def put_when_the_head_dies_under_the_lock(made: CompoundPages, head: Page, tail: Page) -> None:
    drop = made.drop_tail_ref

    def dropped(page: Page) -> None:
        drop(page)
        head._refcount = 0

    made.drop_tail_ref = dropped  # type: ignore[method-assign]
    made.put_page(tail)


def walk_to_a_stranger(made: CompoundPages, head: Page, tail: Page) -> None:
    mm = made.mms[0]
    made.mmap(0, 0, 9)
    vma = mm.vmas[0]
    made.set_pmd(mm, vma, Pte(head, True))
    tail.head = tail
    made.follow(vma, 3)


def named(rows: list[tuple[str, str, Ruin]]) -> list[str]:
    """A name for each row: checks and routines repeat."""
    return [f"{number}-{kernel}-{check}" for number, (kernel, check, _) in enumerate(rows)]


COUNT, MAPCOUNT = "atomic_read(&page->_count)", "page_mapcount(page)"
HEAD_COUNT = "atomic_read(&page_head->_count)"
FIRST_COUNT = "atomic_read(&page->first_page->_count)"

BOTH: list[tuple[str, Ruin]] = [
    ("VM_BUG_ON(compound_head(page) != head)", walk_to_a_stranger),
    ("VM_BUG_ON(PageTail(page))", put_with_a_dangling_head),
    ("VM_BUG_ON(PageHead(page_head))", put_after_a_split_that_left_the_head),
    ("VM_BUG_ON(page_head != page->first_page)", put_when_the_head_changed),
    ("VM_BUG_ON(put_page_testzero(page_head))", put_when_others_put_the_head),
    (f"VM_BUG_ON({HEAD_COUNT} <= 0)", put_when_the_head_dies_under_the_lock),
    (f"VM_BUG_ON({COUNT} == 0)", put_of_a_free_page),
]
FIRED: list[tuple[str, str, Ruin]] = [
    *((kernel, check, ruin) for kernel in ERAS for check, ruin in BOTH),
    ("2.6.38", f"VM_BUG_ON({COUNT} < 0)", with_count(-1, walk)),
    ("2.6.38", f"VM_BUG_ON({COUNT} < !PageTail(page))", with_count(-1, get)),
    ("2.6.38", f"VM_BUG_ON({COUNT} < !PageTail(page))", get_of_a_free_page),
    ("2.6.38", f"VM_BUG_ON({FIRST_COUNT} <= 0)", with_head_count(0, get)),
    ("2.6.38", f"VM_BUG_ON({COUNT} <= 0)", with_count(0, put)),
    ("2.6.38", "VM_BUG_ON(PageTail(page))", put_with_a_head_that_is_none),
    ("3.2", f"VM_BUG_ON({MAPCOUNT} < 0)", with_mapcount(-1, walk)),
    ("3.2", f"VM_BUG_ON({COUNT} != 0)", with_count(1, walk)),
    ("3.2", f"VM_BUG_ON({COUNT} != 0)", with_count(1, get)),
    ("3.2", f"VM_BUG_ON({COUNT} != 0)", with_count(1, put)),
    ("3.2", f"VM_BUG_ON({MAPCOUNT} <= 0)", with_mapcount(0, put)),
    (
        "3.2",
        f"VM_BUG_ON({FIRST_COUNT} <= 0)",
        with_head_count(0, lambda made, head, tail: made.get_huge_page_tail(tail)),
    ),
]


@pytest.mark.parametrize(("kernel", "check", "ruin"), FIRED, ids=named(FIRED))
def test_assertion_of_the_thread_fires(kernel: str, check: str, ruin: Ruin) -> None:
    made, head = compound(kernel)
    tail = head.pages[3]
    made.gup_get(tail)
    with pytest.raises(KernelBug) as caught:
        ruin(made, head, tail)
    assert caught.value.check == check


# The split's own assertions


def negative(made: CompoundPages, head: Page, tail: Page) -> None:
    head._refcount = 1
    tail._refcount = 5


SPLIT: list[tuple[str, str, Ruin]] = [
    ("2.6.38", "BUG_ON(page_count(page) <= 0)", negative),
    ("2.6.38", "BUG_ON(page_mapcount(page_tail))", lambda made, head, tail: setattr(tail, "_mapcount", 0)),
    ("3.2", f"BUG_ON({COUNT.replace('page', 'page_tail')} != 0)", negative),
    (
        "3.2",
        "BUG_ON(page_mapcount(page_tail) < 0)",
        lambda made, head, tail: setattr(tail, "_mapcount", -2),
    ),
    ("3.2", "BUG_ON(page_count(page) <= 0)", lambda made, head, tail: setattr(tail, "_mapcount", 8)),
]
SPLIT += [
    (kernel, check, ruin)
    for kernel in ERAS
    for check, ruin in (
        (
            "BUG_ON(mapcount != page_mapcount(page))",
            lambda made, head, tail: setattr(head, "_mapcount", 1),
        ),
        (
            "BUG_ON(page_mapcount(page) != 1)",
            lambda made, head, tail: _share(made, head),
        ),
        (
            "BUG_ON(page_tail->mapping)",
            lambda made, head, tail: setattr(tail, "mapping", head.mapping),
        ),
        (
            "PG_compound_lock is taken by who waits for it",
            lambda made, head, tail: made.compound_lock(head),
        ),
    )
]


def _share(made: CompoundPages, head: Page) -> None:
    """A second process maps the huge page, and the first goes on writing."""
    made.fork(0, 1)
    vma = made.mms[0].vmas[0]
    made.set_pmd(made.mms[0], vma, Pte(head, True))


@pytest.mark.parametrize(("kernel", "check", "ruin"), SPLIT, ids=named(SPLIT))
def test_assertion_of_the_split_fires(kernel: str, check: str, ruin: Ruin) -> None:
    machine = Machine(kernel, huge_order=3, frames=64)
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "drain")
    made = machine.sim.kernel
    assert isinstance(made, CompoundPages)
    head = made.mem_map[machine.frame(0, 0, 0)]
    ruin(made, head, head.pages[3])
    mm, vma = made.mms[0], made.mms[0].vmas[0]
    with pytest.raises(KernelBug) as caught:
        made.split_huge_pmd(mm, vma)
    assert caught.value.check == check


# Races are won by hand: the re-checks find what they are for


@pytest.mark.parametrize("kernel", ERAS)
def test_put_that_loses_against_a_split_drops_the_piece(kernel: str) -> None:
    """The split runs between step 2 and the lock: the put must not touch a tail's count that is none."""
    machine = Machine(kernel, huge_order=3, frames=64)
    machine.do("alloc p0 a0 huge", "get p0 a0.3 write h0", "drain")
    made = machine.sim.kernel
    assert isinstance(made, CompoundPages)
    tail = made.handles[0].pages[0]
    assert tail is not None
    head = tail.head
    lock = made.compound_lock

    def wait(page: Page) -> None:
        made.compound_lock = lock  # type: ignore[method-assign]
        mm, vma = made.mms[0], made.mms[0].vmas[0]
        made.split_huge_pmd(mm, vma)
        made.compound_lock(page)

    made.compound_lock = wait  # type: ignore[method-assign]
    made.put_page(tail)
    assert (tail.first_page, tail.head) == (head, tail)
    assert (head._refcount, tail._refcount, head.compound_lock) == (1, 1, False)


@pytest.mark.parametrize("kernel", ERAS)
def test_put_that_finds_its_head_gone_drops_the_piece(kernel: str) -> None:
    """Split and freed before `first_page` could be held: it dangles."""
    made, head = compound(kernel)
    tail = head.pages[3]
    made.gup_get(tail)
    held = made.get_page_unless_zero

    def late(page: Page) -> bool:
        made.get_page_unless_zero = held  # type: ignore[method-assign]
        made.split_folio(head, head)
        made.put_page(head)
        return held(page)

    made.get_page_unless_zero = late  # type: ignore[method-assign]
    made.put_page(tail)
    assert made.buddy.nr_free == made.buddy.size


def test_put_that_holds_a_head_that_is_none_any_more_takes_no_lock() -> None:
    """Step 3 of 2.6.38: split before the head was held, and the head lives on as a page."""
    made, head = compound("2.6.38")
    tail = head.pages[3]
    made.gup_get(tail)
    held = made.get_page_unless_zero

    def late(page: Page) -> bool:
        made.get_page_unless_zero = held  # type: ignore[method-assign]
        made.split_folio(head, head)
        made.compound_lock = lambda page: pytest.fail("locked")  # type: ignore[method-assign]
        return held(page)

    made.get_page_unless_zero = late  # type: ignore[method-assign]
    made.put_page(tail)
    assert (head._refcount, tail._refcount) == (1, 0)


def test_get_that_loses_against_a_split_takes_the_piece() -> None:
    """3.2: the compound lock is what makes a second reference on a tail safe."""
    made, head = compound("3.2")
    tail = head.pages[3]
    made.gup_get(tail)
    lock = made.compound_lock

    def wait(page: Page) -> None:
        made.compound_lock = lock  # type: ignore[method-assign]
        made.split_folio(head, head)
        made.compound_lock(page)

    made.compound_lock = wait  # type: ignore[method-assign]
    made.get_page(tail)
    assert (head._refcount, tail._refcount, tail._mapcount) == (1, 2, -1)
