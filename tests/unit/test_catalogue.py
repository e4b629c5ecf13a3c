"""The page of planted bugs: every bug with its program and how it fails, and nothing from elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mmfuzz.cli import main
from mmfuzz.corpus import load
from mmfuzz.planted import BUGS
from mmfuzz.profiles import PROFILES
from mmfuzz.program import format_op, format_program, parse
from mmfuzz.replay import Replayer, Verdict
from mmfuzz.report import pages
from mmfuzz.report.catalogue import PROGRAMS, Entry, entries, page, write
from mmfuzz.violation import PROPERTIES, RACE_PROPERTIES, Term, Violation

VOID = {"meta", "input", "br", "link", "img"}


class Page(HTMLParser):
    """Text and attributes of each article, by its id; and what the page asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.articles: dict[str, str] = {}
        self.failing: dict[str, list[str]] = {}
        self.kernels: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.open: list[tuple[str, str]] = []
        self.article = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.open.append((tag, given.get("class", "")))
        if tag == "article":
            self.article = given["id"]
            self.articles[self.article] = ""
            self.failing[self.article] = []
            self.kernels[self.article] = given["data-kernels"].split()
        self.asked += [given[name] for name in ("src", "href", "action", "data") if name in given]

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self.open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"
        if tag == "article":
            self.article = ""

    def handle_data(self, data: str) -> None:
        if self.article:
            self.articles[self.article] += data
            if any(tag == "li" and "fails" in kind.split() for tag, kind in self.open):
                self.failing[self.article].append(data)


@pytest.fixture(scope="module")
def text() -> str:
    return page(entries(list(BUGS.values())))


@pytest.fixture(scope="module")
def parsed(text: str) -> Page:
    return Page(text)


def test_every_bug_is_there_by_name_with_its_eras(parsed: Page) -> None:
    assert list(parsed.articles) == sorted(BUGS)
    assert not parsed.open
    for name, bug in BUGS.items():
        assert parsed.kernels[name] == list(bug.kernels)


@pytest.mark.parametrize("name", sorted(BUGS))
def test_bug_has_its_facts_its_program_and_the_failure(name: str, parsed: Page) -> None:
    bug, shown = BUGS[name], parsed.articles[name]
    program = load(PROGRAMS / f"{name}.mm")
    for part in (
        bug.property,
        (PROPERTIES | RACE_PROPERTIES)[bug.property],
        bug.summary,
        bug.reached,
        bug.fix,
        bug.because,
        bug.kind,
    ):
        assert part in shown
    assert format_program(program) in shown
    with Replayer() as replayer:
        verdict = replayer.replay(program)
    violation = verdict.violation
    assert violation is not None
    assert violation.message in shown
    assert violation.folio in shown
    for term in violation.terms:
        assert f"{term.name}{term.expected}{term.seen}" in shown
    at_end = [] if program.threads else ["(release of everything at the end)"]
    assert parsed.failing[name] == (
        [format_op(program.ops[verdict.step])] if verdict.step is not None else at_end
    )


def test_page_asks_for_nothing_from_elsewhere(text: str, parsed: Page) -> None:
    links = [link for link in parsed.asked if not link.startswith("#")]
    assert all(link.startswith("https://git.kernel.org/linus/") for link in links)
    for word in ("<link", "<script src", "@import", "url(", "<iframe", "fetch("):
        assert word not in text


