"""A failure as text, in four parts: what differed, the program, where it was saved, how to replay it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from mmfuzz.ops import Operation
from mmfuzz.program import format_op


def failure(
    report: str,
    ops: Sequence[Operation],
    step: int | None,
    path: Path | None = None,
    *,
    target: str = "sim",
    kernel: str | None = None,
) -> str:
    """The whole failure; `report` is what differed, `step` the index of the operation that failed.

    `step` is None when everything was done and the release at the end failed.
    """
    parts = [
        report,
        "",
        f"program of {len(ops)} operation{'s' if len(ops) != 1 else ''}:",
        *listing(ops, step),
    ]
    if path is not None:
        parts += ["", f"saved:  {path}", f"replay: {replay_command(path, target=target, kernel=kernel)}"]
    return "\n".join(parts)


def race_failure(report: str, path: Path) -> str:
    """A race that failed: what differed, and how to see its threads."""
    return f"{report}\n\npicture: mmfuzz race {shlex.quote(str(path))}"


def listing(ops: Sequence[Operation], step: int | None) -> list[str]:
    """The operations, one a line and numbered from 1, the failing one marked."""
    width = len(str(len(ops)))
    lines = [
        f"{'->' if index == step else '  '} {index + 1:>{width}}  {format_op(op)}"
        for index, op in enumerate(ops)
    ]
    if step is None:
        lines.append(f"-> {'':>{width}}  (release of everything at the end)")
    return lines


def replay_command(path: Path, *, target: str = "sim", kernel: str | None = None) -> str:
    """The command that runs a saved program again, on another kernel than its header's if one is named."""
    options = "" if target == "sim" else f" --target {target}"
    options += "" if kernel is None else f" --kernel {kernel}"
    return f"mmfuzz replay {shlex.quote(str(path))}{options}"


def race_command(path: Path | None, name: str, *, memory: str, plant: str, schedule: str) -> str:
    """The command that runs one schedule of a race again: that of a file, or one that stands in the command."""
    if path is not None:
        return f"mmfuzz race {shlex.quote(str(path))}"
    options = f" --plant {plant}" if plant else ""
    return f"mmfuzz race {shlex.quote(name)} --memory {memory}{options} --schedule {shlex.quote(schedule)}"
