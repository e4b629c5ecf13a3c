"""`mmfuzz hunt`: the proof that the checks bite."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmfuzz.cli.bugs import named
from mmfuzz.cli.output import EXIT_FAILED, finish, json_option, kernel_option, say, seconds
from mmfuzz.profiles import resolve

if TYPE_CHECKING:
    from mmfuzz.campaign.settings import Settings
    from mmfuzz.planted import Bug

RACES_MAX = 50_000
"""Executions of a scenario after which a race counts as not found there."""
STEPS_DEFAULT = 2_000_000
"""Steps after which a bug counts as not found; the deepest needs a fraction of it."""
FOUND = Path(".mmfuzz/hunt")


@click.command("hunt", short_help="Plant each bug and fuzz until it is found.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@kernel_option(
    "Plant them into this kernel, and hunt those that live in its era; else each in the newest it can."
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=STEPS_DEFAULT,
    show_default=True,
    metavar="N",
    help="Steps for one bug.",
)
@click.option(
    "--time", "time_max", callback=seconds, metavar="T", help="Time for one bug, such as 90s or 10m."
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, metavar="S", help="Seed of all choices."
)
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N", help="Processes."
)
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOUND,
    show_default=True,
    metavar="DIR",
    help="Folder for the reproducers.",
)
@json_option
def command(
    names: tuple[str, ...],
    kernel: str | None,
    steps: int,
    time_max: float | None,
    seed: int,
    jobs: int,
    corpus: Path,
    as_json: bool,
) -> int:
    """Plant each bug in turn, or the named ones, and fuzz until it is found.

    Prints the steps and seconds that it took, and how many operations the reproducer has; of a race, whose scenarios
    are explored instead, also how often its threads take turns. The exit code is 0 when every bug was found.
    """
    from mmfuzz.campaign.settings import Settings

    profile = resolve(kernel).name if kernel is not None else None
    bugs = named(names, profile)
    width = max(len(bug.name) for bug in bugs)
    results = []
    interrupted = False
    for bug in bugs:
        settings = Settings(
            kernel=profile,
            plant=bug.name,
            steps=steps,
            seconds=time_max,
            seed=seed,
            jobs=jobs,
            found=corpus,
        )
        result, interrupted = _hunt(bug, settings)
        results.append(result)
        say(f"{bug.name:<{width}}  {_line(result)}", as_json=as_json)
        if interrupted:
            break
    found = sum(result["found"] for result in results)
    total = sum(result["seconds"] for result in results)
    say(
        f"{found} of {len(bugs)} found in {total:.1f} s{', interrupted' if interrupted else ''}",
        as_json=as_json,
    )
    return finish({"bugs": results}, as_json=as_json, code=0 if found == len(bugs) else EXIT_FAILED)


def _hunt(bug: Bug, settings: Settings) -> tuple[dict[str, Any], bool]:
    from mmfuzz.campaign import Campaign
    from mmfuzz.planted import RACE

    if bug.kind == RACE:
        return _hunt_race(bug, settings)
    summary = Campaign(settings).run(lambda _event: None)
    found = summary.failures[0] if summary.failures else None
    result = {
        "name": bug.name,
        "kernel": summary.kernel,
        "found": found is not None,
        "steps": found.steps if found else summary.steps,
        "seconds": round(summary.seconds, 3),
        "operations": found.operations if found else None,
        "reproducer": str(found.reproducer) if found else None,
        "property": found.property if found else None,
    }
    return result, summary.interrupted


def _hunt_race(bug: Bug, settings: Settings) -> tuple[dict[str, Any], bool]:
    """Explore the scenarios that show a race, one after the other, until one does."""
    from mmfuzz.finding import follow_up_race
    from mmfuzz.race.explore import Settings as RaceSettings
    from mmfuzz.race.explore import explore
    from mmfuzz.race.scenarios import scenario

    how = RaceSettings(
        plant=bug.name, executions=RACES_MAX, seconds=settings.seconds, seed=settings.seed, minimize=False
    )
    steps, found, kernel, interrupted = 0, None, bug.home, False
    start = time.monotonic()
    try:
        for name in bug.scenarios:
            result = explore(name, scenario(name), how)
            steps, kernel = steps + result.steps, result.program.kernel
            if result.found is not None:
                found = follow_up_race(
                    result, settings.found, f"mmfuzz hunt {bug.name}, seed {settings.seed}"
                )
                break
    except KeyboardInterrupt:
        interrupted = True
    told = {
        "name": bug.name,
        "kernel": kernel,
        "found": found is not None,
        "steps": steps,
        "seconds": round(time.monotonic() - start, 3),
        "operations": result.program.length if found else None,
        "switches": found.execution.switches if found else None,
        "reproducer": str(found.path) if found else None,
        "property": found.property if found else None,
    }
    return told, interrupted


def _line(result: dict[str, Any]) -> str:
    spent = f"{result['steps']:>9,} steps  {result['seconds']:>6.2f} s"
    if not result["found"]:
        return f"{spent}  not found"
    switches = result.get("switches")
    turns = f", {switches} context switch{'es' if switches != 1 else ''}" if switches is not None else ""
    size = f"{result['operations']:>2} operations{turns}"
    return f"{spent}  {size}  {result['property']:<16}  {result['reproducer']}"
