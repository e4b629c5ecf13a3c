"""What each model of memory lets a reader see, where no litmus test says it."""

from __future__ import annotations

from collections.abc import Callable

from mmfuzz.interleave.memory import Cell, join
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


Final = Callable[[], object]
Make = Callable[[Processors], tuple[list[tuple[str, Callable[[], None]]], Final]]


def explored(make: Make, *, dependent_writes: bool = True) -> set[object]:
    """Everything that two threads may end in under weak memory."""
    seen: set[object] = set()
    search = Exhaustive()
    while search.begin():
        machine = Processors(search, "weak", dependent_writes=dependent_writes)
        bodies, final = make(machine)
        machine.run(bodies)
        search.end(machine)
        if not machine.cut:
            seen.add(final())
    return seen


def published(*, follow: bool) -> Make:
    """An object is filled, and then a pointer to it published; who reads the pointer reads the object."""

    def make(machine: Processors) -> tuple[list[tuple[str, Callable[[], None]]], Final]:
        thing = object()
        field, pointer = Cell("field", 0, owner=thing), Cell("pointer", None)
        found: list[int] = []

        def publish() -> None:
            machine.store(field, 1)
            machine.barrier("smp_wmb")
            machine.store(pointer, thing)

        def read() -> None:
            message = machine.load(pointer)
            thread = machine.current
            assert thread is not None
            if message.value is not None:
                if follow:
                    join(thread.views.pointers.setdefault(id(thing), {}), message.view)
                found.append(machine.load(field).value)

        return [("publish", publish), ("read", read)], lambda: tuple(found)

    return make


def test_who_reads_a_pointer_sees_the_object_as_it_was_published() -> None:
    assert explored(published(follow=True)) == {(), (1,)}
    assert explored(published(follow=False)) == {(), (0,), (1,)}


def overwritten(machine: Processors) -> tuple[list[tuple[str, Callable[[], None]]], Final]:
    """S: a write after a read of what was published after another write of the same location."""
    data, flag = Cell("data", 0), Cell("flag", 0)
    found: list[int] = []

    def publish() -> None:
        machine.store(data, 2)
        machine.barrier("smp_wmb")
        machine.store(flag, 1)

    def overwrite() -> None:
        found.append(machine.load(flag).value)
        machine.store(data, 1)

    return [("publish", publish), ("overwrite", overwrite)], lambda: (found[0], data.newest)


def test_a_write_comes_after_what_its_thread_has_read_about_unless_it_does_not_depend_on_that() -> None:
    assert (1, 2) not in explored(overwritten)
    assert (1, 2) in explored(overwritten, dependent_writes=False)


def counted(machine: Processors) -> tuple[list[tuple[str, Callable[[], None]]], Final]:
    """A reference is dropped after a write; who drops the next one reads what was written."""
    data, count = Cell("data", 0), Cell("count", 2)
    found: list[tuple[int, int]] = []

    def write() -> None:
        machine.store(data, 1)
        machine.rmw(count, lambda refs: refs - 1, "release")

    def free() -> None:
        refs, _ = machine.rmw(count, lambda refs: refs - 1)
        found.append((refs, machine.load(data).value))

    return [("write", write), ("free", free)], lambda: found[0]


def test_an_atomic_that_returns_a_value_knows_what_the_one_before_it_released() -> None:
    assert (1, 0) not in explored(counted)
    assert (1, 1) in explored(counted)
