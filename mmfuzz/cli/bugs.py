"""`mmfuzz bugs`: the catalogue of planted bugs."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from mmfuzz.cli.output import finish, json_option, say
from mmfuzz.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmfuzz.planted import Bug


@click.command("bugs", short_help="List the bugs that can be planted.")
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> int:
    """List the bugs that can be planted into the simulated kernel, or tell all about one."""
    bugs = named([name] if name else [])
    if name:
        say(_details(bugs[0]), as_json=as_json)
    else:
        width = max(len(bug.name) for bug in bugs)
        for bug in bugs:
            say(f"{bug.name:<{width}}  {bug.property:<14}  {bug.summary}", as_json=as_json)
    return finish({"bugs": [_as_dict(bug) for bug in bugs]}, as_json=as_json)


def named(names: Sequence[str]) -> list[Bug]:
    """The planted bugs of these names, or all of them; an unknown name is a `UsageError`."""
    from mmfuzz.planted import BUGS

    for name in names:
        if name not in BUGS:
            close = get_close_matches(name, BUGS, 1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise UsageError(f"unknown planted bug {name!r}{hint}: one of {', '.join(BUGS)}")
    return [BUGS[name] for name in names or BUGS]


def _details(bug: Bug) -> str:
    rows = {
        "property": bug.property,
        "kind": bug.kind,
        "kernels": f"{bug.kernels[0]} to {bug.kernels[-1]}" + (f": {bug.because}" if bug.because else ""),
        "fix": bug.fix,
        "summary": bug.summary,
        "reached": bug.reached,
    }
    return "\n".join([bug.name, *(f"  {key + ':':<10} {value}" for key, value in rows.items())])


def _as_dict(bug: Bug) -> dict[str, object]:
    return {
        "name": bug.name,
        "property": bug.property,
        "fix": bug.fix,
        "kernels": bug.kernels,
        "kind": bug.kind,
        "summary": bug.summary,
        "reached": bug.reached,
    }
