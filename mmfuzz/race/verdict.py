"""What a race does by its own schedule, or in the first of many: for who replays it."""

from __future__ import annotations

from mmfuzz.interleave.schedule import Schedule
from mmfuzz.interleave.search import Replay
from mmfuzz.interleave.trace import Execution
from mmfuzz.program import Program
from mmfuzz.race.execute import Race
from mmfuzz.race.explore import Settings, explore

EXECUTIONS = 1000
"""Executions of a race without a schedule: `mmfuzz race` does more of them."""


def execution_of(program: Program, *, plant: str, executions: int) -> Execution:
    """An execution of a race that fails: by its own schedule, or among so many; else one that does not.

    A schedule counts steps, and a change of the kernel changes their number: it is followed as far as it goes, and
    where that shows nothing it is not what the race is about.
    """
    if program.schedule:
        search = Replay(Schedule.parse(program.schedule), exactly=False)
        search.begin()
        execution = Race(program, plant=plant).execute(search)
        if execution.broken:
            return execution
    result = explore("", program, Settings(plant=plant, executions=executions, minimize=False))
    return result.found or Execution(Schedule(), (), 0)
