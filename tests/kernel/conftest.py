"""A machine for tests of the kernel's numbers: program lines, each checked, and a look at what they did."""

from __future__ import annotations

import pytest

from mmfuzz.model.owners import Page
from mmfuzz.observation import Counters, Report
from mmfuzz.ops import Operation
from mmfuzz.program import parse
from mmfuzz.session import Session
from mmfuzz.targets.sim import Sim


class Machine:
    """A simulated kernel whose every step is checked; `huge_order` 9 has the numbers of x86-64."""

    def __init__(
        self,
        kernel: str | None = None,
        *,
        huge_order: int = 9,
        frames: int = 8192,
        plant: str | None = None,
        swap: str | None = None,
    ) -> None:
        self._huge_order = huge_order
        self.sim = Sim(kernel, frames=frames, huge_order=huge_order, plant=plant, swap=swap)
        self.session = Session(self.sim)

    def do(self, *lines: str) -> Report:
        """Do operations that must apply; the report of the last one."""
        program = parse(f"mmfuzz 1\nhuge: {self._huge_order}\n\n" + "\n".join(lines) + "\n")
        for op, line in zip(program.ops, lines, strict=True):
            step = self.session.step(op)
            assert step.report is not None, f"{line}: {step.skipped}"
        assert step.report is not None
        return step.report

    def operation(self, line: str) -> Operation:
        """One line as an operation."""
        return parse(f"mmfuzz 1\nhuge: {self._huge_order}\n\n{line}\n").ops[0]

    def page(self, process: int, area: int, page: int) -> Page:
        """The page that an address maps."""
        found = self.session.world.entry(process, area, page)
        assert type(found) is Page, found
        return found

    def at(self, process: int, area: int, page: int) -> Counters:
        """The counters of the folio that an address maps."""
        return self.folio(self.frame(process, area, page))

    def folio(self, frame: int) -> Counters:
        """The counters of the folio that a frame is in."""
        counters = self.session.target.counters(frame)
        assert counters is not None, f"frame {frame} is free"
        return counters

    def frame(self, process: int, area: int, page: int) -> int:
        """The frame that an address maps."""
        found = self.page(process, area, page)
        return found.folio.head + found.index

    def is_free(self, frame: int) -> bool:
        """Whether a frame is in no folio."""
        return self.session.target.counters(frame) is None


@pytest.fixture
def machine() -> Machine:
    """A machine with 512 pages in a huge page."""
    return Machine()
