"""State coverage: which transitions of abstract folio state have been seen, and the programs that reach them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mmfuzz.model.abstract import GONE, state_of
from mmfuzz.ops import Operation
from mmfuzz.session import Session

Transition = tuple[type[Operation], str, int, int]
"""(operation, error, state before, state after) of one folio in one step."""


@dataclass(slots=True)
class Kept:
    """A program that reached a transition first."""

    ops: tuple[Operation, ...]
    reached: tuple[Transition, ...]
    chosen: int = 0
    """How often it has been mutated."""


class Guide:
    """What has been covered so far, and which kept program to go on from."""

    def __init__(self) -> None:
        self.seen: dict[Transition, int] = {}
        """How often each transition was taken."""
        self.kept: list[Kept] = []

    def observe(self, session: Session, op: Operation, error: str) -> list[Transition]:
        """The transitions of the step that `session` has just done; those never seen before."""
        new = []
        seen = self.seen
        world = session.world
        kind = type(op)
        for folio in world.affected:
            after = state_of(folio, world)
            transition = (kind, error, folio.state, after)
            folio.state = after
            times = seen.get(transition)
            if times is None:
                new.append(transition)
                seen[transition] = 1
            else:
                seen[transition] = times + 1
        for folio in session.oracle.freed:
            transition = (kind, error, folio.state, GONE)
            if transition not in seen:
                new.append(transition)
                seen[transition] = 0
            seen[transition] += 1
        return new

    def keep(self, ops: Sequence[Operation], reached: Sequence[Transition]) -> Kept:
        """Remember a program for what it reached first."""
        kept = Kept(tuple(ops), tuple(reached))
        self.kept.append(kept)
        return kept

    def choose(self, random: Random) -> Kept:
        """A kept program to go on from: of a few at random, the one whose transitions are the rarest."""
        best, score = None, 0.0
        for _ in range(4):
            kept = self.kept[int(random.random() * len(self.kept))]
            rarity = (1 + kept.chosen) * min(self.seen[transition] for transition in kept.reached)
            if best is None or rarity < score:
                best, score = kept, rarity
        assert best is not None
        best.chosen += 1
        return best
