"""One worker's run within its budget: the corpus first, then search; every failure saved before anything else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmfuzz.campaign.explore import STEPS_FRESH, Explorer, Failure, same_failure
from mmfuzz.campaign.guide import Guide
from mmfuzz.campaign.settings import STEPS_DEFAULT, Event, Found, Listener, Progress, Settings
from mmfuzz.corpus import find, load, save, save_found
from mmfuzz.errors import TargetBroke
from mmfuzz.ops import NAMES, Operation
from mmfuzz.program import Program
from mmfuzz.reduce import reduce
from mmfuzz.session import run
from mmfuzz.targets import open_target
from mmfuzz.targets.base import Target

PROGRESS_SECONDS = 0.25
"""Time between two progress events."""

REPLAY_CAREFULLY = 3
"""Runs of a failing program on a target that is not exact before it counts: a real kernel has noise."""


@dataclass(slots=True)
class Done:
    """What a worker has to say at its end."""

    steps: int
    programs: int
    operations: dict[str, int]
    states: int
    kept: int
    kernel: str
    interrupted: bool = False


class Worker:
    """Runs `settings` with one seed, on a target of its own."""

    def __init__(self, settings: Settings, number: int, listen: Listener) -> None:
        self._settings = settings
        self._listen = listen
        self._target = open_settings(settings)
        self._guide = Guide()
        self._explorer = Explorer(
            self._target, f"{settings.seed}/{number}", guided=settings.guided, guide=self._guide
        )
        self._failures: list[Found] = []
        self._raw: set[tuple[Operation, ...]] = set()
        self._start = self._told = time.monotonic()

    def run(self) -> Done:
        """Use up the budget, or stop at the first failure, or at Ctrl-C with nothing lost."""
        interrupted = False
        try:
            try:
                self._replay_corpus()
                while not self._is_over():
                    self._handle(self._explorer.explore(self._steps_left()))
                    self._tell()
            except KeyboardInterrupt:
                interrupted = True
            self._leave_corpus()
        finally:
            self._target.close()
        explorer = self._explorer
        return Done(
            explorer.steps,
            explorer.programs,
            self._operations(),
            len(self._guide.seen),
            len(self._guide.kept),
            self._target.traits.kernel,
            interrupted,
        )

    def _operations(self) -> dict[str, int]:
        counts = self._explorer.operations
        return {NAMES[kind]: counts[kind] for kind in NAMES if counts[kind]}

    def _steps_left(self) -> int | None:
        settings = self._settings
        if settings.steps is None and settings.seconds is not None:
            return None
        return max(0, (settings.steps or STEPS_DEFAULT) - self._explorer.steps)

    def _is_over(self) -> bool:
        if self._failures and not self._settings.keep_going:
            return True
        seconds = self._settings.seconds
        if seconds is not None and time.monotonic() - self._start >= seconds:
            return True
        left = self._steps_left()
        return left is not None and left <= 0

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told < PROGRESS_SECONDS:
            return
        self._told = now
        steps = self._explorer.steps
        self._listen(
            Progress(
                steps,
                steps / (now - self._start),
                self._explorer.programs,
                self._operations(),
                len(self._guide.seen),
                len(self._guide.kept),
                len(self._failures),
            )
        )

    def _replay_corpus(self) -> None:
        """Run what earlier runs kept: it primes the guide, and what failed once may fail again."""
        corpus = self._settings.corpus
        if corpus is None or not corpus.is_dir():
            return
        for path in find([corpus]):
            program = load(path)
            if not program.plant or program.plant == self._settings.plant:
                self._handle(self._explorer.replay(program.ops))
            if self._is_over():
                return

    def _handle(self, failure: Failure | None) -> None:
        """Save a failing program as it is, make it minimal, save that, and tell."""
        if failure is None or any(found.property == failure.violation.property for found in self._failures):
            return
        property = failure.violation.property
        raw = save_found(self._settings.found, self._program(failure.ops, property))
        fails = same_failure(self._target, property)
        if not self._fails_again(failure.ops, fails):
            return
        smallest = reduce(failure.ops, fails)
        path = save_found(self._settings.found, self._program(smallest, property))
        if path != raw:
            raw.unlink(missing_ok=True)
        violation = run(smallest, self._target).violation or failure.violation
        found = Found(
            property, violation.message, violation.report(), path, len(smallest), self._explorer.steps
        )
        self._failures.append(found)
        self._listen(found)

    def _fails_again(self, ops: Sequence[Operation], fails: object) -> bool:
        assert callable(fails)
        return any(fails(tuple(ops)) for _ in range(REPLAY_CAREFULLY))

    def _program(self, ops: Sequence[Operation], property: str) -> Program:
        traits = self._target.traits
        return Program(
            kernel=traits.kernel,
            plant=self._settings.plant or "",
            expect=f"fail {property}",
            found=f"{traits.name} {traits.kernel}, seed {self._settings.seed}",
            ops=tuple(ops),
        )

    def _leave_corpus(self) -> None:
        """Write what is kept, each program made as short as it goes while it reaches what it was kept for."""
        corpus = self._settings.corpus
        if corpus is None:
            return


def open_settings(settings: Settings) -> Target:
    """The target that a run's settings name."""
    return open_target(
        settings.target,
        kernel=settings.kernel,
        plant=settings.plant,
        frames=settings.frames,
        huge=settings.huge,
        swap=settings.swap,
    )
