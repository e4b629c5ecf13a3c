"""The catalogue of planted bugs as a page: each with its shortest program, and how that fails right now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import mmfuzz.planted
from mmfuzz import __version__
from mmfuzz.corpus import load
from mmfuzz.folding import alike, folded
from mmfuzz.planted import RACE, Bug, span
from mmfuzz.profiles import PROFILES
from mmfuzz.program import SUFFIX, Program, format_op, format_program
from mmfuzz.replay import Replayer, Verdict
from mmfuzz.report.pages import template, write_page
from mmfuzz.violation import PROPERTIES, RACE_PROPERTIES, Term, Violation

if TYPE_CHECKING:
    from markupsafe import Markup

PROGRAMS = Path(mmfuzz.planted.__file__).with_name("programs")
"""The shortest program of each bug: a link to corpus/planted in a checkout, a folder of the wheel."""

_COMMIT = re.compile(r"\b[0-9a-f]{12}\b")
_GIT = "https://git.kernel.org/linus/"


@dataclass(frozen=True, slots=True)
class Entry:
    """One bug, with its program as it did."""

    bug: Bug
    program: Program | None
    verdict: Verdict | None

    @property
    def sentence(self) -> str:
        """What must be true, and is not."""
        return (PROPERTIES | RACE_PROPERTIES)[self.bug.property]

    @property
    def span(self) -> str:
        """The eras that it lives in, in words."""
        return span(self.bug)

    @property
    def order(self) -> str:
        """What to sort eras by: when it came, and then when it went."""
        names = list(PROFILES)
        first, last = (names.index(self.bug.kernels[at]) for at in (0, -1))
        return f"{first:03} {last:03}"

    @property
    def fix(self) -> Markup | str:
        """The fix, its commit as a link."""
        from markupsafe import Markup, escape

        return Markup(_COMMIT.sub(_link, str(escape(self.bug.fix))))

    @property
    def kernel(self) -> str:
        """What the program runs on."""
        return self.program.kernel if self.program else ""

    @property
    def header(self) -> str:
        """What else the program's header says of the machine, where it is not as usual."""
        if self.program is None:
            return ""
        usual = Program()
        said = {
            "pins": self.program.pins,
            "frames": self.program.frames if self.program.frames != usual.frames else "",
            "huge": self.program.huge if self.program.huge != usual.huge else "",
            "memory": self.program.memory,
            "schedule": self.program.schedule,
        }
        return ", ".join(f"{key}: {value}" for key, value in said.items() if value)

    @property
    def operations(self) -> list[str]:
        """The program, one operation each; what threads do stands behind the name of each."""
        if self.program is None:
            return []
        lines = [format_op(op) for op in self.program.ops]
        for thread in self.program.threads:
            lines += [f"{thread.name}: {format_op(op)}" for op in thread.ops]
        return lines

    @property
    def text(self) -> str:
        """The program as a file."""
        return format_program(self.program) if self.program else ""

    @property
    def violation(self) -> Violation | None:
        """How it failed."""
        return self.verdict.violation if self.verdict else None

    @property
    def step(self) -> int | None:
        """Which operation failed; None when what failed is the release at the end, or nothing."""
        return self.verdict.step if self.verdict else None

    @property
    def at_end(self) -> bool:
        """Whether what failed is the release of everything at the end."""
        is_race = self.program is not None and bool(self.program.threads)
        return self.violation is not None and self.step is None and not is_race

    @property
    def unknown(self) -> str:
        """Why there is no verdict."""
        return self.verdict.unknown if self.verdict else "It was not run."

    @property
    def command(self) -> str:
        """How to have it found again."""
        return f"mmfuzz {'race' if self.bug.kind == RACE else 'fuzz'} --plant {self.bug.name}"

    def owners(self, term: Term) -> list[str]:
        """Who makes up what is expected, as the report of a failure has them."""
        return list(folded(alike(term.owners)))


def entries(bugs: Sequence[Bug]) -> list[Entry]:
    """Every bug with its program, replayed now; by name."""
    found = []
    with Replayer() as replayer:
        for bug in sorted(bugs, key=lambda bug: bug.name):
            path = PROGRAMS / f"{bug.name}{SUFFIX}"
            program = load(path) if path.is_file() else None
            found.append(Entry(bug, program, replayer.replay(program) if program else None))
    return found


def write(bugs: Sequence[Bug], path: Path) -> None:
    """Write the page: at once and complete, or not at all."""
    write_page(lambda: page(entries(bugs)), path)


def page(found: Sequence[Entry]) -> str:
    """The whole page; it asks for nothing beside itself."""
    return template("catalogue").render(
        entries=found,
        kernels=list(PROFILES),
        properties=sorted({entry.bug.property for entry in found}),
        kinds=sorted({entry.bug.kind for entry in found}),
        version=__version__,
    )


def _link(commit: re.Match[str]) -> str:
    return f'<a href="{_GIT}{commit[0]}"><code>{commit[0]}</code></a>'
