"""Run saved programs and compare what happens with what their headers expect."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import TracebackType
from typing import Literal, Self

from mmfuzz.errors import ProgramError, TargetBroke, UsageError
from mmfuzz.planted import BUGS
from mmfuzz.profiles import resolve
from mmfuzz.program import Program, format_op
from mmfuzz.session import run
from mmfuzz.targets import open_target
from mmfuzz.targets.base import Target
from mmfuzz.violation import PROPERTIES, RACE_PROPERTIES, Violation


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a program did on a target, beside what was expected of it there."""

    verdict: Literal["pass", "fail", "unknown"]
    expected: str | None
    """The property that had to fail, or None when none must."""
    violation: Violation | None = None
    step: int | None = None
    """Index of the operation that failed; None when it was the release at the end, or nothing."""
    unknown: str = ""
    """Why nothing can be said: the target broke, or cannot do some of the operations."""
    broke: bool = False
    """Whether the target died or stopped answering."""

    @property
    def failed(self) -> str | None:
        """The property that failed, by name."""
        return self.violation.property if self.violation else None

    @property
    def is_expected(self) -> bool:
        """Whether what happened is what the program expects."""
        return self.verdict != "unknown" and self.failed == self.expected


class Replayer:
    """Runs programs, each on the kernel that its header names, and keeps targets open between them.

    `kernel` and `pins` override every header. The running kernel has no planted bugs: there every program must pass.
    Use it as a context manager: leaving closes the targets.
    """

    def __init__(
        self,
        target: str = "sim",
        *,
        kernel: str | None = None,
        swap: str | None = None,
        pins: str | None = None,
    ) -> None:
        self._name = target
        self._kernel = kernel
        self._pins = pins
        self._swap = swap
        self._open: dict[tuple[str | int | None, ...], Target] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every target that was opened."""
        while self._open:
            self._open.popitem()[1].close()

    def target_for(self, program: Program, *, planted: bool = True) -> Target:
        """The target that the program's header asks for; with `planted` false, without its planted bug.

        Raises `ProgramError` at the header key that no target has.
        """
        check_header(program)
        plant = program.plant if planted and self._name == "sim" else ""
        pins = self._pins or program.pins
        swap = self._swap or program.swap
        simulated = (self._kernel or program.kernel, plant, program.frames, program.huge, pins, swap)
        key = simulated if self._name == "sim" else ()
        if key not in self._open:
            self._open[key] = self._opened(program, plant)
        return self._open[key]

    def replay(self, program: Program, *, planted: bool = True) -> Verdict:
        """Run one program to its end; of a race its schedule, or where it has none some hundred of them.

        There is no verdict where the target broke (it is not used again), where nothing failed but some operations
        were left out because the target cannot do them, and where the kernel cannot have the pin scheme.
        """
        expected = self.expected(program, planted=planted)
        if program.threads:
            check_header(program)
            return self._race(program, expected, planted=planted)
        if self._pins is not None and self._name == "sim":
            check_header(program)
            profile = resolve(self._kernel or program.kernel)
            if not profile.takes_pins(self._pins):
                return Verdict(
                    "unknown", expected, unknown=f"{profile.name} has no pin scheme {self._pins!r}"
                )
        target = self.target_for(program, planted=planted)
        try:
            outcome = run(program.ops, target)
        except TargetBroke as error:
            self.close()
            return Verdict("unknown", expected, unknown=str(error), broke=True)
        if outcome.violation is not None:
            return Verdict("fail", expected, outcome.violation, outcome.step)
        reason = left_out(program, target)
        return Verdict("unknown" if reason else "pass", expected, unknown=reason)

    def _race(self, program: Program, expected: str | None, *, planted: bool) -> Verdict:
        """A race is about the kernel that its header names: elsewhere its threads take other steps."""
        if self._name != "sim":
            return Verdict(
                "unknown", expected, unknown="a race: only the simulated kernel has a scheduler for it"
            )
        if self._kernel is not None and resolve(self._kernel).name != resolve(program.kernel).name:
            return Verdict(
                "unknown", expected, unknown=f"a race on {program.kernel}: of others it says nothing"
            )
        from mmfuzz.race.verdict import EXECUTIONS, execution_of

        execution = execution_of(program, plant=program.plant if planted else "", executions=EXECUTIONS)
        if not execution.broken:
            return Verdict("pass", expected)
        violation = Violation(execution.broken, execution.complaint)
        return Verdict("fail", expected, violation)

    def expected(self, program: Program, *, planted: bool = True) -> str | None:
        """The property that must fail on this target; None without the bug or pin scheme that the program is about."""
        if program.plant and not (planted and self._name == "sim"):
            return None
        if program.pins and (self._name != "sim" or self._pins not in (None, program.pins)):
            return None
        return program.expected_property

    def _opened(self, program: Program, plant: str) -> Target:
        if self._name != "sim":
            return open_target(self._name, kernel=self._kernel, swap=self._swap, pins=self._pins)
        try:
            return open_target(
                self._name,
                kernel=self._kernel or program.kernel,
                plant=plant or None,
                frames=program.frames,
                huge=program.huge,
                swap=self._swap or program.swap or None,
                pins=self._pins or program.pins or None,
            )
        except UsageError as error:
            if self._kernel is None and self._swap is None:
                raise program.error("kernel", str(error)) from error
            raise


def a_race(program: Program) -> str:
    """Why a program with threads is not run like others, and what runs it."""
    return f"a race: mmfuzz race {shlex.quote(program.source.path)}"


def alone(program: Program) -> Program:
    """The program, where it is none with threads; else a `UsageError`: it is not to be done one after the other."""
    if program.threads:
        line = program.source.threads[0][0] if program.source.threads else 1
        raise ProgramError(program.source.path, line, 1, a_race(program))
    return program


def left_out(program: Program, target: Target) -> str:
    """The first operation that the target cannot do, and why; empty when it can do all of them."""
    for op in program.ops:
        reason = target.traits.left_out.get(type(op)) or target.unsupported(op)
        if reason is not None:
            return f"{format_op(op)!r} was left out: {reason}"
    return ""


def judged(program: Program, kernels: Sequence[str]) -> list[str]:
    """On which of several profiles a program must do what its header says.

    What must pass must pass on all. What must fail is judged on its own kernel, where that is one of them:
    elsewhere its bug may show otherwise, or not at all.
    """
    own = resolve(program.kernel).name
    return [own] if program.expected_property is not None and own in kernels else list(kernels)


def check_header(program: Program) -> None:
    """Refuse names that nothing has: the planted bug and the expected property."""
    _check_name(program, "plant", program.plant, BUGS, "planted bug")
    _check_name(program, "expect", program.expected_property or "", PROPERTIES | RACE_PROPERTIES, "property")


def _check_name(program: Program, key: str, name: str, known: Mapping[str, object], what: str) -> None:
    if name and name not in known:
        close = get_close_matches(name, known, 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise program.error(key, f"unknown {what} {name!r}{hint}: one of {', '.join(known)}")
