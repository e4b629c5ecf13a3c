"""A run while it goes on: a display that moves on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from mmfuzz.campaign.settings import Died, Event, Found, Progress, Summary
from mmfuzz.corpus import load
from mmfuzz.ops import NAMES
from mmfuzz.report.failure import failure

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

PLAIN_SECONDS = 5.0
"""Time between two plain lines: a log of a night stays readable."""


class Display(Protocol):
    """Shows events while it is entered."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __call__(self, event: Event) -> None:
        """Show one event."""


def display(title: str, *, to_stderr: bool) -> Display:
    """The display that suits standard output, or standard error where the output is for a program."""
    stream = sys.stderr if to_stderr else sys.stdout
    if stream.isatty():
        from rich.console import Console

        return LiveDisplay(title, Console(stderr=to_stderr, highlight=False))
    return PlainDisplay(title, lambda line: print(line, file=stream, flush=True))


class PlainDisplay:
    """A line at the start and every few seconds, and each failure in full."""

    def __init__(
        self, title: str, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._title = title
        self._write = write
        self._clock = clock
        self._next = 0.0

    def __enter__(self) -> Self:
        self._write(self._title)
        self._next = self._clock() + PLAIN_SECONDS
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def __call__(self, event: Event) -> None:
        """Write the event's line, unless the last progress line is too fresh."""
        if isinstance(event, Found):
            self._write(f"\n{found_text(event)}\n")
        elif isinstance(event, Died):
            self._write(died_line(event))
        elif self._clock() >= self._next:
            self._next = self._clock() + PLAIN_SECONDS
            self._write(progress_line(event))


class LiveDisplay:
    """A block at the bottom of the terminal; failures scroll above it."""

    def __init__(self, title: str, console: Console) -> None:
        from rich.live import Live

        self._title = title
        self._console = console
        self._live: Live = Live(console=self._console, transient=True, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._console.print(self._title, markup=False)
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Show the event."""
        if isinstance(event, Found):
            self._console.print(f"\n{found_text(event)}\n", markup=False, soft_wrap=True)
        elif isinstance(event, Died):
            self._console.print(died_line(event), markup=False, soft_wrap=True)
        else:
            self._live.update(block(event))


def progress_line(event: Progress) -> str:
    """How far a run is, in one line."""
    return (
        f"{event.steps:,} steps, {event.steps_per_second:,.0f} steps/s, {event.programs:,} programs, "
        f"{kinds(event.operations)} operations, {event.states:,} states, {failures(event.failures)}"
    )


def summary_line(summary: Summary, what: str) -> str:
    """The whole run in one line."""
    ended = ", interrupted" if summary.interrupted else ""
    speed = f"{summary.seconds:.1f} s ({summary.steps_per_second:,.0f} steps/s)"
    return (
        f"{what}: {summary.steps:,} steps in {speed}, "
        f"{summary.programs:,} programs, {kinds(summary.operations)} operations, {summary.states:,} states, "
        f"{failures(len(summary.failures))}{ended}"
    )


def died_line(died: Died) -> str:
    """Where the program is that an earlier run did not live to finish."""
    operations = f"{died.operations} operation{'s' if died.operations != 1 else ''}"
    return f"an earlier run died, doing the last of {operations}: saved {died.path}"


def found_text(found: Found) -> str:
    """A failure in four parts."""
    ops = load(found.reproducer).ops
    return failure(found.report, ops, found.step, found.reproducer, target=found.target)


def kinds(operations: Mapping[str, int]) -> str:
    """How many kinds of operations were done, of how many."""
    return f"{sum(1 for times in operations.values() if times)} of {len(NAMES)}"


def failures(count: int) -> str:
    """A count of failures with its noun."""
    return f"{count or 'no'} failure{'s' if count != 1 else ''}"


def block(event: Progress) -> Table:
    """Figures, and below them how often each operation was done."""
    from rich.table import Table

    figures = {
        "steps": f"{event.steps:,}",
        "steps/s": f"{event.steps_per_second:,.0f}",
        "programs": f"{event.programs:,}",
        "states": f"{event.states:,}",
        "kept": f"{event.kept:,}",
        "failures": f"{event.failures}",
    }
    whole = Table.grid(padding=(0, 1))
    top = Table.grid(padding=(0, 3))
    top.add_row(*(f"[bold]{value}[/] {name}" for name, value in figures.items()))
    whole.add_row(top)
    columns = max(1, min(shutil.get_terminal_size().columns, 110) // 22)
    below = Table.grid(padding=(0, 2))
    cells = [
        f"{name} [bold]{event.operations[name]:,}[/]" if event.operations.get(name) else f"[dim]{name} -[/]"
        for name in NAMES.values()
    ]
    for start in range(0, len(cells), columns):
        below.add_row(*cells[start : start + columns])
    whole.add_row(below)
    return whole
