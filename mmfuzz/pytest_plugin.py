"""The pytest plugin: `*.mm` files are tests of their own, and options choose what machines run on.

Loaded by every pytest of an environment that has mmfuzz, so it imports nothing heavy: what runs programs is
imported when the first program runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mmfuzz.profiles import ALL, DEFAULT, PIN_SCHEMES, PROFILES, resolve
from mmfuzz.program import PASS, SUFFIX

if TYPE_CHECKING:
    from mmfuzz.program import Program
    from mmfuzz.replay import Replayer
    from mmfuzz.targets.base import Target
    from mmfuzz.violation import Violation

_REPLAYERS = pytest.StashKey["dict[str | None, Replayer]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of the group mmfuzz."""
    group = parser.getgroup("mmfuzz", "mmfuzz: what programs and machines run on")
    group.addoption("--mmfuzz-target", default="sim", metavar="sim|linux", help="target (default: sim)")
    group.addoption(
        "--mmfuzz-kernel",
        metavar=f"VERSION|{ALL}",
        help=f"rules of the simulated kernel, such as 6.18; {ALL}: a test for each profile",
    )
    group.addoption(
        "--mmfuzz-pins",
        metavar="SCHEME",
        help=f"pin scheme of the simulated kernel: {', '.join(PIN_SCHEMES)}",
    )
    group.addoption("--mmfuzz-plant", metavar="BUG", help="bug to plant into the machines' kernel")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse at once what is no version, no pin scheme and no bug."""
    from mmfuzz.errors import UsageError

    kernel, pins = config.getoption("--mmfuzz-kernel"), config.getoption("--mmfuzz-pins")
    try:
        resolve(DEFAULT if kernel in (None, ALL) else kernel, pins)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With every kernel: a test for each profile that the planted bug, if there is one, can be planted into."""
    if _is_for_all(metafunc.config) and "mmfuzz_target" in metafunc.fixturenames:
        from mmfuzz.planted import profiles_for

        kernels = profiles_for(*(metafunc.config.getoption(f"--mmfuzz-{name}") for name in ("plant", "pins")))
        metafunc.parametrize("mmfuzz_target", kernels, indirect=True, scope="session")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect every program file."""
    if file_path.suffix != SUFFIX:
        return None
    return ProgramFile.from_parent(parent, path=file_path)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the targets that programs ran on."""
    for replayer in config.stash.get(_REPLAYERS, {}).values():
        replayer.close()


@pytest.fixture(scope="session")
def mmfuzz_target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The target that the options choose, for rule machines and tests of your own; closed at the end."""
    from mmfuzz.targets import open_target

    target, kernel, plant, pins = (
        request.config.getoption(f"--mmfuzz-{name}") for name in ("target", "kernel", "plant", "pins")
    )
    opened = open_target(target, kernel=getattr(request, "param", kernel), plant=plant, pins=pins)
    yield opened
    opened.close()


class ProgramFile(pytest.File):
    """One program file: a test that it does what it expects, and one that it passes without its bug.

    With every kernel, what must pass must pass on each; what must fail does so on its own.
    """

    def collect(self) -> Iterator[pytest.Item]:
        """Read the program; what cannot be read is a collection error."""
        from mmfuzz.corpus import load

        program = load(self.path)
        everywhere = list(PROFILES) if _is_for_all(self.config) else [None]
        yield from self._items("replay", program, everywhere if program.expect == PASS else [None])
        if program.plant and self.config.getoption("--mmfuzz-target") == "sim":
            yield from self._items(f"without {program.plant}", program, everywhere, planted=False)

    def _items(
        self, name: str, program: Program, kernels: Sequence[str | None], *, planted: bool = True
    ) -> Iterator[pytest.Item]:
        """A test on each kernel; None is the one that the options or the program's header name."""
        for kernel in kernels:
            label = name if kernel is None else f"{name}[{kernel}]"
            yield ProgramItem.from_parent(self, name=label, program=program, planted=planted, kernel=kernel)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """An error of ours is one line."""
        return _one_line(excinfo) or super().repr_failure(excinfo)


class Unexpected(Exception):
    """A program did not do what it expects; the message is the whole report."""


class ProgramItem(pytest.Item):
    """One run of a program."""

    def __init__(self, *, program: Program, planted: bool, kernel: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.program = program
        self.planted = planted
        self.kernel = kernel

    def runtest(self) -> None:
        """Run the program and compare with its header."""
        verdict = _replayer(self.config, self.kernel).replay(self.program, planted=self.planted)
        if verdict.broke:
            raise Unexpected(f"no verdict: {verdict.unknown}")
        if verdict.unknown:
            pytest.skip(verdict.unknown)
        if verdict.is_expected:
            return
        if verdict.violation is None:
            raise Unexpected(f"passes, but {verdict.expected} was expected to fail")
        report = self._report(verdict.violation, verdict.step)
        expected = (
            f"{verdict.expected} was expected to fail" if verdict.expected else "it was expected to pass"
        )
        raise Unexpected(f"{expected}\n{report}")

    def _report(self, violation: Violation, step: int | None) -> str:
        from mmfuzz.report.failure import failure, race_failure

        path = self._shown_path()
        if self.program.threads:
            return race_failure(violation.report(), path)
        return failure(violation.report(), self.program.ops, step, path, kernel=self.kernel)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report of a failure has no traceback: the program is the story."""
        return _one_line(excinfo) or super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the failure is, and the headline."""
        return self.path, 0, f"{self._shown_path()}: {self.name}"

    def _shown_path(self) -> Path:
        root = self.config.rootpath
        return self.path.relative_to(root) if self.path.is_relative_to(root) else self.path


def _is_for_all(config: pytest.Config) -> bool:
    """Whether tests run on every profile; the running kernel refuses such a word itself."""
    return (config.getoption("--mmfuzz-kernel"), config.getoption("--mmfuzz-target")) == (ALL, "sim")


def _replayer(config: pytest.Config, kernel: str | None) -> Replayer:
    """The replayer of a kernel, or the one of the kernel that the options name."""
    replayers = config.stash.setdefault(_REPLAYERS, {})
    if kernel not in replayers:
        from mmfuzz.replay import Replayer

        target, named, pins = (config.getoption(f"--mmfuzz-{name}") for name in ("target", "kernel", "pins"))
        wanted = kernel or (None if _is_for_all(config) else named)
        replayers[kernel] = Replayer(target, kernel=wanted, pins=pins)
    return replayers[kernel]


def _one_line(excinfo: pytest.ExceptionInfo[BaseException]) -> str | None:
    from mmfuzz.errors import MmfuzzError

    return str(excinfo.value) if isinstance(excinfo.value, Unexpected | MmfuzzError) else None
