"""`mmfuzz replay`: run saved programs, one verdict a program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmfuzz.cli.output import (
    EXIT_FAILED,
    EXIT_UNAVAILABLE,
    finish,
    json_option,
    kernel_option,
    say,
    target_options,
)
from mmfuzz.errors import UsageError
from mmfuzz.profiles import ALL, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mmfuzz.program import Program
    from mmfuzz.replay import Verdict

    Verdicts = dict[str, Verdict]
    """Verdicts by kernel, oldest first."""


@click.command("replay", short_help="Replay saved programs, one verdict each.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@target_options(
    kernel_option("Rules of the simulated kernel in place of the header's, or every profile.", or_all=True)
)
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

    With --kernel all each program runs on every profile, one with a planted bug on those that the bug can be
    planted into. What must pass must pass on all of them; what must fail is judged on its own kernel alone, as
    elsewhere the bug may show otherwise, or not at all.
    """
    from mmfuzz import corpus
    from mmfuzz.replay import Replayer

    files = corpus.find(paths)
    if not files:
        raise UsageError(f"no *.mm file under {', '.join(map(str, paths))}")
    programs = [(path, corpus.load(path)) for path in files]
    if kernel == ALL and target == "sim":
        return _on_all(programs, swap=swap, pins=pins, as_json=as_json)
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


def _on_all(
    programs: Iterable[tuple[Path, Program]], *, swap: str | None, pins: str | None, as_json: bool
) -> int:
    """Replay each program on every profile: one verdict a program, made of those on each."""
    from mmfuzz.replay import judged

    results: list[dict[str, Any]] = []
    every: list[Verdict] = []
    for path, program in programs:
        verdicts = _verdicts(program, swap=swap, pins=pins)
        those = judged(program, list(verdicts))
        say(_line_of_all(path, program, verdicts, those), as_json=as_json)
        every.append(_worst(verdicts[kernel] for kernel in those))
        kernels = [
            {"kernel": kernel, "judged": kernel in those, **_as_dict(path, program, verdict)}
            for kernel, verdict in verdicts.items()
        ]
        results.append({**_as_dict(path, program, every[-1]), "kernels": kernels})
    say(_closing(every), as_json=as_json)
    result = {"target": "sim", "kernel": ALL, "programs": results}
    return finish(result, as_json=as_json, code=_exit_code(every))


def _verdicts(program: Program, *, swap: str | None, pins: str | None) -> Verdicts:
    from mmfuzz.planted import profiles_for
    from mmfuzz.replay import Replayer, check_header

    check_header(program)
    verdicts = {}
    # Where no profile can have the pin scheme, its own one says so.
    own = resolve(program.kernel).name
    for kernel in profiles_for(program.plant or None, pins or program.pins or None) or (own,):
        with Replayer("sim", kernel=kernel, swap=swap, pins=pins) as replayer:
            verdicts[kernel] = replayer.replay(program)
    return verdicts


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    """What stands for all: one that is not as expected, or one that says something, or one that does not."""
    return min(verdicts, key=lambda verdict: (verdict.verdict == "unknown", verdict.is_expected))


def _line_of_all(path: Path, program: Program, verdicts: Verdicts, judged: Sequence[str]) -> str:
    """One line for each different outcome, and the details of the first kernel with a wrong one."""
    from mmfuzz.report.eras import names

    outcomes: dict[str, list[str]] = {}
    for kernel, verdict in verdicts.items():
        is_plain = kernel not in judged and not verdict.is_expected and verdict.verdict != "unknown"
        said = _did(verdict) if is_plain else _said(verdict)
        outcomes.setdefault(said, []).append(kernel)
    lines = []
    for said, kernels in outcomes.items():
        lines.append(f"{path} on {names(kernels)}: {said}")
        verdict = verdicts[kernels[0]]
        if kernels[0] in judged and verdict.violation is not None and not verdict.is_expected:
            lines.append(f"\nkernel {kernels[0]}\n{_details(program, verdict)}\n")
    return "\n".join(lines)


def _line(path: Path, program: Program, verdict: Verdict) -> str:
    line = f"{path}: {_said(verdict)}"
    if verdict.violation is None or verdict.is_expected:
        return line
    return f"{line}\n\n{_details(program, verdict)}\n"


def _said(verdict: Verdict) -> str:
    if verdict.verdict == "unknown":
        return f"unknown ({verdict.unknown})"
    if verdict.is_expected:
        return f"fails {verdict.failed}, as expected" if verdict.violation else "pass"
    if verdict.violation is None:
        return f"pass, but {verdict.expected} was expected to fail"
    return f"fails {verdict.failed}{f', but {verdict.expected} was expected to' if verdict.expected else ''}"


def _did(verdict: Verdict) -> str:
    """What happened, where nothing was expected."""
    return f"fails {verdict.failed}" if verdict.violation else "pass"


def _details(program: Program, verdict: Verdict) -> str:
    from mmfuzz.report.failure import failure, race_failure

    assert verdict.violation is not None
    if program.threads:
        return race_failure(verdict.violation.report(), Path(program.source.path))
    return failure(verdict.violation.report(), program.ops, verdict.step)


def _as_dict(path: Path, program: Program, verdict: Verdict) -> dict[str, Any]:
    return {
        "path": str(path),
        "verdict": verdict.verdict,
        "property": verdict.failed,
        "expected": f"fail {verdict.expected}" if verdict.expected else "pass",
        "as_expected": verdict.is_expected,
        "message": verdict.violation.message if verdict.violation else verdict.unknown,
        "operations": program.length,
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
