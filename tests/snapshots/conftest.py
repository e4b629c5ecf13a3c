"""Expected texts live in expected/; `--snapshot-update` writes them anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

EXPECTED = Path(__file__).parent / "expected"


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the expected one of this name."""

    def compare(name: str, text: str) -> None:
        path = EXPECTED / f"{name}.txt"
        text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
        if request.config.getoption("--snapshot-update"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"no expected text {path.name}: run with --snapshot-update"
        assert text == path.read_text(encoding="utf-8")

    return compare
