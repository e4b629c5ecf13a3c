"""What a litmus test may say, and the error for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmfuzz.errors import ProgramError, UsageError
from mmfuzz.litmus import parse_litmus, read_litmus, run_litmus

THREAD = "C t\n{}\nP0(int *x)\n{\n\tint r0;\n\t%s\n}\nexists (x=1)\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "1:1: the end of the file where 'C' is due"),
        ("LISA t\n{}", "1:1: 'LISA' where 'C' is due"),
        ("C t\n{ x=1; x=2; }", "2:8: 'x' has a first value already"),
        ("C t\n{ int a[2]; }", "2:8: '[' makes an array"),
        ("C t\n{ x=; }", "2:5: ';' where a value is due"),
        ("C t\n{}\nexists (x=1)", "3:1: 'exists' where the first thread, 'P0', is due"),
        ("C t\n{}\nP1(int *x) {}\n", "3:1: 'P1' where P0 is due"),
        ("C t\n{}\nP0(int *x, int *x) {}", "3:17: 'x' is a parameter of P0 twice"),
        ("C t\n(* {}", "2:1: a comment that does not end: '*)'"),
        ("C t\n/* {}", "2:1: a comment that does not end: '*/'"),
        (
            THREAD % "r0 = READ_ONE(*x);",
            "6:7: 'READ_ONE' is no primitive that is known here: did you mean READ_ONCE",
        ),
        (THREAD % "r0 = READ_ONCE(x);", "6:17: READ_ONCE() takes what a pointer points at: '*x', not 'x'"),
        (THREAD % "WRITE_ONCE(*x);", "6:2: WRITE_ONCE() takes 2 values, not 1"),
        (THREAD % "WRITE_ONCE(*x, 1, 2);", "6:20: WRITE_ONCE() takes 2 values, not more"),
        (THREAD % "r0 = smp_mb();", "6:7: smp_mb() returns nothing"),
        (THREAD % "r0 = y;", "6:7: 'y' has no value in P0: known there are x, r0"),
        (THREAD % "x = 1;", "6:2: 'x' is a parameter of P0, a location: '*x = ...' writes there"),
        (THREAD % "while (1) ;", "6:2: 'while'"),
        (THREAD % "r0 = 1", "7:1: '}' where ';' is due"),
        (THREAD % "r0 = 'a';", '6:7: "\'" has no meaning'),
        (THREAD % ("r0 = " + "(" * 50 + "1" + ")" * 50 + ";"), "nested deeper than 40"),
        (THREAD % ("r0 = " + "1+" * 50 + "1;"), "more than 20 terms in a row"),
        (THREAD % ("r0 = " + "9" * 5000 + ";"), "6:7: '999999999999'... is too long"),
        (THREAD % ("r0 = " + "9" * 30 + ";"), "does not fit into 64 bits"),
        ((THREAD % ";").replace("x=1", "x=1 => " * 50 + "x=1"), "nested deeper than 40"),
        ((THREAD % ";").replace("{}", "{ x=" + "(int)" * 50 + "1; }"), "nested deeper than 40"),
        ((THREAD % ";").replace("P0", "P" + "0" * 5000), "is too long"),
        ((THREAD % ";").replace("x=1", "y=1"), "8:9: 'y' is no location of this test: known are x"),
        ((THREAD % ";").replace("x=1", "0:r7=1"), "8:9: '0:r7' is no register: P0 has r0"),
        ((THREAD % ";").replace("x=1", "1:r0=1"), "8:9: '1:r0' is no register: there is no P1"),
        ((THREAD % ";").replace("x=1", "x=y"), "8:11: 'y' is no location of this test"),
        ((THREAD % ";").replace("x=1)", "x=1))"), "8:13: ')' after the end of the condition"),
        ((THREAD % ";").replace("exists", "sometimes"), "8:1: 'sometimes' where 'exists'"),
    ],
)
def test_error_says_where_and_what(text: str, error: str) -> None:
    with pytest.raises(ProgramError) as raised:
        parse_litmus(text, "t.litmus")
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)


def test_error_of_a_running_thread_says_where() -> None:
    with pytest.raises(ProgramError, match=r"<string>:6:7: READ_ONCE follows 0, which is no pointer"):
        run_litmus(THREAD % "r0 = READ_ONCE(*r0);")
    with pytest.raises(
        ProgramError, match=r"<string>:6:2: spin_unlock of x, which its thread has not locked"
    ):
        run_litmus(THREAD % "spin_unlock(x);")


def test_numbers_have_64_bits_and_pointers_are_not_calculated_with() -> None:
    body = "r0 = 3; " + "r0 = r0 * r0; " * 10
    (state,) = run_litmus(THREAD.replace("x=1", "0:r0=1") % body).states
    assert state.values["0:r0"] == (3**1024 + 2**63) % 2**64 - 2**63
    with pytest.raises(ProgramError, match=r"6:9: '\+' of x and 1: a pointer can be compared, or moved by 0"):
        run_litmus(THREAD % "r0 = x + 1;")


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none.litmus: no such file"):
        read_litmus(tmp_path / "none.litmus")
    (tmp_path / "bytes.litmus").write_bytes(b"C t\xff")
    with pytest.raises(UsageError, match=r"bytes.litmus: byte 4 is no UTF-8"):
        read_litmus(tmp_path / "bytes.litmus")
    (tmp_path / "long.litmus").write_text("C t" + " " * 70_000)
    with pytest.raises(ProgramError, match=r"long.litmus:1:1: 65537 characters"):
        read_litmus(tmp_path / "long.litmus")


def test_unknown_model_of_memory_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'arm' is no model of memory: one of sc, tso, weak"):
        run_litmus(THREAD % "WRITE_ONCE(*x, 1);", "arm")


def test_everything_that_the_format_has_is_read() -> None:
    text = """C everything "of the format"
