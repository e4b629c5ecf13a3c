"""Every schedule, but only one of those that differ in nothing but the order of steps that commute.

The reduction is that of source sets with sleep sets ("Optimal dynamic partial order reduction", Abdulla et al., POPL
2014): an execution shows which of its steps race, and for each race one other order is put on the list where the first
of the two was picked. Without `reduce` it is plain depth-first enumeration.

With `preemptions`, only schedules in which at most so many threads are stopped that could have gone on. Sleep sets are
not used then, and a race puts everybody on the list, at its place and at the beginning of the run that it fell into as
well, where to go on with somebody else may cost nothing ("Bounded partial-order reduction", Coons et al., OOPSLA 2013).
With `sights`, at most so many reads see an old value, and writes take an early place.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmfuzz.interleave.machine import Machine, Touches
from mmfuzz.interleave.schedule import THREADS_MAX, Move
from mmfuzz.interleave.search.clocks import Actor, Done, Order, commute


class _Pick:
    """A place in the tree at which somebody was picked."""

    __slots__ = ("asleep", "enabled", "picked", "preemptions", "todo", "tried")

    def __init__(self, enabled: list[Actor], asleep: set[Actor], preemptions: int) -> None:
        self.enabled = enabled
        self.asleep = asleep
        """Whose next step has been tried, here or before, and commutes with all that came since."""
        self.preemptions = preemptions
        """Threads that were stopped so far, before this place."""
        self.picked: Actor = -1
        self.todo: list[Actor] = []
        self.tried: set[Actor] = set()


class _Choice:
    """A place at which one of several values was seen."""

    __slots__ = ("choices", "taken")

    def __init__(self, choices: int) -> None:
        self.choices = choices
        self.taken = 0


class Exhaustive:
    """Depth first. `complete` is true when nothing is left to explore; `pruned` counts executions that were cut."""

    def __init__(
        self, *, reduce: bool = True, preemptions: int | None = None, sights: int | None = None
    ) -> None:
        self._reduce = reduce
        self._bound = preemptions
        self._sights = sights
        self._seen = 0
        """Choices of the current execution that were not the first."""
        self._stack: list[_Pick | _Choice] = []
        self._depth = 0
        self._changed = 0
        """Depth of the place that is different from the execution before: what lies before it is known."""
        self._order = Order()
        self._asleep: set[Actor] = set()
        self._last: Actor | None = None
        self._begun = False
        self.complete = False
        """Nothing is left to explore, within the bounds."""
        self.bounded = False
        """A bound has kept something from being explored."""
        self.pruned = 0

    # One execution after another

    def begin(self) -> bool:
        """Go on where something is left; false when nothing is."""
        if self._begun and not self._back():
            self.complete = True
            return False
        self._begun = True
        self._depth = 0
        self._seen = 0
        self._order = Order()
        self._asleep = set()
        self._last = None
        return True

    def _back(self) -> bool:
        """Leave what has been explored: the deepest place with something left picks that."""
        stack = self._stack
        while stack:
            place = stack[-1]
            if isinstance(place, _Choice):
                if place.taken + 1 < place.choices:
                    place.taken += 1
                    self._changed = len(stack) - 1
                    return True
            else:
                place.tried.add(place.picked)
                left = [actor for actor in place.todo if actor not in place.tried]
                if left:
                    place.picked = left[0]
                    self._changed = len(stack) - 1
                    return True
            stack.pop()
        return False

    def end(self, machine: Machine) -> None:
        """Races were noted as they were met, but for those of steps that nobody could do any more."""
        if self._reduce and machine.stuck:
            for actor, touches in _pending(machine).items():
                step = Done(actor, touches, self._depth)
                for earlier in self._order.races(step):
                    self._try_before(earlier, step)

    # One step after another

    def pick(self, machine: Machine, moves: Sequence[Move]) -> Move | None:
        """The next move of the schedule that is being explored."""
        enabled = [move.thread + (THREADS_MAX if move.flush else 0) for move in moves]
        touches = _pending(machine)
        if self._depth < len(self._stack):
            place = self._stack[self._depth]
            assert isinstance(place, _Pick)
        else:
            fresh = self._fresh(enabled)
            if fresh is None:
                self.pruned += 1
                return None
            place = fresh
            self._stack.append(place)
        actor = place.picked
        if self._reduce:
            self._go_to_sleep(place, actor, touches)
            self._races(actor, touches[actor])
        self._last = actor
        self._depth += 1
        return moves[enabled.index(actor)]

    def _fresh(self, enabled: list[Actor]) -> _Pick | None:
        """A place where nobody was before: the one that runs goes on, if it is not asleep."""
        spent = self._stack_preemptions()
        place = _Pick(enabled, set(self._asleep), spent)
        awake = [actor for actor in enabled if actor not in self._asleep]
        if self._bound is not None:
            able = [actor for actor in awake if spent + self._costs(actor, enabled) <= self._bound]
            self.bounded = self.bounded or (len(able) < len(awake) and not self._reduce)
            awake = able
        if not awake:
            return None
        place.picked = self._last if self._last is not None and self._last in awake else awake[0]
        place.todo = [place.picked] if self._reduce else awake
        if not self._reduce and place.picked != awake[0]:
            place.todo = [place.picked, *(actor for actor in awake if actor != place.picked)]
        place.preemptions = spent
        return place

    def _stack_preemptions(self) -> int:
        """Preemptions before the current place."""
        last, spent = None, 0
        for place in self._stack[: self._depth] if self._bound is not None else ():
            if isinstance(place, _Pick):
                spent += last is not None and place.picked != last and last in place.enabled
                last = place.picked
        return spent

    def _costs(self, actor: Actor, enabled: list[Actor]) -> int:
        """Whether picking somebody stops another one that could go on."""
        return int(self._last is not None and actor != self._last and self._last in enabled)

    def _go_to_sleep(self, place: _Pick, actor: Actor, touches: dict[Actor, Touches]) -> None:
        """Who has been tried here sleeps until something happens that its step has to do with."""
        if self._bound is None:
            mine = touches[actor]
            self._asleep = {
                other
                for other in place.asleep | place.tried
                if other != actor and other in touches and commute(touches[other], mine)
            }

    def choose(self, choices: int) -> int:
        """The next of several possibilities."""
        if self._sights is not None and self._seen >= self._sights:
            self.bounded = True
            return 0
        if self._depth < len(self._stack):
            place = self._stack[self._depth]
            assert isinstance(place, _Choice)
        else:
            place = _Choice(choices)
            self._stack.append(place)
        self._depth += 1
        self._seen += place.taken > 0
        return place.taken

    # Races

    def _races(self, actor: Actor, touches: Touches) -> None:
        """For each earlier step that the new one could have come before: see that this is tried."""
        done = Done(actor, touches, self._depth)
        if self._depth >= self._changed:
            for earlier in self._order.races(done, waits=self._bound is not None):
                self._try_before(earlier, done)
        self._order.add(done)

    def _try_before(self, earlier: Done, later: Done) -> None:
        """Where `earlier` was picked, somebody who leads to `later` is to be picked as well."""
        place = self._stack[earlier.depth]
        assert isinstance(place, _Pick)
        if self._bound is not None:
            self._try_bounded(earlier)
            return
        firsts = self._order.firsts(earlier, later)
        listed = set(place.todo) | place.tried
        if firsts & listed:
            return
        able = [actor for actor in place.enabled if actor in firsts and actor not in place.asleep]
        if able:
            place.todo.append(later.actor if later.actor in able else able[0])
        elif not firsts & place.asleep:
            place.todo += [
                actor for actor in place.enabled if actor not in listed and actor not in place.asleep
            ]

    def _try_bounded(self, earlier: Done) -> None:
        """Everybody at the place itself, and where the run that it is in began, as far as the bound allows."""
        for depth in {earlier.depth, self._start_of_run(earlier.depth)}:
            place = self._stack[depth]
            assert isinstance(place, _Pick)
            place.todo += [
                actor for actor in place.enabled if actor not in place.todo and self._affords(depth, actor)
            ]

    def _start_of_run(self, depth: int) -> int:
        """Where the thread that was picked at a place began to run without a stop."""
        place = self._stack[depth]
        assert isinstance(place, _Pick)
        start = depth
        for at in range(depth - 1, -1, -1):
            before = self._stack[at]
            if isinstance(before, _Pick):
                if before.picked != place.picked:
                    break
                start = at
        return start

    def _affords(self, depth: int, actor: Actor) -> bool:
        """Whether picking somebody at a place stays within the bound."""
        assert self._bound is not None
        place = self._stack[depth]
        assert isinstance(place, _Pick)
        last = None
        for at in range(depth - 1, -1, -1):
            before = self._stack[at]
            if isinstance(before, _Pick):
                last = before.picked
                break
        costs = last is not None and actor != last and last in place.enabled
        affords = place.preemptions + costs <= self._bound
        self.bounded = self.bounded or not affords
        return affords


def _pending(machine: Machine) -> dict[Actor, Touches]:
    """What everybody's next step has to do with."""
    touches = {}
    for thread in machine.threads:
        if not thread.done:
            touches[thread.index] = thread.touches
        if thread.buffer:
            touches[thread.index + THREADS_MAX] = machine.flush_touches(thread)
    return touches
