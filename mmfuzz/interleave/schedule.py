"""Schedules: who does the next step, and what a step that could see several things sees. Data, with a short text form.

`a12b4a^1` reads: thread a does twelve steps, b four, then a one that takes choice 1 (counting from 0, the newest value,
or the last place in the order of writes). A run may have a choice in its middle: `a3^1a2`. A capital letter is the
store buffer of its thread, under `tso`: `A2` brings its two oldest writes to memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from mmfuzz.errors import UsageError

THREADS_MAX = 26
MOVES_MAX = 1_000_000
"""Moves of a schedule that is read at most: no execution that a person would look at has as many."""


class ScheduleError(UsageError):
    """A text that is no schedule; `column` counts from 1 within it."""

    def __init__(self, text: str, column: int, problem: str) -> None:
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        super().__init__(f"schedule {shown!r}, column {column}: {problem}")
        self.column = column
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Move:
    """One step: of a thread, or of the store buffer of one."""

    thread: int
    flush: bool = False
    choice: int = 0

    @property
    def letter(self) -> str:
        """How a schedule calls the one that moves."""
        return chr((65 if self.flush else 97) + self.thread)


@dataclass(frozen=True, slots=True)
class Schedule:
    """All moves of an execution, in order."""

    moves: tuple[Move, ...] = ()

    @property
    def switches(self) -> int:
        """How often another thread goes on than the one before; what store buffers do is no thread's going on."""
        threads = [move.thread for move in self.moves if not move.flush]
        return sum(one != other for one, other in pairwise(threads))

    def __str__(self) -> str:
        words: list[str] = []
        letter, count = "", 0
        for move in self.moves:
            if move.letter != letter and count:
                words.append(f"{letter}{count if count > 1 else ''}")
                count = 0
            letter = move.letter
            count += 1
            if move.choice:
                words.append(f"{letter}{count if count > 1 else ''}^{move.choice}")
                count = 0
        if count:
            words.append(f"{letter}{count if count > 1 else ''}")
        return "".join(words)

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """The schedule that a text stands for; anything else is a `ScheduleError`, a `UsageError` that says where."""
        moves: list[Move] = []
        place = 0
        while place < len(text):
            match = _RUN.match(text, place)
            if match is None:
                raise ScheduleError(
                    text,
                    place + 1,
                    f"{text[place]!r} is no thread: a schedule is letters with counts, such as a12b4a^1",
                )
            moves += _run(text, match)
            if len(moves) > MOVES_MAX:
                raise ScheduleError(text, place + 1, f"more than {MOVES_MAX} moves up to here")
            place = match.end()
        return cls(tuple(moves))


_RUN = re.compile(r"([A-Za-z])(\d{0,6})(?:\^(\d{1,4}))?")


def _run(text: str, match: re.Match[str]) -> list[Move]:
    letter, digits, choice = match.groups()
    count = int(digits) if digits else 1
    if not count:
        raise ScheduleError(text, match.start() + 1, "a run of 0 steps")
    flush, thread = letter.isupper(), ord(letter.lower()) - 97
    last = Move(thread, flush, int(choice) if choice else 0)
    return [Move(thread, flush)] * (count - 1) + [last]
