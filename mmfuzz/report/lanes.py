"""One execution of a race as rows of a picture: a lane for each thread, and time downwards.

What a row says is decided here, once; `mmfuzz.report.lanes_text` draws the rows on a terminal, and
`mmfuzz.report.lanes_html` in a browser.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from mmfuzz.interleave.trace import INITIAL, DataRace, Event, Execution

START = "start"
"""What was there before the threads began."""

_LOCAL_BARRIERS = frozenset({"smp_rmb", "smp_wmb"})
"""Barriers that concern one thread alone, and so are no step of the schedule."""

_VERBS = {
    "load": "read",
    "store": "write",
    "rmw": "atomic",
    "lock": "lock",
    "unlock": "unlock",
    "trylock": "trylock",
    "flush": "flush",
    "wait": "wait",
    "end": "end",
}
_SHOWS_ORDER = frozenset({"load", "store", "rmw"})
"""Kinds whose order is not in the name already."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event in the lane of its thread."""

    number: int
    thread: int
    kind: str
    verb: str
    what: str
    """The location, or all there is to say."""
    value: str = ""
    """What was read or written, and with which order."""
    source: int | None = None
    """Number of the event whose write was read, where it is another event."""
    seen: str = ""
    """Whose write was read, in words; empty where it was that of the start, and the newest."""
    remarks: tuple[str, ...] = ()
    """What is odd about it: a value that was old, a write that came late."""
    newer: int | None = None
    """Number of the newest write that a read could have seen, where it saw an older one."""
    failed: bool = False
    """The property broke at it."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What the steps below it are part of: an operation of the program, or a routine of the kernel."""

    thread: int
    text: str
    operation: bool


