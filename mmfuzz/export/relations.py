"""Who read from whom in an execution, and which of that passed between threads."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mmfuzz.interleave.trace import INITIAL, Event


class Relations:
    """The order of writes of each location, and the accesses by which threads have to do with each other.

    These are reads of another thread's write, reads of what another thread writes over, and writes next to one of
    another thread in the order of writes. What a thread does with a location otherwise, nobody else can tell.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self.writes = _orders_of_writes(events)
        """By location: the numbers of events that wrote it, first to last."""
        self._kept: set[int] = set()
        for cell, order in self.writes.items():
            self._keep_writes(order)
            for event in events:
                if event.cell == cell and event.source is not None:
                    self._keep_read(event, order)
        self._keep_sources()
        self.order = {
            cell: [number for number in order if number in self._kept] for cell, order in self.writes.items()
        }
        """The same of those that are kept."""

    def _keep_writes(self, order: Sequence[int]) -> None:
        for one, other in pairwise(order):
            if self._events[one].thread != self._events[other].thread:
                self._kept |= {one, other}

    def _keep_read(self, event: Event, order: Sequence[int]) -> None:
        assert event.source is not None
        if event.source != INITIAL and self._events[event.source].thread != event.thread:
            self._kept |= {event.number, event.source}
        later = order if event.source == INITIAL else order[order.index(event.source) + 1 :]
        over = next((number for number in later if self._events[number].thread != event.thread), None)
        if over is not None:
            self._kept |= {event.number, over}

    def _keep_sources(self) -> None:
        """What is read by an access that is kept is kept, even if it is the thread's own."""
        while True:
            sources = {self._events[number].source for number in self._kept}
            found = {source for source in sources if source is not None and source != INITIAL} - self._kept
            if not found:
                return
            self._kept |= found

    def __contains__(self, event: Event) -> bool:
        return event.number in self._kept

    def value(self, cell: str, write: int | None) -> int:
        """What stands for a write in a test: its place in the order of those that are kept, and 0 for none of them."""
        return 0 if write is None or write == INITIAL else self.order[cell].index(write) + 1


def _orders_of_writes(events: Sequence[Event]) -> dict[str, list[int]]:
    """The numbers of the events that wrote each location, in the order of writes.

    Under `tso` a write takes its place when it leaves its buffer; those that never did come last.
    """
    found: dict[str, list[int]] = {}
    waiting: dict[int, list[int]] = {}
    buffers = any(event.kind == "flush" for event in events)
    for event in events:
        if event.kind == "flush":
            store = waiting[event.thread].pop(0)
            found.setdefault(events[store].cell, []).append(store)
        elif event.kind == "store" and buffers:
            waiting.setdefault(event.thread, []).append(event.number)
        elif event.kind == "store" or (event.kind == "rmw" and event.wrote):
            order = found.setdefault(event.cell, [])
            order.insert(len(order) - event.overtaken, event.number)
    for stores in waiting.values():
        for store in stores:
            found.setdefault(events[store].cell, []).append(store)
    return found
