"""What a race can end in, beside what planted races show: threads that wait for ever, and locks that nobody leaves."""

from __future__ import annotations

import pytest

from mmfuzz.interleave.machine import DEADLOCK
from mmfuzz.race.explore import Settings, explore
from mmfuzz.race.kernel import Concurrent
from mmfuzz.race.scenarios import scenario


def broken(name: str) -> str:
    """The property that a protocol breaks, as the kernel is now."""
    result = explore(name, scenario(name), Settings(memory="sc", executions=200, minimize=False))
    return f"{result.found.failed}: {result.found.message}" if result.found is not None else ""


def test_a_lock_that_is_left_taken_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Concurrent, "folio_unlock", lambda self, folio: None)

    assert broken("gup-fast-against-split").startswith(
        f"{DEADLOCK}: all threads have ended, and somebody has the page lock"
    )


def test_threads_that_wait_for_ever_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Concurrent, "up_read", lambda self, of: None)

    assert "waits" in broken("collapse-against-cow")


def test_an_interrupt_that_waits_for_nobody_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Concurrent, "smp_call_function", lambda self: None)

    assert broken("collapse-against-gup-fast").startswith("use-after-free: KASAN")
