"""Schedules one at a time: at random, by priorities that change (PCT), as they are drawn, and again as they were."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from mmfuzz.errors import UsageError
from mmfuzz.interleave.machine import Machine
from mmfuzz.interleave.schedule import Move, Schedule


class Search(Protocol):
    """An explorer of many executions. `begin` says whether there is one more; `end` is called after it."""

    def begin(self) -> bool: ...
    def pick(self, machine: Machine, moves: Sequence[Move]) -> Move | None: ...
    def choose(self, choices: int) -> int: ...
    def end(self, machine: Machine) -> None: ...


class _Endless:
    """What samples, and so never ends by itself."""

    def begin(self) -> bool:
        """Always one more."""
        return True

    def end(self, machine: Machine) -> None:
        """Nothing is learned."""


RATES = (0.0, 0.04, 0.12, 0.35)
"""How often an old value is seen, where there is one: each execution has one of these."""


class Random(_Endless):
    """Anybody may do the next step."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._rate = 0.0

    def begin(self) -> bool:
        """Another rate of old values."""
        self._rate = self._random.choice(RATES)
        return True

    def pick(self, machine: Machine, moves: Sequence[Move]) -> Move | None:
        """Any of them."""
        return moves[int(self._random.random() * len(moves))]

    def choose(self, choices: int) -> int:
        """Mostly the newest."""
        return _any_choice(self._random, self._rate, choices)


def _any_choice(source: random.Random, rate: float, choices: int) -> int:
    return 0 if source.random() >= rate else 1 + int(source.random() * (choices - 1))


class Pct(_Endless):
    """Priorities, drawn anew for each execution, and `depth - 1` steps at which the one that runs falls behind.

    "A randomized scheduler with probabilistic guarantees of finding bugs" (Burckhardt et al., ASPLOS 2010): a bug
    that needs `depth` ordering constraints in executions of k steps of n threads is found with probability
    1 / (n k^(depth-1)) at least. Here k is the longest execution so far.
    """

    def __init__(self, seed: int, depth: int = 3) -> None:
        self._random = random.Random(seed)
        self._depth = depth
        self._steps = 50
        self._rate = 0.0
        self._priorities: dict[tuple[int, bool], float] = {}
        self._changes: set[int] = set()

    def begin(self) -> bool:
        """New priorities, and new places where they change."""
        self._priorities = {}
        self._rate = self._random.choice(RATES)
        self._changes = {self._random.randrange(1, self._steps + 1) for _ in range(self._depth - 1)}
        return True

    def pick(self, machine: Machine, moves: Sequence[Move]) -> Move | None:
        """The one that comes first; after it a change of priorities, if one is due."""
        priorities = self._priorities
        for move in moves:
            if (move.thread, move.flush) not in priorities:
                priorities[move.thread, move.flush] = self._random.random()
        first = max(moves, key=lambda move: priorities[move.thread, move.flush])
        if machine.steps + 1 in self._changes:
            priorities[first.thread, first.flush] = -self._random.random()
        return first

    def choose(self, choices: int) -> int:
        """Mostly the newest."""
        return _any_choice(self._random, self._rate, choices)

    def end(self, machine: Machine) -> None:
        """Learn how long executions are."""
        self._steps = max(self._steps, machine.steps)


class Drawn:
    """One schedule, by the places where it departs from the plain one, in which each thread runs as long as it can.

    `turns` are (steps until then, which of the others goes on); `sights` are (choices until then, which one is
    taken). What has fewer of both is simpler, so who draws lists of them shrinks to the fewest context switches.
    """

    def __init__(self, turns: Sequence[tuple[int, int]], sights: Sequence[tuple[int, int]] = ()) -> None:
        self._turns = list(turns)
        self._sights = list(sights)
        self._current: tuple[int, bool] | None = None
        self._begun = False

    def begin(self) -> bool:
        """Once."""
        begun, self._begun = self._begun, True
        return not begun

    def pick(self, machine: Machine, moves: Sequence[Move]) -> Move | None:
        """The one that ran, unless a turn is due or it cannot."""
        stays = next((move for move in moves if (move.thread, move.flush) == self._current), None)
        if stays is not None and not self._is_due(self._turns):
            return stays
        if stays is None:
            chosen = moves[0]
        else:
            others = [move for move in moves if move is not stays] or [stays]
            _, which = self._turns.pop(0)
            chosen = others[which % len(others)]
        self._current = chosen.thread, chosen.flush
        return chosen

    def choose(self, choices: int) -> int:
        """The newest, unless something else is due."""
        return self._sights.pop(0)[1] % choices if self._is_due(self._sights) else 0

    @staticmethod
    def _is_due(waiting: list[tuple[int, int]]) -> bool:
        """Count one, and say whether the first of them is to happen now."""
        if not waiting:
            return False
        left, which = waiting[0]
        waiting[0] = left - 1, which
        return left <= 0

    def end(self, machine: Machine) -> None:
        """Once."""


class Replay:
    """A schedule, again. What it does not say, or what cannot be, is an error: something else is being run."""

    def __init__(self, schedule: Schedule, *, exactly: bool = True) -> None:
        self._schedule = schedule
        self._exactly = exactly
        self._next = 0
        self._choice = 0
        self._current: Move | None = None
        self._begun = False
        self.departed = False
        """Something else had to be done than the schedule says."""

    def begin(self) -> bool:
        """Once."""
        begun, self._begun = self._begun, True
        return not begun

    def pick(self, machine: Machine, moves: Sequence[Move]) -> Move | None:
        """The move that stands there; after the last one each thread runs as long as it can."""
        self._check_used()
        wanted = self._schedule.moves[self._next] if self._next < len(self._schedule.moves) else None
        self._next += 1
        self._choice = wanted.choice if wanted is not None else 0
        known = {(move.thread, move.flush): move for move in moves}
        if wanted is None:
            return (
                known.get((self._current.thread, self._current.flush), moves[0])
                if self._current
                else moves[0]
            )
        found = known.get((wanted.thread, wanted.flush))
        if found is None:
            self.departed = True
            if self._exactly:
                raise UsageError(
                    f"schedule {self._schedule}: move {self._next} is {wanted.letter}'s, which cannot go on there: "
                    "it is the schedule of another program, or of other threads"
                )
            found = moves[0]
        self._current = found
        return found

    def _check_used(self) -> None:
        """The move that was done last had a choice, if the schedule says which it takes."""
        if self._choice:
            self.departed = True
            if self._exactly:
                raise UsageError(
                    f"schedule {self._schedule}: move {self._next} takes choice {self._choice}, and has nothing to "
                    "choose from: it is the schedule of another program, or of other threads"
                )

    def choose(self, choices: int) -> int:
        """What stands there, or the newest."""
        choice, self._choice = self._choice, 0
        if choice >= choices:
            self.departed = True
            if self._exactly:
                raise UsageError(
                    f"schedule {self._schedule}: move {self._next} takes choice {choice}, and has {choices} to choose "
                    "from, counted from 0: it is the schedule of another program, or of other threads"
                )
            return 0
        return choice

    def end(self, machine: Machine) -> None:
        """Once."""
