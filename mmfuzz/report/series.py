"""A run on several kernels, one after the other: while it goes on, and as a table at its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from mmfuzz.campaign.settings import Began, Died, Ended, Found, Progress, SeriesEvent, Summary
from mmfuzz.report.progress import (
    PLAIN_SECONDS,
    PlainDisplay,
    block,
    died_line,
    failures,
    found_text,
    progress_line,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.table import Table

LINES_BELOW = 12
"""Lines of a terminal that are not the table's: the title, the figures of the kernel at hand, room for failures."""


class SeriesDisplay(Protocol):
    """Shows the events of a series while it is entered."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __call__(self, event: SeriesEvent) -> None:
        """Show one event."""


def series_display(title: str, *, to_stderr: bool) -> SeriesDisplay:
    """The display that suits standard output, or standard error where the output is for a program."""
    stream = sys.stderr if to_stderr else sys.stdout
    if stream.isatty():
        from rich.console import Console

        return LiveSeries(title, Console(stderr=to_stderr, highlight=False))
    return PlainSeries(title, lambda line: print(line, file=stream, flush=True))


class PlainSeries(PlainDisplay):
    """A line every few seconds with the kernel that it is about, and each failure in full."""

    def __init__(
        self, title: str, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(title, write, clock)
        self._began = Began("", 0, 0)

    def __call__(self, event: SeriesEvent) -> None:
        """Write the event's line, unless the last progress line is too fresh."""
        if isinstance(event, Found):
            self._write(f"\nkernel {event.kernel}\n{found_text(event)}\n")
        elif isinstance(event, Died):
            self._write(died_line(event))
        elif isinstance(event, Began):
            self._began = event
        elif isinstance(event, Progress) and self._clock() >= self._next:
            self._next = self._clock() + PLAIN_SECONDS
            self._write(f"{_which(self._began)}: {progress_line(event)}")


class LiveSeries:
    """The table as it fills, at the bottom of the terminal; failures scroll above it."""

    def __init__(self, title: str, console: Console) -> None:
        from rich.live import Live

        self._title = title
        self._console = console
        self._live: Live = Live(console=console, transient=True, refresh_per_second=8)
        self._done: list[Summary] = []
        self._began = Began("", 0, 0)

    def __enter__(self) -> Self:
        self._console.print(self._title, markup=False)
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: SeriesEvent) -> None:
        """Show the event."""
        if isinstance(event, Found):
            text = f"\nkernel {event.kernel}\n{found_text(event)}\n"
            self._console.print(text, markup=False, soft_wrap=True)
        elif isinstance(event, Died):
            self._console.print(died_line(event), markup=False, soft_wrap=True)
        elif isinstance(event, Began):
            self._began = event
        elif isinstance(event, Ended):
            self._done.append(event.summary)
        else:
            self._live.update(self._whole(event))

    def _whole(self, event: Progress) -> RenderableType:
        """The kernels that are done, as many of the newest as fit; then the one at hand."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        room = max(0, self._console.height - LINES_BELOW)
        done = self._done[-room:] if room else []
        bar = Table.grid(padding=(0, 1))
        width = min(40, max(10, self._console.width - 40))
        share = ProgressBar(self._began.of, len(self._done), width=width)
        bar.add_row(
            f"kernel [bold]{self._began.kernel}[/]", share, f"{self._began.number} of {self._began.of}"
        )
        return Group(*([summary_table(done)] if done else []), bar, block(event))


def summary_table(summaries: Sequence[Summary]) -> Table:
    """One line a kernel."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("kernel", no_wrap=True)
    for heading in ("steps", "steps/s", "programs", "states"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("result", overflow="fold")
    for summary in summaries:
        table.add_row(
            summary.kernel,
            f"{summary.steps:,}",
            f"{summary.steps_per_second:,.0f}",
            f"{summary.programs:,}",
            f"{summary.states:,}",
            _result(summary),
        )
    return table


def closing_lines(summaries: Sequence[Summary], whole: Summary, kernels: int) -> list[str]:
    """The series in one line, and before that where the program of each failure is."""
    lines = [
        f"{found.kernel}: {found.property}, {found.operations} operations: {found.reproducer}"
        for found in whole.failures
    ]
    failing = sum(1 for summary in summaries if summary.failures)
    which = f" on {failing} of them" if failing else ""
    done = f"{len(summaries)} of {kernels} kernels" if len(summaries) < kernels else f"{kernels} kernels"
    lines.append(
        f"{done}: {whole.steps:,} steps in {whole.seconds:.1f} s ({whole.steps_per_second:,.0f} steps/s), "
        f"{failures(len(whole.failures))}{which}{', interrupted' if whole.interrupted else ''}"
    )
    return lines


def _which(began: Began) -> str:
    return f"{began.kernel} ({began.number} of {began.of})"


def _result(summary: Summary) -> str:
    if summary.failures:
        return f"[bold red]{', '.join(found.property for found in summary.failures)}[/]"
    return "interrupted" if summary.interrupted else "[green]ok[/]"
