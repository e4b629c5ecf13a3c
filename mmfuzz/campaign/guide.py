"""State coverage: which abstract folio states have been reached, and the shortest program known to each.

The search goes on from what it has: it takes a program that ends in a seldom seen state, and looks what lies
a few operations further. A bug behind several rare states is so found one state at a time, where blind
search needs all of them in one program by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mmfuzz.model.abstract import GONE, state_of
from mmfuzz.ops import Operation
from mmfuzz.session import Session

Transition = tuple[type[Operation], str, int, int]
"""(operation, error, state before, state after) of one folio in one step."""

NEWEST = 20
"""Kept programs that count as new."""

NEWEST_SHARE = 0.5
"""How often a new one is chosen."""

CANDIDATES = 8
"""Kept programs of which otherwise the least worn one is chosen."""


@dataclass(slots=True)
class Kept:
    """The shortest program known that ends with a folio in a state."""

    ops: tuple[Operation, ...]
    state: int
    chosen: int = 0
    """How often it has been gone on from."""
    visits: int = 0
    """How often any program led a folio to the state."""

    @property
    def reached(self) -> tuple[int, ...]:
        """What the program is kept for, to compare with what a shorter one reaches."""
        return (self.state,)


class Guide:
    """What has been covered so far, and which kept program to go on from."""

    def __init__(self) -> None:
        self.seen: dict[Transition, int] = {}
        """How often each transition was taken."""
        self.kept: list[Kept] = []
        """One program a state, in the order in which the states were first reached."""
        self._to: dict[int, Kept] = {}

    def observe(self, session: Session, op: Operation, error: str, done: Sequence[Operation]) -> bool:
        """Learn from the step that `session` has just done, the last of `done`; whether a state was new."""
        new = False
        seen = self.seen
        world = session.world
        kind = type(op)
        for folio in world.affected:
            after = state_of(folio, world)
            if after == folio.state:
                continue
            transition = (kind, error, folio.state, after)
            seen[transition] = seen.get(transition, 0) + 1
            folio.state = after
            kept = self._to.get(after)
            if kept is None:
                kept = self._to[after] = Kept(tuple(done), after)
                self.kept.append(kept)
                new = True
            elif len(done) < len(kept.ops):
                kept.ops = tuple(done)
            kept.visits += 1
        for folio in session.oracle.freed:
            transition = (kind, error, folio.state, GONE)
            seen[transition] = seen.get(transition, 0) + 1
        return new

    def choose(self, random: Random) -> Kept:
        """A kept program to go on from: one of the newest, or of a few the one seldom seen and seldom chosen.

        What is new lies at the frontier: most of the next states are reached from there.
        """
        best = self._any(random, NEWEST)
        if random.random() >= NEWEST_SHARE:
            best = min(
                (self._any(random, len(self.kept)) for _ in range(CANDIDATES)),
                key=lambda kept: (1 + kept.chosen) * kept.visits,
            )
        best.chosen += 1
        return best

    def _any(self, random: Random, newest: int) -> Kept:
        """One of the newest kept programs."""
        return self.kept[-1 - int(random.random() * min(newest, len(self.kept)))]
