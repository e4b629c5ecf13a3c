"""The command line: each command is a module here that turns words into calls and results into text.

Nothing heavy is imported before a command runs, so that `mmfuzz --help` is there at once. Exit codes: 0
nothing wrong was found, 1 a property failed, 2 wrong usage or unreadable input, 3 the machine lacks what
the target needs.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from mmfuzz import __version__
from mmfuzz.errors import MmfuzzError

COMMANDS = ("fuzz", "replay", "show", "shrink", "race", "export", "bugs", "hunt", "doctor")
"""In the order in which a newcomer meets them."""

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
"""As a shell reports a process that SIGINT ended; no result is claimed."""
EXIT_PIPE_CLOSED = 141
"""As a shell reports SIGPIPE: who read the output has gone."""


class _Commands(click.Group):
    """Imports a command when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"mmfuzz.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The interpreter flushes standard output at exit, and would complain once more; click would
            # exit with 1, which means here that a property failed.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(EXIT_PIPE_CLOSED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"{error.message} One of: {', '.join(COMMANDS)}.", ctx) from error


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="mmfuzz", message="%(prog)s %(version)s")
def cli() -> None:
    """Find programs of memory operations after which the kernel's page reference counts are wrong."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; an error that mmfuzz explains is one line and its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(words, prog_name="mmfuzz", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        _refuse(words, error.format_message(), error.exit_code)
    except MmfuzzError as error:
        click.echo(f"mmfuzz: {error}", err=True)
        _refuse(words, str(error), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("mmfuzz: interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except OSError as error:
        message = f"{error.strerror}: {error.filename!r}" if error.filename else str(error)
        click.echo(f"mmfuzz: {message}", err=True)
        _refuse(words, message, EXIT_USAGE)
    sys.exit(code or 0)


def _refuse(words: Sequence[str], message: str, code: int) -> NoReturn:
    """Exit with `code`; with --json there is an object on standard output even now."""
    if "--json" in words:
        click.echo(json.dumps({"error": message}))
    sys.exit(code)
