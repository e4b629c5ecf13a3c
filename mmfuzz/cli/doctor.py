"""`mmfuzz doctor`: what this machine can run, and what each missing thing needs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import click

from mmfuzz.cli.output import finish, json_option, say
from mmfuzz.profiles import DEFAULT, PROFILES


@click.command("doctor", short_help="Say what this machine can run.")
@json_option
def command(as_json: bool) -> int:
    """Say which targets this machine can run, and how to get what is missing.

    Of a target that runs it says which operations programs leave out here, and why. Of the simulated kernel it
    says which releases --kernel can name: a version stands for the newest profile that is not above it.
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
    profiles = list(_profiles())
    width = max(len(profile["name"]) for profile in profiles)
    say(f"\nprofiles of the simulated kernel ({DEFAULT} unless --kernel names another):", as_json=as_json)
    for profile in profiles:
        say(f"  {profile['name']:<{width}}  {profile['brought']}", as_json=as_json)
    return finish({"targets": targets, "profiles": profiles}, as_json=as_json)


def _profiles() -> Iterator[dict[str, Any]]:
    """Every profile, with the release that it begins with and the one before which it ends."""
    for profile, after in zip_longest(PROFILES.values(), list(PROFILES)[1:]):
        yield {
            "name": profile.name,
            "first_release": profile.name,
            "ends_before": after,
            "brought": profile.brought,
            "pins": profile.pins,
            "default": profile.name == DEFAULT,
        }


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
