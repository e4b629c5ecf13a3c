"""What a program did beside what it expects."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmfuzz.errors import ProgramError, TargetBroke, UsageError
from mmfuzz.ops import Fork
from mmfuzz.program import Program, parse
from mmfuzz.replay import Replayer, alone
from mmfuzz.targets.sim import Sim

LEAK = parse(
    "mmfuzz 1\nplant: fork-no-ref\nexpect: fail identity\n\n"
    "alloc p0 a0 base\nfault p0 a0.0 write\nfork p0 p1\n"
)
FINE = replace(LEAK, plant="", expect="pass")


def test_program_that_fails_as_it_expects_is_as_expected() -> None:
    with Replayer() as replayer:
        verdict = replayer.replay(LEAK)
    assert (verdict.verdict, verdict.failed, verdict.step) == ("fail", "identity", 2)
    assert verdict.is_expected


def test_program_without_its_planted_bug_must_pass() -> None:
    with Replayer() as replayer:
        verdict = replayer.replay(LEAK, planted=False)
    assert (verdict.verdict, verdict.expected) == ("pass", None)
    assert verdict.is_expected


@pytest.mark.parametrize(
    "program",
    [replace(LEAK, expect="pass"), replace(LEAK, expect="fail leak"), replace(FINE, expect="fail identity")],
)
def test_anything_else_is_not_as_expected(program: Program) -> None:
    with Replayer() as replayer:
        assert not replayer.replay(program).is_expected


def test_there_is_no_verdict_where_the_kernel_cannot_have_the_pin_scheme() -> None:
    with Replayer(pins="biased") as replayer:
        verdict = replayer.replay(replace(FINE, kernel="3.2"))
        assert (verdict.verdict, verdict.unknown) == ("unknown", "3.2 has no pin scheme 'biased'")
        assert replayer.replay(replace(FINE, kernel="4.5")).verdict == "pass"


RACE = (
    "mmfuzz 1\nhuge: 1\nplant: fork-no-ref\nexpect: fail {}\n{}\nalloc p0 a0 base\nfault p0 a0.0 write\n\n"
    "thread one\nfork p0 p1\n\nthread other\nfault p0 a0.0 read\n"
)


@pytest.mark.parametrize("schedule", ["", "schedule: a\n"])
def test_race_does_what_its_header_expects(schedule: str) -> None:
    race = parse(RACE.format("identity", schedule), "x y.mm")
    with Replayer() as replayer:
        verdict = replayer.replay(race)
        assert (verdict.failed, verdict.is_expected) == ("identity", True)
        assert replayer.replay(race, planted=False).is_expected
    with Replayer(kernel="5.10") as replayer:
        assert replayer.replay(race).unknown == "a race on 6.18: of others it says nothing"
    with pytest.raises(ProgramError, match=r"x y\.mm:\d+:1: a race: mmfuzz race 'x y\.mm'"):
        alone(race)


def test_race_whose_schedule_does_not_fit_any_more_is_explored() -> None:
    race = parse(RACE.format("identity", "schedule: A3b^2\n"), "x.mm")
    with Replayer() as replayer:
        assert replayer.replay(race).is_expected


def test_programs_of_one_kernel_share_a_target() -> None:
    with Replayer() as replayer:
        assert replayer.target_for(LEAK) is replayer.target_for(replace(LEAK, note="another"))
        assert replayer.target_for(LEAK) is not replayer.target_for(FINE)


def test_target_that_broke_gives_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise TargetBroke("the worker died")

    monkeypatch.setattr(Sim, "apply", broken)
    with Replayer() as replayer:
        verdict = replayer.replay(LEAK)
    assert (verdict.verdict, verdict.unknown, verdict.is_expected) == ("unknown", "the worker died", False)


def test_program_that_the_target_cannot_do_in_full_has_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "this machine cannot fork"
    monkeypatch.setattr(Sim, "unsupported", lambda _, op: reason if isinstance(op, Fork) else None)
    with Replayer() as replayer:
        verdict = replayer.replay(FINE)
    assert (verdict.verdict, verdict.broke) == ("unknown", False)
    assert verdict.unknown == "'fork p0 p1' was left out: this machine cannot fork"


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (
            "plant: fork-no-reff",
            r"x\.mm:2:8: unknown planted bug 'fork-no-reff' \(did you mean 'fork-no-ref'\?\)",
        ),
        ("expect: fail identty", r"x\.mm:2:9: unknown property 'identty' \(did you mean 'identity'\?\)"),
        ("kernel: 0.1", r"x\.mm:2:9: .*'0\.1'"),
    ],
)
def test_header_that_names_what_does_not_exist_is_an_error_at_its_place(program: str, says: str) -> None:
    with Replayer() as replayer, pytest.raises(ProgramError, match=says):
        replayer.replay(parse(f"mmfuzz 1\n{program}\n\ndrain\n", "x.mm"))


def test_kernel_of_the_caller_is_the_callers_mistake() -> None:
    with Replayer(kernel="0.1") as replayer, pytest.raises(UsageError, match=r"'0\.1'"):
        replayer.replay(FINE)
