"""`mmfuzz race --litmus`: litmus tests in the kernel's style, explored to the end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmfuzz.cli.output import finish, say
from mmfuzz.errors import UsageError

if TYPE_CHECKING:
    from mmfuzz.litmus import LitmusResult

SUFFIX = ".litmus"
WEAK = "weak"
"""The model that comments of tests are about."""


def litmus(paths: Sequence[Path], memory: str, *, as_json: bool) -> int:
    """Explore tests, or every *.litmus file of whole folders, and say which outcomes there are."""
    from mmfuzz.litmus import read_litmus, run_litmus

    tests = [(path, read_litmus(path)) for path in _files(paths)]
    results = []
    for _, test in tests:
        result = run_litmus(test, memory)
        results.append(result)
        if len(tests) == 1:
            say("\n".join(_details(result)), as_json=as_json)
        else:
            say(_line(result, max(len(test.name) for _, test in tests)), as_json=as_json)
    entries = [result.as_json() for result in results]
    return finish({"litmus": entries}, as_json=as_json)


def _files(paths: Iterable[Path]) -> list[Path]:
    """Files as they are named, and of folders all tests in them, each once."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = [Path(where, name) for where, _, names in os.walk(path) for name in names]
            found.update(dict.fromkeys(sorted(file for file in inside if file.suffix == SUFFIX)))
        elif path.is_file():
            found[path] = None
        else:
            raise UsageError(f"no such file or folder: {str(path)!r}")
    if not found:
        named = f" under {', '.join(map(str, paths))}" if paths else ": name at least one"
        raise UsageError(f"no *{SUFFIX} file{named}")
    return list(found)


def _line(result: LitmusResult, width: int) -> str:
    """A test in one line, with what its comments claim where that is something else."""
    states = _count(len(result.states), "state")
    executions = _count(result.executions, "execution")
    return f"{result.name:<{width}}  {result.exists:<9}  {states:>9}  {executions:>17}{_but(result)}"


def _details(result: LitmusResult) -> list[str]:
    """A test with every state that it can end in, those that its condition describes marked."""
    lines = [f"{result.name}, memory {result.memory}", f"condition: {result.condition}"]
    lines += [f"{'*' if state.matches else ' '} {state}" for state in result.states]
    pruned = f", {result.pruned:,} given up as redundant" if result.pruned else ""
    lines.append(f"{result.exists}, in {_count(result.executions, 'execution')}{pruned}{_but(result)}")
    lines += [f"data race on {location}" for location in result.data_races]
    return lines


def _but(result: LitmusResult) -> str:
    """What else is to be known about a verdict."""
    said = [] if result.complete else ["not explored to the end"]
    if result.deadlocks:
        said.append(f"{result.deadlocks:,} of them come to no end")
    if result.memory == WEAK and result.claimed not in ("", result.exists):
        said.append(f"its comments say {result.claimed}")
    return f" ({'; '.join(said)})" if said else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
