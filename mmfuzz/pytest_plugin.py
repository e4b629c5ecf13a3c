"""The pytest plugin: `*.mm` files are tests of their own, and options choose what machines run on.

Loaded by every pytest of an environment that has mmfuzz, so it imports nothing heavy: what runs programs is
imported when the first program runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mmfuzz.program import SUFFIX

if TYPE_CHECKING:
    from mmfuzz.replay import Replayer
    from mmfuzz.targets.base import Target

_REPLAYER = pytest.StashKey["Replayer"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of the group mmfuzz."""
    group = parser.getgroup("mmfuzz", "mmfuzz: what programs and machines run on")
    group.addoption("--mmfuzz-target", default="sim", metavar="sim|linux", help="target (default: sim)")
    group.addoption("--mmfuzz-kernel", metavar="PROFILE", help="rules of the simulated kernel, such as 6.18")
    group.addoption("--mmfuzz-plant", metavar="BUG", help="bug to plant into the machines' kernel")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect every program file."""
    if file_path.suffix != SUFFIX:
        return None
    return ProgramFile.from_parent(parent, path=file_path)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the targets that programs ran on."""
    replayer = config.stash.get(_REPLAYER, None)
    if replayer is not None:
        replayer.close()


@pytest.fixture(scope="session")
def mmfuzz_target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The target that the options choose, for rule machines and tests of your own; closed at the end."""
    from mmfuzz.targets import open_target

    target, kernel, plant = (
        request.config.getoption(f"--mmfuzz-{name}") for name in ("target", "kernel", "plant")
    )
    opened = open_target(target, kernel=kernel, plant=plant)
    yield opened
    opened.close()


class ProgramFile(pytest.File):
    """One program file: a test that it does what it expects, and one that it passes without its bug."""

    def collect(self) -> Iterator[pytest.Item]:
        """Read the program; what cannot be read is a collection error."""
        from mmfuzz.corpus import load

        program = load(self.path)
        yield ProgramItem.from_parent(self, name="replay", program=program, planted=True)
        if program.plant and self.config.getoption("--mmfuzz-target") == "sim":
            yield ProgramItem.from_parent(
                self, name=f"without {program.plant}", program=program, planted=False
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """An error of ours is one line."""
        return _one_line(excinfo) or super().repr_failure(excinfo)


class Unexpected(Exception):
    """A program did not do what it expects; the message is the whole report."""


class ProgramItem(pytest.Item):
    """One run of a program."""

    def __init__(self, *, program: Any, planted: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.program = program
        self.planted = planted

    def runtest(self) -> None:
        """Run the program and compare with its header."""
        verdict = _replayer(self.config).replay(self.program, planted=self.planted)
        if verdict.broke:
            raise Unexpected(f"no verdict: {verdict.unknown}")
        if verdict.unknown:
            pytest.skip(verdict.unknown)
        if verdict.is_expected:
            return
        if verdict.violation is None:
            raise Unexpected(f"passes, but {verdict.expected} was expected to fail")
        from mmfuzz.report.failure import failure

        report = failure(verdict.violation.report(), self.program.ops, verdict.step, self._shown_path())
        expected = (
            f"{verdict.expected} was expected to fail" if verdict.expected else "it was expected to pass"
        )
        raise Unexpected(f"{expected}\n{report}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report of a failure has no traceback: the program is the story."""
        return _one_line(excinfo) or super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the failure is, and the headline."""
        return self.path, 0, f"{self._shown_path()}: {self.name}"

    def _shown_path(self) -> Path:
        root = self.config.rootpath
        return self.path.relative_to(root) if self.path.is_relative_to(root) else self.path


def _replayer(config: pytest.Config) -> Replayer:
    if _REPLAYER not in config.stash:
        from mmfuzz.replay import Replayer

        target, kernel = (config.getoption(f"--mmfuzz-{name}") for name in ("target", "kernel"))
        config.stash[_REPLAYER] = Replayer(target, kernel=kernel)
    return config.stash[_REPLAYER]


def _one_line(excinfo: pytest.ExceptionInfo[BaseException]) -> str | None:
    from mmfuzz.errors import MmfuzzError

    return str(excinfo.value) if isinstance(excinfo.value, Unexpected | MmfuzzError) else None
