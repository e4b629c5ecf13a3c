"""The size of what we write: short functions, modules that fit in a head."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("mmfuzz", "strategies", "tests", "benchmarks")

FUNCTION_LINES_MAX = 70
FUNCTION_LINES_P95 = 35
MODULE_LINES_MAX = 600

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> Iterator[Path]:
    """Every Python file of ours; the link to strategies/ is not followed."""
    for folder in FOLDERS:
        yield from (
            path for path in (ROOT / folder).rglob("*.py") if (ROOT / "mmfuzz/strategies") not in path.parents
        )


def lines_of_code(function: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    first = function.body[0]
    is_docstring = (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if is_docstring else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def functions() -> list[tuple[int, str]]:
    """Length and name of every function, longest first."""
    found = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                found.append((lines_of_code(node), f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"))
    return sorted(found, reverse=True)


def test_functions_are_short() -> None:
    lengths = functions()
    assert [name for lines, name in lengths if lines > FUNCTION_LINES_MAX] == []
    at_95_percent = lengths[len(lengths) // 20]
    assert at_95_percent[0] < FUNCTION_LINES_P95, f"the 95th percentile is {at_95_percent}"


def test_modules_are_not_too_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()
    }
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES_MAX} == {}
