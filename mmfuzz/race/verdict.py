"""What a race does by its own schedule, or in the first of many: for who replays it."""

from __future__ import annotations

from mmfuzz.errors import UsageError
from mmfuzz.interleave.schedule import Schedule
from mmfuzz.interleave.search import Replay
from mmfuzz.interleave.trace import Execution
from mmfuzz.program import Program
from mmfuzz.race.execute import Race
from mmfuzz.race.explore import Settings, explore

EXECUTIONS = 1000
"""Executions of a race without a schedule: `mmfuzz race` does more of them."""


def execution_of(program: Program, *, plant: str, executions: int) -> Execution:
    """The execution of a race's schedule, or one that fails among so many, or else one that does not.

    Without the bug that the race is about, what a schedule says may not be possible at every step: it is followed as
    far as it goes.
    """
    if program.schedule:
        search = Replay(Schedule.parse(program.schedule), exactly=plant == program.plant)
        search.begin()
        try:
            return Race(program, plant=plant).execute(search)
        except UsageError as error:
            raise program.error("schedule", str(error)) from error
    result = explore("", program, Settings(plant=plant, executions=executions, minimize=False))
    return result.found or Execution(Schedule(), (), 0)
