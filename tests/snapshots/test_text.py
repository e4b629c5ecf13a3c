"""What people read, as it stands on an 80-column terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mmfuzz.cli import COMMANDS, cli
from mmfuzz.program import parse
from mmfuzz.report.eras import side_by_side
from mmfuzz.report.failure import failure
from mmfuzz.report.steps import step_text, walk
from mmfuzz.session import run
from mmfuzz.targets import open_target

Snapshot = Callable[[str, str], None]

REFERENCE = "alloc p0 a0 base\nfault p0 a0.0 write\nfork p0 p1\n"
HUGE = "alloc p0 a0 huge\nfault p0 a0 write\nfork p0 p1\nsplit_map p1 a0\npin p0 a0.2 write h0\nexit p1\n"


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help(name: str, snapshot: Snapshot) -> None:
    runner = CliRunner()
    words = [name, "--help"] if name else ["--help"]
    result = runner.invoke(cli, words, prog_name="mmfuzz", terminal_width=80, color=False)
    assert result.exit_code == 0
    snapshot(f"help-{name}" if name else "help", click.unstyle(result.output))


def test_failure_report(snapshot: Snapshot) -> None:
    program = parse(f"mmfuzz 1\n\n{REFERENCE}")
    target = open_target("sim", kernel="6.18", plant="fork-no-ref", frames=64, huge=3, swap=None)
    try:
        outcome = run(program.ops, target)
    finally:
        target.close()
    assert outcome.violation is not None
    path = Path("corpus/identity-0123abcd.mm")
    snapshot("failure", failure(outcome.violation.report(), program.ops, outcome.step, path))


def test_failure_at_the_release_of_everything(snapshot: Snapshot) -> None:
    ops = parse(f"mmfuzz 1\n\n{REFERENCE}").ops
    snapshot("failure-at-release", failure("leak: frame 3 is in use without an owner", ops, None))


def test_show(snapshot: Snapshot) -> None:
    program = parse(f"mmfuzz 1\n\n{HUGE}")
    target = open_target("sim", kernel="6.18", plant=None, frames=64, huge=3, swap=None)
    try:
        text = "\n".join(map(step_text, walk(program.ops, target)))
    finally:
        target.close()
    snapshot("show", text)


FILE = "map p0 a0 memfd0 private\nfault p0 a0.0+2 read\nfault p0 a0.1 write\ntruncate memfd0 1\n"


@pytest.mark.parametrize(
    ("name", "kernel", "pins", "lines"),
    [
        ("file", "6.18", None, FILE),
        ("tails", "2.6.38", None, "alloc p0 a0 huge\nget p0 a0.2+2 write h0\nput h0\n"),
        ("pins", "6.18", "page-bit", "alloc p0 a0 base\npin p0 a0.0 write h0\nunpin h0\n"),
    ],
)
def test_show_of_what_not_every_kernel_has(
    name: str, kernel: str, pins: str | None, lines: str, snapshot: Snapshot
) -> None:
    target = open_target("sim", kernel=kernel, frames=64, pins=pins)
    try:
        text = "\n".join(map(step_text, walk(parse(f"mmfuzz 1\n\n{lines}").ops, target)))
    finally:
        target.close()
    snapshot(f"show-{name}", text)


@pytest.mark.parametrize(("width", "form"), [(80, "columns"), (60, "stacked")])
def test_show_on_two_kernels(width: int, form: str, snapshot: Snapshot) -> None:
    program = parse(f"mmfuzz 1\n\n{HUGE}")
    walks = []
    for kernel in ("5.7", "6.18"):
        target = open_target("sim", kernel=kernel, frames=64)
        walks.append(list(walk(program.ops, target)))
        target.close()
    lines = side_by_side(["5.7", "6.18"], walks, width)
    snapshot(f"show-{form}", "\n".join(line.text for line in lines))