Com=Rf Fre
(* a comment (* in a comment *) *)
{ int x = 1; 0:r9=3; int *p = &x; q = p; spinlock_t s; atomic_t v = ATOMIC_INIT(-2); /* and */ }
P0(int *x, volatile int *y, int **p, atomic_t *v, spinlock_t *s) // another
{
	int r0 = READ_ONCE(*x), r1;
	int *r2;
	r1 = (r0 == 1 && !(r9 < 2)) || 0x10 & ~1;
	if (r1 != 0) {
		r2 = (int *)READ_ONCE(*p);
		*y = *r2 + 2 * 3;
	} else if (r0)
		*y = 0;
	else {
		spin_lock(s);
		spin_unlock(s);
	}
	r1 = atomic_add_return_relaxed(3, v);
	barrier();
}
locations [p; 0:r2; v;]
filter (0:r0=1)
~exists (not ([y]=7 /\\ 0:r1=1) \\/ (0:r0=1 => 0:r2=y) \\/ false)
"""
    result = run_litmus(text)
    assert [str(state) for state in result.states] == ["0:r0=1; 0:r1=1; 0:r2=x; [p]=x; [v]=1; [y]=7;"]
    assert (result.exists, result.holds) == ("Never", True)
    assert result.data_races == ()


def test_filter_leaves_out_executions() -> None:
    text = """C filtered
{}
P0(int *x) { WRITE_ONCE(*x, 1); }
P1(int *x) { int r0; r0 = READ_ONCE(*x); }
"""
    assert run_litmus(text + "forall (1:r0=1)").exists == "Sometimes"
    assert run_litmus(text + "filter (1:r0=1) forall (1:r0=1)").exists == "Always"
    assert run_litmus(text + "filter (x=2) forall (1:r0=1)").exists == "Never"


def test_plain_accesses_race_unless_something_orders_them() -> None:
    text = """C plain
{}
P0(int *x, spinlock_t *s) { %s *x = 1; %s }
P1(int *x, spinlock_t *s) { int r0; %s r0 = *x; %s }
exists (1:r0=1)
"""
    assert run_litmus(text % ("", "", "", "")).data_races == ("x",)
    lock, unlock = "spin_lock(s);", "spin_unlock(s);"
    assert run_litmus(text % (lock, unlock, "", "")).data_races == ("x",)
    assert run_litmus(text % (lock, unlock, lock, unlock)).data_races == ()


def test_result_has_what_the_command_line_prints() -> None:
    found = run_litmus(Path(__file__).parent / "MP+wmb+addr.litmus", "weak").as_json()
    assert (found["name"], found["exists"], found["holds"]) == ("MP+wmb+addr", "Never", False)
    assert found["states"] == [
        {"state": {"1:q0": "x", "1:r1": 1}, "executions": 1, "matches": False},
        {"state": {"1:q0": "z", "1:r1": 0}, "executions": 2, "matches": False},
    ]
