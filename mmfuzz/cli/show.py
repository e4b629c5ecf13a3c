"""`mmfuzz show`: a program step by step, on one kernel or on several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmfuzz.cli.output import EXIT_FAILED, finish, json_option, kernel_option, say, target_options
from mmfuzz.errors import UsageError
from mmfuzz.profiles import ALL, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmfuzz.program import Program
    from mmfuzz.report.steps import StepView


@click.command("show", short_help="Show a program step by step.")
@click.argument("file", type=click.Path(path_type=Path))
@target_options(
    kernel_option(
        "Rules of the simulated kernel in place of the header's. Given twice or more, or as all: those kernels "
        "side by side.",
        or_all=True,
        multiple=True,
    )
)
@json_option
def command(
    file: Path, target: str, kernels: tuple[str, ...], swap: str | None, pins: str | None, as_json: bool
) -> int:
    """Run a program and show, after each step, the counters of the folios it touched and who owns them.

    With several kernels each has a column, and a ! marks what is not the same on all; where the terminal is too
    narrow for that, what differs stands one under the other. The exit code is 0 when the program does what its
    header expects; one that must fail is judged on its own kernel, if that is among them.
    """
    from mmfuzz import corpus
    from mmfuzz.replay import Replayer, alone
    from mmfuzz.report.steps import step_text, walk

    program = alone(corpus.load(file))
    if target == "sim" and (len(kernels) > 1 or kernels == (ALL,)):
        return _compare(file, program, kernels, swap=swap, pins=pins, as_json=as_json)
    if len(kernels) > 1:
        raise UsageError(f"the running kernel is as it is: it cannot have kernels {', '.join(kernels)}")
    steps = []
    with Replayer(target, kernel=kernels[0] if kernels else None, swap=swap, pins=pins) as replayer:
        for step in walk(program.ops, replayer.target_for(program)):
            say(step_text(step), as_json=as_json)
            steps.append(step)
        expected = replayer.expected(program)
    failed = _failed(steps)
    result = {
        "path": str(file),
        "property": failed,
        "expected": program.expect,
        "steps": [step.as_dict() for step in steps],
    }
    return finish(result, as_json=as_json, code=0 if failed == expected else EXIT_FAILED)


def _compare(
    file: Path, program: Program, kernels: Sequence[str], *, swap: str | None, pins: str | None, as_json: bool
) -> int:
    """Show a program on several kernels."""
    from rich.console import Console
    from rich.text import Text

    from mmfuzz.replay import Replayer, judged
    from mmfuzz.report.eras import names, side_by_side
    from mmfuzz.report.steps import walk

    profiles = _profiles(program, kernels, pins)
    walks = {}
    for name in profiles:
        with Replayer("sim", kernel=name, swap=swap, pins=pins) as replayer:
            walks[name] = list(walk(program.ops, replayer.target_for(program)))
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    for line in side_by_side(profiles, list(walks.values()), console.width):
        console.print(Text(line.text, style="bold yellow" if line.differs else ""))
    failed = {name: _failed(steps) for name, steps in walks.items()}
    say(as_json=as_json)
    for property in dict.fromkeys(failed.values()):
        those = names(name for name in profiles if failed[name] == property)
        say(f"{f'fails {property}' if property else 'pass'} on {those}", as_json=as_json)
    result: dict[str, Any] = {
        "path": str(file),
        "expected": program.expect,
        "kernels": [
            {"kernel": name, "property": failed[name], "steps": [step.as_dict() for step in walks[name]]}
            for name in profiles
        ],
    }
    is_expected = all(failed[name] == program.expected_property for name in judged(program, profiles))
    return finish(result, as_json=as_json, code=0 if is_expected else EXIT_FAILED)


def _profiles(program: Program, kernels: Sequence[str], pins: str | None) -> list[str]:
    """The profiles that are meant, each once; versions of one era are a `UsageError`."""
    from mmfuzz.planted import profiles_for
    from mmfuzz.replay import check_header

    check_header(program)
    if list(kernels) == [ALL]:
        everyone = profiles_for(program.plant or None, pins or program.pins or None)
        if not everyone:
            raise UsageError(
                f"no profile has both bug {program.plant!r} and pin scheme {pins or program.pins!r}"
            )
        return list(everyone)
    found: dict[str, str] = {}
    for kernel in kernels:
        name = resolve(kernel).name
        if name in found:
            raise UsageError(
                f"kernels {found[name]!r} and {kernel!r} have the same rules: those of profile {name}"
            )
        found[name] = kernel
    return list(found)


def _failed(steps: Sequence[StepView]) -> str | None:
    violation = steps[-1].violation if steps else None
    return violation.property if violation is not None else None
