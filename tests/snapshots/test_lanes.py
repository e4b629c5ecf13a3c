"""Pictures of executions, as they stand on a terminal that is not one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmfuzz.interleave.trace import Execution
from mmfuzz.report.lanes import Picture
from mmfuzz.report.lanes_text import picture_lines
from tests.snapshots.executions import message_passing, store_buffer, three_threads

Snapshot = Callable[[str, str], None]

EXPECTED = Path(__file__).parent / "expected"
ROOT = Path(__file__).parents[2]


def text(picture: Picture, width: int = 100) -> str:
    lines = [line.plain for line in picture_lines(picture, width)]
    assert max(map(len, lines)) <= width
    return "\n".join(lines)


@pytest.mark.parametrize("width", [100, 70])
def test_failure_under_weak_memory(width: int, snapshot: Snapshot) -> None:
    picture = Picture(
        message_passing(), "publish, with no-barrier planted", "weak", "mmfuzz race found/contents-1.mm"
    )
    snapshot(f"race-weak-{width}", text(picture, width))


def test_everything_is_shown_where_it_is_asked_for(snapshot: Snapshot) -> None:
    picture = Picture(message_passing(barrier=True), "publish", "weak", everything=True)
    assert not picture.folded
    snapshot("race-all", text(picture))


@pytest.mark.parametrize(
    ("execution", "memory"), [(store_buffer(), "tso"), (three_threads(), "weak")], ids=["buffers", "three"]
)
def test_picture(
    execution: Execution, memory: str, snapshot: Snapshot, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    snapshot(f"race-{name}", text(Picture(execution, name, memory)))


def test_documentation_explains_the_picture_as_it_is() -> None:
    shown = (EXPECTED / "race-weak-100.txt").read_text(encoding="utf-8")
    assert shown in (ROOT / "docs" / "races.md").read_text(encoding="utf-8")
