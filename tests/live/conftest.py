"""What tests of the running kernel share: a machine that can do it, and a target."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from mmfuzz.errors import TargetUnavailable
from mmfuzz.observation import Counters, Report
from mmfuzz.ops import Operation
from mmfuzz.targets.linux import Linux, requirements

SWAP_TURN_SECONDS = 120


@pytest.fixture(scope="session", autouse=True)
def usable_machine() -> None:
    """Skip where the machine lacks something; MMFUZZ_FORCE_LIVE=1 makes that a failure."""
    missing = requirements()
    if not missing:
        return
    reason = "this machine cannot be the linux target: " + "; ".join(missing)
    if os.environ.get("MMFUZZ_FORCE_LIVE") == "1":
        pytest.fail(reason)
    pytest.skip(f"{reason} (MMFUZZ_FORCE_LIVE=1 makes this a failure)")


class Run:
    """A program as it is written: numbers the steps, and gives counters by address."""

    def __init__(self, target: Linux) -> None:
        self.target = target
        self._step = 0
        target.reset()

    def __call__(self, *ops: Operation) -> Report:
        """Apply operations, all but the last of which must succeed; the report of the last one."""
        report = Report()
        for op in ops:
            assert report.error == ""
            self._step += 1
            report = self.target.apply(op, self._step)
        return report

    @property
    def step(self) -> int:
        """The number of the last step."""
        return self._step

    def folio(self, frame: int) -> Counters:
        """The folio at a frame that must be in use."""
        counters = self.target.counters(frame)
        assert counters is not None
        return counters


@pytest.fixture(scope="module")
def linux(usable_machine: None) -> Iterator[Linux]:
    """One target for a module's tests."""
    target = Linux(areas=2)
    yield target
    target.close()


@pytest.fixture
def run(linux: Linux) -> Run:
    """A program of its own on the module's target."""
    return Run(linux)


@pytest.fixture(scope="module")
def open_with_swap(usable_machine: None) -> Iterator[Callable[[str], Linux]]:
    """Opens targets with swap, one at a time: tests that run side by side take turns."""
    opened: list[Linux] = []

    def open_one(swap: str) -> Linux:
        until = time.monotonic() + SWAP_TURN_SECONDS
        while True:
            try:
                opened.append(Linux(areas=2, swap=swap))
            except TargetUnavailable as failure:
                if "use swap already" not in str(failure) or time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return opened[-1]

    yield open_one
    for target in opened:
        target.close()
