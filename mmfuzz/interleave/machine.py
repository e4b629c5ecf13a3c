"""A deterministic machine: threads that stop before each step that others could see, and go on when they are told to.

A thread *announces* what it is about to do, and whoever explores picks one of the threads; nothing else is left to
chance, so the same picks give the same execution. Threads are greenlets: no routine that runs on one has to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from greenlet import GreenletExit, getcurrent, greenlet

from mmfuzz.errors import InternalError
from mmfuzz.interleave.memory import (
    KEEP,
    SC,
    Cell,
    Memory,
    Message,
    Order,
    StoreBuffers,
    View,
    Views,
    memory_model,
)
from mmfuzz.interleave.recording import Recording
from mmfuzz.interleave.schedule import THREADS_MAX, Move, Schedule
from mmfuzz.interleave.trace import DataRace

DEADLOCK = "deadlock"
"""The property of threads that wait for each other, or for nobody."""

STEPS_MAX = 20_000
"""Steps of one execution: more are a thread that waits for something that never comes."""

READ, CHANGE, TRY, GIVE, GIVE_SHARED = range(5)
"""What a step has to do with a location: reads it; changes it, or takes it as a lock; tries to take it; lets others
have it, who wait for that; lets those have it who want it alone."""

Touches = tuple[tuple[Cell, int], ...]
"""All that a step has to do with: two steps commute unless they have something in common, see `conflict`."""


def conflict(one: int, other: int) -> bool:
    """Whether it matters which of two comes first."""
    return not (one in _SHARED and other in _SHARED)


_SHARED = frozenset({READ, GIVE_SHARED})


class Failed(Exception):
    """A property failed: raised by what runs on a thread, or by who watches it."""

    def __init__(self, property: str, message: str, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.property = property
        self.lines = tuple(lines)


class Explorer(Protocol):
    """Who decides. `pick` is asked before each step, `choose` when a step could see several things."""

    def pick(self, machine: Machine, moves: Sequence[Move]) -> Move | None:
        """One of the moves, never none of them to pick from; None gives the execution up."""

    def choose(self, choices: int) -> int:
        """One of so many, two at least; 0 is the newest value, or the last place."""


class Waiting:
    """A write in a store buffer, and what else happens when it reaches memory."""

    __slots__ = ("cell", "flushed", "message", "mode", "then")

    def __init__(
        self, cell: Cell, message: Message, flushed: Cell, mode: int, then: Callable[[], None] | None
    ) -> None:
        self.cell = cell
        self.message = message
        self.flushed = flushed
        self.mode = mode
        self.then = then


class Thread:
    """One thread, and the step that it is about to do."""

    __slots__ = (
        "buffer", "done", "drain", "greenlet", "index", "irqs_off", "itself", "kind", "name", "rcu_depth", "ready",
        "sections", "touches", "views",
    )  # fmt: skip

    def __init__(self, index: int, name: str) -> None:
        self.index = index
        self.name = name
        self.done = False
        self.greenlet: greenlet
        self.kind = ""
        self.touches: Touches = ()
        self.ready: Callable[[], bool] | None = None
        """Whether it can go on; None when nothing keeps it."""
        self.views = Views(index)
        self.buffer: list[Waiting] = []
        """Writes that have not reached memory, oldest first."""
        self.drain = Cell(f"buffer of {name}", None)
        self.itself = Cell(f"steps of {name}", None)
        """What all of its steps have to do with, and those of others that meet it wherever it is."""
        self.irqs_off = 0
        self.rcu_depth = 0
        self.sections = 0
        """Sections that RCU waits for, and that are over."""


class Machine:
    """One execution. `watch` is called after each step that wrote something, with the location."""

    def __init__(
        self,
        explorer: Explorer,
        memory: str = "sc",
        *,
        record: bool = False,
        dependent_writes: bool = True,
        watch: Callable[[Cell], None] | None = None,
    ) -> None:
        self.explorer = explorer
        self.memory: Memory = memory_model(memory, self._choose, dependent_writes=dependent_writes)
        self.meets = self.memory.name != SC
        """A thread may meet another one wherever that is, and then barriers and store buffers of both are concerned."""
        self.threads: list[Thread] = []
        self.moves: list[Move] = []
        self.steps = 0
        self.failure: Failed | None = None
        self.failed_at: int | None = None
        self.stuck = False
        """Threads are left, and none of them can go on."""
        self.cut = False
        self.recording = Recording() if record else None
        self.data_races: dict[str, DataRace] = {}
        """The first one of each location, by its name."""
        self.fence = Cell("smp_mb", None)
        """What full barriers have to do with each other."""
        self._watch = watch
        self._hub = getcurrent()
        self._running: Thread | None = None
        self._choice = 0
        self._over = False

    # Threads

    @property
    def current(self) -> Thread | None:
        """The thread that runs; None before the threads begin and after they end."""
        return self._running

    def spawn(self, name: str, body: Callable[[], None]) -> Thread:
        """Another thread; it runs up to its first step at once."""
        if len(self.threads) >= THREADS_MAX:
            raise InternalError(f"more than {THREADS_MAX} threads in one execution")
        thread = Thread(len(self.threads), name)
        thread.greenlet = greenlet(lambda: self._live(thread, body), self._hub)
        self.threads.append(thread)
        before, parent = self._running, getcurrent()
        if before is not None:
            thread.views.know_all(before.views.everything())
        self._running = thread
        thread.kind = "begin"
        thread.greenlet.parent = parent
        thread.greenlet.switch()
        thread.greenlet.parent = self._hub
        self._running = before
        return thread

    def _live(self, thread: Thread, body: Callable[[], None]) -> None:
        try:
            body()
        except Failed as failed:
            self._fail(failed)
        thread.done = True
        thread.kind = "end"
        thread.touches = ()

    def _fail(self, failed: Failed) -> None:
        if self.failure is None:
            self.failure = failed
            self.failed_at = self.steps - 1 if self.steps else None
        self._over = True

    def run(self, bodies: Iterable[tuple[str, Callable[[], None]]]) -> None:
        """Run threads to their end, to the first failure, or until the explorer gives up."""
        try:
            for name, body in bodies:
                self.spawn(name, body)
            while not self._over:
                thread = self._pick()
                if thread is None:
                    break
                self._running = thread
                thread.greenlet.switch()
        finally:
            self._running = None
            for thread in self.threads:
                if not thread.greenlet.dead:
                    thread.greenlet.throw(GreenletExit)

    def _pick(self) -> Thread | None:
        """Who goes on; None when nobody does. Store buffers that are picked are emptied by one on the way."""
        while not self._over:
            moves = self._moves()
            if not moves:
                self.stuck = any(not thread.done for thread in self.threads)
                self._over = True
                return None
            if self.steps >= STEPS_MAX:
                self._fail(
                    Failed(DEADLOCK, f"no end after {STEPS_MAX:,} steps: a thread waits for what never comes")
                )
                return None
            move = self.explorer.pick(self, moves)
            if move is None:
                self.cut = self._over = True
                return None
            self.moves.append(move)
            thread = self.threads[move.thread]
            if not move.flush:
                return thread
            self._flush(thread)
        return None

    def _moves(self) -> list[Move]:
        moves = [
            _MOVES[thread.index]
            for thread in self.threads
            if not thread.done and (thread.ready is None or thread.ready())
        ]
        if self.memory.buffers:
            moves += [_FLUSHES[thread.index] for thread in self.threads if thread.buffer]
        return moves

    def _choose(self, choices: int) -> int:
        choice = self.explorer.choose(choices)
        if choice:
            self._choice = choice
        return choice

    @property
    def schedule(self) -> Schedule:
        """What happened, to be done again."""
        return Schedule(tuple(self.moves))

    # Steps

    def announce(self, kind: str, touches: Touches, ready: Callable[[], bool] | None = None) -> Thread:
        """Stop the running thread before a step, and come back when it is to do it."""
        thread = self._running
        assert thread is not None
        first = thread.kind == "begin"
        if self.meets:
            touches = (*touches, (thread.itself, READ))
        thread.kind, thread.touches, thread.ready = kind, touches, ready
        if first:
            # Back to who began the thread: the first step waits for its turn like any other.
            parent = thread.greenlet.parent
            assert parent is not None
            parent.switch()
        else:
            following = self._pick()
            if following is not thread:
                self._running = following
                (following.greenlet if following is not None else self._hub).switch()
        self._running = thread
        thread.ready = None
        self.steps += 1
        thread.views.steps += 1
        self._choice = 0
        return thread

    def finish(
        self, thread: Thread, cell: Cell, kind: str, order: str = "", *,
        read: Message | None = None, wrote: Message | None = None, missed: int = 0, overtaken: int = 0,
    ) -> None:  # fmt: skip
        """The step is done: note it, and have it watched."""
        if self._choice:
            last = self.moves[-1]
            self.moves[-1] = Move(last.thread, last.flush, self._choice)
        if self.recording is not None:
            self.recording.step(
                self.steps - 1, thread.index, kind, cell, order,
                read=read, wrote=wrote, missed=missed, overtaken=overtaken,
            )  # fmt: skip
        if self._watch is not None and wrote is not None:
            self._look(cell)

    def _look(self, cell: Cell) -> None:
        """Watchers read as they like: nobody else runs meanwhile."""
        assert self._watch is not None
        before, self._running = self._running, None
        try:
            self._watch(cell)
        finally:
            self._running = before

    # Accesses

    def load(self, cell: Cell, order: Order = "", after: View | None = None) -> Message:
        """Read a location: READ_ONCE(), or smp_load_acquire()."""
        thread = self.announce("load", ((cell, READ),))
        self._note(thread, cell, wrote=False, plain=order == "plain")
        for waiting in reversed(thread.buffer):
            if waiting.cell is cell:
                self.finish(thread, cell, "load", order, read=waiting.message)
                return waiting.message
        message, missed = self.memory.load(thread.views, cell, order, after)
        self.finish(thread, cell, "load", order, read=message, missed=missed)
        return message

    def store(
        self,
        cell: Cell,
        value: Any,
        order: Order = "",
        after: View | None = None,
        settled: View | None = None,
    ) -> None:
        """Write a location: WRITE_ONCE(), or smp_store_release(). See `Memory.store` for what it depends on."""
        if self.memory.buffers:
            self._buffer(cell, value, order)
            return
        thread = self.announce("store", ((cell, CHANGE),))
        self._note(thread, cell, wrote=True, plain=order == "plain")
        message, overtaken = self.memory.store(
            thread.views, cell, value, order, self.steps - 1, after, settled
        )
        self.finish(thread, cell, "store", order, wrote=message, overtaken=overtaken)

    def rmw(self, cell: Cell, change: Callable[[Any], Any], order: Order = "full") -> tuple[Any, bool]:
        """Change a location in one go: what was there, and whether something was written. See `KEEP`."""
        touches: Touches = ((cell, CHANGE),)
        if order == "full" and self.memory.orders_full:
            touches = ((cell, CHANGE), (self.fence, CHANGE))
        thread = self.announce_drained("rmw", touches)
        self._note(thread, cell, wrote=True, plain=False)
        old, new = self.memory.rmw(thread.views, cell, change, order, self.steps - 1)
        self.finish(thread, cell, "rmw", order if new is not None else "", read=old, wrote=new)
        return old.value, new is not None

    def barrier(self, kind: str) -> None:
        """smp_mb(), smp_rmb() or smp_wmb(). The last two have to do with one thread alone, and are no steps."""
        thread = self._running
        assert thread is not None
        if kind == "smp_mb":
            thread = self.announce_drained(
                "fence", ((self.fence, CHANGE),) if self.memory.orders_full else ()
            )
            self.memory.full_barrier(thread.views)
            self.finish(thread, self.fence, "fence")
            return
        if kind == "smp_rmb":
            thread.views.read_barrier()
        else:
            thread.views.write_barrier()
        if self.recording is not None:
            self.recording.aside(thread.index, kind)

    # Store buffers

    def announce_drained(
        self, kind: str, touches: Touches, ready: Callable[[], bool] | None = None
    ) -> Thread:
        """The same for what waits until the buffer of its thread is empty."""
        thread = self._running
        assert thread is not None
        if not self.memory.buffers:
            return self.announce(kind, touches, ready)

        def drained() -> bool:
            return not thread.buffer and (ready is None or ready())

        return self.announce(kind, (*touches, (thread.drain, CHANGE)), drained)

    def _buffer(
        self,
        cell: Cell,
        value: Any,
        order: Order,
        mode: int = CHANGE,
        then: Callable[[], None] | None = None,
    ) -> None:
        """A write into the buffer of its thread: nobody else has to do with it yet."""
        flushed = Cell(cell.name, None)
        thread = self.announce("store", ((flushed, GIVE),))
        self._note(thread, cell, wrote=True, plain=order == "plain")
        views = thread.views
        view = views.everything() if order == "release" else views.released
        message = Message(0, value, view, self.steps - 1)
        thread.buffer.append(Waiting(cell, message, flushed, mode, then))
        self.finish(thread, cell, "store", order)
        if self.recording is not None:
            self.recording.wrote(self.steps - 1, message)

    def flush_touches(self, thread: Thread) -> Touches:
        """What bringing the oldest write of a buffer to memory has to do with."""
        oldest = thread.buffer[0]
        touches = ((oldest.cell, oldest.mode), (oldest.flushed, CHANGE), (thread.drain, GIVE))
        return (*touches, (thread.itself, READ)) if self.meets else touches

    def _flush(self, thread: Thread) -> None:
        """The oldest write of a buffer reaches memory."""
        oldest = thread.buffer.pop(0)
        assert isinstance(self.memory, StoreBuffers)
        self.memory.place(oldest.cell, oldest.message)
        self.steps += 1
        self._choice = 0
        self.finish(thread, oldest.cell, "flush", wrote=oldest.message)
        if oldest.then is not None:
            oldest.then()

    # Data races

    def _note(self, thread: Thread, cell: Cell, *, wrote: bool, plain: bool) -> None:
        """Look whether an access races with one of another thread, and remember it."""
        views = thread.views
        for (other, their_write), (step, event, their_plain) in cell.accesses.items():
            if other == thread.index or not (wrote or their_write) or not (plain or their_plain):
                continue
            known = max(views.reads.get(other, 0), views.writes.get(other, 0) if wrote else 0)
            if known < step:
                pointed = views.pointers.get(id(cell.owner))
                if pointed is None or pointed.get(other, 0) < step:
                    self._race(cell, event)
        cell.accesses[thread.index, wrote] = (views.steps, self.steps - 1, plain)

    def _race(self, cell: Cell, event: int) -> None:
        name = cell.name
        if name not in self.data_races:
            self.data_races[name] = DataRace(name, event, self.steps - 1)


_MOVES = [Move(index) for index in range(THREADS_MAX)]
_FLUSHES = [Move(index, True) for index in range(THREADS_MAX)]

__all__ = ["KEEP", "Explorer", "Failed", "Machine", "Thread", "Touches"]
