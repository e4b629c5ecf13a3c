"""Options that several commands share, and the two ways to say a result: text, or one JSON object."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import click

from mmfuzz.errors import UsageError
from mmfuzz.profiles import ALL, PIN_SCHEMES, pin_scheme

EXIT_FAILED = 1
EXIT_UNAVAILABLE = 3

Option = Callable[[Callable[..., Any]], Callable[..., Any]]
"""What `click.option` returns: it adds an option to a command's function."""

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """Option callback: seconds, written as `90`, `90s`, `10m`, `1.5h` or `1d`."""
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd]?)", value)
    if not match or float(match[1]) == 0:
        raise click.BadParameter(f"{value!r} is not a time: a number with s, m, h or d, such as 90s or 10m")
    return float(match[1]) * _SECONDS[match[2]]


def pins(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Option callback: the name of a pin scheme."""
    try:
        return value if value is None else pin_scheme(value)
    except UsageError as error:
        raise click.BadParameter(str(error)) from error


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`: one object on standard output, everything else on standard error."""
    text = "Print one JSON object on standard output, everything else on standard error."
    return click.option("--json", "as_json", is_flag=True, help=text)(function)


def kernel_option(help: str, *, or_all: bool = False, multiple: bool = False) -> Option:
    """`--kernel`: a version; every profile, or several versions, where the command can."""
    return click.option(
        "--kernel",
        "kernels" if multiple else "kernel",
        metavar=f"VERSION|{ALL}" if or_all else "VERSION",
        multiple=multiple,
        help=help,
    )


ONE_KERNEL = kernel_option("Rules of the simulated kernel: those of a release, such as 6.18.")


def target_options(kernel: Option = ONE_KERNEL) -> Option:
    """`--target`, `--kernel` as it is given, `--swap` and `--pins`: what programs run on."""
    options: list[Option] = [
        click.option(
            "--target",
            default="sim",
            show_default=True,
            metavar="sim|linux",
            help="The simulated kernel, or the running one (needs root).",
        ),
        kernel,
        click.option(
            "--swap",
            metavar="zram|disk|FILE",
            help="Swap of the simulated kernel, or what the linux target makes for itself (zram, or a file) and "
            "removes afterwards.",
        ),
        click.option(
            "--pins",
            metavar="SCHEME",
            callback=pins,
            help=f"How the simulated kernel tells pins from references: {', '.join(PIN_SCHEMES)}.",
        ),
    ]

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def say(text: str = "", *, as_json: bool = False) -> None:
    """A line for a person: on standard output, or on standard error where JSON has that place."""
    click.echo(text, err=as_json)


def finish(result: dict[str, Any], *, as_json: bool, code: int = 0) -> int:
    """Print the JSON object where it is asked for, and return the exit code."""
    if as_json:
        click.echo(json.dumps(result, indent=2))
    return code
