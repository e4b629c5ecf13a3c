"""One worker's run within its budget: the corpus first, then search; every failure saved before anything else."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mmfuzz.campaign.explore import Explorer, Failure
from mmfuzz.campaign.guide import Guide, Kept
from mmfuzz.campaign.journal import Journal, recover
from mmfuzz.campaign.settings import STEPS_DEFAULT, Died, Found, Listener, Progress, Settings
from mmfuzz.corpus import find, load, save
from mmfuzz.errors import InternalError, MmfuzzError
from mmfuzz.finding import follow_up, program_on
from mmfuzz.ops import NAMES, Operation
from mmfuzz.program import Program
from mmfuzz.reduce import reduce
from mmfuzz.replay import left_out
from mmfuzz.session import run
from mmfuzz.targets import open_target
from mmfuzz.targets.base import Target

PROGRESS_SECONDS = 0.25
"""Time between two progress events."""

MINIMISING_RUNS = 60
"""Runs spent on each program that is kept for the next run."""

MINIMISING_SHARE = 0.1
"""Steps spent on that in all, as a share of the run's; what is left then is kept as it is."""

COLLECT_AFTER = 10_000
"""New objects after which the youngest of them are looked through for garbage."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a worker has to say at its end."""

    steps: int
    programs: int
    operations: dict[str, int]
    states: int
    kept: int
    kernel: str
    interrupted: bool