@dataclass(frozen=True, slots=True)
class Fold:
    """Steps in a row that no other thread has to do with."""

    thread: int
    steps: tuple[Step, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """The locations, each once."""
        return tuple(dict.fromkeys(step.what for step in self.steps))


@dataclass(frozen=True, slots=True)
class Switch:
    """Another thread goes on."""

    thread: int
    number: int
    """Which switch of the execution it is, from 1."""


Row = Step | Heading | Fold | Switch


@dataclass(frozen=True, slots=True)
class Picture:
    """An execution with all that a person needs to understand it, and to have it again."""

    execution: Execution
    title: str
    """What was run: the scenario, and the bug that was planted."""
    memory: str = "sc"
    replay: str = ""
    """The command that runs it again."""
    everything: bool = False
    """Nothing is folded."""
    rows: tuple[Row, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(_rows(self.execution, self.memory, self.everything)))

    @property
    def letters(self) -> tuple[str, ...]:
        """How the schedule calls the threads."""
        return tuple(chr(97 + index) for index in range(len(self.execution.threads)))

    @property
    def verdict(self) -> str:
        """What came of it, in a line."""
        execution = self.execution
        if not execution.broken:
            return "given up before its end" if execution.cut else "nothing failed"
        if not execution.failed:
            return f"{execution.broken}: {execution.complaint}"
        at = "at the end" if execution.failed_at is None else f"at #{execution.failed_at}"
        return f"{execution.failed} fails {at}: {execution.message}"

    @property
    def figures(self) -> str:
        """How long it is, and how often threads take turns."""
        execution = self.execution
        times = _count(execution.switches, "context switch", "context switches")
        return f"{_count(execution.steps, 'step', 'steps')}, {times}, memory {self.memory}"

    @property
    def folded(self) -> int:
        """Steps that are not shown one by one."""
        return sum(len(row.steps) for row in self.rows if isinstance(row, Fold))

    @property
    def races(self) -> tuple[str, ...]:
        """The data races in words."""
        return tuple(_race(race, self.execution) for race in self.execution.data_races)


# --- rows ---------------------------------------------------------------------------------------------


def _rows(execution: Execution, memory: str, everything: bool) -> Iterator[Row]:
    """Steps under the routines that they are part of, each switch between threads, and what is alike folded."""
    private = frozenset() if everything else _private(execution)
    steps = _Reader(execution, memory)
    running: int | None = None
    switches = 0
    routines: dict[int, str] = {}
    for (thread, is_private), events in groupby(
        _in_order(execution.events), lambda event: (event.thread, event.number in private)
    ):
        group = list(events)
        if running not in (None, thread) and any(event.kind != "flush" for event in group):
            switches += 1
            yield Switch(thread, switches)
            routines.pop(thread, None)
        if any(event.kind != "flush" for event in group):
            running = thread
        if is_private and len(group) > 1:
            yield Fold(thread, tuple(map(steps.step, group)))
            if {event.routine for event in group} != {routines.get(thread)}:
                routines.pop(thread, None)
            continue
        for event in group:
            yield from _under_heading(event, routines)
            if event.kind != "note":
                yield steps.step(event)


def _under_heading(event: Event, routines: dict[int, str]) -> Iterator[Heading]:
    """The operation that begins or ends with an event, and the routine where that is another one."""
    if event.kind == "note":
        routines.pop(event.thread, None)
        yield Heading(event.thread, event.note, operation=True)
    elif event.routine and routines.get(event.thread) != event.routine and event.kind != "flush":
        routines[event.thread] = event.routine
        yield Heading(event.thread, f"{event.routine}()", operation=False)


def _in_order(events: Iterable[Event]) -> Iterator[Event]:
    """Events as they were done, but that what a thread does before its first step, unasked, stands beside that.

    Where there was no first step any more, there is nothing to stand beside.
    """
    waiting: dict[int, list[Event]] = defaultdict(list)
    begun: set[int] = set()
    for event in events:
        is_step = event.kind != "note" and event.cell not in _LOCAL_BARRIERS
        if not is_step and event.thread not in begun:
            waiting[event.thread].append(event)
            continue
        begun.add(event.thread)
        yield from waiting.pop(event.thread, ())
        yield event


def _private(execution: Execution) -> frozenset[int]:
    """Numbers of the steps that no other thread has to do with.

    They are at locations of one thread, or that nobody writes, or read what the thread wrote itself; what the failure
    is about is never among them.
    """
    authors = {event.number: event.thread for event in execution.events}
    threads: dict[str, set[int]] = defaultdict(set)
    written: set[str] = set()
    meets = any(event.kind in ("ipi", "rcu") for event in execution.events)
    for event in execution.events:
        threads[event.cell].add(event.thread)
        if event.kind not in ("load", "wait"):
            written.add(event.cell)
    odd = {number for race in execution.data_races for number in (race.first, race.second)}
    if execution.failed_at is not None:
        odd.add(execution.failed_at)
    return frozenset(
        event.number
        for event in execution.events
        if event.kind not in ("note", "fence", "ipi", "rcu", "end")
        and not (event.kind == "irq" and meets)
        and (len(threads[event.cell]) == 1 or event.cell not in written or _is_own(event, authors))
        and event.number not in odd
        and not event.note
        and event.cell not in execution.message
    )


def _is_own(event: Event, authors: Mapping[int, int]) -> bool:
    """Whether a read saw what its thread had written, and nothing newer was there."""
    own = event.source is not None and authors.get(event.source) == event.thread
    return event.kind == "load" and own and not event.missed


# --- steps --------------------------------------------------------------------------------------------


class _Reader:
    """Puts events into words, in their order, as what a read missed is what was written before it."""

    def __init__(self, execution: Execution, memory: str) -> None:
        self._events = {event.number: event for event in execution.events}
        self._failed_at = execution.failed_at if execution.failed else _raced_at(execution)
        self._letters = [chr(97 + index) for index in range(len(execution.threads))]
        self._buffered = memory == "tso"
        self._locks = {event.cell for event in execution.events if event.kind in ("lock", "trylock")}
        self._orders: dict[str, list[int]] = defaultdict(list)
        """Of each location the numbers of the writes that reached memory, in the order in which they count."""
        self._buffers: dict[int, list[int]] = defaultdict(list)
        """Of each thread the writes that did not, yet."""

    def step(self, event: Event) -> Step:
        """The step of an event."""
        remarks = tuple(self._remarks(event))
        newer = self._newer(event)
        source = event.source if event.source != INITIAL else None
        self._place(event)
        return Step(
            event.number,
            event.thread,
            event.kind,
            *_words(event, is_lock=event.cell in self._locks),
            source=source,
            seen=self._seen(event, old=bool(remarks)),
            remarks=(*remarks, event.note) if event.note else remarks,
            newer=newer,
            failed=event.number == self._failed_at,
        )

    def _place(self, event: Event) -> None:
        """Where a write counts among those of its location."""
        if event.kind == "flush":
            first = self._buffers[event.thread].pop(0) if self._buffers[event.thread] else event.number
            self._orders[event.cell].append(first)
        elif self._buffered and event.kind in ("store", "unlock"):
            self._buffers[event.thread].append(event.number)
        elif event.wrote and event.kind in ("store", "rmw"):
            order = self._orders[event.cell]
            order.insert(len(order) - event.overtaken, event.number)

    def _seen(self, event: Event, *, old: bool) -> str:
        if event.source is None:
            return ""
        if event.source == INITIAL:
            return START if old else ""
        return self._who(event.source)

    def _remarks(self, event: Event) -> Iterator[str]:
        newer = self._newer(event)
        if event.missed and newer is not None:
            many = f"{event.missed} newer, the newest is " if event.missed > 1 else "newer is "
            yield f"old: {many}{self._wrote(newer)}"
        elif newer is not None:
            yield f"old: newer is {self._wrote(newer)}, still in its store buffer"
        if event.overtaken:
            later = self._orders[event.cell][-event.overtaken :]
            yield f"late: counts as before {', '.join(map(self._who, later))}"

    def _newer(self, event: Event) -> int | None:
        """The newest write that a read did not see: of those in memory, or of those in others' store buffers."""
        order = self._orders[event.cell]
        if event.missed and order:
            return order[-1]
        hidden = [
            number
            for thread, buffer in self._buffers.items()
            if event.kind == "load" and thread != event.thread
            for number in buffer
            if self._events[number].cell == event.cell
        ]
        return hidden[-1] if hidden else None

    def _wrote(self, number: int) -> str:
        return f"{self._events[number].wrote} of {self._who(number)}"

    def _who(self, number: int) -> str:
        event = self._events.get(number)
        return f"#{number} {self._letters[event.thread]}" if event is not None else f"#{number}"


def _words(event: Event, *, is_lock: bool) -> tuple[str, str, str]:
    """Verb, location and value. To unlock is a write that waits in the store buffer, where there is one."""
    kind = event.kind
    if is_lock and kind in ("store", "flush"):
        return ("unlock", event.cell, "") if kind == "store" else ("flush", event.cell, "free")
    if kind == "fence":
        return "", f"{event.cell}()", ""
    if kind == "irq":
        return "", f"interrupts {event.order}", ""
    if kind == "ipi":
        return "", "interrupt to all others", "taken by all"
    if kind == "rcu":
        return "", f"rcu: {event.order}", ""
    return _VERBS.get(kind, kind), event.cell, _value(event)


def _value(event: Event) -> str:
    if event.kind == "trylock":
        return "taken" if event.order else "busy"
    if event.kind == "rmw":
        value = f"{event.read} -> {event.wrote}" if event.wrote else f"{event.read}, left as it is"
    else:
        value = event.read or event.wrote
    shows = event.kind in _SHOWS_ORDER and event.order not in ("", "full")
    return f"{value} [{event.order}]" if shows else value


def _raced_at(execution: Execution) -> int | None:
    """Number of the step that made the first data race that is not allowed."""
    return next((race.second for race in execution.data_races if not race.reason), None)


def _race(race: DataRace, execution: Execution) -> str:
    events = {event.number: event for event in execution.events}
    sides = []
    for number in (race.first, race.second):
        event = events.get(number)
        if event is None:
            sides.append(f"#{number}")
            continue
        what = f"{event.order} {_VERBS.get(event.kind, event.kind)}".strip()
        where = f" in {event.routine}()" if event.routine else ""
        sides.append(f"#{number} {chr(97 + event.thread)}, {what}{where}")
    allowed = f" (allowed: {race.reason})" if race.reason else ""
    return f"data race on {race.cell}: {'; '.join(sides)}{allowed}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


__all__: Sequence[str] = ("START", "Fold", "Heading", "Picture", "Row", "Step", "Switch")
