"""A program on several kernels: the same steps side by side, and what is not the same marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from textwrap import wrap
from typing import NamedTuple

from mmfuzz.profiles import PROFILES
from mmfuzz.report.steps import StepView

COLUMN_MIN = 36
"""Width below which a column is hard to read: kernels then stand one under the other."""

SAME = "|"
DIFFERS = "!"
NO_BREAK = "\xa0"
"""In place of a space where no line may end: a counter stands beside its value."""


class Line(NamedTuple):
    """One line of output."""

    text: str
    differs: bool = False
    """Whether it shows what is not the same on all kernels."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a step shows, on each kernel; None where there is no such thing."""

    cells: tuple[str | None, ...]
    indent: int

    @property
    def differs(self) -> bool:
        """Whether kernels differ in it."""
        return len(set(self.cells)) > 1


def side_by_side(kernels: Sequence[str], walks: Sequence[Sequence[StepView]], width: int) -> Iterator[Line]:
    """The steps of each kernel in a column of its own, or one under the other where `width` is too narrow."""
    rows = list(_rows(walks))
    wide = (width - 3 * (len(kernels) - 1)) // len(kernels)
    if wide < COLUMN_MIN:
        yield from _stacked(kernels, rows)
        return
    longest = max((row.indent + len(cell) for row in rows for cell in row.cells if cell), default=0)
    wide = min(wide, max(longest, COLUMN_MIN))
    yield _columns([f"kernel {kernel}" for kernel in kernels], wide, differs=False)
    yield _columns(["-" * wide] * len(kernels), wide, differs=False)
    for row in rows:
        parts = [_wrapped(cell or "", row.indent, wide) for cell in row.cells]
        for texts in zip_longest(*parts, fillvalue=""):
            yield _columns(texts, wide, differs=row.differs)


def names(kernels: Iterable[str]) -> str:
    """Names of profiles in their order, those that follow each other as the first and the last."""
    every = list(PROFILES)
    wanted = list(kernels)
    if len(wanted) == len(every):
        return f"all {len(every)} kernels"
    runs = []
    for _, group in groupby(enumerate(wanted), lambda pair: every.index(pair[1]) - pair[0]):
        run = [name for _, name in group]
        runs.append(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run))
    return ", ".join(runs)


def _stacked(kernels: Sequence[str], rows: Iterable[Row]) -> Iterator[Line]:
    """What is the same once; what is not, with the kernels that it is on."""
    for row in rows:
        mark = DIFFERS if row.differs else " "
        which: dict[str, list[str]] = {}
        for kernel, cell in zip(kernels, row.cells, strict=True):
            if cell is not None:
                which.setdefault(cell.replace(NO_BREAK, " "), []).append(kernel)
        for cell, those in which.items():
            first, *more = cell.splitlines()
            where = f"  (on {names(those)})" if row.differs else ""
            for text in (first + where, *more):
                yield Line(f"{mark} {' ' * row.indent}{text}", row.differs)


def _columns(texts: Sequence[str], width: int, *, differs: bool) -> Line:
    mark = f" {DIFFERS if differs else SAME} "
    text = mark.join(f"{text:<{width}}" for text in texts)
    return Line(text.replace(NO_BREAK, " ").rstrip(), differs)


def _wrapped(text: str, indent: int, width: int) -> list[str]:
    """The lines of a cell, each no wider than its column, what does not fit on lines of its own."""
    lines = []
    for line in text.splitlines() or [""]:
        inner = indent + len(line) - len(line.lstrip())
        lines += wrap(
            line.strip(),
            width,
            initial_indent=" " * inner,
            subsequent_indent=" " * min(inner + 4, width // 2),
            break_on_hyphens=False,
        ) or [""]
    return lines


# --- from steps to rows -------------------------------------------------------------------------------

Key = tuple[str, ...]
"""What a cell is about, so that it stands beside those of other kernels that are about the same."""

Cells = dict[Key, tuple[str, int]]
"""The text and the indentation of each thing that one step shows on one kernel, in order."""


def _rows(walks: Sequence[Sequence[StepView]]) -> Iterator[Row]:
    """The rows of every step; on a kernel where the program failed before, or ended, a step shows nothing."""
    numbers = dict.fromkeys(step.number for steps in walks for step in steps)
    for number in sorted(numbers, key=lambda number: (number is None, number or 0)):
        at = [next((step for step in steps if step.number == number), None) for steps in walks]
        yield from _rows_of([_cells(step) if step is not None else {} for step in at])


def _rows_of(columns: Sequence[Cells]) -> Iterator[Row]:
    """One row for each thing, but that the counters of a folio on which kernels agree share one."""
    keys = _merged([list(cells) for cells in columns])
    for _, group in groupby(keys, lambda key: key[:2] if key[0] == "counter" else key):
        rows = []
        for key in group:
            indent = next(cells[key][1] for cells in columns if key in cells)
            rows.append(Row(tuple(cells[key][0] if key in cells else None for cells in columns), indent))
        yield from _joined(rows)


def _joined(rows: Sequence[Row]) -> Iterator[Row]:
    """The counters that all kernels have and agree on; those that they do not; those that only some have."""
    agreed: dict[tuple[bool, ...], list[str]] = {}
    others = []
    for row in rows:
        texts = set(row.cells) - {None}
        if len(texts) == 1:
            agreed.setdefault(tuple(cell is not None for cell in row.cells), []).extend(map(str, texts))
        else:
            others.append(row)
    for where in sorted(agreed, reverse=True):
        if not all(where):
            yield from others
            others = []
        text = ", ".join(agreed[where])
        yield Row(tuple(text if is_there else None for is_there in where), rows[0].indent)
    yield from others


def _merged(columns: Sequence[Sequence[Key]]) -> list[Key]:
    """Every key once, each column's in that column's order as far as they agree."""
    merged = list(columns[0])
    for other in columns[1:]:
        both: list[Key] = []
        for _, a, b, c, d in SequenceMatcher(None, merged, other, autojunk=False).get_opcodes():
            both += [*merged[a:b], *other[c:d]]
        merged = list(dict.fromkeys(both))
    first: dict[Key, int] = {}
    for index, key in enumerate(merged):
        first.setdefault(_group(key), index)
    return sorted(merged, key=lambda key: (_ORDER[key[0]], first[_group(key)], _PART.get(key[0], 0)))


_ORDER = {"head": 0, "change": 1, "folio": 2, "counter": 2, "owner": 2, "freed": 3, "violation": 4}
"""The order of what a step shows."""

_PART = {"folio": 0, "counter": 1, "owner": 2}
"""The order of what it shows of one folio."""


def _group(key: Key) -> Key:
    return ("folio", key[1]) if key[0] in _PART else key


def _cells(step: StepView) -> Cells:
    number = f"{step.number:>3}  " if step.number is not None else "     "
    said = f"  (skipped: {step.skipped})" if step.skipped is not None else ""
    cells: Cells = {("head",): (f"{number}{step.text}{f'  = {step.error}' if step.error else ''}{said}", 0)}
    for change in step.changes:
        cells["change", change.partition(": ")[0]] = (change, 7)
    for folio in step.folios:
        cells["folio", folio.name] = (folio.name, 5)
        for name, value in folio.counts.items():
            cells["counter", folio.name, name] = (f"{name} {value}".replace(" ", NO_BREAK), 7)
        for owner in folio.owners:
            cells["owner", folio.name, owner] = (f"- {owner}", 7)
    for name in step.freed:
        cells["freed", name] = (f"{name}: free", 5)
    if step.violation is not None:
        cells["violation",] = (step.violation.report(), 0)
    return cells
