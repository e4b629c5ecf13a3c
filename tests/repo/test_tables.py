"""Tables of the documents that say what the code says: `--snapshot-update` writes them anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from mmfuzz.ops import NAMES, OPERATIONS, Operation
from mmfuzz.planted import BUGS
from mmfuzz.profiles import PIN_SCHEMES, PROFILES
from mmfuzz.program import format_op, parse
from mmfuzz.strategies.universe import Universe
from mmfuzz.violation import PROPERTIES

ROOT = Path(__file__).parents[2]
SCHEMES = {str(name): what for name, what in PIN_SCHEMES.items()}
TABLES: list[tuple[str, str, Mapping[str, str]]] = [
    ("README.md", "| property | must hold |", PROPERTIES),
    ("README.md", "| scheme | is |", SCHEMES),
    ("docs/kernels.md", "| scheme | is |", SCHEMES),
    (
        "docs/kernels.md",
        "| profile | brought |",
        {name: profile.brought for name, profile in PROFILES.items()},
    ),
]
OPERATION_TABLE = "| operation | does |"


def rows_of(text: str, head: str) -> re.Match[str]:
    """The rows under a table's head."""
    found = re.search(rf"{re.escape(head)}\n\| --- \| --- \|\n((?:\|.*\n)*)", text)
    assert found, f"no table {head}"
    return found


def compare(file: str, head: str, rows: list[str], update: bool) -> None:
    path = ROOT / file
    text = path.read_text(encoding="utf-8")
    found = rows_of(text, head)
    wanted = "".join(f"{row}\n" for row in rows)
    if update:
        path.write_text(text[: found.start(1)] + wanted + text[found.end(1) :], encoding="utf-8")
    else:
        assert found[1] == wanted, f"{file} is behind the code: run with --snapshot-update"


@pytest.mark.parametrize(("file", "head", "says"), TABLES)
def test_table_says_what_the_code_says(
    file: str, head: str, says: Mapping[str, str], request: pytest.FixtureRequest
) -> None:
    rows = [f"| `{name}` | {what} |" for name, what in says.items()]
    compare(file, head, rows, request.config.getoption("--snapshot-update"))


def test_table_of_operations_has_every_one_with_an_example(request: pytest.FixtureRequest) -> None:
    """What a row says is written by hand; a missing one begins as the first sentence of the operation's docstring."""
    known: dict[type[Operation], str] = {}
    for row in rows_of((ROOT / "README.md").read_text(encoding="utf-8"), OPERATION_TABLE)[1].splitlines():
        example = re.match(r"\| `([^`]+)` \| .+ \|$", row)
        assert example, f"not a row with an example: {row}"
        if example[1].split()[0] in NAMES.values():
            (op,) = parse(f"mmfuzz 1\n\n{example[1]}\n").ops
            known[type(op)] = row
    rows = [known.get(kind) or first_row(kind) for kind in OPERATIONS]
    compare("README.md", OPERATION_TABLE, rows, request.config.getoption("--snapshot-update"))


def first_row(kind: type[Operation]) -> str:
    example = format_op(Universe().decode(kind, 0))
    sentence = re.split(r"[.;:](?:\s|$)", " ".join((kind.__doc__ or "").split()))[0]
    return f"| `{example}` | {sentence[:1].lower()}{sentence[1:]} |"


@pytest.mark.parametrize("name", [bug.name for bug in BUGS.values() if not bug.fix.startswith("none")])
def test_history_has_every_bug_that_was_one(name: str) -> None:
    history = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
    assert f"`{name}`" in history
