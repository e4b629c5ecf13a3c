"""`mmfuzz shrink`: make a failing program minimal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmfuzz.cli.output import EXIT_FAILED, finish, json_option, say, target_options
from mmfuzz.errors import TargetBroke, UsageError

if TYPE_CHECKING:
    from mmfuzz.program import Program


@click.command("shrink", short_help="Make a failing program minimal.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for the smaller program; the file's own folder unless given.",
)
@target_options()
@json_option
def command(
    file: Path,
    output: Path | None,
    target: str,
    kernel: str | None,
    swap: str | None,
    pins: str | None,
    as_json: bool,
) -> int:
    """Make a failing program, or a race, minimal and save it beside the file, which stays as it is.

    The exit code is 0 when the program fails as its header expects, 1 when the header does not expect it.
    """
    from mmfuzz import corpus
    from mmfuzz.finding import same_failure
    from mmfuzz.reduce import reduce
    from mmfuzz.replay import Replayer
    from mmfuzz.report.failure import failure

    program = corpus.load(file)
    if program.threads:
        return _race(file, program, output or file.parent, as_json=as_json)
    with Replayer(target, kernel=kernel, swap=swap, pins=pins) as replayer:
        verdict = replayer.replay(program)
        if verdict.broke:
            raise TargetBroke(verdict.unknown)
        if verdict.violation is None:
            raise UsageError(f"{str(file)!r} does not fail on {target}: there is nothing to shrink")
        failed = verdict.violation.property
        ops = tuple(reduce(program.ops, same_failure(replayer.target_for(program), failed)))
        smaller = replace(program, ops=ops, kernel=kernel or program.kernel, expect=f"fail {failed}")
        small = replayer.replay(smaller)
    path = corpus.save(smaller, output or file.parent)
    assert small.violation is not None, "the reducer returned a program that does not fail"
    say(failure(small.violation.report(), ops, small.step, path), as_json=as_json)
    say(f"{len(program.ops)} operations before, {len(ops)} after", as_json=as_json)
    result = {
        "path": str(file),
        "property": failed,
        "message": small.violation.message,
        "reproducer": str(path),
        "operations_before": len(program.ops),
        "operations": len(ops),
    }
    return finish(result, as_json=as_json, code=0 if verdict.is_expected else EXIT_FAILED)


def _race(file: Path, program: Program, folder: Path, *, as_json: bool) -> int:
    """Make a race small: operations, and then context switches."""
    from mmfuzz.finding import follow_up_race
    from mmfuzz.race.explore import Result
    from mmfuzz.race.verdict import EXECUTIONS, execution_of

    found = execution_of(program, plant=program.plant, executions=EXECUTIONS)
    if not found.broken:
        raise UsageError(f"{str(file)!r} does not fail: there is nothing to shrink")
    result = Result(file.stem, program, program.memory or "sc", program.plant, found=found)
    small = follow_up_race(result, folder, program.found, operations=True)
    before, after = program.length, result.program.length
    switches = small.execution.switches
    say(f"{small.property}: {small.message}", as_json=as_json)
    say(f"saved: {small.path}\npicture: mmfuzz race {small.path}", as_json=as_json)
    say(
        f"{before} operations and {found.switches} context switches before, {after} and {switches} after",
        as_json=as_json,
    )
    told = {
        "path": str(file),
        "property": small.property,
        "message": small.message,
        "reproducer": str(small.path),
        "operations_before": before,
        "operations": after,
        "switches_before": found.switches,
        "switches": switches,
    }
    return finish(
        told, as_json=as_json, code=0 if program.expected_property == small.property else EXIT_FAILED
    )
