"""What is read out of kernel memory, against what the kernel's own files say of the same pages."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mmfuzz.observation import ZERO, Entry, Mapped, Swapped
from mmfuzz.ops import BASE, HUGE, Alloc, Dontneed, Fault, SplitMap, SwapOut
from mmfuzz.targets.linux import Linux
from mmfuzz.targets.linux.btf import Btf
from mmfuzz.targets.linux.swap import zram_missing

if TYPE_CHECKING:
    from tests.live.conftest import Run

FRAME_BITS = (1 << 55) - 1
PAGEMAP_PRESENT, PAGEMAP_SWAPPED = 1 << 63, 1 << 62
KPF_ZERO_PAGE = 1 << 24


@pytest.fixture(scope="module")
def swapping(open_with_swap: Callable[[str], Linux]) -> Linux:
    return open_with_swap("zram")


def pagemap(target: Linux, process: int, area: int) -> list[Entry]:
    """An area as /proc tells it."""
    with Path(f"/proc/{target.pid(process)}/pagemap").open("rb") as file:
        raw = os.pread(file.fileno(), 512 * 8, target.address(area) // 4096 * 8)
    return [entry_of(word) for (word,) in struct.iter_unpack("<Q", raw)]


def entry_of(word: int) -> Entry:
    if word & PAGEMAP_PRESENT:
        with Path("/proc/kpageflags").open("rb") as file:
            (flags,) = struct.unpack("<Q", os.pread(file.fileno(), 8, 8 * (word & FRAME_BITS)))
        return ZERO if flags & KPF_ZERO_PAGE else Mapped(word & FRAME_BITS, None)
    if word & PAGEMAP_SWAPPED:
        return Swapped((word & 31) << 58 | (word & FRAME_BITS) >> 5)
    return None


def kpagecount(frame: int) -> int:
    with Path("/proc/kpagecount").open("rb") as file:
        return int(struct.unpack("<Q", os.pread(file.fileno(), 8, 8 * frame))[0])


def test_entries_of_a_table_are_those_of_pagemap(run: Run) -> None:
    report = run(Alloc(0, 0, BASE), Fault(0, 0, 5, 7, True))
    seen = {page: entry for *_, page, entry in report.ptes}
    report = run(Fault(0, 0, 9, 20, False), Dontneed(0, 0, 6, 1))
    seen |= {page: entry for *_, page, entry in report.ptes}
    seen |= dict.fromkeys(range(12, 29), ZERO)
    assert [seen.get(page) for page in range(512)] == pagemap(run.target, 0, 0)


def test_huge_mapping_is_one_run_of_frames_in_pagemap(run: Run) -> None:
    report = run(Alloc(0, 0, HUGE), Fault(0, 0, 0, 1, True))
    ((_, _, entry),) = report.pmds
    assert isinstance(entry, Mapped)
    assert pagemap(run.target, 0, 0) == [Mapped(entry.frame + i, None) for i in range(512)]


def test_huge_zero_page_is_the_zero_page(run: Run) -> None:
    report = run(Alloc(0, 0, HUGE), Fault(0, 0, 0, 1, False))
    assert report.pmds == [(0, 0, ZERO)]
    assert report.touched == []
    report = run(SplitMap(0, 0))
    assert [entry for *_, entry in report.ptes] == [ZERO] * 512


@pytest.mark.skipif(zram_missing() is not None, reason=str(zram_missing()))
def test_swap_entries_are_those_of_pagemap(swapping: Linux) -> None:
    swapping.reset()
    swapping.apply(Alloc(0, 0, BASE), 1)
    swapping.apply(Fault(0, 0, 0, 64, True), 2)
    report = swapping.apply(SwapOut(0, 0, 0, 64), 3)
    assert [entry for *_, entry in report.ptes] == pagemap(swapping, 0, 0)[:64]


def test_mapcount_is_that_of_kpagecount(run: Run) -> None:
    report = run(Alloc(0, 0, BASE), Fault(0, 0, 0, 3, True))
    for head, _ in report.folios:
        assert run.folio(head).mapcounts[0] == kpagecount(head) == 1


def test_layouts_come_from_btf() -> None:
    btf = Btf.of_running_kernel()
    assert btf.sizeof("page") == 64
    assert btf.members("no such structure") == {}
    assert btf.enum("no such enum") == {}
    assert btf.enum("pageflags")["PG_locked"] == 0
    assert btf.members("list_head")["prev"].offset == 8
