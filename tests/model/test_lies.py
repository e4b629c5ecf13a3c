"""A healthy kernel under a target that lies: each lie is refused, under the property that it breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mmfuzz.observation import ZERO, Counters, KernelBug, Mapped, OnDevice, Report, Swapped, Sweep
from mmfuzz.ops import (
    Collapse,
    Dma,
    Dontneed,
    EndWriteBack,
    Fault,
    Fork,
    FromDevice,
    Migrate,
    Move,
    Operation,
    Pin,
    Protect,
    Punch,
    Put,
    Split,
    SwapIn,
    SwapOut,
    ToDevice,
    WriteFile,
)
from mmfuzz.violation import PROPERTIES
from tests.model.liar import Liar, outcome

BASE = "alloc p0 a0 base; fault p0 a0.0 write"
LARGE = "alloc p0 a0 order2; fault p0 a0.0 write"
HUGE = "alloc p0 a0 huge; fault p0 a0.0 write"
FILED = "map p0 a0 disk0 shared; fault p0 a0.0 write"
DAX = "map p0 a0 dax0 shared; get p0 a0.0 write h0"
AFAR = "alloc p0 a0 base; fault p0 a0.0+2 write; to_device p0 a0.0"
MOVABLE = BASE + "; alloc p0 a1 base"

Change = Callable[[Counters], Any]


def counters(**changes: Any) -> Liar:
    """Counters with other fields, each a value or a function of what is true, where a folio has them."""

    def lie(seen: Counters) -> Counters:
        new = {name: change(seen) if callable(change) else change for name, change in changes.items()}
        return seen if any(getattr(seen, name) is None for name in new) else replace(seen, **new)

    return Liar(counters=lie)


def after(kind: type[Operation], change: Callable[[Report], None]) -> Liar:
    """Reports of one kind of operation that are changed."""

    def lie(op: Operation, report: Report) -> None:
        if type(op) is kind:
            change(report)

    return Liar(report=lie)


def error(name: str) -> Callable[[Report], None]:
    def change(report: Report) -> None:
        report.error = name

    return change


def refuse(report: Report) -> None:
    report.error = "EAGAIN"
    report.folios.clear()
    report.ptes.clear()


def drop(field: str) -> Callable[[Report], None]:
    def change(report: Report) -> None:
        getattr(report, field).clear()

    return change


def values(*seen: int) -> Callable[[Report], None]:
    def change(report: Report) -> None:
        report.values = list(seen)

    return change


def map_zero(report: Report) -> None:
    report.ptes = [(process, area, page, ZERO) for process, area, page, _ in report.ptes]


def map_elsewhere(report: Report) -> None:
    report.ptes = [(process, area, page, Mapped(900, True)) for process, area, page, _ in report.ptes]


def let_write(report: Report) -> None:
    report.ptes = [(0, 0, 0, Mapped(0, True))]


def walk_elsewhere(report: Report) -> None:
    report.walked = tuple((head, {(0, 0, 0)}) for head, _ in report.walked)


def stay_for(name: str) -> Callable[[Report], None]:
    def change(report: Report) -> None:
        report.error, report.done = name, 0
        report.ptes.clear()
        report.pmds.clear()
        report.walked = ()

    return change


def leave_a_copy(report: Report) -> None:
    report.ptes = [entry for entry in report.ptes if entry[3] is not None]


def lose_on_the_way(report: Report) -> None:
    report.ptes = [entry for entry in report.ptes if entry[3] is None]


def lose_a_free_block(sweep: Sweep) -> None:
    del sweep.free[0]


def free_twice(sweep: Sweep) -> None:
    sweep.free.append(sweep.free[0])


def forget_use(sweep: Sweep) -> None:
    sweep.free += sweep.used
    sweep.used.clear()


def use_without_owner(sweep: Sweep) -> None:
    sweep.used.append(sweep.free.pop())


def count_swap(sweep: Sweep) -> None:
    sweep.swap_counts = {slot: entries + 1 for slot, entries in sweep.swap_counts.items()}


def lose_what_was_swapped(sweep: Sweep) -> None:
    sweep.swapped = dict.fromkeys(sweep.swapped, 77)


def tell_twice(report: Report) -> None:
    report.given_back *= 2


def tell_early(report: Report) -> None:
    report.given_back = report.lent.copy()


def lend_again() -> Callable[[Report], None]:
    frames: list[int] = []

    def change(report: Report) -> None:
        frames.extend(report.lent)
        report.lent = [frames[0]]
        report.ptes = [(*where, OnDevice(frames[0], True)) for *where, _ in report.ptes]  # type: ignore[misc]

    return change


def store_else(report: Report) -> None:
    report.written = [(number, index, 77) for number, index, _ in report.written]


def lose_the_disk(sweep: Sweep) -> None:
    sweep.disk = dict.fromkeys(sweep.disk, 0)


def wake_all(report: Report) -> None:
    report.woken = [1032]


def give_again(report: Report) -> None:
    report.blocks = [1032]


def stay_there(report: Report) -> None:
    for field in ("ptes", "lent", "given_back", "folios", "batched", "touched"):
        getattr(report, field).clear()


def assertion(op: Operation, report: Report) -> None:
    if type(op) is Fault:
        raise KernelBug("VM_BUG_ON_FOLIO(folio_test_large(folio))", 0)


def context(op: Operation, report: Report) -> None:
    if type(op) is Fault:
        raise KernelBug("F5: the preallocated page table was freed twice", property="fault-context")


def tables(count: int) -> Callable[[Report], None]:
    def change(report: Report) -> None:
        report.tables = count

    return change


LIES: list[tuple[str, str, Callable[[], Liar]]] = [
    ("identity", BASE, lambda: counters(refcount=lambda seen: seen.refcount + 1)),
    ("identity", HUGE, lambda: counters(refcount=lambda seen: seen.refcount - 1)),
    ("mapcount", BASE, lambda: counters(mapcounts=(0,))),
    ("mapcount", HUGE, lambda: counters(entire=0)),
    ("mapcount", HUGE, lambda: counters(large=2)),
    ("mapcount", HUGE, lambda: counters(nr_pages_mapped=1)),
    ("mapcount", LARGE, lambda: counters(mm_slots=((7, 3), (8, 3)))),
    ("mapcount", LARGE + "; fork p0 p1", lambda: counters(shared=False)),
    ("mapcount", LARGE, lambda: counters(shared=True)),
    ("pincount", HUGE + "; pin p0 a0.0 read h0", lambda: counters(pincount=0)),
    ("pincount", HUGE, lambda: counters(pincount=1)),
    ("swap-cache", BASE, lambda: counters(swapcache=True)),
    ("swap-cache", LARGE + "; swap_out p0 a0", lambda: counters(swapcache=False)),
    ("swap-cache", BASE + "; swap_out p0 a0.0", lambda: Liar(sweep=count_swap)),
    ("exclusive", BASE, lambda: counters(exclusive=(False,))),
    ("exclusive", BASE + "; fork p0 p1", lambda: counters(exclusive=(True,))),
    ("exclusive", HUGE + "; fork p0 p1", lambda: counters(exclusive=[True] * 8)),
    ("page-cache", "write_file memfd0.0", lambda: after(WriteFile, drop("filed"))),
    ("page-cache", "write_file disk0.0", lambda: counters(private=False)),
    ("page-table", "alloc p0 a0 base; fault p0 a0.0 read", lambda: after(Fault, tables(2))),
    ("fault-context", "map p0 a0 memfd0 shared; fault p0 a0.0 read", lambda: Liar(report=context)),
    ("zero-page", "alloc p0 a0 base; get p0 a0.0 read h0", lambda: counters(refcount=1)),
    ("contents", BASE, lambda: counters(contents=(77,))),
    ("contents", BASE + "; fault p0 a0.0 read", lambda: after(Fault, values(77))),
    ("contents", BASE + "; pin p0 a0.0 read h0; dma h0 read", lambda: after(Dma, values(77))),
    ("contents", BASE + "; swap_out p0 a0.0; swap_in p0 a0.0", lambda: after(SwapIn, values(77))),
    ("contents", BASE + "; swap_out p0 a0.0; swap_out p0 a0.0", lambda: Liar(sweep=lose_what_was_swapped)),
    ("free-event", AFAR + "; dontneed p0 a0.0", lambda: after(Dontneed, drop("given_back"))),
    ("free-event", AFAR + "; dontneed p0 a0.0", lambda: after(Dontneed, tell_twice)),
    ("free-event", AFAR, lambda: after(ToDevice, tell_early)),
    ("free-event", DAX + "; dontneed p0 a0.0; put h0", lambda: after(Put, drop("woken"))),
    ("free-event", DAX + "; dontneed p0 a0.0", lambda: after(Dontneed, wake_all)),
    ("contents", FILED, lambda: counters(dirty=lambda seen: False if seen.dirty else seen.dirty)),
    (
        "contents",
        FILED + "; write_back disk0.0; end_write_back disk0",
        lambda: after(EndWriteBack, store_else),
    ),
    ("contents", FILED + "; swap_out p0 a0.0", lambda: Liar(sweep=lose_the_disk)),
    (
        "outcome",
        FILED + "; write_back disk0.0; end_write_back disk0",
        lambda: after(EndWriteBack, drop("written")),
    ),
    ("refusal", "map p0 a0 disk0 shared; pin p0 a0.0 write h0", lambda: after(Pin, error("EAGAIN"))),
    ("refusal", DAX + "; punch dax0.0", lambda: after(Punch, error(""))),
    ("refusal", DAX + "; punch dax0.1", lambda: after(Punch, error("EBUSY"))),
    ("refusal", "map p0 a0 dax0 shared; pin p0 a0.0 read h0", lambda: after(Pin, error(""))),
    ("identity", DAX, lambda: counters(refcount=lambda seen: seen.refcount - 1)),
    ("mapcount", DAX, lambda: counters(mapcounts=(0,))),
    ("use-after-free", DAX + "; fault p0 a0.1 read", lambda: after(Fault, give_again)),
    ("use-after-free", AFAR + "; to_device p0 a0.1", lambda: after(ToDevice, lend_again())),
    ("contents", AFAR + "; fault p0 a0.0 read", lambda: after(Fault, values(77))),
    ("identity", AFAR, lambda: counters(refcount=lambda seen: seen.refcount + (seen.head >= 1024))),
    ("refusal", BASE + "; to_device p0 a0.0", lambda: after(ToDevice, stay_there)),
    ("refusal", AFAR + "; from_device p0 a0.0", lambda: after(FromDevice, stay_there)),
    ("refusal", LARGE + "; split p0 a0.0", lambda: after(Split, refuse)),
    ("refusal", BASE + "; migrate p0 a0.0", lambda: after(Migrate, drop("ptes"))),
    ("refusal", BASE + "; get p0 a0.0 read h0; collapse p0 a0", lambda: after(Collapse, error(""))),
    ("outcome", BASE, lambda: after(Fault, error("EIO"))),
    ("outcome", BASE, lambda: after(Fault, error("ENOMEM"))),
    ("outcome", BASE, lambda: after(Fault, map_zero)),
    ("outcome", BASE, lambda: after(Fault, map_elsewhere)),
    ("outcome", BASE + "; swap_out p0 a0.0; swap_in p0 a0.0", lambda: after(SwapIn, drop("ptes"))),
    ("outcome", BASE + "; fork p0 p1", lambda: after(Fork, drop("ptes"))),
    ("outcome", HUGE, lambda: counters(order=2)),
    ("refusal", LARGE + "; fail trylock; drain; split p0 a0.0", lambda: after(Split, refuse)),
    ("refusal", LARGE + "; fail io; split p0 a0.0", lambda: after(Split, refuse)),
    ("outcome", BASE + "; fail alloc; fault p0 a0.0 read", lambda: after(Fault, error("EFAULT"))),
    ("outcome", BASE + "; fail trylock; fork p0 p1", lambda: after(Fork, error("ENOMEM"))),
    ("refusal", BASE + "; fail io; pin p0 a0.0 read h0", lambda: after(Pin, error("EAGAIN"))),
    ("contents", BASE + "; protect p0 a0.0", lambda: after(Protect, map_zero)),
    ("outcome", BASE + "; protect p0 a0.0", lambda: after(Protect, error("ENOMEM"))),
    ("rmap", MOVABLE + "; move p0 a0.0 a1.0", lambda: after(Move, walk_elsewhere)),
    ("refusal", MOVABLE + "; move p0 a0.0 a1.0", lambda: after(Move, stay_for("EBUSY"))),
    ("refusal", MOVABLE + "; move p0 a0.0 a1.0", lambda: after(Move, stay_for("ENOENT"))),
    ("refusal", MOVABLE + "; move p0 a0.0 a1.0", lambda: after(Move, stay_for("EEXIST"))),
    ("refusal", MOVABLE + "; pin p0 a0.0 read h0; move p0 a0.0 a1.0", lambda: after(Move, error(""))),
    ("outcome", MOVABLE + "; pin p0 a0.0 read h0; move p0 a0.0 a1.0", lambda: after(Move, error("EPERM"))),
    ("outcome", MOVABLE + "; move p0 a0.0 a1.0", lambda: after(Move, leave_a_copy)),
    ("outcome", MOVABLE + "; move p0 a0.0 a1.0", lambda: after(Move, lose_on_the_way)),
    ("exclusive", BASE + "; fork p0 p1; protect p0 a0.0", lambda: after(Protect, let_write)),
    ("leak", BASE, lambda: Liar(sweep=use_without_owner)),
    ("use-after-free", BASE, lambda: Liar(counters=lambda seen: None)),
    ("use-after-free", BASE, lambda: Liar(sweep=forget_use)),
    ("frames", "alloc p0 a0 base", lambda: Liar(free=-1)),
    ("frames", "alloc p0 a0 base", lambda: Liar(sweep=lose_a_free_block)),
    ("frames", "alloc p0 a0 base", lambda: Liar(sweep=free_twice)),
    ("assertion", BASE, lambda: Liar(report=assertion)),
]

NAMES = [f"{broken}-{number}" for number, (broken, _, _) in enumerate(LIES)]


@pytest.mark.parametrize(("broken", "lines", "liar"), LIES, ids=NAMES)
def test_lie_is_refused(broken: str, lines: str, liar: Callable[[], Liar]) -> None:
    violation = outcome(lines, liar()).violation
    assert violation is not None
    assert violation.property == broken, violation.report()
    assert PROPERTIES[broken] in violation.report()


@pytest.mark.parametrize("lines", sorted({lie[1] for lie in LIES}))
def test_the_same_program_passes_when_nobody_lies(lines: str) -> None:
    assert outcome(lines, Liar()).violation is None


# What owners may do to each other needs a lie that hangs together, told by hand.


def test_write_to_a_shared_page_in_place_breaks_isolation() -> None:
    """After a fork the child's write is said to have needed no copy."""
    seen: list[Operation] = []

    def in_place(op: Operation, report: Report) -> None:
        if type(op) is Fault:
            seen.append(op)
        if len(seen) == 2:
            report.ptes.clear()
            report.folios.clear()
            report.batched.clear()
            seen.append(op)

    violation = outcome(BASE + "; fork p0 p1; fault p1 a0.0 write", Liar(report=in_place)).violation
    assert violation is not None
    assert violation.property == "isolation"
    assert "p0 a0.0 refers to it as well" in violation.message


