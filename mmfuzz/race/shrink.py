"""Make a schedule that fails short: the fewest context switches, then the fewest old values seen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from mmfuzz.interleave.schedule import Move, Schedule
from mmfuzz.interleave.search import Exhaustive, Replay
from mmfuzz.interleave.trace import Execution
from mmfuzz.race.execute import Race

SEARCHED = 3_000
"""Executions that are tried for each number of preemptions, fewest first."""

Size = tuple[int, int, int]


def shrink(race: Race, found: Execution) -> Execution:
    """The smallest execution of the same failure that was found, with its events recorded."""
    best = _by_runs(race, found)
    for preemptions in range(best.schedule.switches):
        fewer = _with(race, best, preemptions)
        if fewer is not None:
            fewer = _by_runs(race, fewer)
            best = min(best, fewer, key=_size)
            break
    again = Replay(best.schedule)
    again.begin()
    return race.execute(again, record=True)


def _size(execution: Execution) -> Size:
    """What is to be small."""
    moves = execution.schedule.moves
    return execution.schedule.switches, sum(move.choice > 0 for move in moves), len(moves)


def is_same(one: Execution, other: Execution) -> bool:
    """Whether two executions fail alike."""
    return one.broken == other.broken


def _with(race: Race, found: Execution, preemptions: int) -> Execution | None:
    """The same failure with at most so many threads that are stopped, if it is come upon soon."""
    search = Exhaustive(preemptions=preemptions, sights=sum(move.choice > 0 for move in found.schedule.moves))
    for _ in range(SEARCHED):
        if not search.begin():
            return None
        execution = race.execute(search)
        if is_same(found, execution) and _size(execution) < _size(found):
            return execution
    return None


def _by_runs(race: Race, found: Execution) -> Execution:
    """Change one thing after the other for as long as that makes it smaller."""
    best = found
    better = True
    while better:
        better = False
        for moves in _simpler(best.schedule):
            search = Replay(Schedule(moves), exactly=False)
            search.begin()
            execution = race.execute(search)
            if is_same(best, execution) and _size(execution) < _size(best):
                best, better = execution, True
                break
    return best


def _simpler(schedule: Schedule) -> Iterator[tuple[Move, ...]]:
    """Schedules with a run put off or brought forward, so that two runs of a thread become one; with newest values."""
    runs = [tuple(run) for _, run in groupby(schedule.moves, key=lambda move: move.thread)]
    for at in range(len(runs) - 2):
        first, middle, rest = runs[: at + 1], runs[at + 1], runs[at + 2 :]
        joined = [*first, rest[0], middle, *rest[1:]]
        yield tuple(move for run in joined for move in run)
        late = [*runs[:at], middle, runs[at], *rest]
        yield tuple(move for run in late for move in run)
    for at, move in enumerate(schedule.moves):
        if move.choice:
            yield (*schedule.moves[:at], Move(move.thread, move.flush), *schedule.moves[at + 1 :])
