"""Executions of each protocol, reduced and not: `python benchmarks/races.py [NAME…]`.

Every complete protocol is explored to its end with partial-order reduction, and by plain depth-first enumeration in the
same run until that has ended, or has done so many times more that it is plain enough. Of the three with the most
executions the plain way must need at least twenty times as many.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

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


def measure(name: str) -> Row:
    """Both ways, one after the other."""
    program = scenario(name)
    reduced = explore(name, program, Settings(strategy=EXHAUSTIVE))
    if reduced.found is not None or not reduced.complete:
        raise SystemExit(f"{name}: {(reduced.found and reduced.found.failed) or 'not explored to its end'}")
    limit = BOUND * reduced.executions + 1
    plain = explore(name, program, Settings(strategy=EXHAUSTIVE, reduce=False, executions=limit))
    return Row(
        name,
        reduced.executions,
        reduced.pruned,
        reduced.executions / reduced.seconds,
        reduced.steps / reduced.executions,
        plain.executions,
        plain.complete,
    )


def main() -> int:
    """Print a row a protocol, largest last; 1 when the bound does not hold."""
    rows = sorted((measure(name) for name in sys.argv[1:] or scenarios()), key=lambda row: row.executions)
    table = Table("protocol", "memory", "executions", "pruned", "steps each", "a second", "plain", "times")
    for row in rows:
        plain = f"{row.plain:,}" if row.all_of_them else f"{row.plain:,} and more"
        table.add_row(
            row.name, scenario(row.name).memory, f"{row.executions:,}", f"{row.pruned:,}", f"{row.steps:.0f}",
            f"{row.per_second:,.0f}", plain, f"{row.times:,.0f}{'' if row.all_of_them else '+'}",
        )  # fmt: skip
    Console().print(table)
    held = all(row.times >= BOUND for row in rows[-3:])
    print(
        f"the three largest: {', '.join(row.name for row in rows[-3:])}: {'at least' if held else 'NOT'} {BOUND} times"
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
