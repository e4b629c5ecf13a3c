"""Lines and lists that count on, folded into one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfuzz.folding import folded


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ([], []),
        (["a0.0: frame 8"], ["a0.0: frame 8"]),
        (["a0.0: frame 8", "a0.1: frame 9", "a0.2: frame 10"], ["a0.0..2: frame 8..10"]),
        (["a0.0: zero page", "a0.1: zero page"], ["a0.0..1: zero page"]),
        (["a0.0: frame 8", "a0.1: frame 9", "a0.2: frame 20"], ["a0.0..1: frame 8..9", "a0.2: frame 20"]),
        (["a0.0: frame 8", "a0.2: frame 9"], ["a0.0: frame 8", "a0.2: frame 9"]),
        (["an LRU batch", "an LRU batch"], ["an LRU batch", "an LRU batch"]),
        (["frame 9", "frame 8"], ["frame 9", "frame 8"]),
        (["frame 1", "slot 2"], ["frame 1", "slot 2"]),
        (["whole by p0 a0", "whole by p1 a0"], ["whole by p0 a0", "whole by p1 a0"]),
    ],
)
def test_lines_that_count_on_together_are_one(lines: list[str], shown: list[str]) -> None:
    assert list(folded(lines)) == shown


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(2, 20))
def test_a_run_of_any_length_is_one_line(page: int, frame: int, length: int) -> None:
    lines = [f"PTE p0 a1.{page + i}: frame {frame + i}, writable" for i in range(length)]
    last = f"a1.{page}..{page + length - 1}: frame {frame}..{frame + length - 1}"
    assert list(folded(lines)) == [f"PTE p0 {last}, writable"]
