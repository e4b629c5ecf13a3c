"""`mmfuzz race`: what threads do to each other, schedule by schedule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mmfuzz.cli.output import EXIT_FAILED, finish, json_option, kernel_option, say, seconds
from mmfuzz.errors import UsageError
from mmfuzz.profiles import DEFAULT, resolve
from mmfuzz.program import MEMORIES, SUFFIX

if TYPE_CHECKING:
    from rich.console import Console

    from mmfuzz.interleave.trace import Execution
    from mmfuzz.program import Program
    from mmfuzz.race.explore import Result, Settings
    from mmfuzz.report.lanes import Picture
    from mmfuzz.report.races import Watching

FOUND = Path(".mmfuzz/races")
"""Where race files of failures go when no folder is named."""
STRATEGIES = ("auto", "random", "pct", "exhaustive")
GENERATED_EXECUTIONS = 500
"""Executions of a race that nobody wrote, where no budget is named: many races say more than one at length."""
FAILURES_SHOWN_MAX = 3
"""Pictures at most on a terminal: the others are in their files."""

_LIST = "List the scenarios, where each is from, and what can be planted into it."


@dataclass(slots=True)
class _Run:
    """What was asked for, and what has come of it so far."""

    settings: Settings
    schedule: str | None
    folder: Path
    everything: bool
    console: Console
    seed: int
    generated: bool
    results: list[dict[str, Any]] = field(default_factory=list)
    explored: list[Result] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    interrupted: bool = False


@click.command("race", short_help="Explore what threads do to each other.")
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...")
@click.option("--list", "listed", is_flag=True, help=_LIST)
@click.option(
    "--memory", type=click.Choice(MEMORIES), help="Model of memory; the scenario's own unless given."
)
@click.option("--plant", metavar="BUG", help="Plant a bug: without a NAME, into the scenarios that show it.")
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default="auto",
    show_default=True,
    help="How to choose schedules; auto tries those with few context switches, and then samples.",
)
@click.option("--exhaustive", is_flag=True, help="Explore to the end: --strategy exhaustive.")
@click.option(
    "--preemptions",
    type=click.IntRange(0),
    metavar="N",
    help="With exhaustive: stop at most N threads that could go on.",
)
@click.option(
    "--executions", type=click.IntRange(1), metavar="N", help="Executions of one scenario; 5,000 of a sample."
)
@click.option(
    "--time", "time_max", callback=seconds, metavar="T", help="Time for one scenario, such as 30s or 10m."
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, metavar="S", help="Seed of all choices."
)
@click.option(
    "--schedule", metavar="TEXT", help="Run one schedule, such as a12b4a^1, in place of a file's own."
)
@click.option(
    "--generated",
    type=click.IntRange(1),
    metavar="N",
    help="N races that nobody wrote: random operations in two threads.",
)
@click.option("--litmus", "is_litmus", is_flag=True, help="The names are litmus tests: files or folders.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the pictures as a page (needs Jinja2).",
)
@kernel_option("Rules of the simulated kernel in place of the file's own.")
@click.option("--all", "everything", is_flag=True, help="Fold nothing in the picture.")
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOUND,
    show_default=True,
    metavar="DIR",
    help="Folder for the race files of failures.",
)
@json_option
def command(
    names: tuple[str, ...], listed: bool, is_litmus: bool, page: Path | None, as_json: bool, **more: Any
) -> int:
    """Explore the schedules of scenarios: protocols of the kernel on threads, under a model of memory.

    NAME is a scenario of --list; FILE a race file, a program with threads, whose own schedule is run again if it has
    one and no way to explore is given. Without either it explores every scenario, or those that are --generated. A
    failure is made small, saved, and shown as a picture: docs/races.md says how to read it. The exit code is 1 when a
    property failed.
    """
    if is_litmus:
        from mmfuzz.cli.litmus import litmus

        _only_of_litmus()
        return litmus([Path(name) for name in names], more["memory"] or "weak", as_json=as_json)
    if listed:
        return _list(as_json=as_json)
    if page is not None:
        from mmfuzz.report.pages import check_page

        check_page(page)
    return _race(names, page, as_json=as_json, **more)


def _only_of_litmus() -> None:
    """Refuse what says nothing of a litmus test: it is explored to its end, whatever happens."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in ("names", "is_litmus", "memory", "as_json"):
            raise UsageError(f"--litmus goes with --memory and --json alone, not with {parameter.opts[0]}")