def test_what_a_bug_says_is_text_and_no_markup() -> None:
    bug = replace(BUGS["fork-no-ref"], summary="<b>&", fix="0123456789ab (<i>)", kernels=("5.7", "5.8"))
    violation = Violation("leak", "<u>", terms=[Term("<s>", [1], "<q>", ["<owner>"])])
    shown = page([Entry(bug, load(PROGRAMS / "fork-no-ref.mm"), Verdict("fail", "leak", violation))])
    for word in ("<b>&", "<i>", "<u>", "<s>", "<q>", "<owner>"):
        assert word in Page(shown).articles[bug.name]
        assert f"{word}<" not in shown
    assert '<a href="https://git.kernel.org/linus/0123456789ab">' in shown
    assert "It fails leak, not identity." in shown
    assert "5.7 to 5.8" in shown


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        (None, "It was not run."),
        (Verdict("pass", "identity"), "The program passes: it does not show the bug any more."),
        (Verdict("unknown", "identity", unknown="the target broke"), "the target broke"),
    ],
)
def test_bug_that_is_not_shown_says_so(verdict: Verdict | None, says: str) -> None:
    program = load(PROGRAMS / "fork-no-ref.mm") if verdict else None
    shown = Page(page([Entry(BUGS["fork-no-ref"], program, verdict)])).articles["fork-no-ref"]
    assert says in shown
    assert ("No program is kept for this bug." in shown) == (program is None)


def test_index_sorts_eras_by_when_they_came() -> None:
    bug = BUGS["fork-no-ref"]
    kernels = [("2.6.38",), ("2.6.38", "3.2"), ("4.13",), ("5.7",), ("6.10",), tuple(PROFILES)[-1:]]
    orders = [Entry(replace(bug, kernels=names), None, None).order for names in kernels]
    assert orders == sorted(orders)
    assert len(set(orders)) == len(orders)


def test_command_writes_the_page_of_one_era(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bugs.html"
    with pytest.raises(SystemExit) as exited:
        main(["bugs", "--html", str(path), "--kernel", "6.18", "--json"])
    assert exited.value.code == 0
    result = json.loads(capsys.readouterr().out)
    assert result["page"] == str(path)
    assert list(Page(path.read_text(encoding="utf-8")).articles) == sorted(
        one["name"] for one in result["bugs"]
    )
    assert path.stat().st_mode & 0o777 == 0o644


def test_page_that_cannot_be_made_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bugs.html"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr("os.rename", fail)
    with pytest.raises(OSError, match="no space"):
        write([BUGS["fork-no-ref"]], path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("file", "has_jinja", "code", "says"),
    [
        ("bugs.html", False, 3, "mmfuzz: pages need Jinja2: pip install 'mmfuzz[report]'\n"),
        ("nowhere/bugs.html", True, 2, "mmfuzz: no such folder: "),
    ],
)
def test_what_is_missing_is_one_line(
    file: str,
    has_jinja: bool,
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not has_jinja:
        monkeypatch.setattr(pages, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as exited:
        main(["bugs", "--html", str(tmp_path / file)])
    assert exited.value.code == code
    shown = capsys.readouterr().err
    assert shown.startswith(says)
    assert shown.count("\n") == 1
    assert not (tmp_path / file).exists()


def test_fuzz_says_what_shows_a_race(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(BUGS, "fork-no-ref", replace(BUGS["fork-no-ref"], kind="race"))
    with pytest.raises(SystemExit) as left:
        main(["fuzz", "--plant", "fork-no-ref", "--steps", "10"])
    assert left.value.code == 2
    said = "mmfuzz: fork-no-ref is a race, which only threads show: mmfuzz race --plant fork-no-ref\n"
    assert capsys.readouterr().err == said


def test_race_shows_what_its_threads_do_and_the_command_that_finds_it() -> None:
    bug = replace(BUGS["fork-no-ref"], kind="race", property="maps-within-refs")
    lines = "alloc p0 a0 base\nfault p0 a0.0 write\n\nthread forks\nfork p0 p1\n\nthread looks\nfault p0 a0.0 read\n"
    race = parse(f"mmfuzz 1\nplant: fork-no-ref\nexpect: fail identity\nmemory: weak\nschedule: a\n\n{lines}")
    with Replayer() as replayer:
        shown = Page(page([Entry(bug, race, replayer.replay(race))]))
    text = shown.articles["fork-no-ref"]
    for part in ("forks: fork p0 p1", "looks: fault p0 a0.0 read", "memory: weak, schedule: a"):
        assert part in text
    assert "mmfuzz race --plant fork-no-ref" in text
    assert "It fails identity, not maps-within-refs." in text
    assert shown.failing["fork-no-ref"] == []
