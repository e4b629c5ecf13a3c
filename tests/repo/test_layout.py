"""The repository itself: the strategies link, and who may import whom."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_strategies_is_a_folder_and_the_module_a_relative_link_to_it() -> None:
    link = ROOT / "mmfuzz" / "strategies"
    assert link.is_symlink(), "mmfuzz/strategies must be a link: check out with core.symlinks=true"
    assert os.readlink(link) == "../strategies"
    assert (ROOT / "strategies").is_dir()
    assert not (ROOT / "strategies").is_symlink()


def test_programs_of_the_planted_bugs_are_a_relative_link_to_the_corpus() -> None:
    assert os.readlink(ROOT / "mmfuzz" / "planted" / "programs") == "../../corpus/planted"


def test_strategies_has_one_name_only() -> None:
    spec = importlib.util.spec_from_file_location("strategies", ROOT / "strategies" / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(ImportError, match=r"import mmfuzz\.strategies, not strategies"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_layers_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [["-c", "import mmfuzz.pytest_plugin"], ["-m", "mmfuzz", "--help"], ["-m", "mmfuzz", "fuzz", "--help"]],
)
def test_faces_start_without_what_is_heavy(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {
        "hypothesis",
        "rich",
        "mmfuzz.session",
        "mmfuzz.model",
        "mmfuzz.kernel",
        "mmfuzz.targets",
        "mmfuzz.campaign",
    }
    assert not imported & heavy


def test_catalogue_as_text_needs_no_package_for_pages() -> None:
    words = [sys.executable, "-X", "importtime", "-m", "mmfuzz", "bugs"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "jinja2" not in done.stderr
