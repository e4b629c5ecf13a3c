"""From a program that failed, or a race that did, to a saved, minimal reproducer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmfuzz.corpus import save
from mmfuzz.interleave.search import Replay
from mmfuzz.interleave.trace import Execution
from mmfuzz.ops import Operation
from mmfuzz.program import Program
from mmfuzz.race.execute import Race
from mmfuzz.race.explore import Result
from mmfuzz.race.fewer import fewer_operations
from mmfuzz.race.shrink import shrink
from mmfuzz.reduce import reduce
from mmfuzz.session import run
from mmfuzz.targets.base import Target
from mmfuzz.violation import Violation

CONFIRMATIONS = 3
"""Runs in which a failure may show again before it counts as noise: a real kernel has some."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A failure with its smallest known program."""

    property: str
    message: str
    report: str
    """The whole failure text."""
    path: Path
    ops: tuple[Operation, ...]
    step: int | None
    """Index of the operation that fails; None when what fails is the release at the end."""


def follow_up(
    target: Target, ops: Sequence[Operation], violation: Violation, folder: Path, by: str
) -> Iterator[Finding]:
    """Save a failing program as it is, then make it minimal and save that instead.

    Yields the one finding. A failure that does not show again is found as it is, and says so. On Ctrl-C the
    program is found as it is before KeyboardInterrupt goes on. `by` says who found it.
    """
    name = violation.property
    raw = save(program_on(target, ops, f"fail {name}", by), folder)
    fails = same_failure(target, name)
    as_it_is = Finding(name, violation.message, violation.report(), raw, tuple(ops), None)
    try:
        smallest = reduce(ops, fails) if _again(fails, ops) else tuple(ops)
    except KeyboardInterrupt:
        yield as_it_is
        raise
    for _ in range(CONFIRMATIONS):
        outcome = run(smallest, target)
        if outcome.violation is not None and outcome.violation.property == name:
            break
    else:
        once = f" (seen once, and not in {CONFIRMATIONS} runs after that)"
        yield replace(as_it_is, message=violation.message + once, report=violation.report() + once)
        return
    path = save(program_on(target, smallest, f"fail {name}", by), folder)
    if path != raw:
        raw.unlink(missing_ok=True)
    violation = outcome.violation
    yield Finding(name, violation.message, violation.report(), path, smallest, outcome.step)


def _again(fails: Callable[[Sequence[Operation]], bool], ops: Sequence[Operation]) -> bool:
    return any(fails(ops) for _ in range(CONFIRMATIONS))


def same_failure(target: Target, property: str) -> Callable[[Sequence[Operation]], bool]:
    """Whether a program fails with a property on a target: what reduction asks."""

    def fails(ops: Sequence[Operation]) -> bool:
        violation = run(ops, target).violation
        return violation is not None and violation.property == property

    return fails


def program_on(target: Target, ops: Sequence[Operation], expect: str, by: str) -> Program:
    """Operations with the header that runs them on such a target again."""
    traits = target.traits
    program = Program(
        ops=tuple(ops),
        kernel=traits.kernel,
        pins=traits.pins,
        swap=traits.swap,
        plant=traits.plant,
        expect=expect,
        found=by,
        huge=traits.huge_order,
    )
    return replace(program, frames=traits.frames) if traits.frames is not None else program


@dataclass(frozen=True, slots=True)
class RaceFinding:
    """A race that failed, with its smallest known schedule."""

    property: str
    message: str
    execution: Execution
    """The smallest that is known, with its events."""
    path: Path
    interrupted: bool = False
    """Ctrl-C came while it was made small."""


def follow_up_race(result: Result, folder: Path, by: str, *, operations: bool = False) -> RaceFinding:
    """Save what a search found as it is, then make its schedule small and save that instead.

    With `operations` also those that it can do without are left out: not of a protocol, which is about all of them.
    On Ctrl-C what was found stays as it is. `by` says who found it.
    """
    found = result.found
    assert found is not None, "nothing was found"
    raw = save(_race_file(result, found, by), folder, name=_name(result, found))
    memory, plant = result.memory, result.planted
    try:
        if operations:
            program, found = fewer_operations(result.program, found, memory=memory, plant=plant)
            result.program = program
        small = shrink(Race(result.program, memory=memory, plant=plant), found)
    except KeyboardInterrupt:
        again = Replay(found.schedule)
        again.begin()
        seen = Race(result.program, memory=memory, plant=plant).execute(again, record=True)
        return RaceFinding(found.broken, found.complaint, seen, raw, interrupted=True)
    path = save(_race_file(result, small, by), folder, name=_name(result, small))
    if path != raw:
        raw.unlink(missing_ok=True)
    return RaceFinding(small.broken, small.complaint, small, path)


def _race_file(result: Result, execution: Execution, by: str) -> Program:
    return replace(
        result.program,
        memory=result.memory,
        plant=result.planted,
        expect=f"fail {execution.broken}",
        schedule=str(execution.schedule),
        found=by,
        note="",
    )


def _name(result: Result, execution: Execution) -> str:
    """The race's own name and the property, which a race that was found before has in its name already."""
    stem = re.sub(rf"-{re.escape(execution.broken)}-[0-9a-f]{{8,64}}$", "", Path(result.name).stem)
    return f"{stem}-{execution.broken}"