class Worker:
    """Runs `settings` with one of its seeds, on a target of its own, for `steps` steps.

    `stop` is asked between programs whether another worker has ended the run.
    """

    def __init__(
        self,
        settings: Settings,
        number: int,
        listen: Listener,
        *,
        steps: int | None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._listen = listen
        self._steps_max = steps
        self._stop = stop
        self._target = open_settings(settings)
        self._by = f"{self._target.traits.name} {self._target.traits.kernel}, seed {settings.seed}"
        for path, operations in recover(settings.found):
            listen(Died(path, operations))
        self._journal = self._open_journal()
        self._guide = Guide()
        self._explorer = Explorer(
            self._target,
            f"{settings.seed}/{number}",
            guided=settings.guided,
            guide=self._guide,
            journal=self._begin if self._journal is not None else None,
        )
        self._known: set[int] = set()
        self._failures: list[Found] = []
        self._start = self._told = time.monotonic()

    def run(self) -> Done:
        """Use up the budget, or stop at the first failure, or at Ctrl-C with nothing lost."""
        interrupted = False
        try:
            try:
                with seldom_collected():
                    self._replay_corpus()
                    while not self._is_over():
                        self._handle(self._explorer.explore(self._steps_left()))
                        self._tell()
            except KeyboardInterrupt:
                interrupted = True
            except MmfuzzError:
                raise
            except Exception as error:
                raise self._internal(error) from error
            self._tell(last=True)
            try:
                self._leave_corpus()
            except KeyboardInterrupt:
                interrupted = True  # What is not kept is lost; the figures and what was found are not.
            if self._journal is not None:
                self._journal.close()
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

    def _internal(self, error: Exception) -> InternalError:
        """mmfuzz itself failed: the program that did it is saved before anything else."""
        program = self._program(self._explorer.running, "pass")
        path = save(program, self._settings.found, name="internal")
        return InternalError(
            f"mmfuzz itself failed with {error!r}; the program is {str(path)!r}: please report both"
        )

    def _operations(self) -> dict[str, int]:
        counts = self._explorer.operations
        return {NAMES[kind]: counts[kind] for kind in NAMES if counts[kind]}

    def _steps_left(self) -> int | None:
        return None if self._steps_max is None else max(0, self._steps_max - self._explorer.steps)

    def _is_over(self) -> bool:
        if (self._failures and not self._settings.keep_going) or self._stop():
            return True
        seconds = self._settings.seconds
        if seconds is not None and time.monotonic() - self._start >= seconds:
            return True
        return self._steps_left() == 0

    def _tell(self, *, last: bool = False) -> None:
        now = time.monotonic()
        if now - self._told < PROGRESS_SECONDS and not last:
            return
        self._told = now
        explorer = self._explorer
        self._listen(
            Progress(
                explorer.steps,
                explorer.steps / max(now - self._start, 1e-9),
                explorer.programs,
                self._operations(),
                len(self._guide.seen),
                len(self._guide.kept),
                len(self._failures),
            )
        )

    # The corpus

    def _replay_corpus(self) -> None:
        """Run what earlier runs kept: it primes the guide, and what failed once may fail again."""
        corpus = self._settings.corpus
        if corpus is None or not corpus.is_dir():
            return
        for path in find([corpus]):
            program = load(path)
            if self._fits(program):
                self._handle(self._explorer.replay(program.ops))
            if self._is_over():
                break
        self._known = {id(kept) for kept in self._guide.kept}

    def _fits(self, program: Program) -> bool:
        """Whether a program says on this target what it says by its header."""
        traits = self._target.traits
        if program.threads:
            return False  # One after the other, its operations are another program.
        if program.plant not in ("", traits.plant) or program.pins not in ("", traits.pins):
            return False
        if traits.exact and program.swap not in ("", traits.swap):
            return False
        if traits.exact and left_out(program, self._target):
            return False  # Its era has no such operation: what remains of the program is another one.
        return traits.frames is None or (program.frames, program.huge) == (traits.frames, traits.huge_order)

    def _leave_corpus(self) -> None:
        """Save the programs that reached something new, each as short as it goes while it still does."""
        corpus = self._settings.corpus
        if corpus is None:
            return
        steps = self._explorer.steps
        steps_max = steps * (1 + MINIMISING_SHARE)
        for kept in self._guide.kept:
            if id(kept) not in self._known:
                ops = self._minimised(kept) if self._explorer.steps < steps_max else kept.ops
                if run(ops, self._target).violation is None:
                    save(self._program(ops, "pass"), corpus / "kept", name="kept")
        self._explorer.steps = steps

    def _minimised(self, kept: Kept) -> Sequence[Operation]:
        wanted = set(kept.reached)
        return reduce(kept.ops, lambda ops: wanted <= self._explorer.reaches(ops), runs_max=MINIMISING_RUNS)

    # Failures

    def _handle(self, failure: Failure | None) -> None:
        """Have a failing program saved and made minimal, and tell."""
        if failure is None or any(found.property == failure.violation.property for found in self._failures):
            return
        for finding in follow_up(
            self._target, failure.ops, failure.violation, self._settings.found, self._by
        ):
            found = Found(
                finding.property,
                finding.message,
                finding.report,
                finding.path,
                len(finding.ops),
                self._explorer.steps,
                finding.step,
                self._settings.target,
                self._target.traits.kernel,
            )
            self._failures.append(found)
            self._listen(found)

    def _program(self, ops: Sequence[Operation], expect: str) -> Program:
        return program_on(self._target, ops, expect, self._by)

    # The journal, on targets that can die

    def _open_journal(self) -> Journal | None:
        if self._target.traits.exact:
            return None
        return Journal(self._settings.found, self._program((), "pass"))

    def _begin(self) -> Callable[[Operation], None]:
        assert self._journal is not None
        self._journal.begin()
        return self._journal.write


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for garbage a tenth as often, and never among what is there already.

    A program's world is one large cycle that dies at once; looking at its pages again and again while it lives
    is a tenth of the time of a run with huge pages.
    """
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def open_settings(settings: Settings) -> Target:
    """The target that a run's settings name."""
    return open_target(
        settings.target,
        kernel=settings.kernel,
        plant=settings.plant,
        frames=settings.frames,
        huge=settings.huge,
        swap=settings.swap,
        pins=settings.pins,
    )


def steps_of(settings: Settings, number: int) -> int | None:
    """Worker `number`'s share of a run's steps; None when only time ends it."""
    if settings.steps is None and settings.seconds is not None:
        return None
    share, rest = divmod(settings.steps or STEPS_DEFAULT, settings.jobs)
    return share + (number < rest)
