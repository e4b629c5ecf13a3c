"""Which steps of an execution come before which, as far as they have to do with each other."""

from __future__ import annotations

from mmfuzz.interleave.machine import CHANGE, GIVE, GIVE_SHARED, READ, TRY, Touches, conflict
from mmfuzz.interleave.memory import Cell

Actor = int
"""A thread's number; its store buffer's is that plus the number of threads."""


def commute(one: Touches, other: Touches) -> bool:
    """Whether two steps may change places and nobody sees it."""
    for cell, mode in one:
        for their_cell, their_mode in other:
            if cell is their_cell and conflict(mode, their_mode):
                return False
    return True


class Done:
    """A step that was done, and what comes before it: of each actor, how many of its steps."""

    __slots__ = ("actor", "clock", "depth", "number", "place", "touches")

    def __init__(self, actor: Actor, touches: Touches, depth: int) -> None:
        self.actor = actor
        self.touches = touches
        self.depth = depth
        """Where it was picked."""
        self.number = 0
        """Its place among its actor's steps, from 1."""
        self.place = 0
        self.clock: dict[Actor, int] = {}

    def is_after(self, other: Done) -> bool:
        """Whether it could not have come before the other."""
        return self.clock.get(other.actor, 0) >= other.number


class _History:
    """What was done to one location since it was changed last, that included."""

    __slots__ = ("change", "give", "mode", "reads", "shared")

    def __init__(self) -> None:
        self.change: Done | None = None
        self.mode = CHANGE
        self.reads: dict[Actor, Done] = {}
        self.give: Done | None = None
        self.shared: dict[Actor, Done] = {}

    def before(self, mode: int) -> list[Done]:
        """What a step comes after."""
        found = [step for step in (self.change, self.give) if step is not None]
        if mode not in (READ, GIVE_SHARED):
            found += self.reads.values()
            found += self.shared.values()
        return found

    def could_follow(self, mode: int) -> list[Done]:
        """Of these, those that it could have come before: nobody can have what was not given yet."""
        change = [] if self.change is None else [self.change]
        if mode == GIVE:
            return change if self.mode == TRY else []
        if mode == GIVE_SHARED:
            return change if self.mode == TRY else []
        if mode == READ:
            return change
        found = [*self.reads.values(), *change]
        if mode == TRY:
            found += self.shared.values()
            found += [self.give] if self.give is not None else []
        return found

    def add(self, step: Done, mode: int) -> None:
        """It has happened."""
        if mode == GIVE:
            self.give = step
        elif mode == GIVE_SHARED:
            self.shared[step.actor] = step
        elif mode == READ:
            self.reads[step.actor] = step
        else:
            self.change, self.mode, self.give = step, mode, None
            self.reads, self.shared = {}, {}


class Order:
    """The steps of one execution so far."""

    def __init__(self) -> None:
        self._done: list[Done] = []
        self._clocks: dict[Actor, dict[Actor, int]] = {}
        self._histories: dict[Cell, _History] = {}

    def races(self, step: Done, *, waits: bool = False) -> list[Done]:
        """Steps that are done and that `step`, about to be done, could have come before.

        With `waits` also those that it had to wait for: who waits is stopped at no cost, which a bound may need.
        """
        mine = self._clocks.get(step.actor, {})
        found: dict[Done, None] = {}
        for cell, mode in step.touches:
            history = self._histories.get(cell)
            if history is not None:
                for other in history.before(mode) if waits else history.could_follow(mode):
                    if other.actor != step.actor and mine.get(other.actor, 0) < other.number:
                        found[other] = None
        return list(found)

    def add(self, step: Done) -> None:
        """It is done now."""
        clock = dict(self._clocks.get(step.actor, ()))
        for cell, mode in step.touches:
            history = self._histories.get(cell)
            if history is None:
                history = self._histories[cell] = _History()
            for other in history.before(mode):
                _join(clock, other.clock)
            history.add(step, mode)
        step.number = clock.get(step.actor, 0) + 1
        clock[step.actor] = step.number
        step.clock = clock
        step.place = len(self._done)
        self._done.append(step)
        self._clocks[step.actor] = clock

    def firsts(self, earlier: Done, later: Done) -> set[Actor]:
        """Who could have gone first, in place of `earlier`, on the way to `later`."""
        rest = [step for step in self._done[earlier.place + 1 :] if not step.is_after(earlier)]
        found: set[Actor] = set()
        seen: set[Actor] = set()
        for at, step in enumerate(rest):
            if step.actor not in seen:
                seen.add(step.actor)
                if not any(step.is_after(before) for before in rest[:at]):
                    found.add(step.actor)
        if later.actor not in seen:
            mine = self._clocks.get(later.actor, {})
            if not any(
                mine.get(before.actor, 0) >= before.number or not commute(before.touches, later.touches)
                for before in rest
            ):
                found.add(later.actor)
        return found


def _join(clock: dict[Actor, int], other: dict[Actor, int]) -> None:
    for actor, number in other.items():
        if clock.get(actor, 0) < number:
            clock[actor] = number
