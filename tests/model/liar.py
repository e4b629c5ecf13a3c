"""What the tests of the model share: program lines as operations, and a target that lies."""

from __future__ import annotations

from collections.abc import Callable

from mmfuzz.observation import Counters, Report, Sweep
from mmfuzz.ops import Operation
from mmfuzz.program import parse
from mmfuzz.session import Outcome, Session, run
from mmfuzz.targets.sim import Sim

AboutReport = Callable[[Operation, Report], None]
AboutCounters = Callable[[Counters], Counters | None]
AboutSweep = Callable[[Sweep], None]


class Liar(Sim):
    """A healthy kernel that says something else than what it did.

    `report` may change the report of each step, `counters` what is seen of a folio, `sweep` the account of
    all frames, and `free` is added to the number of free frames. `kernel` is the era that it is of.
    """

    def __init__(
        self,
        *,
        report: AboutReport | None = None,
        counters: AboutCounters | None = None,
        sweep: AboutSweep | None = None,
        free: int = 0,
        kernel: str | None = None,
    ) -> None:
        self._about_report = report
        self._about_counters = counters
        self._about_sweep = sweep
        self._more_free = free
        super().__init__(kernel)

    def apply(self, op: Operation, step: int) -> Report:
        """Do it, and report something else."""
        report = super().apply(op, step)
        if self._about_report is not None:
            self._about_report(op, report)
        return report

    def counters(self, frame: int) -> Counters | None:
        """Something else than what the folio has."""
        seen = super().counters(frame)
        return seen if seen is None or self._about_counters is None else self._about_counters(seen)

    def sweep(self) -> Sweep:
        """Something else than what there is."""
        sweep = super().sweep()
        if self._about_sweep is not None:
            self._about_sweep(sweep)
        return sweep

    def free_frames(self) -> int:
        """Something else than what is free."""
        return super().free_frames() + self._more_free


def operations(lines: str) -> tuple[Operation, ...]:
    """Operations from program lines, separated by semicolons."""
    return parse("mmfuzz 1\n\n" + "\n".join(lines.split(";")) + "\n").ops


def session_after(lines: str) -> Session:
    """A session on a healthy kernel, after operations that must all apply."""
    session = Session(Sim())
    for op in operations(lines):
        assert session.step(op).skipped is None, op
    return session


def outcome(lines: str, target: Sim) -> Outcome:
    """Run program lines to the end."""
    return run(operations(lines), target)
