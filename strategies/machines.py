"""The rule machine: Hypothesis chooses rules, and each rule is one operation on the one session.

What it checks: every property of `mmfuzz.violation.PROPERTIES`, after each step and at the end of each program.
What it does not: it draws blindly from a small universe, so bugs behind many rare states are the
campaign's business.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hypothesis import Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from mmfuzz import ops
from mmfuzz.finding import Finding, follow_up
from mmfuzz.ops import Operation
from mmfuzz.session import Session
from mmfuzz.strategies.fit import fit
from mmfuzz.strategies.operations import DEFAULT
from mmfuzz.strategies.operations import operations as any_of
from mmfuzz.targets.base import Target
from mmfuzz.violation import Violation


class MemoryMachine(RuleBasedStateMachine):
    """Programs of memory operations on `target`; `machine` makes a class with a target of its own."""

    target: ClassVar[Target]
    failing: ClassVar[tuple[tuple[Operation, ...], Violation] | None] = None
    """The program that failed last, and how: after Hypothesis has shrunk, its smallest."""

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
        type(self).failing = (tuple(self.program), violation)

    @rule(op=any_of(ops.Alloc))
    def alloc(self, op: ops.Alloc) -> None:
        self.step(op)

    @rule(op=any_of(ops.Fault))
    def fault(self, op: ops.Fault) -> None:
        self.step(op)

    @rule(op=any_of(ops.Fork))
    def fork(self, op: ops.Fork) -> None:
        self.step(op)

    @rule(op=any_of(ops.Exit))
    def exit(self, op: ops.Exit) -> None:
        self.step(op)

    @rule(op=any_of(ops.Pin))
    def pin(self, op: ops.Pin) -> None:
        self.step(op)

    @rule(op=any_of(ops.Unpin))
    def unpin(self, op: ops.Unpin) -> None:
        self.step(op)

    @rule(op=any_of(ops.Get))
    def get(self, op: ops.Get) -> None:
        self.step(op)

    @rule(op=any_of(ops.Put))
    def put(self, op: ops.Put) -> None:
        self.step(op)

    @rule(op=any_of(ops.Dma))
    def dma(self, op: ops.Dma) -> None:
        self.step(op)

    @rule(op=any_of(ops.SplitMap))
    def split_map(self, op: ops.SplitMap) -> None:
        self.step(op)

    @rule(op=any_of(ops.Split))
    def split(self, op: ops.Split) -> None:
        self.step(op)

    @rule(op=any_of(ops.Collapse))
    def collapse(self, op: ops.Collapse) -> None:
        self.step(op)

    @rule(op=any_of(ops.Unmap))
    def unmap(self, op: ops.Unmap) -> None:
        self.step(op)

    @rule(op=any_of(ops.Dontneed))
    def dontneed(self, op: ops.Dontneed) -> None:
        self.step(op)

    @rule(op=any_of(ops.SwapOut))
    def swap_out(self, op: ops.SwapOut) -> None:
        self.step(op)

    @rule(op=any_of(ops.SwapIn))
    def swap_in(self, op: ops.SwapIn) -> None:
        self.step(op)

    @rule(op=any_of(ops.FreeSwap))
    def free_swap(self, op: ops.FreeSwap) -> None:
        self.step(op)

    @rule(op=any_of(ops.Migrate))
    def migrate(self, op: ops.Migrate) -> None:
        self.step(op)

    @rule()
    def drain(self) -> None:
        self.step(ops.Drain())

    @rule(op=any_of(ops.Free))
    def free(self, op: ops.Free) -> None:
        self.step(op)


def machine(target: Target) -> type[MemoryMachine]:
    """A rule machine whose programs run on `target`."""
    return type("MemoryMachine", (MemoryMachine,), {"target": target, "failing": None})


def fuzz(
    target: Target, found: Path, *, budget: settings | None = None, seeded: int | None = None
) -> Finding | None:
    """Run the rule machine as far as Hypothesis' settings, or those of `budget`, go; `seeded` fixes its choices.

    A failing program is saved under `found` as soon as it fails. When Hypothesis is done with shrinking,
    the reducer over operations has the last word, so that machines end at the same programs as campaigns.
    """
    kind = machine(target) if seeded is None else seed(seeded)(machine(target))
    # One failure at a time: several would come as a group, each with a program of its own. And no
    # explanation: which lines of mmfuzz a failure runs says nothing about a kernel.
    budget = budget or settings()
    phases = [phase for phase in budget.phases if phase is not Phase.explain]
    one = settings(budget, report_multiple_bugs=False, phases=phases)
    try:
        run_state_machine_as_test(kind, settings=one)
    except Violation as violation:
        assert kind.failing is not None
        by = f"{target.traits.name} {target.traits.kernel}, the rule machine"
        return next(follow_up(target, kind.failing[0], violation, found, by), None)
    return None
