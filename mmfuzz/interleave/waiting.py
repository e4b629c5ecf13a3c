"""What threads wait for: locks, interrupts that others must take, and readers under RCU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mmfuzz.interleave.machine import (
    CHANGE,
    DEADLOCK,
    GIVE,
    GIVE_SHARED,
    READ,
    TRY,
    Explorer,
    Failed,
    Machine,
    Thread,
    Touches,
)
from mmfuzz.interleave.memory import Cell, View, both, join

_NOBODY = Thread(-1, "a store buffer")
"""Has a lock whose unlock waits in the buffer of who had it."""


class Lock:
    """A spinlock or mutex, or with `shared` holders a reader-writer semaphore."""

    __slots__ = ("cell", "readers", "settled", "view", "writer")

    def __init__(self, name: str | Callable[[], str]) -> None:
        self.cell = Cell(name, None)
        self.writer: Thread | None = None
        self.readers: list[Thread] = []
        self.view: View = {}
        """What was done under it."""
        self.settled: View | None = None
        """What full barriers have brought to everybody before it was left."""

    def hand_over(self, thread: Thread, other: Thread) -> None:
        """Somebody else has it in the place of a thread."""
        if self.writer is thread:
            self.writer = other
        else:
            self.readers[self.readers.index(thread)] = other

    def is_free(self, *, shared: bool = False) -> bool:
        """Whether somebody could take it."""
        return self.writer is None and (shared or not self.readers)


class Processors(Machine):
    """A machine with locks, interrupts and RCU."""

    def __init__(
        self,
        explorer: Explorer,
        memory: str = "sc",
        *,
        record: bool = False,
        dependent_writes: bool = True,
        watch: Callable[[Cell], None] | None = None,
    ) -> None:
        super().__init__(explorer, memory, record=record, dependent_writes=dependent_writes, watch=watch)
        self._sections: list[Cell] = []
        """By thread: what its interrupts and its reading under RCU have to do with others."""

    # Locks

    def lock(self, lock: Lock, *, shared: bool = False) -> None:
        """Wait until it is free, and take it: acquire."""
        thread = self._running
        assert thread is not None
        if lock.writer is thread or (thread in lock.readers and not shared):
            raise Failed(DEADLOCK, f"{thread.name} waits for {lock.cell.name}, which it has itself")
        mode = READ if shared else CHANGE
        self.announce_drained("lock", ((lock.cell, mode),), lambda: lock.is_free(shared=shared))
        self._take(thread, lock, shared=shared)
        self.finish(thread, lock.cell, "lock", "acquire")

    def trylock(self, lock: Lock) -> bool:
        """Take it if it is free now."""
        thread = self.announce_drained("trylock", ((lock.cell, TRY),))
        free = lock.is_free()
        if free:
            self._take(thread, lock, shared=False)
        self.finish(thread, lock.cell, "trylock", "acquire" if free else "")
        return free

    def _take(self, thread: Thread, lock: Lock, *, shared: bool) -> None:
        if shared:
            lock.readers.append(thread)
        else:
            lock.writer = thread
        thread.views.lock_taken(lock.view, lock.settled)

    def unlock(self, lock: Lock, *, shared: bool = False) -> None:
        """Let others have it: release."""
        thread = self._running
        assert thread is not None
        if (thread not in lock.readers) if shared else (lock.writer is not thread):
            raise Failed(DEADLOCK, f"{thread.name} unlocks {lock.cell.name}, which it does not have")
        mode = GIVE_SHARED if shared else GIVE
        if self.memory.buffers:
            # An unlock is a write like any other: others see it when it leaves the buffer.
            lock.hand_over(thread, _NOBODY)
            then = partial(self._free, _NOBODY, lock, thread, shared=shared)
            self._buffer(lock.cell, None, "release", mode, then)
            return
        self.announce("unlock", ((lock.cell, mode),))
        self._free(thread, lock, thread, shared=shared)
        self.finish(thread, lock.cell, "unlock", "release")

    def _free(self, holder: Thread, lock: Lock, thread: Thread, *, shared: bool) -> None:
        view = thread.views.everything()
        if shared:
            lock.readers.remove(holder)
            join(view, lock.view)
        else:
            lock.writer = None
            thread.views.unlocked = view
        lock.view = view
        thread.views.settled_unlocked = thread.views.released_settled()
        lock.settled = both(lock.settled, thread.views.settled_unlocked)

    def critical(self, lock: Lock) -> None:
        """Take a lock and leave it at the same step: what follows up to the next step is done under it."""
        thread = self.announce_drained("lock", ((lock.cell, CHANGE),))
        self._take(thread, lock, shared=False)
        self._free(thread, lock, thread, shared=False)
        self.finish(thread, lock.cell, "lock", "acquire")

    # Interrupts

    def irqs_off(self) -> None:
        """No interrupt comes to the thread's CPU. RCU waits for it as well."""
        thread = self.announce("irq", self._own(CHANGE))
        thread.irqs_off += 1
        self.finish(thread, self._section(thread), "irq", "off")

    def irqs_on(self) -> None:
        """Interrupts come again."""
        thread = self.announce("irq", self._own(GIVE))
        thread.irqs_off -= 1
        self._left(thread)
        self.finish(thread, self._section(thread), "irq", "on")

    def interrupt_others(self) -> None:
        """An interrupt to all other CPUs, and wait until they have taken it: everybody is at one point then.

        It happens as one step, at a moment when no other thread has interrupts off.
        """
        thread = self._running
        assert thread is not None
        others = [other for other in self.threads if other is not thread]

        def ready() -> bool:
            return not any(other.irqs_off or other.buffer for other in others)

        self.announce_drained("ipi", self._sections_of(others, CHANGE), ready)
        self._meet(thread, others)
        self.finish(thread, self.fence, "ipi")

    def _meet(self, thread: Thread, others: list[Thread]) -> None:
        """Full barriers on all of them, at one moment."""
        for one in (thread, *others, thread):
            self.memory.full_barrier(one.views)

    def _own(self, mode: int) -> Touches:
        assert self._running is not None
        return ((self._section(self._running), mode),)

    def _sections_of(self, threads: list[Thread], mode: int) -> Touches:
        """What meeting these threads has to do with: all that they do, unless nothing but their sections matters."""
        touches: Touches = tuple((self._section(thread), mode) for thread in threads)
        if self.meets:
            touches += tuple((thread.itself, CHANGE) for thread in threads)
        return (*touches, (self.fence, CHANGE)) if self.memory.orders_full else touches

    def _section(self, thread: Thread) -> Cell:
        while len(self._sections) <= thread.index:
            name = self.threads[len(self._sections)].name
            self._sections.append(Cell(f"interrupts and RCU of {name}", None))
        return self._sections[thread.index]

    def _left(self, thread: Thread) -> None:
        """A section may be over."""
        if not (thread.rcu_depth or thread.irqs_off):
            thread.sections += 1

    # RCU

    def rcu_lock(self) -> None:
        """Begin to read under RCU."""
        thread = self.announce("rcu", self._own(CHANGE))
        thread.rcu_depth += 1
        self.finish(thread, self._section(thread), "rcu", "lock")

    def rcu_unlock(self) -> None:
        """The end of it."""
        thread = self.announce("rcu", self._own(GIVE))
        thread.rcu_depth -= 1
        self._left(thread)
        self.finish(thread, self._section(thread), "rcu", "unlock")

    def grace_period(self) -> None:
        """synchronize_rcu(): who reads when it begins has stopped when it ends; two steps."""
        thread = self._running
        assert thread is not None
        others = [other for other in self.threads if other is not thread]
        self.announce_drained("rcu", self._sections_of(others, TRY))
        readers = [(other, other.sections) for other in others if _reads(other)]
        self._meet(thread, [other for other in others if not _reads(other)])
        self.finish(thread, self.fence, "rcu", "grace period begins")

        def over() -> bool:
            waiting = any(_reads(reader) and reader.sections == section for reader, section in readers)
            return not waiting and not any(other.buffer for other in others)

        # It does not wait for sections that have begun meanwhile, so it could come before they end.
        self.announce_drained("rcu", self._sections_of(others, TRY), over)
        for reader, _ in readers:
            thread.views.know(reader.views.everything())
        self._meet(thread, [other for other in others if not _reads(other)])
        self.finish(thread, self.fence, "rcu", "grace period ends")


def _reads(thread: Thread) -> bool:
    """Whether RCU waits for it."""
    return thread.rcu_depth > 0 or thread.irqs_off > 0
