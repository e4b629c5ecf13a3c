"""Executions as a machine could have had them, small enough to check by eye."""

from __future__ import annotations

from mmfuzz.interleave.schedule import Schedule
from mmfuzz.interleave.trace import INITIAL, DataRace, Event, Execution


def execution(
    threads: tuple[str, ...],
    schedule: str,
    events: list[Event],
    *,
    failed: str = "",
    message: str = "",
    failed_at: int | None = None,
    data_races: tuple[DataRace, ...] = (),
    lines: tuple[str, ...] = (),
) -> Execution:
    """An execution of numbered events."""
    assert [event.number for event in events] == list(range(len(events)))
    parsed = Schedule.parse(schedule)
    return Execution(
        parsed, threads, len(parsed.moves), failed, message, failed_at,
        events=tuple(events), data_races=data_races, lines=lines,
    )  # fmt: skip


def message_passing(*, barrier: bool = False) -> Execution:
    """Under `weak`: the flag is seen, and the data is not, although it was written before."""
    events = [
        Event(0, 0, "note", "", note="publish"),
        Event(1, 1, "note", "", note="look"),
        Event(2, 0, "load", "frame 3 lru", read="no", source=INITIAL, routine="publish"),
        Event(3, 0, "store", "frame 3 dirty", wrote="yes", routine="set_page_dirty"),
        Event(4, 0, "store", "frame 3 content", wrote="7", routine="publish"),
        Event(5, 0, "store", "frame 3 uptodate", wrote="yes", routine="publish"),
        Event(6, 1, "load", "frame 3 uptodate", read="yes", source=5, routine="look"),
    ]
    if barrier:
        events.append(Event(7, 1, "fence", "smp_rmb", routine="look"))
    number = len(events)
    last = Event(number, 1, "load", "frame 3 content", "plain", "0", source=INITIAL, missed=1, routine="look")
    race = DataRace("frame 3 content", 4, number)
    return execution(
        ("publish: fault p0 a0.0 write", "look: fault p1 a0.0 read"),
        "a4b2^1",
        [*events, last],
        failed="contents",
        message="p1 reads 0 where 7 was written",
        failed_at=number,
        data_races=(race,),
        lines=("contents: frame 3 shows 0", "  ! content  expected 7  seen 0", "      p0 a0.0 maps it"),
    )


def store_buffer() -> Execution:
    """Under `tso`: both read what was there before the writes that are still in store buffers."""
    return execution(
        ("one", "two"),
        "abab AB".replace(" ", ""),
        [
            Event(0, 0, "store", "x", wrote="1", routine="one"),
            Event(1, 1, "store", "y", wrote="1", routine="two"),
            Event(2, 0, "load", "y", read="0", source=INITIAL, routine="one"),
            Event(3, 1, "load", "x", read="0", source=INITIAL, routine="two"),
            Event(4, 0, "flush", "x", wrote="1"),
            Event(5, 1, "flush", "y", wrote="1"),
        ],
        failed="identity",
        message="both went first",
    )


def three_threads() -> Execution:
    """Locks, atomics, an interrupt, RCU, and a write that takes a place before one that was there already."""
    return execution(
        ("pin: pin p0 a0.0 write h0", "split: split p0 a0.0", "drain"),
        "ab2a3b2c2^1b",
        [
            Event(0, 0, "irq", "interrupts and RCU of pin", "off", routine="gup_fast"),
            Event(1, 1, "trylock", "frame 8 lock", "acquire", routine="split_huge_page"),
            Event(2, 1, "lock", "anon_vma of frame 8", "acquire", routine="split_huge_page"),
            Event(3, 0, "rmw", "frame 8 _refcount", "full", "1", "1025", INITIAL, routine="try_get_folio"),
            Event(4, 0, "trylock", "frame 8 lock", "", routine="gup_fast"),
            Event(5, 0, "irq", "interrupts and RCU of pin", "on", routine="gup_fast"),
            Event(6, 1, "ipi", "smp_mb", routine="flush_tlb"),
            Event(7, 1, "rmw", "frame 8 _refcount", "", "1025", "", 3, routine="ref_freeze"),
            Event(8, 2, "rcu", "interrupts and RCU of drain", "lock", routine="drain"),
            Event(9, 2, "store", "frame 8 _refcount", "release", wrote="1024", overtaken=1, routine="drain"),
            Event(10, 1, "unlock", "frame 8 lock", "release", routine="split_huge_page"),
        ],
    )
