"""What handles hold: pins outlive their process, and the device sees real bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmfuzz.observation import stamp
from mmfuzz.ops import BASE, Alloc, Dma, Dontneed, Exit, Fault, Fork, Get, Pin, Put, Unpin

if TYPE_CHECKING:
    from tests.live.conftest import Run


def test_pin_outlives_its_process(run: Run) -> None:
    run(Alloc(0, 0, BASE), Fork(0, 1))
    report = run(Fault(1, 0, 0, 2, True), Pin(1, 0, 0, 2, True, 3))
    first, second = report.touched
    run(Exit(1))
    assert (run.folio(first).refcount, run.folio(second).refcount) == (1024, 1024)
    written = run.step
    assert run(Dma(3, False)).values == [stamp(written - 2, 0), stamp(written - 2, 1)]
    run(Unpin(3))
    assert run.target.counters(first) is None
    assert run.target.counters(second) is None


def test_process_sees_what_the_device_wrote(run: Run) -> None:
    run(Alloc(0, 0, BASE), Pin(0, 0, 10, 3, True, 0), Dma(0, True))
    device = [stamp(run.step, i) for i in range(3)]
    assert run(Fault(0, 0, 10, 3, False)).values == device


def test_child_does_not_see_what_the_device_writes_after_fork(run: Run) -> None:
    run(Alloc(0, 0, BASE), Fault(0, 0, 0, 1, True), Pin(0, 0, 0, 1, True, 0), Fork(0, 1), Dma(0, True))
    device = stamp(run.step, 0)
    assert run(Fault(0, 0, 0, 1, False)).values == [device]
    assert run(Fault(1, 0, 0, 1, False)).values == [stamp(2, 0)]


def test_get_keeps_an_unmapped_page(run: Run) -> None:
    report = run(Alloc(0, 0, BASE), Fault(0, 0, 0, 1, True))
    value, frame = stamp(run.step, 0), report.touched[0]
    run(Get(0, 0, 0, 1, False, 0), Dontneed(0, 0, 0, 1))
    assert run.folio(frame).refcount == 1
    assert run(Put(0)).values == [value]
    assert run.target.counters(frame) is None


def test_reset_releases_everything(run: Run) -> None:
    report = run(
        Alloc(0, 0, BASE), Fault(0, 0, 0, 1, True), Pin(0, 0, 0, 1, True, 0), Get(0, 0, 0, 1, True, 1)
    )
    frame = report.touched[0]
    assert run.folio(frame).refcount == 1026
    run.target.reset()
    assert run.target.counters(frame) is None


def test_pin_for_reading_has_no_instrument(run: Run) -> None:
    assert "writing only" in str(run.target.unsupported(Pin(0, 0, 0, 1, False, 0)))
    assert run.target.unsupported(Pin(0, 0, 0, 1, True, 0)) is None
