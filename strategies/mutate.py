"""New programs from kept ones: extended, spliced, thinned, arguments changed.

Thinning costs nothing extra: where a thinned plan still reaches the state that its program was kept for, the
guide keeps the shorter one.

A mutant is only a plan. What no longer applies is skipped when it runs, and the campaign extends it with
chosen operations, so a mutation needs no knowledge of what is enabled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from mmfuzz.ops import Operation
from mmfuzz.strategies.operations import table
from mmfuzz.strategies.universe import Universe

Plan = list[Operation]

UNCHANGED_SHARE = 0.6
"""Plans that are a kept program as it is: only what follows it is new."""


class Mutator:
    """Makes plans from kept programs with a seeded source of chance."""

    def __init__(self, universe: Universe, random: Random) -> None:
        self._universe = universe
        self._random = random

    def mutate(self, program: Sequence[Operation], other: Sequence[Operation]) -> Plan:
        """A plan from `program`: as it is (to be extended), or changed in one to three ways.

        `other` is another kept program, for splicing.
        """
        plan = list(program)
        if self._random.random() < UNCHANGED_SHARE:
            return plan
        for _ in range(self._random.randint(1, 3)):
            if plan:
                change = self._random.choice(_CHANGES)
                plan = change(self, plan, other)
        return plan

    def _cut(self, plan: Plan, other: Sequence[Operation]) -> Plan:
        return plan[: self._random.randint(1, len(plan))]

    def _splice(self, plan: Plan, other: Sequence[Operation]) -> Plan:
        start = self._random.randrange(len(other) + 1)
        return plan[: self._random.randint(1, len(plan))] + list(other[start:])

    def _thin(self, plan: Plan, other: Sequence[Operation]) -> Plan:
        share = self._random.uniform(0.05, 0.4)
        return [op for op in plan if self._random.random() > share]

    def _retarget(self, plan: Plan, other: Sequence[Operation]) -> Plan:
        """Other arguments for one operation."""
        at = self._random.randrange(len(plan))
        plan[at] = self._random.choice(table(type(plan[at]), self._universe))
        return plan

    def _repeat(self, plan: Plan, other: Sequence[Operation]) -> Plan:
        """One operation again, somewhere later."""
        at = self._random.randrange(len(plan))
        plan.insert(self._random.randint(at, len(plan)), plan[at])
        return plan


_CHANGES: tuple[Callable[[Mutator, Plan, Sequence[Operation]], Plan], ...] = (
    Mutator._cut,
    Mutator._splice,
    Mutator._thin,
    Mutator._retarget,
    Mutator._repeat,
)
