"""Races while they are explored, and as a table of scenarios at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mmfuzz.report.progress import PLAIN_SECONDS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.table import Table

    from mmfuzz.planted import Bug
    from mmfuzz.program import Program
    from mmfuzz.race.explore import Result


PLAIN_WIDTH = 100
"""Columns where nobody says how many there are."""


class Watching:
    """Says how far a search is: in one line that changes on a terminal, in a line now and then elsewhere."""

    def __init__(
        self, console: Console, *, clock: Callable[[], float] = time.monotonic, live: bool | None = None
    ) -> None:
        self._console = console
        self._clock = clock
        self._live = console.is_terminal if live is None else live
        self._status: Status | None = None
        self._next = clock() + PLAIN_SECONDS
        self._what = ""

    def __enter__(self) -> Self:
        if self._live:
            self._status = self._console.status("", spinner="line")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def begin(self, what: str) -> None:
        """Another scenario."""
        self._what = what
        if self._status is not None:
            self._status.update(what)

    def __call__(self, executions: int, seconds: float) -> None:
        """So many executions of it so far."""
        text = f"{self._what}: {executions:,} executions, {seconds:.0f} s"
        if self._status is not None:
            self._status.update(text)
        elif self._clock() >= self._next:
            self._next = self._clock() + PLAIN_SECONDS
            self._console.print(text, markup=False, soft_wrap=True)


def console_for(*, to_stderr: bool) -> Console:
    """Standard output, or standard error where the output is for a program."""
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    console = Console(file=stream, highlight=False)
    return console if console.is_terminal else Console(file=stream, highlight=False, width=PLAIN_WIDTH)


def race_table(results: Sequence[Result]) -> Table:
    """One line a scenario."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("scenario", overflow="fold")
    planted = any(result.planted for result in results)
    if planted:
        table.add_column("planted", overflow="fold")
    table.add_column("memory")
    for heading in ("executions", "pruned", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("result", overflow="fold")
    for result in results:
        table.add_row(
            result.name,
            *([result.planted] if planted else []),
            result.memory,
            f"{result.executions:,}",
            f"{result.pruned:,}",
            f"{result.seconds:.1f}",
            verdict(result),
        )
    return table


def verdict(result: Result) -> str:
    """What came of a scenario, with marks for colours."""
    execution = result.minimal or result.found
    if execution is not None:
        switches = execution.switches
        return f"[bold red]{execution.broken}[/], {switches} context switch{'es' if switches != 1 else ''}"
    return "[green]nothing, to the end[/]" if result.complete else "nothing found"


def allowed_lines(results: Iterable[Result]) -> list[str]:
    """Data races that are known and mean no harm, a line for each reason."""
    locations: dict[str, dict[str, None]] = {}
    for result in results:
        for race in result.data_races.values():
            if race.reason:
                locations.setdefault(race.reason, {})[race.cell.rpartition(" ")[2]] = None
    return [f"allowed data race on {', '.join(cells)}: {reason}" for reason, cells in locations.items()]


def catalogue_lines(scenarios: Iterable[tuple[str, Program, Sequence[Bug]]], width: int) -> list[str]:
    """Each scenario with what it is, what its threads are, and the races that can be planted into it."""
    from textwrap import wrap

    lines = []
    for name, program, bugs in scenarios:
        lines.append(name)
        threads = " against ".join(thread.name for thread in program.threads)
        memory = f", memory {program.memory}" if program.memory else ""
        said = [program.note, f"kernel {program.kernel}{memory}; threads: {threads}"]
        if bugs:
            said.append(f"--plant {', '.join(bug.name for bug in bugs)}")
        for text in filter(None, said):
            lines += wrap(text, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return lines
