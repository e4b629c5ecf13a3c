"""One worker's search: make a program, run it, keep it when it reached something new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from mmfuzz.campaign.guide import Guide
from mmfuzz.ops import Operation
from mmfuzz.session import Journal, Session
from mmfuzz.strategies.choose import Chooser
from mmfuzz.strategies.mutate import Mutator
from mmfuzz.strategies.universe import Universe
from mmfuzz.targets.base import Target
from mmfuzz.violation import Violation

STEPS_FRESH = 100
"""Steps of a program that is made from nothing."""

STEPS_SHORT = 30
"""Steps of such a program where it is to be gone on from: what is short is cheap to repeat."""

STEPS_EXTENDED = 12
"""Steps by which a kept program is extended at most."""

STEPS_BLIND = 20_000
"""Steps of a search that begins with nothing but long fresh programs. What takes a few operations of rare kinds is
found so several times sooner than by going on from kept programs, which are few of everything; what they come by is
kept all the same."""

FRESH_SHARE = 0.03
"""Programs that are made from nothing even when there are kept ones."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A program that failed, as it was found."""

    ops: tuple[Operation, ...]
    violation: Violation


class Explorer:
    """Searches on one target from one seed; `guided` off makes it blind, for comparison."""

    def __init__(
        self,
        target: Target,
        seed: int | str,
        *,
        guided: bool = True,
        guide: Guide | None = None,
        universe: Universe | None = None,
        journal: Callable[[], Journal] | None = None,
    ) -> None:
        self.target = target
        self.random = Random(seed)
        self.guided = guided
        self.guide = guide if guide is not None else Guide()
        universe = universe or universe_of(target)
        self.chooser = Chooser(universe, self.random, frozenset(target.traits.left_out))
        self.mutator = Mutator(universe, self.random)
        self.operations: Counter[type[Operation]] = Counter()
        self.steps = 0
        self.programs = 0
        self.running: list[Operation] = []
        """Operations that the newest program has begun."""
        self._journal = journal

    def explore(self, steps_max: int | None = None) -> Failure | None:
        """Run one program, of at most `steps_max` steps; tell how it failed, if it did."""
        self.chooser.swarm(whole_set=self.random.random() < 0.5)
        plan, length = self._plan()
        return self._go(plan, length if steps_max is None else min(length, steps_max))

    def replay(self, ops: Sequence[Operation]) -> Failure | None:
        """Run a kept program as it is, learning what it reaches."""
        return self._go(ops, len(ops))

    def _go(self, plan: Sequence[Operation], length: int) -> Failure | None:
        self.programs += 1
        session = self._session()
        done = self.running = []
        try:
            self._run(session, plan, length, done)
            self.steps += session.finish()
        except Violation as violation:
            return Failure(tuple(done), violation)
        return None

    def _session(self) -> Session:
        return Session(self.target, journal=self._journal() if self._journal is not None else None)

    def _plan(self) -> tuple[Sequence[Operation], int]:
        """Operations to begin with, and the length to extend them to."""
        if not self.guided or self.steps < STEPS_BLIND:
            return (), STEPS_FRESH
        if not self.guide.kept or self.random.random() < FRESH_SHARE:
            return (), STEPS_SHORT
        kept = self.guide.choose(self.random)
        other = self.guide.kept[self.random.randrange(len(self.guide.kept))]
        plan = self.mutator.mutate(kept.ops, other.ops)
        return plan, len(plan) + self.random.randint(1, STEPS_EXTENDED)

    def _run(self, session: Session, plan: Sequence[Operation], length: int, done: list[Operation]) -> None:
        """Do the plan, then chosen operations up to `length`."""
        world = session.world
        observe = self.guide.observe
        planned = len(plan)
        number = 0
        while number < length:
            if number < planned:
                op = plan[number]
                applies = session.why_not(op) is None
            else:
                op = self.chooser.next(world)
                applies = session.target.unsupported(op) is None
            number += 1
            self.steps += 1
            if not applies:
                continue
            done.append(op)
            report = session.do(op)
            self.operations[type(op)] += 1
            if self.guided:
                observe(session, op, report.error, done)

    def reaches(self, ops: Sequence[Operation]) -> set[int]:
        """The abstract states that a program leads folios to, run on its own; its steps count."""
        fresh = Guide()
        session = self._session()
        done: list[Operation] = []
        try:
            for op in ops:
                self.steps += 1
                if session.why_not(op) is None:
                    done.append(op)
                    fresh.observe(session, op, session.do(op).error, done)
        except Violation:
            return set()
        return {kept.state for kept in fresh.kept}


def universe_of(target: Target) -> Universe:
    """The universe that suits a target: the first pages of an area, and orders below its PMD's."""
    order = target.traits.huge_order
    return Universe(pages=min(8, 1 << order), huge_order=order)
