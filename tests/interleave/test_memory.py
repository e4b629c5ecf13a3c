"""What each model of memory lets a reader see, where no litmus test says it."""

from __future__ import annotations

from mmfuzz.interleave.memory import Cell
from mmfuzz.interleave.search import Exhaustive
from mmfuzz.interleave.waiting import Lock, Processors


def outcomes(memory: str, writer: str, reader: str) -> set[tuple[int, int]]:
    """Message passing, with what orders each side: all pairs (flag, data) that the reader sees."""
    seen: set[tuple[int, int]] = set()
    search = Exhaustive()
    while search.begin():
        machine = Processors(search, memory)
        data, flag, lock = Cell("data", 0), Cell("flag", 0), Lock("lock")
        found: list[int] = []

        def write(
            machine: Processors = machine, data: Cell = data, flag: Cell = flag, lock: Lock = lock
        ) -> None:
            if writer == "lock":
                machine.lock(lock)
            machine.store(data, 1, "plain" if writer == "plain" else "")
            if writer.startswith("smp"):
                machine.barrier(writer)
            machine.store(flag, 1, "release" if writer == "release" else "")
            if writer == "lock":
                machine.unlock(lock)

        def read(
            machine: Processors = machine, data: Cell = data, flag: Cell = flag, lock: Lock = lock,
            found: list[int] = found,
        ) -> None:  # fmt: skip
            if reader == "lock":
                machine.lock(lock)
            found.append(machine.load(flag, "acquire" if reader == "acquire" else "").value)
            if reader.startswith("smp"):
                machine.barrier(reader)
            found.append(machine.load(data).value)
            if reader == "lock":
                machine.unlock(lock)

        machine.run([("writer", write), ("reader", read)])
        search.end(machine)
        if not machine.cut:
            seen.add((found[0], found[1]))
    return seen


def test_flag_before_data_only_where_nothing_orders_them() -> None:
    assert (1, 0) in outcomes("weak", "", "")
    assert (1, 0) in outcomes("weak", "smp_wmb", "")
    assert (1, 0) in outcomes("weak", "", "smp_rmb")
    assert (1, 0) not in outcomes("weak", "smp_wmb", "smp_rmb")
    assert (1, 0) not in outcomes("weak", "release", "acquire")
    assert (1, 0) not in outcomes("weak", "lock", "lock")
    assert (1, 0) not in outcomes("tso", "", "")
    assert (1, 0) not in outcomes("sc", "", "")


def data_races(writer: str, reader: str) -> set[str]:
    """Locations with a data race, in any execution of message passing of a plain location."""
    found: set[str] = set()
    search = Exhaustive()
    while search.begin():
        machine = Processors(search, "weak")
        data, flag, lock = Cell("data", 0), Cell("flag", 0), Lock("lock")

        def write(
            machine: Processors = machine, data: Cell = data, flag: Cell = flag, lock: Lock = lock
        ) -> None:
            if writer == "lock":
                machine.lock(lock)
            machine.store(data, 1, "plain")
            machine.store(flag, 1, "release" if writer == "release" else "")
            if writer == "lock":
                machine.unlock(lock)

        def read(
            machine: Processors = machine, data: Cell = data, flag: Cell = flag, lock: Lock = lock
        ) -> None:
            if reader == "lock":
                machine.lock(lock)
            if machine.load(flag, "acquire" if reader == "acquire" else "").value:
                machine.load(data, "plain")
            if reader == "lock":
                machine.unlock(lock)

        machine.run([("writer", write), ("reader", read)])
        search.end(machine)
        found |= set(machine.data_races)
    return found


def test_plain_accesses_race_unless_something_orders_them() -> None:
    assert data_races("", "") == {"data"}
    assert data_races("release", "") == {"data"}
    assert data_races("release", "acquire") == set()
    assert data_races("lock", "lock") == set()
