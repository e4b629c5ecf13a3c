"""The rule machine: Hypothesis chooses rules, and each rule is one operation on the one session.

What it checks: every property of `mmfuzz.violation.PROPERTIES`, after each step and at the end of each program.
What it does not: it draws blindly from a small universe, so bugs behind many rare states are the
campaign's business.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from hypothesis import Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from mmfuzz.corpus import save
from mmfuzz.finding import Finding, follow_up, program_on
from mmfuzz.ops import NAMES, OPERATIONS, Operation
from mmfuzz.session import Session
from mmfuzz.strategies.fit import fit
from mmfuzz.strategies.operations import DEFAULT
from mmfuzz.strategies.operations import operations as any_of
from mmfuzz.targets.base import Target
from mmfuzz.violation import Violation

BY = "the rule machine"
"""Who found a program, as its header says."""


class MemoryMachine(RuleBasedStateMachine):
    """Programs of memory operations on `target`; `machine` makes a class with a target of its own."""

    target: ClassVar[Target]
    failing: ClassVar[dict[str, tuple[tuple[Operation, ...], Violation]]] = {}
    """The shortest program that failed each property, and how. Shrinking may go over from one to another."""
    found: ClassVar[Path | None] = None
    """Folder for the first program that fails each property, before anything else happens."""
    saved: ClassVar[list[Path]] = []

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(self.target)
        self.program: list[Operation] = []
        self.broken = False

    def step(self, op: Operation) -> None:
        """What every rule does: the operation, fitted to what there is, and every check."""
        op = fit(op, self.session.world, DEFAULT)
        if self.session.why_not(op) is not None:
            return
        self.program.append(op)
        try:
            self.session.do(op)
        except Violation as violation:
            self._failed(violation)
            raise

    def teardown(self) -> None:
        """Release everything and look that nothing is left."""
        if self.broken:
            return
        try:
            self.session.finish()
        except Violation as violation:
            self._failed(violation)
            raise

    def _failed(self, violation: Violation) -> None:
        self.broken = True
        failing = type(self).failing
        known = failing.get(violation.property)
        if known is None and self.found is not None:
            program = program_on(self.target, self.program, f"fail {violation.property}", BY)
            type(self).saved.append(save(program, self.found))
        if known is None or len(self.program) < len(known[0]):
            failing[violation.property] = tuple(self.program), violation


def _rule_of(kind: type[Operation]) -> Any:
    """The rule that does one operation of a kind."""

    def do(self: MemoryMachine, op: Operation) -> None:
        self.step(op)

    do.__name__ = NAMES[kind]
    return rule(op=any_of(kind))(do)


for _kind in OPERATIONS:
    setattr(MemoryMachine, NAMES[_kind], _rule_of(_kind))


def machine(target: Target, found: Path | None = None) -> type[MemoryMachine]:
    """A rule machine whose programs run on `target`, and are saved under `found` when they fail."""
    own = {"target": target, "failing": {}, "found": found, "saved": []}
    return type("MemoryMachine", (MemoryMachine,), own)


def fuzz(
    target: Target, found: Path, *, budget: settings | None = None, seeded: int | None = None
) -> list[Finding]:
    """Run the rule machine as far as Hypothesis' settings, or those of `budget`, go; `seeded` fixes its choices.

    When Hypothesis is done with shrinking, the reducer over operations has the last word for each property
    that failed, so that machines end at the same programs as campaigns. They are saved under `found`.
    """
    kind = machine(target, found)
    # One failure at a time: several would come as a group, each with a program of its own. And no
    # explanation: which lines of mmfuzz a failure runs says nothing about a kernel.
    budget = budget or settings()
    phases = [phase for phase in budget.phases if phase is not Phase.explain]
    one = settings(budget, report_multiple_bugs=False, phases=phases)
    findings: list[Finding] = []
    try:
        run_state_machine_as_test(kind if seeded is None else seed(seeded)(kind), settings=one)
    except Violation:
        for program, violation in kind.failing.values():
            findings += follow_up(target, program, violation, found, BY)
        kept = {finding.path for finding in findings}
        for path in kind.saved:
            if kept and path not in kept:
                path.unlink(missing_ok=True)
    return findings
