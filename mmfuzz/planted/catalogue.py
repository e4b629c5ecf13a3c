"""The catalogue of planted bugs, each a small class beside its facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from mmfuzz.errors import UsageError
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.profiles import DEFAULT, PROFILES, resolve

OLDEST, *_, NEWEST = PROFILES


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
    kernels: tuple[str, ...]
    """Names of the profiles that it can be planted into, oldest first."""
    home: str
    """The one that it is planted into unless another is named: the newest, but none beyond the default."""
    because: str
    """Why in no other: what came with the first, or went after the last; empty when it can be in all."""
    kind: str
    """"sequential", "error" (needs an injected failure) or "race"."""
    routine: type[Kernel]
    scenarios: tuple[str, ...] = ()
    """Of a race: the protocols, files of corpus/races, in which it shows; that of the smallest schedule first."""
    memory: str = ""
    """Of a race: the strictest model of memory that shows it, one of `sc`, `tso` and `weak`."""


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
    since: str = OLDEST,
    until: str = NEWEST,
    because: str = "",
    kind: str = "sequential",
    scenarios: tuple[str, ...] = (),
    memory: str = "",
) -> Callable[[type[Kernel]], type[Kernel]]:
    """Enter a class that overrides the wrong routine into the catalogue."""

    def enter(routine: type[Kernel]) -> type[Kernel]:
        names = list(PROFILES)
        first, last = names.index(since), names.index(until)
        home = names[max(first, min(last, names.index(DEFAULT)))]
        kernels = tuple(names[first : last + 1])
        BUGS[name] = Bug(
            name, property, summary, reached, fix, kernels, home, because, kind, routine, scenarios, memory
        )
        return routine

    return enter


def known(name: str) -> Bug:
    """A bug by its name; an unknown one is a `UsageError` that names close matches."""
    if name not in BUGS:
        close = get_close_matches(name, BUGS, 3)
        hint = f"did you mean {' or '.join(close)}?" if close else "`mmfuzz bugs` lists them"
        raise UsageError(f"unknown planted bug {name!r}: {hint}")
    return BUGS[name]


RACE = "race"
"""The kind of a bug that shows only where threads do something at the same time."""


def not_a_race(name: str) -> None:
    """Refuse a race, where one thing is done after the other: a `UsageError` that says what shows it."""
    if known(name).kind == RACE:
        raise UsageError(f"{name} is a race, which only threads show: mmfuzz race --plant {name}")


def profile_for(name: str, kernel: str | None) -> str:
    """The profile that a bug is planted into: of the version `kernel` if one is named.

    A version in whose era the bug does not live is a `UsageError` that says why.
    """
    bug = known(name)
    if kernel is None:
        return bug.home
    profile = resolve(kernel).name
    if profile not in bug.kernels:
        raise UsageError(
            f"{name} cannot be planted into kernel {kernel!r} (profile {profile}): "
            f"it lives in {span(bug)}: {bug.because}"
        )
    return profile


def span(bug: Bug) -> str:
    """The eras that a bug lives in, in words."""
    first, last = bug.kernels[0], bug.kernels[-1]
    if first == last:
        return f"{first} only"
    if (first, last) == (OLDEST, NEWEST):
        return "all"
    return f"from {first}" if last == NEWEST else f"{first} to {last}"


def profiles_for(name: str | None, pins: str | None = None) -> tuple[str, ...]:
    """The profiles that `--kernel all` stands for, oldest first: those a bug lives in, or every one without a bug.

    With a pin scheme, those of them that can have it.
    """
    kernels = tuple(PROFILES) if name is None else known(name).kernels
    return (
        kernels if pins is None else tuple(kernel for kernel in kernels if PROFILES[kernel].takes_pins(pins))
    )


def plant(kernel: type[Kernel], name: str) -> type[Kernel]:
    """The kernel class with a bug in it."""
    return type(f"{kernel.__name__} with {name}", (known(name).routine, kernel), {})
