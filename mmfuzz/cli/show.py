"""`mmfuzz show`: a program step by step."""

from __future__ import annotations

from pathlib import Path

import click

from mmfuzz.cli.output import EXIT_FAILED, finish, json_option, say, target_options


@click.command("show", short_help="Show a program step by step.")
@click.argument("file", type=click.Path(path_type=Path))
@target_options()
@json_option
def command(
    file: Path, target: str, kernel: str | None, swap: str | None, pins: str | None, as_json: bool
) -> int:
    """Run a program and show, after each step, the counters of the folios it touched and who owns them.

    The exit code is 0 when the program does what its header expects.
    """
    from mmfuzz import corpus
    from mmfuzz.replay import Replayer
    from mmfuzz.report.steps import step_text, walk

    program = corpus.load(file)
    steps = []
    failed = None
    with Replayer(target, kernel=kernel, swap=swap, pins=pins) as replayer:
        for step in walk(program.ops, replayer.target_for(program)):
            say(step_text(step), as_json=as_json)
            steps.append(step.as_dict())
            failed = step.violation.property if step.violation else None
        expected = replayer.expected(program)
    result = {"path": str(file), "property": failed, "expected": program.expect, "steps": steps}
    return finish(result, as_json=as_json, code=0 if failed == expected else EXIT_FAILED)
