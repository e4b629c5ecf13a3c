"""`mmfuzz fuzz`: the long run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmfuzz.cli.output import EXIT_FAILED, finish, json_option, say, seconds, target_options

if TYPE_CHECKING:
    from mmfuzz.campaign.settings import Found, Settings, Summary

FOUND = Path(".mmfuzz/found")
"""Where failing programs go when no corpus is named."""


@click.command("fuzz", short_help="Make programs, run them, check every step.")
@target_options
@click.option("--plant", metavar="BUG", help="Plant a bug into the simulated kernel: see `mmfuzz bugs`.")
@click.option(
    "--steps", type=click.IntRange(1), metavar="N", help="Steps to do; 100,000 unless given a time."
)
@click.option(
    "--time", "time_max", callback=seconds, metavar="T", help="Time to fuzz, such as 90s, 10m or 2h."
)
@click.option(
    "--seed", type=click.IntRange(0), metavar="S", help="Seed of all choices; a new one unless given."
)
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N", help="Processes."
)
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of kept programs: replayed first, added to at the end; failures go to DIR/found.",
)
@click.option("--keep-going", is_flag=True, help="Go on after a failure; report one program a property.")
@click.option("--frames", type=int, metavar="N", help="Frames of the simulated memory.")
@click.option("--huge", type=int, metavar="ORDER", help="Order of the simulated huge page.")
@json_option
def command(as_json: bool, corpus: Path | None, time_max: float | None, seed: int | None, **more: Any) -> int:
    """Make programs of memory operations, run them, and check every step.

    A failing program is made minimal and saved, and the run ends (see --keep-going). Ctrl-C ends a run with
    its summary; nothing is lost. The exit code is 1 when a property failed.
    """
    from mmfuzz.campaign.settings import Settings

    settings = Settings(
        seconds=time_max,
        seed=new_seed() if seed is None else seed,
        corpus=corpus,
        found=corpus / "found" if corpus else FOUND,
        **more,
    )
    summary = run(settings, as_json=as_json)
    return finish(as_dict(summary), as_json=as_json, code=EXIT_FAILED if summary.failures else 0)


def new_seed() -> int:
    """A seed that no run had before; it is printed, so the run can be had again."""
    from random import SystemRandom

    return SystemRandom().randrange(1 << 32)


def run(settings: Settings, *, as_json: bool) -> Summary:
    """Run a campaign with the display that suits, and say the summary."""
    from mmfuzz.campaign import Campaign
    from mmfuzz.report.progress import display, summary_line

    campaign = Campaign(settings)
    planted = f" with {settings.plant} planted" if settings.plant else ""
    title = f"fuzzing {settings.target}{planted}, seed {settings.seed}"
    with display(title, to_stderr=as_json) as shown:
        summary = campaign.run(shown)
    say(summary_line(summary, f"{summary.target} {summary.kernel}"), as_json=as_json)
    return summary


def as_dict(summary: Summary) -> dict[str, Any]:
    """The JSON object of a run."""
    return {
        "target": summary.target,
        "kernel": summary.kernel,
        "seed": summary.seed,
        "steps": summary.steps,
        "programs": summary.programs,
        "seconds": round(summary.seconds, 3),
        "steps_per_second": round(summary.steps_per_second, 1),
        "operations": summary.operations,
        "states": summary.states,
        "kept": summary.kept,
        "interrupted": summary.interrupted,
        "failures": [_failure(found) for found in summary.failures],
    }


def _failure(found: Found) -> dict[str, Any]:
    return {
        "property": found.property,
        "message": found.message,
        "reproducer": str(found.reproducer),
        "operations": found.operations,
        "steps": found.steps,
    }
