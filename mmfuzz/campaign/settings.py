"""What a campaign is asked to do, what it tells while it runs, and what it says at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STEPS_DEFAULT = 100_000
"""Steps of a run that names neither steps nor time: some seconds on the simulated kernel."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A run's whole input: the same settings give the same run, as long as `seconds` is not what ends it."""

    target: str = "sim"
    kernel: str | None = None
    """Version of the simulated kernel; None for the default, or for the era in which `plant` lives."""
    plant: str | None = None
    steps: int | None = None
    seconds: float | None = None
    """Time to stop at, after `steps` or instead of them."""
    seed: int = 0
    jobs: int = 1
    corpus: Path | None = None
    """Folder to take kept programs from and to leave them in."""
    found: Path = Path(".mmfuzz/found")
    """Folder for programs that fail."""
    frames: int | None = None
    huge: int | None = None
    swap: str | None = None
    pins: str | None = None
    """Pin scheme of the simulated kernel; None for its profile's own."""
    keep_going: bool = False
    """Go on after the first failure, and report one program a property."""
    guided: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    steps: int
    steps_per_second: float
    programs: int
    operations: Mapping[str, int]
    """Times each kind was done, by name."""
    states: int
    """Transitions of abstract folio state that were reached."""
    kept: int
    failures: int


@dataclass(frozen=True, slots=True)
class Found:
    """A failure, saved and made minimal."""

    property: str
    message: str
    report: str
    """The whole failure text of the minimal program."""
    reproducer: Path
    operations: int
    """Length of the minimal program."""
    steps: int
    """Steps that its worker had done when it was found."""
    step: int | None
    """Index of the operation that fails; None when what fails is the release at the end."""
    target: str = "sim"
    kernel: str = ""
    """Profile or release of the kernel that failed."""


@dataclass(frozen=True, slots=True)
class Died:
    """An earlier run that was killed, or died with its machine: what it was running is a program now."""

    path: Path
    operations: int


Event = Progress | Found | Died
Listener = Callable[[Event], None]


@dataclass(slots=True)
class Summary:
    """The end of a run."""

    target: str
    kernel: str
    seed: int
    steps: int = 0
    programs: int = 0
    seconds: float = 0.0
    operations: dict[str, int] = field(default_factory=dict)
    states: int = 0
    kept: int = 0
    failures: list[Found] = field(default_factory=list)
    interrupted: bool = False

    @property
    def steps_per_second(self) -> float:
        """Steps done in a second of the run, all workers together."""
        return self.steps / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Began:
    """The run on one of several kernels begins."""

    kernel: str
    number: int
    """Which of them it is, from 1."""
    of: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The run on one of several kernels is over."""

    summary: Summary


SeriesEvent = Event | Began | Ended
SeriesListener = Callable[[SeriesEvent], None]
