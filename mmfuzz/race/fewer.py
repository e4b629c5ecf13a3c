"""Make a race that failed small in its operations: leave out what it fails without, by whatever schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from mmfuzz.errors import MmfuzzError
from mmfuzz.interleave.search import Replay
from mmfuzz.interleave.trace import Execution
from mmfuzz.program import Program
from mmfuzz.race.execute import Race
from mmfuzz.race.explore import Settings, explore

T = TypeVar("T")

TRIES = 300
"""Executions in which a smaller race may fail again."""


def fewer_operations(
    program: Program, found: Execution, *, memory: str, plant: str
) -> tuple[Program, Execution]:
    """The race without each operation, and each thread, that it can do without; and an execution that fails alike."""
    shrunk = True
    while shrunk:
        shrunk = False
        for smaller in _smaller(program):
            execution = _fails(smaller, found, memory, plant)
            if execution is not None:
                program, found, shrunk = smaller, execution, True
                break
    return program, found


def _smaller(program: Program) -> Iterator[Program]:
    """Without a thread, without an operation of one, without one of the set-up: the last ones first."""
    bare = replace(program, schedule="")
    for index in range(len(program.threads)):
        if len(program.threads) > 1:
            yield replace(bare, threads=_without(program.threads, index))
    for index, thread in enumerate(program.threads):
        for at in reversed(range(len(thread.ops))):
            if len(thread.ops) > 1:
                shorter = replace(thread, ops=_without(thread.ops, at))
                yield replace(
                    bare, threads=(*program.threads[:index], shorter, *program.threads[index + 1 :])
                )
    for at in reversed(range(len(program.ops))):
        yield replace(bare, ops=_without(program.ops, at))


def _without(items: tuple[T, ...], index: int) -> tuple[T, ...]:
    return (*items[:index], *items[index + 1 :])


def _fails(program: Program, found: Execution, memory: str, plant: str) -> Execution | None:
    """An execution that fails as another one did: by its schedule, or by one that is near."""
    try:
        race = Race(program, memory=memory, plant=plant)
    except MmfuzzError:
        return None  # What is left of the set-up does not go together.
    again = Replay(found.schedule, exactly=False)
    again.begin()
    execution = race.execute(again)
    if execution.broken == found.broken:
        return execution
    settings = Settings(memory=memory, plant=plant, executions=TRIES, minimize=False)
    other = explore("", program, settings).found
    return other if other is not None and other.broken == found.broken else None
