"""What an installation contains, and that the README's commands work on a bare machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words: str | Path, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words} failed in {cwd}:\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_has_no_generic_module_and_has_the_strategies(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"mmfuzz", f"mmfuzz-{version()}.dist-info"}
    assert "mmfuzz/strategies/__init__.py" in names
    assert "mmfuzz/py.typed" in names


def test_wheel_holds_every_module(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}
    # rglob does not follow the link.
    files = [*(ROOT / "mmfuzz").rglob("*.py"), *(ROOT / "mmfuzz" / "strategies").rglob("*.py")]
    assert names == {str(path.relative_to(ROOT)) for path in files}


def test_wheel_holds_the_program_of_each_bug_the_races_and_the_pages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    programs = {f"mmfuzz/planted/programs/{path.name}" for path in (ROOT / "corpus/planted").glob("*.mm")}
    races = {f"mmfuzz/race/programs/{path.name}" for path in (ROOT / "corpus/races").glob("*.mm")}
    assert programs
    assert races
    assert {name for name in names if name.endswith(".mm")} == programs | races
    for page in ("catalogue", "race"):
        assert f"mmfuzz/report/templates/{page}.html.j2" in names


def version() -> str:
    match = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert match
    return match[1]


def bare_environment(folder: Path) -> dict[str, str]:
    """A new virtual environment in an empty directory, its commands first on PATH."""
    venv.create(folder / ".venv", with_pip=True)
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHON", "VIRTUAL_ENV", "PYTEST"))
    }
    return kept | {
        "PATH": f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}",
        "COLUMNS": "80",
        "NO_COLOR": "1",
    }


@pytest.mark.slow
@pytest.mark.parametrize("way", ["editable", "wheel"])
def test_every_way_to_install_finds_the_strategies_and_the_programs(
    way: str, wheel: Path, tmp_path: Path
) -> None:
    env = bare_environment(tmp_path)
    what = ["-e", f"{ROOT}[report]"] if way == "editable" else [f"{wheel}[report]"]
    run("python", "-m", "pip", "install", "-q", *what, cwd=tmp_path, env=env)
    code = "import mmfuzz.strategies.machines as found; print(found.__name__)"
    assert run("python", "-c", code, cwd=tmp_path, env=env).stdout.strip() == "mmfuzz.strategies.machines"
    run("mmfuzz", "bugs", "--html", "bugs.html", cwd=tmp_path, env=env)
    assert "No program is kept" not in (tmp_path / "bugs.html").read_text(encoding="utf-8")
    refused = subprocess.run(["python", "-c", "import strategies"], cwd=tmp_path, env=env, check=False)
    assert refused.returncode == 1


def readme_blocks() -> list[str]:
    """The shell blocks of README.md's first screen: to fuzz, and to run the tests."""
    return re.findall(r"```sh\n(.+?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[:2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files of the repository as a fresh clone has them, and nothing else, in an empty directory."""
    folder = tmp_path / "mmfuzz"
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def shell(command: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A command as a person types it, on a machine that has nothing of ours."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    kept["PATH"] = kept["PATH"].replace(f"{Path(sys.prefix) / 'bin'}:", "")
    env = kept | {"COLUMNS": "80", "NO_COLOR": "1"} | more
    return subprocess.run(
        ["bash", "-c", command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_first_command_of_the_readme_fuzzes_and_prints_what_it_says(
    checkout: Path, request: pytest.FixtureRequest
) -> None:
    done = shell(readme_blocks()[0], checkout)
    assert done.returncode == 1, done.stdout + done.stderr
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    shown = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert shown
    if request.config.getoption("--snapshot-update"):
        readme.write_text(text[: shown.start(1)] + done.stdout + text[shown.end(1) :], encoding="utf-8")
    else:
        assert without_figures(done.stdout) == without_figures(shown[1])


def without_figures(output: str) -> list[str]:
    """The lines of a run without what no two machines share: progress, and the figures of the summary."""
    lines = [line for line in output.splitlines() if not re.match(r"[0-9,]+ steps, ", line)]
    return [re.sub(r"[0-9.,]+", "N", line) if " steps/s)" in line else line for line in lines]


@pytest.mark.slow
def test_second_command_of_the_readme_passes_the_tests(checkout: Path) -> None:
    # The whole suite runs where this test runs; the command is tried as it stands, on a part of it.
    done = shell(readme_blocks()[1], checkout, PYTEST_ADDOPTS="tests/unit")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout)
