"""A run while it goes on: plain lines at their time, failures in full, and the block on a terminal."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from mmfuzz import corpus
from mmfuzz.campaign.settings import Found, Progress, Summary
from mmfuzz.ops import OPERATIONS
from mmfuzz.program import Program, parse
from mmfuzz.report.progress import LiveDisplay, PlainDisplay, display, progress_line, summary_line

OPS = parse("mmfuzz 1\n\nalloc p0 a0 base\nfork p0 p1\n").ops
PROGRESS = Progress(
    steps=12345,
    steps_per_second=6789.0,
    programs=99,
    operations={"alloc": 5, "fork": 1, "drain": 0},
    states=321,
    kept=7,
    failures=1,
)


def found(folder: Path) -> Found:
    path = corpus.save(Program(OPS, expect="fail identity"), folder)
    return Found("identity", "refcount is 1", "identity: refcount is 1", path, len(OPS), 500, 1)


def test_plain_lines_come_no_more_often_than_every_five_seconds() -> None:
    lines: list[str] = []
    times = iter([0.0, 1.0, 4.9, 5.0, 5.0, 6.0, 9.9, 10.1, 10.1])
    with PlainDisplay("title", lines.append, lambda: next(times)) as shown:
        for _ in range(6):
            shown(PROGRESS)
    assert lines == ["title", progress_line(PROGRESS), progress_line(PROGRESS)]


def test_failure_is_shown_at_once_and_in_full(tmp_path: Path) -> None:
    lines: list[str] = []
    event = found(tmp_path)
    with PlainDisplay("title", lines.append, lambda: 0.0) as shown:
        shown(event)
    assert "identity: refcount is 1" in lines[1]
    assert "-> 2  fork p0 p1" in lines[1]
    assert lines[1].rstrip().endswith(f"replay: mmfuzz replay {event.reproducer}")


def test_failure_on_linux_is_replayed_there(tmp_path: Path) -> None:
    lines: list[str] = []
    event = replace(found(tmp_path), target="linux")
    with PlainDisplay("title", lines.append, lambda: 0.0) as shown:
        shown(event)
    assert lines[1].rstrip().endswith(f"replay: mmfuzz replay {event.reproducer} --target linux")


def test_lines_say_steps_speed_coverage_and_failures() -> None:
    assert progress_line(PROGRESS) == (
        f"12,345 steps, 6,789 steps/s, 99 programs, 2 of {len(OPERATIONS)} operations, 321 states, 1 failure"
    )
    summary = Summary("sim", "6.18", 1, steps=1000, programs=10, seconds=2.0, interrupted=True)
    assert summary_line(summary, "sim 6.18") == (
        f"sim 6.18: 1,000 steps in 2.0 s (500 steps/s), 10 programs, 0 of {len(OPERATIONS)} operations, 0 states, "
        "no failures, interrupted"
    )


def test_terminal_shows_figures_and_every_operation(tmp_path: Path) -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=100, color_system=None)
    with LiveDisplay("title", console) as shown:
        shown(PROGRESS)
        shown(found(tmp_path))
    output = written.getvalue()
    assert "12,345 steps" in output
    assert "migrate -" in output
    assert "replay: mmfuzz replay" in output


@pytest.mark.parametrize(("is_terminal", "kind"), [(True, LiveDisplay), (False, PlainDisplay)])
def test_display_suits_the_stream(is_terminal: bool, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    assert isinstance(display("title", to_stderr=True), kind)
