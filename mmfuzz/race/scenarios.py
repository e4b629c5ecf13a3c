"""The protocols that are explored: race files that come with mmfuzz, each complete; planted races leave a part out.

`mmfuzz/race/programs` is a link to `corpus/races`, as `mmfuzz/planted/programs` is one to `corpus/planted`.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path

from mmfuzz.errors import UsageError
from mmfuzz.planted import BUGS
from mmfuzz.planted.catalogue import RACE, Bug
from mmfuzz.program import SUFFIX, Program, parse

PROGRAMS = Path(__file__).parent / "programs"


@cache
def scenarios() -> dict[str, Program]:
    """Every protocol by name, in the order of names."""
    return {
        path.stem: parse(path.read_text(encoding="utf-8"), str(path))
        for path in sorted(PROGRAMS.glob(f"*{SUFFIX}"))
    }


def scenario(name: str) -> Program:
    """A protocol by its name; an unknown one is a `UsageError` that names close matches."""
    known = scenarios()
    if name not in known:
        close = get_close_matches(name, known, 3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"one of {', '.join(known)}"
        raise UsageError(
            f"unknown scenario {name!r}: {hint}; or the path of a race file, which ends in {SUFFIX}"
        )
    return known[name]


def races_in(name: str) -> list[Bug]:
    """The planted races that a protocol shows."""
    return [bug for bug in BUGS.values() if bug.kind == RACE and name in bug.scenarios]
