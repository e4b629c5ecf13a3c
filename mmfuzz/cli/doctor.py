"""`mmfuzz doctor`: what this machine can run, and what each missing thing needs."""

from __future__ import annotations

import click

from mmfuzz.cli.output import finish, json_option, say


@click.command("doctor", short_help="Say what this machine can run.")
@json_option
def command(as_json: bool) -> int:
    """Say which targets this machine can run, and how to get what is missing.

    Of a target that runs it says which operations programs leave out here, and why.
    """
    from mmfuzz.targets.linux import requirements

    targets = []
    for name, missing in {"sim": [], "linux": requirements()}.items():
        limits: list[tuple[str, str]] = []
        if name == "linux" and not missing:
            limits, missing = linux_limits()
        say(f"{name}: {'not usable' if missing else 'usable'}", as_json=as_json)
        for need in missing:
            say(f"  - {need}", as_json=as_json)
        for operation, reason in limits:
            say(f"  - leaves out {operation}: {reason}", as_json=as_json)
        left_out = [{"operation": operation, "reason": reason} for operation, reason in limits]
        targets.append({"name": name, "usable": not missing, "missing": missing, "left_out": left_out})
    return finish({"targets": targets}, as_json=as_json)


def linux_limits() -> tuple[list[tuple[str, str]], list[str]]:
    """What the running kernel leaves out; and what is missing, should it not start after all."""
    from mmfuzz.errors import TargetUnavailable
    from mmfuzz.targets.linux import Linux

    try:
        target = Linux(areas=1)
    except TargetUnavailable as failure:
        return [], [str(failure)]
    try:
        return target.limits(), []
    finally:
        target.close()
