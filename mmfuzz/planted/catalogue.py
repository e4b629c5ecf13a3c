"""The catalogue of planted bugs, each a small class beside its facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from mmfuzz.errors import UsageError
from mmfuzz.kernel.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Bug:
    """What a planted bug is, and the routine that it gets wrong."""

    name: str
    property: str
    """The property that the smallest program breaks."""
    summary: str
    """What the routine does wrong, in a sentence."""
    reached: str
    """How a program gets there."""
    fix: str
    """Commit id and subject of the historic fix; "none: synthetic" where there was no such bug."""
    kernels: str
    """Profiles that it can be planted into."""
    kind: str
    """"sequential", "error" (needs an injected failure) or "race"."""
    routine: type[Kernel]


BUGS: dict[str, Bug] = {}
"""Every bug by name."""

SYNTHETIC = "none: synthetic"


def bug(
    name: str,
    property: str,
    *,
    summary: str,
    reached: str,
    fix: str = SYNTHETIC,
    kernels: str = "6.18",
    kind: str = "sequential",
) -> Callable[[type[Kernel]], type[Kernel]]:
    """Enter a class that overrides the wrong routine into the catalogue."""

    def enter(routine: type[Kernel]) -> type[Kernel]:
        BUGS[name] = Bug(name, property, summary, reached, fix, kernels, kind, routine)
        return routine

    return enter


def plant(kernel: type[Kernel], name: str) -> type[Kernel]:
    """The kernel class with a bug in it; an unknown name is a `UsageError` that names close matches."""
    if name not in BUGS:
        close = get_close_matches(name, BUGS, 3)
        hint = f"did you mean {' or '.join(close)}?" if close else "`mmfuzz bugs` lists them"
        raise UsageError(f"unknown planted bug {name!r}: {hint}")
    return type(f"{kernel.__name__} with {name}", (BUGS[name].routine, kernel), {})