def _race(names: Sequence[str], page: Path | None, *, as_json: bool, **more: Any) -> int:
    """Run everything that is named, and say the table."""
    from mmfuzz.report.races import Watching, allowed_lines, race_table

    run = _run_of(as_json=as_json, **more)
    races = list(_races(names, run, more["generated"], more["kernel"]))
    try:
        with Watching(run.console) as watching:
            for number, (name, program) in enumerate(races, 1):
                watching.begin(f"{number} of {len(races)}: {name}" if len(races) > 1 else name)
                schedule = run.schedule or ("" if _explores(more) else program.schedule)
                if schedule:
                    _again(run, name, program, schedule)
                else:
                    _explore(run, name, program, watching)
                if run.interrupted:
                    break
    except KeyboardInterrupt:
        run.interrupted = True
    _show(run)
    if run.explored:
        run.console.print(race_table(run.explored))
        for line in allowed_lines(run.explored):
            say(line, as_json=as_json)
    if page is not None:
        from mmfuzz.report.lanes_html import write_lanes

        write_lanes(run.pictures, page)
        say(f"page: {page}", as_json=as_json)
    failed = sum(result["failed"] for result in run.results)
    say(_closing(run, len(races), failed), as_json=as_json)
    result = {"seed": run.seed, "interrupted": run.interrupted, "scenarios": run.results}
    return finish(result, as_json=as_json, code=EXIT_FAILED if failed else 0)


def _run_of(*, as_json: bool, exhaustive: bool, strategy: str, **more: Any) -> _Run:
    """The settings that options stand for; what does not go together is a `UsageError`."""
    from mmfuzz.race.explore import Settings
    from mmfuzz.report.races import console_for

    if more["schedule"] == "":
        raise UsageError("--schedule '' is not a schedule: letters with counts, such as a12b4a^1")
    if more["schedule"] is not None and more["generated"] is not None:
        raise UsageError("--schedule is of one race, and --generated makes others: name the file of a race")
    if exhaustive and strategy not in ("auto", "exhaustive"):
        raise UsageError(f"--exhaustive and --strategy {strategy} are two ways to explore: name one")
    strategy = "exhaustive" if exhaustive else strategy
    if more["preemptions"] is not None and strategy != "exhaustive":
        raise UsageError("--preemptions bounds what is explored to the end: it goes with --exhaustive")
    settings = Settings(
        memory=more["memory"],
        plant=more["plant"],
        strategy=strategy,
        preemptions=more["preemptions"],
        executions=more["executions"] or _executions(more),
        seconds=more["time_max"],
        seed=more["seed"],
        minimize=False,
    )
    console = console_for(to_stderr=as_json)
    return _Run(
        settings,
        more["schedule"],
        more["corpus"],
        more["everything"],
        console,
        more["seed"],
        generated=more["generated"] is not None,
    )


def _executions(more: dict[str, Any]) -> int | None:
    """The budget of what was generated; None where another one holds."""
    return GENERATED_EXECUTIONS if more["generated"] and more["time_max"] is None else None


def _explores(more: dict[str, Any]) -> bool:
    """Whether a way to explore was given, so that a file's own schedule is not what is wanted."""
    asked = ("preemptions", "executions", "time_max", "plant")
    return more["exhaustive"] or more["strategy"] != "auto" or any(more[name] is not None for name in asked)


def _races(
    names: Sequence[str], run: _Run, generated: int | None, kernel: str | None
) -> Iterator[tuple[str, Program]]:
    """What is to be run: files, scenarios by name, those that show a planted bug, or all; perhaps on another kernel."""
    from mmfuzz.race.scenarios import scenario, scenarios

    profile = resolve(kernel).name if kernel is not None else None
    plant = run.settings.plant
    if generated is not None:
        if names:
            raise UsageError(f"--generated makes its races itself: it takes no names, as {names[0]!r} is one")
        yield from _generated(generated, run, profile)
        return
    if not names:
        names = _showing(plant) if plant is not None else tuple(scenarios())
    for name in names:
        program = _loaded(name) if name.endswith(SUFFIX) or Path(name).is_file() else scenario(name)
        yield name, replace(program, kernel=profile or program.kernel)


def _generated(count: int, run: _Run, profile: str | None) -> Iterator[tuple[str, Program]]:
    """Races that nobody wrote, by the seed of each."""
    from mmfuzz.planted import profile_for
    from mmfuzz.strategies.races import race

    plant = run.settings.plant
    kernel = profile_for(plant, profile) if plant is not None else profile or DEFAULT
    for seed in range(run.seed, run.seed + count):
        yield f"generated-{seed}", race(seed, kernel=kernel, memory=run.settings.memory or "weak")


def _loaded(name: str) -> Program:
    from mmfuzz import corpus

    return _with_threads(corpus.load(Path(name)))


def _with_threads(program: Program) -> Program:
    if not program.threads:
        raise program.error(
            "", f"no race, as no 'thread' line begins one: mmfuzz replay {program.source.path}"
        )
    return program


def _showing(plant: str) -> tuple[str, ...]:
    """The scenarios in which a bug shows."""
    from mmfuzz.planted import known

    bug = known(plant)
    if not bug.scenarios:
        raise UsageError(
            f"{plant} is {bug.kind}, and no scenario is known to show it: name one, or a race file"
        )
    return bug.scenarios


