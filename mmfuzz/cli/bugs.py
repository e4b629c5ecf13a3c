"""`mmfuzz bugs`: the catalogue of planted bugs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmfuzz.cli.output import finish, json_option, kernel_option, say
from mmfuzz.errors import UsageError
from mmfuzz.profiles import ALL, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmfuzz.planted import Bug


_MEMORIES = {"sc": "any", "tso": "tso or weak", "weak": "weak"}
"""The models of memory that show a race, by the strictest of them."""


@click.command("bugs", short_help="List the bugs that can be planted.")
@click.argument("name", required=False)
@kernel_option("Only the bugs that live in this kernel's era.", or_all=True)
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page instead: each bug with its shortest program and how that fails (needs Jinja2).",
)
@json_option
def command(name: str | None, kernel: str | None, page: Path | None, as_json: bool) -> int:
    """List the bugs that can be planted into the simulated kernel, or tell all about one."""
    bugs = named([name] if name else [], kernel)
    result: dict[str, object] = {"bugs": [_as_dict(bug) for bug in bugs]}
    if page is not None:
        from mmfuzz.report.catalogue import write

        write(bugs, page)
        result["page"] = str(page)
        say(f"{len(bugs)} bugs: {page}", as_json=as_json)
    elif name:
        say(_details(bugs[0]), as_json=as_json)
    else:
        widths = [max(len(cell) for cell in column) for column in zip(*map(_cells, bugs), strict=True)]
        for bug in bugs:
            cells = (f"{cell:<{width}}" for cell, width in zip(_cells(bug), widths, strict=True))
            say(f"{'  '.join(cells)}  {bug.summary}", as_json=as_json)
    return finish(result, as_json=as_json)


def named(names: Sequence[str], kernel: str | None = None) -> list[Bug]:
    """The planted bugs of these names, or all that live in a kernel's era.

    An unknown name is a `UsageError`, and so is a bug that does not live there: the error says why.
    """
    from mmfuzz.planted import BUGS, known, profile_for

    for name in names:
        known(name)
    if kernel is None or kernel == ALL:
        return [BUGS[name] for name in names or BUGS]
    profile = resolve(kernel).name
    for name in names:
        profile_for(name, kernel)
    found = [BUGS[name] for name in names or BUGS if profile in BUGS[name].kernels]
    if not found:
        raise UsageError(f"no planted bug lives in kernel {kernel!r} (profile {profile})")
    return found


def _cells(bug: Bug) -> tuple[str, str, str, str]:
    from mmfuzz.planted import span

    return bug.name, bug.kind, bug.property, span(bug)


def _details(bug: Bug) -> str:
    from mmfuzz.planted import span

    rows = {
        "property": bug.property,
        "kind": bug.kind,
        "kernels": span(bug) + (f": {bug.because}" if bug.because else ""),
        "fix": bug.fix,
        "summary": bug.summary,
        "reached": bug.reached,
    }
    if bug.scenarios:
        rows |= {"races": ", ".join(bug.scenarios), "memory": _MEMORIES[bug.memory]}
    return "\n".join([bug.name, *(f"  {key + ':':<10} {value}" for key, value in rows.items())])


def _as_dict(bug: Bug) -> dict[str, object]:
    return {
        "name": bug.name,
        "property": bug.property,
        "fix": bug.fix,
        "kernels": bug.kernels,
        "because": bug.because,
        "kind": bug.kind,
        "summary": bug.summary,
        "reached": bug.reached,
        "scenarios": bug.scenarios,
        "memory": bug.memory or None,
    }
