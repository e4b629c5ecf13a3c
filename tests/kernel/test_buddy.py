"""The buddy allocator hands out each number once, aligned, and is whole again when all came back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfuzz.kernel.buddy import Buddy

SIZE = 64


@given(st.lists(st.tuples(st.sampled_from(["alloc", "free"]), st.integers(0, 6))))
def test_every_number_is_in_one_place(steps: list[tuple[str, int]]) -> None:
    buddy = Buddy(SIZE)
    used: list[tuple[int, int]] = []
    for what, number in steps:
        if what == "alloc":
            block = buddy.alloc(number)
            if block is None:
                assert all(order < number for _, order in buddy.blocks())
            else:
                assert block % (1 << number) == 0
                used.append((block, number))
        elif used:
            buddy.free(*used.pop(number % len(used)))
        assert numbers(used + buddy.blocks()) == list(range(SIZE))
        assert buddy.nr_free == SIZE - sum(1 << order for _, order in used)
    for block, order in used:
        buddy.free(block, order)
    assert buddy.blocks() == [(0, 6)]


@given(st.lists(st.integers(0, 3), max_size=12))
def test_free_buddies_are_always_merged(orders: list[int]) -> None:
    buddy = Buddy(SIZE)
    taken = [(block, order) for order in orders if (block := buddy.alloc(order)) is not None]
    for block, order in taken[::2]:
        buddy.free(block, order)
    free = buddy.blocks()
    for block, order in free:
        assert order == buddy.order_max or (block ^ (1 << order), order) not in free


@pytest.mark.parametrize("size", [64, 1024, 4096])
def test_fresh_allocator_is_free_throughout(size: int) -> None:
    buddy = Buddy(size)
    assert sum(1 << order for _, order in buddy.blocks()) == buddy.nr_free == size


def numbers(blocks: list[tuple[int, int]]) -> list[int]:
    """All numbers in blocks of (first number, order)."""
    return sorted(number for block, order in blocks for number in range(block, block + (1 << order)))