def _explore(run: _Run, name: str, program: Program, watching: Watching) -> None:
    """Explore one scenario, and save what failed before anything else."""
    from mmfuzz.finding import follow_up_race
    from mmfuzz.race.explore import explore

    result = explore(name, program, run.settings, watching)
    run.explored.append(result)
    path = None
    if result.found is not None:
        watching.begin(f"{name}: {result.found.broken} fails, making it small")
        by = f"mmfuzz race {name}, seed {run.seed}"
        found = follow_up_race(result, run.folder, by, operations=run.generated)
        run.interrupted = found.interrupted
        result.minimal, path = found.execution, found.path
        picture = _picture(run, name, program.kernel, result.planted, result.memory, found.execution, path)
        run.pictures.append(picture)
    run.results.append(
        _as_dict(
            name,
            result.memory,
            result.planted,
            result.minimal,
            executions=result.executions,
            exhaustive=result.complete,
            pruned=result.pruned,
            steps=result.steps,
            data_races=[
                {"location": race.cell, "allowed": race.reason or None} for race in result.data_races.values()
            ],
            seconds=round(result.seconds, 3),
            reproducer=str(path) if path is not None else None,
        )
    )


def _again(run: _Run, name: str, program: Program, schedule: str) -> None:
    """Run one schedule, and show it whatever comes of it."""
    from mmfuzz.interleave.schedule import Schedule
    from mmfuzz.race.explore import replay

    settings = run.settings
    execution = replay(program, Schedule.parse(schedule), memory=settings.memory, plant=settings.plant)
    memory = settings.memory or program.memory or "sc"
    planted = settings.plant if settings.plant is not None else program.plant
    own = run.schedule is None and settings.memory is None and settings.plant is None
    path = Path(name) if own and schedule == program.schedule else None
    run.pictures.append(_picture(run, name, program.kernel, planted, memory, execution, path))
    found = execution if execution.broken else None
    told = _as_dict(name, memory, planted, found, executions=1, exhaustive=False, steps=execution.steps)
    run.results.append(told)


def _picture(
    run: _Run, name: str, kernel: str, planted: str, memory: str, execution: Execution, path: Path | None
) -> Picture:
    from mmfuzz.report.failure import race_command
    from mmfuzz.report.lanes import Picture

    title = f"{name} on {kernel}{f', with {planted} planted' if planted else ''}"
    again = race_command(path, name, memory=memory, plant=planted, schedule=str(execution.schedule))
    return Picture(execution, title, memory, again, everything=run.everything)


def _show(run: _Run) -> None:
    """The pictures, as many as a person would read one after the other."""
    from mmfuzz.report.lanes_text import picture_lines

    for picture in run.pictures[:FAILURES_SHOWN_MAX]:
        run.console.print()
        for line in picture_lines(picture, run.console.width):
            run.console.print(line, soft_wrap=True)
    for picture in run.pictures[FAILURES_SHOWN_MAX:]:
        run.console.print(
            f"\n{picture.title}: {picture.verdict}\n{picture.replay}", markup=False, soft_wrap=True
        )


def _closing(run: _Run, races: int, failed: int) -> str:
    """Everything in one line."""
    executions = sum(result["executions"] for result in run.results)
    nouns = f"{len(run.results)} of {races}" if len(run.results) < races else str(races)
    ended = ", interrupted" if run.interrupted else ""
    plural = "" if races == 1 else "s"
    noun = "execution" if executions == 1 else "executions"
    return f"{nouns} race{plural}: {executions:,} {noun}, {failed or 'none'} failed{ended}"


def _list(*, as_json: bool) -> int:
    """The catalogue of scenarios."""
    from mmfuzz.race.scenarios import races_in, scenarios
    from mmfuzz.report.races import catalogue_lines

    entries = [(name, program, races_in(name)) for name, program in scenarios().items()]
    for line in catalogue_lines(entries, 100):
        say(line, as_json=as_json)
    result = [
        {
            "name": name,
            "kernel": program.kernel,
            "memory": program.memory,
            "note": program.note,
            "threads": [thread.name for thread in program.threads],
            "plants": [bug.name for bug in bugs],
        }
        for name, program, bugs in entries
    ]
    return finish({"scenarios": result}, as_json=as_json)


def _as_dict(name: str, memory: str, planted: str, failure: Execution | None, **more: Any) -> dict[str, Any]:
    """One entry of the JSON; `failure` is the smallest execution that failed."""
    return {
        "name": name,
        "memory": memory,
        "planted": planted or None,
        "failed": failure is not None,
        "property": failure.broken if failure is not None else None,
        "message": failure.complaint if failure is not None else None,
        "switches": failure.switches if failure is not None else None,
        "schedule": str(failure.schedule) if failure is not None else None,
        **more,
    }
