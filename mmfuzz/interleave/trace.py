"""What happened in one execution: events in the order in which they were done, for people and pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmfuzz.interleave.schedule import Schedule

DATA_RACE = "data-race"
"""The property of plain accesses: that something orders each of them before or after every write of another thread."""

INITIAL = -1
"""The `source` of a read that found what was there before the threads began."""


@dataclass(frozen=True, slots=True)
class Event:
    """One step of one thread that others could have seen."""

    number: int
    """Its place in the execution, from 0."""
    thread: int
    kind: str
    """"load", "store", "rmw", "fence", "lock", "unlock", "trylock", "flush", "irq", "ipi", "rcu", "wait" or "end"."""
    cell: str
    """The location as a person calls it, such as `frame 8 _refcount` or `p0 a0.1 pte`; of a fence its name."""
    order: str = ""
    """"plain", "acquire", "release", "full" or, of what is marked and orders nothing, empty."""
    read: str = ""
    """The value that was read, in words."""
    wrote: str = ""
    """The value that was written, in words."""
    source: int | None = None
    """Number of the event whose write was read; `INITIAL` for none of this execution; None when nothing was read."""
    missed: int = 0
    """Newer values of the location that were there already, and were not seen."""
    overtaken: int = 0
    """Writes that were there before and count as later: the write took a place in front of them."""
    routine: str = ""
    """The kernel routine that did it, innermost first, such as `put_tail`."""
    note: str = ""
    """What a person should know about it: the property that broke here, an operation that begins or ends."""


@dataclass(frozen=True, slots=True)
class DataRace:
    """Two accesses, one of them plain and one a write, that nothing orders."""

    cell: str
    first: int
    second: int
    """Numbers of the events."""
    reason: str = ""
    """Why it is allowed, by the allow-list; empty when it is not."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution, to its end or to where it failed."""

    schedule: Schedule
    threads: tuple[str, ...]
    """Names of the threads, in words: what each of them does."""
    steps: int
    failed: str = ""
    """The property that failed; empty when none did."""
    message: str = ""
    failed_at: int | None = None
    """Number of the event at which it did; None at the end, when everything was at rest."""
    cut: bool = False
    """Given up as redundant or too long: nothing was found, and nothing is to be concluded."""
    events: tuple[Event, ...] = ()
    """Recorded only when asked for."""
    data_races: tuple[DataRace, ...] = ()
    lines: tuple[str, ...] = field(default=())
    """What else belongs into a report: the state at the end, terms and owners."""

    @property
    def broken(self) -> str:
        """The property that failed, a data race that is not allowed for one; empty when none did."""
        return self.failed or (DATA_RACE if self._racing else "")

    @property
    def complaint(self) -> str:
        """What was wrong, in a line."""
        if self.failed or not self._racing:
            return self.message
        return f"nothing orders two accesses of {', '.join(dict.fromkeys(self._racing))}"

    @property
    def _racing(self) -> list[str]:
        return [race.cell for race in self.data_races if not race.reason]

    @property
    def switches(self) -> int:
        """How often another thread goes on."""
        return self.schedule.switches
