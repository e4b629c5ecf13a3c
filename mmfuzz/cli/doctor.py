"""`mmfuzz doctor`: what this machine can run, and what each missing thing needs."""

from __future__ import annotations

import click

from mmfuzz.cli.output import finish, json_option, say


@click.command("doctor", short_help="Say what this machine can run.")
@json_option
def command(as_json: bool) -> int:
    """Say which targets this machine can run, and how to get what is missing."""
    from mmfuzz.targets.linux import requirements

    missing = {"sim": [], "linux": requirements()}
    for name, needs in missing.items():
        say(f"{name}: {'not usable' if needs else 'usable'}", as_json=as_json)
        for need in needs:
            say(f"  - {need}", as_json=as_json)
    targets = [{"name": name, "usable": not needs, "missing": needs} for name, needs in missing.items()]
    return finish({"targets": targets}, as_json=as_json)
