"""A campaign on one kernel after the other: what is told, what is added up, what each takes from the corpus."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from mmfuzz import corpus
from mmfuzz.campaign.driver import Campaign, Interrupted
from mmfuzz.campaign.series import Series, total
from mmfuzz.campaign.settings import (
    Began,
    Ended,
    Found,
    Listener,
    Progress,
    SeriesEvent,
    Settings,
    Summary,
)
from mmfuzz.program import Program, parse
from mmfuzz.report.series import LiveSeries, PlainSeries, closing_lines, summary_table

KERNELS = ("5.7", "5.8", "6.18")
MTHP = parse("mmfuzz 1\n\nalloc p0 a0 order2\nfault p0 a0.0 write\nmigrate p0 a0.0\n").ops
PROGRESS = Progress(1234, 500.0, 9, {"alloc": 5}, 32, 7, 0)


def summary(kernel: str, *failures: Found, steps: int = 2000, interrupted: bool = False) -> Summary:
    return Summary("sim", kernel, 1, steps, 80, 0.5, {"alloc": 9}, 190, 30, list(failures), interrupted)


def found(folder: Path, kernel: str) -> Found:
    path = corpus.save(Program(MTHP, kernel=kernel, expect="fail identity"), folder)
    return Found("identity", "off by one", "identity: off by one", path, 3, 500, 1, "sim", kernel)


def test_series_tells_the_beginning_and_the_end_of_each_kernel(tmp_path: Path) -> None:
    events: list[SeriesEvent] = []
    summaries = Series(Settings(steps=50, found=tmp_path), KERNELS).run(events.append)
    assert [one.kernel for one in summaries] == list(KERNELS)
    assert [event for event in events if isinstance(event, Began)] == [
        Began(kernel, number, 3) for number, kernel in enumerate(KERNELS, 1)
    ]
    assert [event.summary for event in events if isinstance(event, Ended)] == summaries


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Interrupted("before the target was ready")])
def test_ctrl_c_between_two_campaigns_keeps_the_first(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Campaign.run

    def interrupted(self: Campaign, listen: Listener) -> Summary:
        if self._settings.kernel == KERNELS[1]:
            raise error
        return run(self, listen)

    monkeypatch.setattr(Campaign, "run", interrupted)
    summaries = Series(Settings(steps=50, found=tmp_path), KERNELS).run(lambda event: None)
    assert [(one.kernel, one.interrupted) for one in summaries] == [("5.7", False), ("5.8", True)]
    assert total(summaries).interrupted
    assert total(summaries).steps == summaries[0].steps > 0


@pytest.mark.parametrize(("kernel", "runs"), [("6.2", False), ("6.8", True)])
def test_kept_program_is_run_where_its_operations_are(kernel: str, runs: bool, tmp_path: Path) -> None:
    corpus.save(Program(MTHP), tmp_path)
    (done,) = Series(Settings(steps=1, corpus=tmp_path, found=tmp_path), [kernel]).run(lambda event: None)
    assert ("migrate" in done.operations) == runs


def test_total_is_the_sum_with_every_failure(tmp_path: Path) -> None:
    one, other = found(tmp_path, "5.7"), found(tmp_path, "5.8")
    whole = total([summary("5.7", one), summary("5.8", other, interrupted=True)])
    assert (whole.kernel, whole.steps, whole.programs, whole.seconds) == ("all", 4000, 160, 1.0)
    assert (whole.states, whole.kept, whole.operations) == (380, 60, {"alloc": 18})
    assert whole.failures == [one, other]
    assert whole.interrupted


def test_plain_lines_say_which_kernel_they_are_about(tmp_path: Path) -> None:
    lines: list[str] = []
    times = iter([0.0, 5.0, 5.0])
    with PlainSeries("title", lines.append, lambda: next(times)) as shown:
        for event in (Began("5.8", 2, 3), PROGRESS, found(tmp_path, "5.8"), Ended(summary("5.8"))):
            shown(event)
    assert lines[0] == "title"
    assert lines[1].startswith("5.8 (2 of 3): 1,234 steps, ")
    assert lines[2].startswith("\nkernel 5.8\nidentity: off by one\n")
    assert len(lines) == 3


@pytest.mark.parametrize(("height", "shown"), [(24, True), (8, False)])
def test_terminal_shows_what_is_done_as_far_as_there_is_room(height: int, shown: bool) -> None:
    console = Console(file=io.StringIO(), width=80, height=height, force_terminal=True, no_color=True)
    live = LiveSeries("title", console)
    for event in (Began("5.7", 1, 3), Ended(summary("5.7", steps=4321)), Began("5.8", 2, 3)):
        live(event)
    with console.capture() as capture:
        console.print(live._whole(PROGRESS))
    text = capture.get()
    assert "5.8" in text
    assert "2 of 3" in text
    assert "1,234" in text
    assert ("4,321" in text) == shown


def test_table_has_a_line_a_kernel_and_the_closing_lines_have_the_programs(tmp_path: Path) -> None:
    failure = found(tmp_path, "5.8")
    summaries = [summary("5.7"), summary("5.8", failure), summary("6.18", steps=7, interrupted=True)]
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as capture:
        console.print(summary_table(summaries))
    rows = [line.split() for line in capture.get().splitlines() if line.strip()]
    assert rows[0] == ["kernel", "steps", "steps/s", "programs", "states", "result"]
    assert rows[2:] == [
        ["5.7", "2,000", "4,000", "80", "190", "ok"],
        ["5.8", "2,000", "4,000", "80", "190", "identity"],
        ["6.18", "7", "14", "80", "190", "interrupted"],
    ]
    assert closing_lines(summaries, total(summaries), 20) == [
        f"5.8: identity, 3 operations: {failure.reproducer}",
        "3 of 20 kernels: 4,007 steps in 1.5 s (2,671 steps/s), 1 failure on 1 of them, interrupted",
    ]
