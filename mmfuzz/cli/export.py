"""`mmfuzz export`: what was found, in a form that others can run or judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmfuzz.cli.output import finish, json_option, say
from mmfuzz.errors import UsageError

if TYPE_CHECKING:
    from mmfuzz.interleave.trace import Execution
    from mmfuzz.litmus import LitmusResult
    from mmfuzz.program import Program

FORMATS = ("litmus",)
EXECUTIONS_MAX = 20_000
"""Executions at most of a litmus test that was exported, to say how it ends."""


@click.command("export", short_help="Write a race as a litmus test.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "form", type=click.Choice(FORMATS), required=True, help="What to write.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="File to write; standard output unless given.",
)
@json_option
def command(file: Path, form: str, output: Path | None, as_json: bool) -> int:
    """Write what a file shows in another form.

    --to litmus takes a race file and writes the skeleton of an execution for herd7 and for mmfuzz race --litmus: the
    accesses by which its threads have to do with each other, their barriers, atomics and locks, and what was read as
    the condition. The execution is that of the file's schedule, or the first failure that is found.
    """
    from mmfuzz import corpus

    program = corpus.load(file)
    text, result = _litmus(file, program, _execution(program))
    if output is not None:
        _write(output, text)
        say(f"{output}: {_verdict(result)}", as_json=as_json)
    elif not as_json:
        click.echo(text, nl=False)
    report = {
        "path": str(file),
        "to": form,
        "output": None if output is None else str(output),
        "text": text,
        "memory": result.memory,
        "exists": result.exists if result.complete else None,
    }
    return finish(report, as_json=as_json)


def _execution(program: Program) -> Execution:
    """What the race does by its schedule, or else the first failure that is found, made small."""
    from mmfuzz.interleave.schedule import Schedule
    from mmfuzz.race.explore import Settings, explore, replay

    if not program.threads:
        raise program.error("threads", "it has no threads: only a race becomes a litmus test")
    if program.schedule:
        try:
            return replay(program, Schedule.parse(program.schedule))
        except UsageError as error:
            raise program.error("schedule", str(error)) from error
    result = explore("", program, Settings(plant=program.plant))
    if result.minimal is None:
        raise program.error(
            "threads",
            f"it has no schedule, and none of {result.executions:,} fails: mmfuzz race may find one with another seed",
        )
    return result.minimal


def _litmus(file: Path, program: Program, execution: Execution) -> tuple[str, LitmusResult]:
    """The test, and what it says when it is explored."""
    from mmfuzz.export.litmus import to_litmus
    from mmfuzz.litmus import run_litmus

    planted = f" with {program.plant}" if program.plant else ""
    outcome = f"{execution.failed}: {execution.message}" if execution.failed else "no property fails"
    notes = [f"What {file.name} does on kernel {program.kernel}{planted}. In the end: {outcome}.", ""]
    result = run_litmus(to_litmus(execution, file.stem, notes), executions_max=EXECUTIONS_MAX)
    claim = [f"Under {result.memory}: {result.exists}", ""] if result.complete else []
    return to_litmus(execution, file.stem, [*claim, *notes]), result


def _verdict(result: LitmusResult) -> str:
    """How the test ends, in words."""
    if not result.complete:
        return f"not explored to the end in {EXECUTIONS_MAX:,} executions"
    return f"{result.exists} under {result.memory}, in {result.executions:,} executions"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from None
