"""Hypothesis strategies for operations and programs, each operation one packed integer."""

from __future__ import annotations

from hypothesis import strategies as st

from mmfuzz.ops import OPERATIONS, Operation
from mmfuzz.strategies.universe import Universe

DEFAULT = Universe()


_TABLES: dict[tuple[type[Operation], Universe], tuple[Operation, ...]] = {}


def table(kind: type[Operation], universe: Universe) -> tuple[Operation, ...]:
    """Every operation of a kind, made once, so that decoding in a hot loop is an index."""
    found = _TABLES.get((kind, universe))
    if found is None:
        found = tuple(universe.decode(kind, number) for number in range(universe.size(kind)))
        _TABLES[kind, universe] = found
    return found


def operations(kind: type[Operation], universe: Universe = DEFAULT) -> st.SearchStrategy[Operation]:
    """One operation of a kind, drawn as a single integer: its place in the kind's table."""
    return st.sampled_from(table(kind, universe))


def any_operation(universe: Universe = DEFAULT) -> st.SearchStrategy[Operation]:
    """One operation of any kind, simple kinds first."""
    return st.one_of([operations(kind, universe) for kind in OPERATIONS])


def programs(universe: Universe = DEFAULT, *, steps_max: int = 50) -> st.SearchStrategy[list[Operation]]:
    """Whole programs of up to `steps_max` operations, applicable or not."""
    return st.lists(any_operation(universe), max_size=steps_max)