def test_child_that_shares_a_pinned_page_breaks_pin_coherence() -> None:
    """The parent's pinned page is said to be the child's as well, where the child had to get a copy."""
    frames: list[int] = []

    def share(op: Operation, report: Report) -> None:
        if type(op) is Pin:
            frames.extend(entry.frame for *_, entry in report.ptes if type(entry) is Mapped)
        if type(op) is Fork:
            report.ptes = [(1, 0, 0, Mapped(frames[0], False))]
            report.folios.clear()
            report.batched.clear()

    violation = outcome("alloc p0 a0 base; pin p0 a0.0 write h0; fork p0 p1", Liar(report=share)).violation
    assert violation is not None
    assert violation.property == "pin-coherence"


def test_page_that_moves_under_its_owners_pin_breaks_pin_coherence() -> None:
    """A pinned page is said to be swapped out."""
    taken: list[Operation] = []

    def swap(op: Operation, report: Report) -> None:
        if type(op) is Pin:
            taken.append(op)
        if type(op) is SwapOut and taken:
            report.ptes = [(0, 0, 0, Swapped(5))]

    lines = "alloc p0 a0 base; pin p0 a0.0 write h0; swap_out p0 a0.0"
    violation = outcome(lines, Liar(report=swap)).violation
    assert violation is not None
    assert violation.property == "pin-coherence"


def test_reused_frame_with_an_owner_is_a_use_after_free() -> None:
    """A fresh folio is said to stand in the frame of one that is mapped."""
    frames: list[int] = []

    def reuse(op: Operation, report: Report) -> None:
        if type(op) is Fault and frames:
            report.folios = [(frames[0], 0)]
            report.batched = [(frames[0], 1)]
            report.ptes = [(0, 0, 1, Mapped(frames[0], True))]
        frames.extend(head for head, _ in report.folios)

    violation = outcome(BASE + "; fault p0 a0.1 write", Liar(report=reuse)).violation
    assert violation is not None
    assert violation.property == "use-after-free"


def test_every_property_is_lied_about() -> None:
    by_hand = {"isolation", "pin-coherence"}
    assert {lie[0] for lie in LIES} | by_hand == set(PROPERTIES)
