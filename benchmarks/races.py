"""Executions of each protocol, reduced and not: `python benchmarks/races.py [--memory MODEL] [NAME…]`.

Every complete protocol is explored to its end with partial-order reduction, and by plain depth-first enumeration in the
same run until that has ended, or has done so many times more that it is plain enough. Of the three with the most
executions the plain way must need at least twenty times as many.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import click
from rich.console import Console
from rich.table import Table

from mmfuzz.interleave.memory import MODELS
from mmfuzz.race.explore import EXHAUSTIVE, Settings, explore
from mmfuzz.race.scenarios import scenario, scenarios

BOUND = 20


@dataclass(frozen=True)
class Row:
    """What one protocol took."""

    name: str
    executions: int
    pruned: int
    per_second: float
    steps: float
    plain: int
    all_of_them: bool

    @property
    def times(self) -> float:
        """How many times as many executions the plain way took, so far."""
        return self.plain / self.executions


def measure(name: str, memory: str | None) -> Row:
    """Both ways, one after the other."""
    program = scenario(name)
    reduced = explore(name, program, Settings(memory=memory, strategy=EXHAUSTIVE))
    if reduced.found is not None or not reduced.complete:
        raise SystemExit(f"{name}: {(reduced.found and reduced.found.failed) or 'not explored to its end'}")
    limit = BOUND * reduced.executions + 1
    plain = explore(
        name, program, Settings(memory=memory, strategy=EXHAUSTIVE, reduce=False, executions=limit)
    )
    return Row(
        name,
        reduced.executions,
        reduced.pruned,
        reduced.executions / reduced.seconds,
        reduced.steps / reduced.executions,
        plain.executions,
        plain.complete,
    )


@click.command()
@click.option("--memory", type=click.Choice(MODELS), help="In place of each protocol's own.")
@click.argument("names", nargs=-1)
def main(memory: str | None, names: tuple[str, ...]) -> None:
    """Print a row a protocol, largest last; the exit code is 1 when the bound does not hold."""
    rows = [measure(name, memory) for name in names or scenarios()]
    rows.sort(key=lambda row: row.executions)
    table = Table("protocol", "memory", "executions", "pruned", "steps each", "a second", "plain", "times")
    for row in rows:
        plain = f"{row.plain:,}" if row.all_of_them else f"{row.plain:,} and more"
        table.add_row(
            row.name, memory or scenario(row.name).memory, f"{row.executions:,}", f"{row.pruned:,}", f"{row.steps:.0f}",
            f"{row.per_second:,.0f}", plain, f"{row.times:,.0f}{'' if row.all_of_them else '+'}",
        )  # fmt: skip
    Console(width=140).print(table)
    held = all(row.times >= BOUND for row in rows[-3:])
    print(
        f"the three largest: {', '.join(row.name for row in rows[-3:])}: {'at least' if held else 'NOT'} {BOUND} times"
    )
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
