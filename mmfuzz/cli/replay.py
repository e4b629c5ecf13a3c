"""`mmfuzz replay`: run saved programs, one verdict a program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmfuzz.cli.output import EXIT_FAILED, EXIT_UNAVAILABLE, finish, json_option, say, target_options
from mmfuzz.errors import UsageError

if TYPE_CHECKING:
    from mmfuzz.program import Program
    from mmfuzz.replay import Verdict


@click.command("replay", short_help="Replay saved programs, one verdict each.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@target_options
@json_option
def command(
    paths: tuple[Path, ...],
    target: str,
    kernel: str | None,
    swap: str | None,
    pins: str | None,
    as_json: bool,
) -> int:
    """Replay programs, or every *.mm file of whole folders.

    Each program runs on the kernel, and with the planted bug, that its header names. The exit code is 0 when
    every program does what its header expects, 1 when one does not. A program with operations that the target
    cannot do has no verdict.
    """
    from mmfuzz import corpus
    from mmfuzz.replay import Replayer

    files = corpus.find(paths)
    if not files:
        raise UsageError(f"no *.mm file under {', '.join(map(str, paths))}")
    programs = [(path, corpus.load(path)) for path in files]
    results: list[dict[str, Any]] = []
    verdicts: list[Verdict] = []
    with Replayer(target, kernel=kernel, swap=swap, pins=pins) as replayer:
        for path, program in programs:
            verdict = replayer.replay(program)
            say(_line(path, program, verdict), as_json=as_json)
            verdicts.append(verdict)
            results.append(_as_dict(path, program, verdict))
    say(_closing(verdicts), as_json=as_json)
    return finish({"target": target, "programs": results}, as_json=as_json, code=_exit_code(verdicts))


def _line(path: Path, program: Program, verdict: Verdict) -> str:
    from mmfuzz.report.failure import failure

    if verdict.unknown:
        return f"{path}: unknown ({verdict.unknown})"
    if verdict.is_expected:
        return f"{path}: {f'fails {verdict.failed}, as expected' if verdict.violation else 'pass'}"
    if verdict.violation is None:
        return f"{path}: pass, but {verdict.expected} was expected to fail"
    expected = f", but {verdict.expected} was expected to" if verdict.expected else ""
    details = failure(verdict.violation.report(), program.ops, verdict.step)
    return f"{path}: fails {verdict.failed}{expected}\n\n{details}\n"


def _as_dict(path: Path, program: Program, verdict: Verdict) -> dict[str, Any]:
    return {
        "path": str(path),
        "verdict": verdict.verdict,
        "property": verdict.failed,
        "expected": f"fail {verdict.expected}" if verdict.expected else "pass",
        "as_expected": verdict.is_expected,
        "message": verdict.violation.message if verdict.violation else verdict.unknown,
        "operations": len(program.ops),
        "step": verdict.step,
    }


def _closing(verdicts: list[Verdict]) -> str:
    expected = sum(verdict.is_expected for verdict in verdicts)
    unknown = sum(verdict.verdict == "unknown" for verdict in verdicts)
    noun = "program" if len(verdicts) == 1 else "programs"
    others = f", {unknown} without a verdict" if unknown else ""
    return f"{len(verdicts)} {noun}: {expected} as expected, {len(verdicts) - expected - unknown} not{others}"


def _exit_code(verdicts: list[Verdict]) -> int:
    if any(verdict.verdict != "unknown" and not verdict.is_expected for verdict in verdicts):
        return EXIT_FAILED
    return EXIT_UNAVAILABLE if any(verdict.broke for verdict in verdicts) else 0
