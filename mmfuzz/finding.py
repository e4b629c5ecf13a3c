"""From a program that failed to a saved, minimal reproducer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmfuzz.corpus import save
from mmfuzz.ops import Operation
from mmfuzz.program import Program
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
