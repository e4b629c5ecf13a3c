"""The pytest plugin: program files as tests, and the options."""

from __future__ import annotations

import pytest

from mmfuzz.profiles import PROFILES

LEAK = """mmfuzz 1
plant: fork-no-ref
expect: fail identity

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
"""
FINE = "mmfuzz 1\n\nalloc p0 a0 base\nfault p0 a0 write\n"


@pytest.fixture
def corpus(pytester: pytest.Pytester) -> pytest.Pytester:
    (pytester.path / "leak.mm").write_text(LEAK)
    (pytester.path / "fine.mm").write_text(FINE)
    return pytester


def test_each_program_is_a_test_and_a_planted_one_must_pass_without_its_bug(corpus: pytest.Pytester) -> None:
    result = corpus.runpytest_subprocess("-v")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["*fine.mm::replay PASSED*", "*leak.mm::replay PASSED*", "*without fork-no-ref PASSED*"]
    )


def test_programs_run_under_xdist(corpus: pytest.Pytester) -> None:
    corpus.runpytest_subprocess("-n", "2").assert_outcomes(passed=3)


def test_program_that_does_not_fail_as_it_expects_is_reported(corpus: pytest.Pytester) -> None:
    (corpus.path / "fine.mm").write_text(FINE.replace("mmfuzz 1\n", "mmfuzz 1\nexpect: fail identity\n"))
    result = corpus.runpytest_subprocess()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*fine.mm: replay*", "passes, but identity was expected to fail"])


RACE = """mmfuzz 1
huge: 1
plant: fork-no-ref
expect: fail identity

alloc p0 a0 base
fault p0 a0.0 write

thread one
fork p0 p1

thread other
fault p0 a0.0 read
"""


def test_race_is_a_test_and_one_without_its_bug(pytester: pytest.Pytester) -> None:
    (pytester.path / "race.mm").write_text(RACE)
    (pytester.path / "wrong.mm").write_text(RACE.replace("fail identity", "pass"))
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["identity: *", "picture: mmfuzz race wrong.mm"])


def test_failure_shows_the_program_and_no_traceback(corpus: pytest.Pytester) -> None:
    (corpus.path / "leak.mm").write_text(LEAK.replace("expect: fail identity", "expect: pass"))
    result = corpus.runpytest_subprocess()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["it was expected to pass", "identity: *", "-> 3  fork p0 p1", "replay: mmfuzz replay leak.mm"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_file_that_cannot_be_read_is_a_collection_error_in_one_line(corpus: pytest.Pytester) -> None:
    (corpus.path / "fine.mm").write_text("mmfuzz 1\n\ndrian\n")
    result = corpus.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fine.mm:3:1: unknown operation 'drian' (did you mean 'drain'?)*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_options_choose_what_tests_run_on(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        from mmfuzz.program import parse
        from mmfuzz.session import run

        def test_nothing_is_wrong(mmfuzz_target):
            assert mmfuzz_target.traits.kernel == "6.18"
            assert run(parse({FINE + "fork p0 p1"!r}).ops, mmfuzz_target).violation is None
        """
    )
    pytester.runpytest_subprocess("--mmfuzz-kernel=6.18").assert_outcomes(passed=1)
    pytester.runpytest_subprocess("--mmfuzz-plant=fork-no-ref").assert_outcomes(failed=1)
    result = pytester.runpytest_subprocess("--mmfuzz-target=windows")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*unknown target 'windows'*"])


def test_every_kernel_is_a_test_of_its_own(corpus: pytest.Pytester) -> None:
    corpus.makepyfile("def test_kernel(mmfuzz_target): print('on', mmfuzz_target.traits.kernel)")
    result = corpus.runpytest_subprocess("--mmfuzz-kernel=all", "-v", "-rP")
    # What must pass on each; what must fail once; it without its bug on each; the function on each.
    result.assert_outcomes(passed=3 * len(PROFILES) + 1)
    result.stdout.fnmatch_lines(["*fine.mm::replay[[]2.6.38[]] PASSED*", "*leak.mm::replay PASSED*"])
    for kernel in PROFILES:
        result.stdout.fnmatch_lines([f"on {kernel}"])


def test_failure_on_one_kernel_of_all_says_how_to_have_it_again(corpus: pytest.Pytester) -> None:
    (corpus.path / "leak.mm").write_text(LEAK.replace("expect: fail identity", "expect: pass"))
    result = corpus.runpytest_subprocess("--mmfuzz-kernel=all", "leak.mm")
    result.assert_outcomes(failed=len(PROFILES), passed=len(PROFILES))
    result.stdout.fnmatch_lines(["replay: mmfuzz replay leak.mm --kernel 5.8"])


def test_pin_scheme_is_what_tests_and_programs_run_on(pytester: pytest.Pytester) -> None:
    # A flag cannot say how often a page is pinned.
    (pytester.path / "twice.mm").write_text(
        "mmfuzz 1\n\nalloc p0 a0 base\npin p0 a0.0 write h0\npin p0 a0.0 write h1\nunpin h0\n"
    )
    pytester.makepyfile("def test_pins(mmfuzz_target): assert mmfuzz_target.traits.pins == 'page-bit'")
    pytester.runpytest_subprocess().assert_outcomes(passed=1, failed=1)
    pytester.runpytest_subprocess("--mmfuzz-pins=page-bit", "-k", "pins").assert_outcomes(
        passed=1, deselected=1
    )
    pytester.runpytest_subprocess("--mmfuzz-pins=page-bit", "-k", "replay").assert_outcomes(
        failed=1, deselected=1
    )


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--mmfuzz-pins=pagebit", "unknown pin scheme 'pagebit' (did you mean 'page-bit'[?])*"),
        ("--mmfuzz-kernel=latest", "'latest' is not a kernel version*"),
    ],
)
def test_option_that_is_wrong_is_one_line(option: str, says: str, corpus: pytest.Pytester) -> None:
    result = corpus.runpytest_subprocess(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{says}"])
    result.stderr.no_fnmatch_line("*Traceback*")
