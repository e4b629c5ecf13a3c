"""Long lists made short: 512 pages that are alike, or that count on, as one line or one run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

_NUMBER = re.compile(r"(?<![pah0-9])([0-9]+)")
"""Splits a line into text and, at odd places, numbers; slots such as `p0` are names, not numbers."""


def folded(lines: Iterable[str]) -> Iterator[str]:
    """Lines that count on together as one: `a0.0: frame 8`, `a0.1: frame 9` as `a0.0..1: frame 8..9`."""
    run: list[list[str]] = []
    for line in lines:
        parts = _NUMBER.split(line)
        if run and not _counts_on(run, parts):
            yield _fold(run)
            run = []
        run.append(parts)
    if run:
        yield _fold(run)


def _counts_on(run: list[list[str]], parts: list[str]) -> bool:
    first = run[0]
    if first[::2] != parts[::2]:
        return False
    steps = [int(b) - int(a) for a, b in zip(first[1::2], parts[1::2], strict=True)]
    known = [int(b) - int(a) for a, b in zip(first[1::2], run[-1][1::2], strict=True)]
    if len(run) == 1:
        return set(steps) in ({0, 1}, {1})
    return all(step == (before and len(run)) for step, before in zip(steps, known, strict=True))


def _fold(run: list[list[str]]) -> str:
    return "".join(a if a == b else f"{a}..{b}" for a, b in zip(run[0], run[-1], strict=True))


def alike(lines: Iterable[str]) -> Iterator[str]:
    """The same lines, those that differ in numbers only beside each other."""
    groups: dict[str, list[str]] = {}
    for line in lines:
        groups.setdefault(_NUMBER.sub("", line), []).append(line)
    for group in groups.values():
        yield from group


def runs(values: Sequence[object]) -> list[str]:
    """A list by runs of equal values: `1`, `510 x 0`, `1`."""
    lengths = [(value, len(list(group))) for value, group in groupby(values)]
    return [f"{length} x {value}" if length > 1 else str(value) for value, length in lengths]
