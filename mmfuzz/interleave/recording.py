"""Takes down the events of an execution, when somebody will want to see them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

from mmfuzz.interleave.memory import Cell, Message
from mmfuzz.interleave.trace import INITIAL, Event

Words = Callable[[Any], str]
"""How a value is called."""

QUIET = ("mmfuzz/interleave/", "mmfuzz/race/", "mmfuzz/litmus/", "kernel/page.py", "kernel/primitives.py")
"""Files whose functions are no kernel routines."""


class Recording:
    """Events in order. Values are put into words at once, as what they name may change."""

    words: Words = str

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._by_step: dict[int, int] = {}
        """Place in `events` of each step of the machine."""
        self._writes: dict[int, int] = {}
        """Place in `events` by the identity of a message, for the messages that are kept below."""
        self._kept: list[Message] = []

    def step(
        self, number: int, thread: int, kind: str, cell: Cell, order: str, *,
        read: Message | None, wrote: Message | None, missed: int, overtaken: int,
    ) -> None:  # fmt: skip
        """One step."""
        place = self._by_step[number] = len(self.events)
        self.events.append(
            Event(
                place,
                thread,
                kind,
                cell.name,
                order,
                read=self.words(read.value) if read is not None else "",
                wrote=self.words(wrote.value) if wrote is not None else "",
                source=self._writes.get(id(read), INITIAL) if read is not None else None,
                missed=missed,
                overtaken=overtaken,
                routine=_routine(),
            )
        )
        if wrote is not None:
            self.wrote(number, wrote)

    def wrote(self, number: int, message: Message) -> None:
        """A message comes from a step."""
        if id(message) not in self._writes:
            place = self._writes[id(message)] = self._by_step[number]
            self._kept.append(message)
            if not self.events[place].wrote:
                self.events[place] = replace(self.events[place], wrote=self.words(message.value))

    def aside(self, thread: int, what: str, note: str = "") -> None:
        """What is no step: a barrier that concerns one thread alone, an operation that begins."""
        kind = "fence" if what else "note"
        self.events.append(Event(len(self.events), thread, kind, what, routine=_routine(), note=note))

    def place(self, number: int) -> int:
        """Number of the event of a step."""
        return self._by_step.get(number, len(self.events) - 1)


def _routine() -> str:
    """The function that did a step: the first one that is none of ours."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename.replace("\\", "/")
        # A comprehension is no routine: what it stands in is.
        if not any(part in path for part in QUIET) and not frame.f_code.co_name.startswith("<"):
            return frame.f_code.co_name
        frame = frame.f_back
    return ""
