"""Explore the executions of a race until one fails, none is left, or the budget is spent; make what failed small."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mmfuzz.errors import UsageError
from mmfuzz.interleave.schedule import Schedule
from mmfuzz.interleave.search import Exhaustive, Pct, Random, Replay, Search
from mmfuzz.interleave.trace import DATA_RACE as DATA_RACE
from mmfuzz.interleave.trace import DataRace, Execution
from mmfuzz.program import Program
from mmfuzz.race.execute import Race
from mmfuzz.race.shrink import shrink

AUTO, RANDOM, PCT, EXHAUSTIVE = STRATEGIES = ("auto", "random", "pct", "exhaustive")
BOUNDS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (2, 1), (1, 2))
"""What `auto` tries before it samples: stopped threads, and old values seen, at most; then without any bound."""
FEW = 1_500
"""Executions that each of these may take."""
BATCH = 200
"""Executions that `auto` samples by one strategy before the other has its turn."""

Tell = Callable[[int, float], None]
"""Told now and then of the executions so far, and of the seconds."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to explore. Without a budget `auto`, `random` and `pct` stop after 5,000 executions."""

    memory: str | None = None
    plant: str | None = None
    strategy: str = AUTO
    preemptions: int | None = None
    """Of `exhaustive`: at most so many threads are stopped that could have gone on."""
    executions: int | None = None
    seconds: float | None = None
    seed: int = 0
    reduce: bool = True
    """Partial-order reduction, where everything is explored."""
    minimize: bool = True

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise UsageError(f"unknown strategy {self.strategy!r}: one of {', '.join(STRATEGIES)}")


EXECUTIONS = 5_000


@dataclass(slots=True)
class Result:
    """What came of exploring one race."""

    name: str
    program: Program
    memory: str
    planted: str
    executions: int = 0
    pruned: int = 0
    """Executions that were cut short, as they would have shown nothing new."""
    steps: int = 0
    complete: bool = False
    """Every execution, within the bound if there is one, was explored."""
    seconds: float = 0
    found: Execution | None = None
    """The first execution that failed."""
    minimal: Execution | None = None
    """The same failure with the fewest context switches that were found, its events recorded."""
    data_races: dict[str, DataRace] = field(default_factory=dict)
    """Every location with a data race, allowed or not."""


def explore(name: str, program: Program, settings: Settings, tell: Tell | None = None) -> Result:
    """Explore a race until something fails."""
    race = Race(program, memory=settings.memory, plant=settings.plant)
    result = Result(name, program, race.memory, race.plant)
    start = time.perf_counter()
    limit = settings.executions
    if limit is None and settings.seconds is None and settings.strategy != EXHAUSTIVE:
        limit = EXECUTIONS
    for search, share in _searches(settings):
        _run(
            race,
            search,
            result,
            settings,
            start,
            _least(limit, result.executions + share if share else None),
            tell,
        )
        complete = isinstance(search, Exhaustive) and search.complete
        whole = complete and isinstance(search, Exhaustive) and not search.bounded
        result.pruned += search.pruned if isinstance(search, Exhaustive) else 0
        if complete and (whole or settings.strategy == EXHAUSTIVE):
            result.complete = True
        over = limit is not None and result.executions >= limit
        if result.found is not None or result.complete or over or _is_late(settings, start):
            break
    result.seconds = time.perf_counter() - start
    if result.found is not None and settings.minimize:
        result.minimal = shrink(race, result.found)
    return result


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _is_late(settings: Settings, start: float) -> bool:
    return settings.seconds is not None and time.perf_counter() - start >= settings.seconds


def _searches(settings: Settings) -> Iterator[tuple[Search, int | None]]:
    """Searches one after another, each with the executions that it may do before the next."""
    if settings.strategy == EXHAUSTIVE:
        yield Exhaustive(reduce=settings.reduce, preemptions=settings.preemptions), None
    elif settings.strategy == RANDOM:
        yield Random(settings.seed), None
    elif settings.strategy == PCT:
        yield Pct(settings.seed), None
    else:
        for preemptions, sights in BOUNDS:
            yield Exhaustive(preemptions=preemptions, sights=sights), FEW
        yield Exhaustive(), FEW
        both = Random(settings.seed), Pct(settings.seed)
        while True:
            for search in both:
                yield search, BATCH


def _run(
    race: Race,
    search: Search,
    result: Result,
    settings: Settings,
    start: float,
    limit: int | None,
    tell: Tell | None,
) -> None:
    """One search, until it finds something, ends, or has had its share."""
    while limit is None or result.executions < limit:
        if not search.begin():
            return
        execution = race.execute(search)
        result.steps += execution.steps
        result.executions += not execution.cut
        for data_race in execution.data_races:
            result.data_races.setdefault(data_race.cell, data_race)
        if execution.broken:
            result.found = execution
            return
        if tell is not None and result.executions % 64 == 0:
            tell(result.executions, time.perf_counter() - start)
        if _is_late(settings, start):
            return


def replay(
    program: Program, schedule: Schedule, *, memory: str | None = None, plant: str | None = None
) -> Execution:
    """One schedule of a race, exactly, with its events."""
    search = Replay(schedule)
    search.begin()
    return Race(program, memory=memory, plant=plant).execute(search, record=True)
