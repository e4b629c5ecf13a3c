"""Models of memory: what a read may see, and which place a write takes, by timestamped messages and views.

Every write of a location is a message with a stamp, its place in the order of writes. A *view* says, of each location,
the oldest message that may still be read, and of each thread, how many of its steps are known to come before. Barriers,
acquire and release move views about; nothing else orders anything. That is the promise-free part of the semantics of
"A promising semantics for relaxed-memory concurrency" (Kang et al., POPL 2017): store-store, store-load and load-load
reordering exist, load buffering does not. What each primitive orders is the Linux kernel's (tools/memory-model).

All three models keep the views, as they tell data races; under `sc` and `tso` a read has one message to choose from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

Order = Literal["", "plain", "acquire", "release", "full"]
"""What an access orders: nothing when it is marked only, or `plain`, which is not even marked."""

View: TypeAlias = dict[Any, float]
"""The oldest stamp that may be read, by `Cell`, and the steps that come before, by thread number."""

Choose = Callable[[int], int]
"""Asked which of so many possibilities happens: 0 is the newest value, or the last place in the order of writes."""

SC, TSO, WEAK = "sc", "tso", "weak"
MODELS = (SC, TSO, WEAK)


class Message:
    """One write of a location."""

    __slots__ = ("attached", "event", "settled", "stamp", "value", "view")

    def __init__(
        self,
        stamp: float,
        value: Any,
        view: View,
        event: int,
        *,
        settled: View | None = None,
        attached: bool = False,
    ) -> None:
        self.stamp = stamp
        self.value = value
        self.view = view
        """What who reads it with acquire order knows from then on."""
        self.settled = settled
        """The part of it that a full barrier had brought to everybody before this was written."""
        self.event = event
        self.attached = attached
        """An atomic change of the message before it: nothing can come in between."""


class Cell:
    """A location that threads share. `keep` is told of each newest value, for those who look from outside."""

    __slots__ = ("_name", "accesses", "keep", "messages", "owner")

    def __init__(
        self,
        name: str | Callable[[], str],
        value: Any,
        *,
        owner: object = None,
        keep: Callable[[Any], None] | None = None,
    ) -> None:
        self._name = name
        self.owner = owner
        """The object that it is a field of: who read a pointer to that, sees the field as it was then, or newer."""
        self.keep = keep
        self.messages = [Message(0, value, {}, -1)]
        self.accesses: dict[tuple[int, bool], tuple[int, int, bool]] = {}
        """(thread, whether it wrote) to (its step, event, whether it was plain): the last one of each."""

    @property
    def name(self) -> str:
        """What it is called; asked seldom, so it may be put together then."""
        return self._name if isinstance(self._name, str) else self._name()

    @property
    def newest(self) -> Any:
        """The value that comes last in the order of writes."""
        return self.messages[-1].value


def both(view: View | None, other: View | None) -> View | None:
    """Both in one; neither is changed, and mostly one of them has all of the other."""
    if view is None or other is None or view is other:
        return view if other is None else other
    for key, stamp in other.items():
        if view.get(key, 0) < stamp:
            return joined(view, other)
    return view


def joined(view: View, other: View) -> View:
    """Both in a new one."""
    found = dict(view)
    join(found, other)
    return found


def join(view: View, other: View) -> None:
    """Know what the other knows as well."""
    for key, stamp in other.items():
        if view.get(key, 0) < stamp:
            view[key] = stamp


class Views:
    """What one thread knows."""

    __slots__ = (
        "acquired", "barrier", "coherent", "pointers", "reads", "released", "settled", "settled_read", "settled_seen",
        "settled_unlocked", "settled_written", "steps", "thread", "unlocked", "writes", "written",
    )  # fmt: skip

    def __init__(self, thread: int) -> None:
        self.thread = thread
        self.steps = 0
        self.reads: View = {}
        """For its reads: what comes before them for certain."""
        self.writes: View = {}
        """The same for its writes."""
        self.acquired: View = {}
        """What its reads have seen so far, which counts for other reads after a read barrier only."""
        self.coherent: View = {}
        """The newest message of each location that it has read or written itself."""
        self.written: View = {}
        """Its own writes, which count for who reads a later one after a write barrier only."""
        self.barrier: View | None = None
        """What was known at the last full barrier, so that what it has released is known to be in the rest."""
        self.released: View = {}
        """What goes with its writes that are not releases. Never changed in place: messages have it as well."""
        self.settled: View | None = None
        """What a full barrier, its own or one that it knows of, has brought to everybody before its next write.

        So it goes with that write, though that is no release: a full barrier is over for all CPUs before whatever
        comes after it in time. Never changed in place, like the four that follow; None as long as there is nothing.
        """
        self.settled_seen: View | None = None
        """What its reads have seen of that so far."""
        self.settled_read: View | None = None
        """What of that came before its next read for certain."""
        self.settled_written: View | None = None
        """What of that came before its releases."""
        self.settled_unlocked: View | None = None
        """What of that came before its last unlock."""
        self.unlocked: View = {}
        """What came before its last unlock, of whichever lock."""
        self.pointers: dict[int, View] = {}
        """By object: what was known to whom it read a pointer to that object from."""

    def everything(self) -> View:
        """All that it has seen and done."""
        view = dict(self.reads)
        for other in (self.writes, self.acquired, self.coherent):
            if other:
                join(view, other)
        if self.released is not self.barrier:
            join(view, self.released)
        view[self.thread] = self.steps
        return view

    def know(self, view: View) -> None:
        """Acquire: nothing that follows happens before what the view has."""
        join(self.reads, view)
        join(self.writes, view)
        join(self.acquired, view)

    def know_all(self, view: View) -> None:
        """A full barrier at which the view is known: later writes carry it along."""
        self.reads = dict(view)
        self.writes = dict(view)
        self.released = self.barrier = view
        # All of this is in the view already.
        self.acquired = {}
        self.coherent = {}
        self.written = {}
        self.settled = view
        self.settled_seen = self.settled_read = self.settled_written = self.settled_unlocked = None

    def settle(self, view: View | None) -> None:
        """A full barrier of somebody came before its next write."""
        if view is not None and view is not self.settled:
            self.settled = both(self.settled, view)
            self.released = both(self.released, view) or {}

    def read_barrier(self) -> None:
        """smp_rmb()."""
        join(self.reads, self.acquired)
        self.settled_read = self.settled_seen

    def write_barrier(self) -> None:
        """smp_wmb(): its own writes, not what it has read."""
        self.released = self.released | self.written | {self.thread: self.steps}
        self.settle(self.settled_written)

    def released_settled(self) -> View | None:
        """What of it goes with a release."""
        self.settled_written = both(self.settled, self.settled_seen)
        return self.settled_written

    def lock_taken(self, view: View, settled: View | None) -> None:
        """A lock: acquire, and what was done under it before is seen before what is written from now on.

        So is what came before an unlock by the same thread, of this lock or another: ddfe12944e84 ("tools/memory-model:
        Provide extra ordering for unlock+lock pair on the same CPU") in v5.17.
        """
        released = dict(self.released)
        for known in (view, self.unlocked):
            self.know(known)
            join(released, known)
        self.released = released
        self.settle(settled)
        self.settle(self.settled_unlocked)


class Memory:
    """Sequential consistency: one value a location, which everybody sees at once."""

    name = SC
    buffers = False
    """Writes wait in a buffer of their thread."""
    orders_full = False
    """Full barriers take part in one order, so that two of them do not commute."""

    def __init__(self, choose: Choose, *, dependent_writes: bool = True) -> None:
        self.choose = choose
        self.dependent_writes = dependent_writes
        """Every write comes after all reads before it, as if it depended on them; else only as `after` says."""
        self.fence_view: View = {}

    def load(self, views: Views, cell: Cell, order: Order, after: View | None = None) -> tuple[Message, int]:
        """What a read sees, and how many newer messages it missed."""
        message = cell.messages[-1]
        self._seen(views, cell, message, order)
        return message, 0

    def _seen(self, views: Views, cell: Cell, message: Message, order: Order) -> None:
        """A read has seen a message."""
        view = message.view
        if message.stamp:
            stamp = message.stamp
            for known in (views.coherent, views.acquired):
                if known.get(cell, 0) < stamp:
                    known[cell] = stamp
        if view:
            join(views.acquired, view)
        if self.orders_full:
            self._settle(views, message.settled, order)
        if order == "acquire":
            if message.stamp:
                view = view | {cell: message.stamp}
            views.know(view)
        elif self.dependent_writes:
            if message.stamp and views.writes.get(cell, 0) < message.stamp:
                views.writes[cell] = message.stamp
            if view:
                join(views.writes, view)

    def _settle(self, views: Views, settled: View | None, order: Order) -> None:
        """A read has seen what was written after a full barrier."""
        if settled is not None and settled is not views.settled:
            views.settled_seen = both(views.settled_seen, settled)
            if order == "acquire" or self.dependent_writes:
                views.settle(settled)
        if order == "acquire":
            views.settle(views.settled_read)

    def store(
        self,
        views: Views,
        cell: Cell,
        value: Any,
        order: Order,
        event: int,
        after: View | None = None,
        settled: View | None = None,
    ) -> tuple[Message, int]:
        """A write; how many messages count as later. It depends on reads that came after a view, and after barriers."""
        message = self._message(views, cell, cell.messages[-1].stamp + 1, value, order, event, None)
        cell.messages[-1] = message
        if cell.keep is not None:
            cell.keep(value)
        return message, 0

    def _message(
        self,
        views: Views,
        cell: Cell,
        stamp: float,
        value: Any,
        order: Order,
        event: int,
        settled: View | None,
    ) -> Message:
        """A thread's write, with what goes with it."""
        if order == "release":
            view, known = views.everything(), views.released_settled()
        else:
            view, known = views.released, views.settled
        if settled is not None:
            view, known = both(view, settled) or {}, both(known, settled)
        views.coherent[cell] = views.written[cell] = stamp
        return Message(stamp, value, view, event, settled=known)

    def rmw(
        self, views: Views, cell: Cell, change: Callable[[Any], Any], order: Order, event: int
    ) -> tuple[Message, Message | None]:
        """An atomic change of the newest value: what was read, and what was written.

        `change` returns `KEEP` where nothing is written; nothing is ordered then.
        """
        old = cell.messages[-1]
        value = change(old.value)
        if value is KEEP:
            self._seen(views, cell, old, "")
            return old, None
        if order == "full":
            return old, self._full_rmw(views, cell, old, value, event)
        self._seen(views, cell, old, "acquire" if order == "acquire" else "")
        view, settled = views.released, views.settled
        if order == "release":
            view, settled = views.everything(), views.released_settled()
        if old.view:
            view = joined(view, old.view)
        views.coherent[cell] = views.written[cell] = old.stamp + 1
        return old, self._attach(cell, old, value, view, event, both(settled, old.settled))

    def _full_rmw(self, views: Views, cell: Cell, old: Message, value: Any, event: int) -> Message:
        """An atomic change with a full barrier on either side: who reads it with acquire knows all that was known."""
        view = views.everything()
        join(view, self.fence_view)
        join(view, old.view)
        view[cell] = old.stamp + 1
        self.fence_view = view
        views.know_all(view)
        return self._attach(cell, old, value, view, event, view)

    def _attach(
        self, cell: Cell, old: Message, value: Any, view: View, event: int, settled: View | None
    ) -> Message:
        """The message of an atomic change, right after the one that it changed."""
        message = Message(old.stamp + 1, value, view, event, settled=settled, attached=True)
        self._append(cell, message)
        if cell.keep is not None:
            cell.keep(value)
        return message

    def _append(self, cell: Cell, message: Message) -> None:
        cell.messages[-1] = message

    def full_barrier(self, views: Views) -> None:
        """smp_mb(): one after the other, each knows what those before it knew."""
        view = views.everything()
        join(view, self.fence_view)
        self.fence_view = view
        views.know_all(view)


class StoreBuffers(Memory):
    """x86: a thread's writes wait in a buffer, first in, first out, which it reads from itself."""

    name = TSO
    buffers = True

    def place(self, cell: Cell, message: Message) -> None:
        """A write leaves the buffer and is everybody's."""
        message.stamp = cell.messages[-1].stamp + 1
        cell.messages[-1] = message
        if cell.keep is not None:
            cell.keep(message.value)


class Weak(Memory):
    """Reads may see old messages, and writes may take a place before others, as far as views allow."""

    name = WEAK
    orders_full = True

    def load(self, views: Views, cell: Cell, order: Order, after: View | None = None) -> tuple[Message, int]:
        """What a read sees, and how many newer messages it missed."""
        messages = cell.messages
        missed = 0
        if len(messages) > 1:
            oldest = max(views.reads.get(cell, 0), views.coherent.get(cell, 0))
            pointed = views.pointers.get(id(cell.owner))
            if pointed is not None:
                oldest = max(oldest, pointed.get(cell, 0))
            if after is not None:
                oldest = max(oldest, after.get(cell, 0))
            choices = 1
            while choices < len(messages) and messages[-choices - 1].stamp >= oldest:
                choices += 1
            missed = self.choose(choices) if choices > 1 else 0
        message = messages[-1 - missed]
        self._seen(views, cell, message, order)
        return message, missed

    def store(
        self,
        views: Views,
        cell: Cell,
        value: Any,
        order: Order,
        event: int,
        after: View | None = None,
        settled: View | None = None,
    ) -> tuple[Message, int]:
        """A write; how many messages count as later."""
        messages = cell.messages
        overtaken = 0
        if len(messages) > 1:
            oldest = max(views.writes.get(cell, 0), views.coherent.get(cell, 0))
            if after is not None:
                oldest = max(oldest, after.get(cell, 0))
            overtaken = self._place(messages, oldest)
        at = len(messages) - overtaken
        below = messages[at - 1].stamp
        stamp = (below + messages[at].stamp) / 2 if overtaken else below + 1
        message = self._message(views, cell, stamp, value, order, event, settled)
        messages.insert(at, message)
        if not overtaken and cell.keep is not None:
            cell.keep(value)
        return message, overtaken

    def _place(self, messages: list[Message], oldest: float) -> int:
        """How many messages a write comes before: none that the view has, and never inside an atomic change."""
        places = [0]
        for later in range(1, len(messages)):
            if messages[-later - 1].stamp < oldest:
                break
            if not messages[-later].attached:
                places.append(later)
        return places[self.choose(len(places))] if len(places) > 1 else 0

    def _append(self, cell: Cell, message: Message) -> None:
        cell.messages.append(message)


class _Keep:
    """Stands for: no change."""

    __slots__ = ()


KEEP = _Keep()
"""What a change of an atomic access returns when it writes nothing."""


def memory_model(name: str, choose: Choose, *, dependent_writes: bool = True) -> Memory:
    """The model of a name, one of `MODELS`."""
    kind = {SC: Memory, TSO: StoreBuffers, WEAK: Weak}[name]
    return kind(choose, dependent_writes=dependent_writes)
