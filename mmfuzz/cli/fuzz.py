"""`mmfuzz fuzz`: the long run."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import click

from mmfuzz.cli.output import (
    EXIT_FAILED,
    finish,
    json_option,
    kernel_option,
    say,
    seconds,
    target_options,
)
from mmfuzz.errors import UsageError
from mmfuzz.profiles import ALL, PIN_SCHEMES

if TYPE_CHECKING:
    from mmfuzz.campaign.settings import Found, Settings, Summary

FOUND = Path(".mmfuzz/found")
"""Where failing programs go when no corpus is named."""


PIN_HELP = "\b\n" + "\n".join(
    [
        "Pin schemes (--pins):",
        *(
            fill(what, 78, initial_indent=f"  {name:<11}", subsequent_indent=" " * 13)
            for name, what in PIN_SCHEMES.items()
        ),
    ]
)


@click.command("fuzz", short_help="Make programs, run them, check every step.", epilog=PIN_HELP)
@target_options(
    kernel_option(
        "Rules of the simulated kernel: those of a release, such as 6.18, or of every profile in turn.",
        or_all=True,
    )
)
@click.option("--plant", metavar="BUG", help="Plant a bug into the simulated kernel: see `mmfuzz bugs`.")
@click.option(
    "--steps",
    type=click.IntRange(1),
    metavar="N",
    help="Steps to do; 100,000 unless given a time. With --kernel all, for each profile.",
)
@click.option(
    "--time",
    "time_max",
    callback=seconds,
    metavar="T",
    help="Time to fuzz, such as 90s, 10m or 2h. With --kernel all, for each profile.",
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

    --kernel all runs every profile in turn, each with the whole budget, and ends with a line for each; a failure
    ends the run on its own kernel only. With --plant it runs those that the bug can be planted into.
    """
    from mmfuzz.campaign.settings import Settings

    settings = Settings(
        seconds=time_max,
        seed=new_seed() if seed is None else seed,
        corpus=corpus,
        found=corpus / "found" if corpus else FOUND,
        **more,
    )
    if settings.plant is not None:
        from mmfuzz.planted import not_a_race

        not_a_race(settings.plant)
    if settings.kernel == ALL and settings.target == "sim":
        return run_series(settings, as_json=as_json)
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


def run_series(settings: Settings, *, as_json: bool) -> int:
    """Run a campaign on every profile, and say a line for each."""
    from rich.console import Console

    from mmfuzz.campaign.series import Series, total
    from mmfuzz.planted import profiles_for
    from mmfuzz.report.series import closing_lines, series_display, summary_table

    kernels = profiles_for(settings.plant, settings.pins)
    if not kernels:
        raise UsageError(f"no profile has both bug {settings.plant!r} and pin scheme {settings.pins!r}")
    planted = f" with {settings.plant} planted" if settings.plant else ""
    title = f"fuzzing {len(kernels)} profiles of sim{planted}, seed {settings.seed}"
    with series_display(title, to_stderr=as_json) as shown:
        summaries = Series(settings, kernels).run(shown)
    whole = total(summaries)
    Console(stderr=as_json, highlight=False).print(summary_table(summaries))
    for line in closing_lines(summaries, whole, len(kernels)):
        say(line, as_json=as_json)
    result = {**as_dict(whole), "kernels": [as_dict(summary) for summary in summaries]}
    return finish(result, as_json=as_json, code=EXIT_FAILED if whole.failures else 0)


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
        "kernel": found.kernel,
        "property": found.property,
        "message": found.message,
        "reproducer": str(found.reproducer),
        "operations": found.operations,
        "steps": found.steps,
    }
