"""The machine that litmus tests run on: spinlocks that can be looked at, and RCU as weak as the kernel's memory model.

A grace period of `mmfuzz.interleave` waits until every CPU has passed through a quiescent state, as a kernel's does.
The memory model promises less, and a litmus test asks what is promised: of a grace period and a section that reads
under RCU, either all before the end of the section comes before the end of the grace period, or all before the
beginning of the grace period comes before the section.
"""

from __future__ import annotations

from functools import partial

from mmfuzz.interleave.machine import CHANGE, GIVE, TRY, Explorer, Thread
from mmfuzz.interleave.memory import View, join
from mmfuzz.interleave.waiting import Lock, Processors

FREE, TAKEN = 0, 1


class LitmusMachine(Processors):
    """One execution of a litmus test. Its writes depend on reads only as far as it is said."""

    def __init__(self, explorer: Explorer, memory: str) -> None:
        super().__init__(explorer, memory, dependent_writes=False)
        # Grace periods do no more here than they say to the sections of others.
        self.meets = False
        self._open: set[tuple[int, int]] = set()
        """Thread and number of the sections under RCU that are not over."""
        self._begun: dict[int, int] = {}
        """By thread: sections so far."""
        self._ended: dict[int, View] = {}
        """By thread: what came before the end of its last section."""
        self._periods: View = {}
        """What came before the beginning of any grace period."""

    # Locks

    def is_locked(self, lock: Lock) -> bool:
        """spin_is_locked(), a read like any other: what it says may be old news."""
        thread = self.announce("load", ((lock.cell, TRY),))
        for waiting in reversed(thread.buffer):
            if waiting.cell is lock.cell:
                return False
        message, missed = self.memory.load(thread.views, lock.cell, "")
        self.finish(thread, lock.cell, "load", read=message, missed=missed)
        return bool(message.value == TAKEN)

    def _take(self, thread: Thread, lock: Lock, *, shared: bool) -> None:
        self.memory.rmw(thread.views, lock.cell, lambda _: TAKEN, "", self.steps - 1)
        super()._take(thread, lock, shared=shared)

    def _free(self, holder: Thread, lock: Lock, thread: Thread, *, shared: bool) -> None:
        super()._free(holder, lock, thread, shared=shared)
        self.memory.rmw(thread.views, lock.cell, lambda _: FREE, "release", self.steps - 1)

    # RCU

    def rcu_lock(self) -> None:
        """Begin a section, unless one has begun: after every grace period that has begun."""
        assert self._running is not None
        self._running.rcu_depth += 1
        if self._running.rcu_depth > 1:
            return
        thread = self.announce("rcu", self._own(CHANGE))
        number = self._begun[thread.index] = self._begun.get(thread.index, 0) + 1
        self._open.add((thread.index, number))
        thread.views.lock_taken(self._periods, dict(self._periods))
        self.finish(thread, self._section(thread), "rcu", "lock")

    def rcu_unlock(self) -> None:
        """The end of a section, when it is that of the outermost one. A store buffer is emptied up to here first."""
        thread = self._running
        assert thread is not None
        thread.rcu_depth -= 1
        if thread.rcu_depth:
            return
        end = partial(self._end_section, thread, self._begun[thread.index])
        if self.memory.buffers:
            self._buffer(self._section(thread), None, "release", GIVE, end)
            return
        self.announce("rcu", self._own(GIVE))
        end()
        self.finish(thread, self._section(thread), "rcu", "unlock")

    def _end_section(self, thread: Thread, number: int) -> None:
        self._open.discard((thread.index, number))
        self._ended[thread.index] = thread.views.everything()

    def grace_period(self) -> None:
        """synchronize_rcu(), in two steps: sections that are open at the first one are over at the second."""
        assert self._running is not None
        others = [other for other in self.threads if other is not self._running]
        thread = self.announce_drained("rcu", self._sections_of(others, TRY))
        self.memory.full_barrier(thread.views)
        join(self._periods, thread.views.everything())
        waited_for = {section for section in self._open if section[0] != thread.index}
        self.finish(thread, self.fence, "rcu", "grace period begins")
        self.announce_drained("rcu", self._sections_of(others, TRY), lambda: not waited_for & self._open)
        for other in others:
            thread.views.know(self._ended.get(other.index, {}))
        self.memory.full_barrier(thread.views)
        self.finish(thread, self.fence, "rcu", "grace period ends")
