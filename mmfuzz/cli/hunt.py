"""`mmfuzz hunt`: the proof that the checks bite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmfuzz.cli.bugs import named
from mmfuzz.cli.output import EXIT_FAILED, finish, json_option, kernel_option, say, seconds
from mmfuzz.profiles import resolve

if TYPE_CHECKING:
    from mmfuzz.planted import Bug

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

    Prints the steps and seconds that it took, and how many operations the reproducer has. The exit code is 0
    when every bug was found.
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


def _hunt(bug: Bug, settings: Any) -> tuple[dict[str, Any], bool]:
    from mmfuzz.campaign import Campaign

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


def _line(result: dict[str, Any]) -> str:
    spent = f"{result['steps']:>9,} steps  {result['seconds']:>6.2f} s"
    if not result["found"]:
        return f"{spent}  not found"
    return f"{spent}  {result['operations']:>2} operations  {result['property']:<14}  {result['reproducer']}"
