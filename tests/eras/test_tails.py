"""References on tails, as kernels noted them until v4.4: worked numbers with 512 pages in a huge page."""

from __future__ import annotations

import pytest

from mmfuzz.errors import UsageError
from mmfuzz.kernel.eras.compound import CompoundPages, TailCounts, TailMapcounts
from mmfuzz.kernel.page import Page
from mmfuzz.planted import profiles_for
from mmfuzz.profiles import PIN_SCHEMES, resolve
from mmfuzz.targets.sim import Sim
from mmfuzz.violation import Violation
from tests.kernel.conftest import Machine

N = 512
ERAS = ["2.6.38", "3.2"]
HUGE = ("alloc p0 a0 huge", "fault p0 a0.0 write", "drain")


@pytest.fixture(params=ERAS)
def machine(request: pytest.FixtureRequest) -> Machine:
    """A machine of each era, with 512 pages in a huge page."""
    return Machine(request.param)


def refs(machine: Machine, page: int) -> tuple[int, int]:
    """(count of the head, references noted on a tail) of the huge page at p0 a0."""
    seen = machine.at(0, 0, 0)
    assert seen.tail_counts is not None
    assert seen.tail_mapcounts is not None
    where = seen.tail_counts if machine.session.target.traits.kernel == "2.6.38" else seen.tail_mapcounts
    return seen.refcount, where[page]


# The tables


def test_fresh_huge_page_has_its_map_and_its_batch(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write")
    seen = machine.at(0, 0, 0)
    assert (seen.refcount, seen.entire) == (2, 1)
    machine.do("drain")
    assert machine.at(0, 0, 0).refcount == 1
    assert seen.tail_counts == seen.tail_mapcounts == [0] * N


def test_read_fault_maps_a_huge_page_as_there_is_no_huge_zero_page(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 read", "drain")
    assert (machine.at(0, 0, 0).order, machine.at(0, 0, 0).refcount) == (9, 1)


def test_get_of_a_tail_counts_on_head_and_tail_and_moves_with_a_split(machine: Machine) -> None:
    machine.do(*HUGE)
    assert refs(machine, 7) == (1, 0)
    machine.do("get p0 a0.7 read h0")
    assert refs(machine, 7) == (2, 1)
    machine.do("split_map p0 a0")
    assert [machine.at(0, 0, page).refcount for page in (0, 6, 7, 8)] == [1, 1, 2, 1]
    assert machine.at(0, 0, 7).mapcounts == (1,)
    machine.do("put h0")
    assert machine.at(0, 0, 7).refcount == 1


def test_put_of_a_tail_takes_both_back(machine: Machine) -> None:
    machine.do(*HUGE, "get p0 a0.7 read h0", "get p0 a0.7 read h1", "put h0")
    assert refs(machine, 7) == (2, 1)
    machine.do("put h1")
    assert refs(machine, 7) == (1, 0)


def test_pins_are_references(machine: Machine) -> None:
    machine.do(*HUGE, "pin p0 a0 write h0")
    assert refs(machine, 1) == (1 + N, 1)
    machine.do("split p0 a0.3")
    assert [machine.at(0, 0, page).refcount for page in (0, 3, 511)] == [2, 2, 2]


def test_get_of_the_head_is_noted_on_no_tail(machine: Machine) -> None:
    machine.do(*HUGE, "get p0 a0.0 read h0")
    seen = machine.at(0, 0, 0)
    assert (seen.refcount, seen.tail_counts, seen.tail_mapcounts) == (2, [0] * N, [0] * N)
    machine.do("split_map p0 a0")
    assert [machine.at(0, 0, page).refcount for page in (0, 1)] == [2, 1]


def test_references_stand_in_the_count_and_then_in_the_mapcount() -> None:
    for kernel, counts, mapcounts in (("2.6.38", 1, 0), ("3.2", 0, 1)):
        machine = Machine(kernel)
        machine.do(*HUGE, "get p0 a0.5 read h0")
        seen = machine.at(0, 0, 0)
        assert seen.tail_counts is not None
        assert seen.tail_mapcounts is not None
        assert (seen.tail_counts[5], seen.tail_mapcounts[5]) == (counts, mapcounts)


def test_fork_adds_a_reference_and_a_map_and_split_gives_them_to_every_piece(machine: Machine) -> None:
    machine.do(*HUGE, "fork p0 p1", "fork p0 p2")
    assert (machine.at(0, 0, 0).refcount, machine.at(0, 0, 0).entire) == (3, 3)
    machine.do("get p1 a0.9 read h0", "split_map p1 a0")
    for process in (0, 1, 2):
        assert machine.at(process, 0, 9).refcount == 4
        assert machine.at(process, 0, 10).refcount == 3
        assert machine.at(process, 0, 10).mapcounts == (3,)


def test_exit_drops_a_reference_and_a_map(machine: Machine) -> None:
    machine.do(*HUGE, "fork p0 p1", "exit p1")
    assert (machine.at(0, 0, 0).refcount, machine.at(0, 0, 0).entire) == (1, 1)


def test_write_copies_a_huge_page_that_two_map_and_reuses_one_that_others_only_hold(machine: Machine) -> None:
    machine.do(*HUGE, "fork p0 p1")
    old = machine.frame(0, 0, 0)
    machine.do("fault p1 a0.0 write", "drain")
    assert machine.frame(1, 0, 0) != old
    assert (machine.folio(old).refcount, machine.folio(old).entire) == (1, 1)
    machine.do("get p0 a0.4 read h0", "fault p0 a0.0 write")
    assert machine.frame(0, 0, 0) == old


@pytest.mark.parametrize("kernel", [*ERAS, "4.5", "5.7"])
def test_write_without_a_block_copies_to_base_pages_and_leaves_others_the_huge_page(kernel: str) -> None:
    """do_huge_pmd_wp_page_fallback(), until 3917c80280c9 (v5.8): nothing is split."""
    machine = Machine(kernel, huge_order=3, frames=32)
    machine.do("alloc p0 a0 huge", "fault p0 a0 write", "drain", "get p0 a0.3 read h0", "fork p0 p1")
    huge = machine.frame(0, 0, 0)
    for area in (1, 2, 3):
        machine.do(f"alloc p0 a{area} base", f"fault p0 a{area}.0+8 write")
    machine.do("drain", "unmap p0 a1.0+4", "unmap p0 a2.4+4", "fault p1 a0.2 write", "drain")
    assert machine.frame(0, 0, 0) == huge
    assert (machine.folio(huge).order, machine.folio(huge).refcount, machine.folio(huge).entire) == (3, 2, 1)
    assert [machine.at(1, 0, page).order for page in range(8)] == [0] * 8
    assert machine.at(1, 0, 2).refcount == 1


def test_unmapped_huge_page_lives_by_one_tail_and_is_freed_whole(machine: Machine) -> None:
    machine.do(*HUGE, "get p0 a0.7 read h0")
    huge = machine.frame(0, 0, 0)
    machine.do("dontneed p0 a0")
    assert machine.folio(huge).refcount == 1
    machine.do("put h0")
    assert machine.is_free(huge)
    assert machine.sim.free_frames() == 8192


def test_unmapping_a_part_splits_for_everybody(machine: Machine) -> None:
    machine.do(*HUGE, "fork p0 p1", "get p0 a0.2 read h0", "unmap p1 a0.1+2")
    assert [machine.at(0, 0, page).order for page in (0, 1, 2)] == [0, 0, 0]
    assert [machine.at(0, 0, page).refcount for page in (0, 1, 2)] == [2, 1, 2]


def test_split_in_a_batch_leaves_the_batch_its_reference_on_the_head(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "split_map p0 a0")
    assert [machine.at(0, 0, page).refcount for page in (0, 1)] == [2, 1]
    machine.do("drain")
    assert machine.at(0, 0, 0).refcount == 1


def test_swapping_out_splits_a_pinned_huge_page_and_takes_all_its_pages(machine: Machine) -> None:
    machine.do(*HUGE, "get p0 a0.7 read h0", "swap_out p0 a0")
    assert machine.at(0, 0, 7).order == 0
    assert machine.at(0, 0, 7).refcount == 2


def test_migration_splits_and_moves_all_pages_but_the_pinned_one(machine: Machine) -> None:
    machine.do(*HUGE, "get p0 a0.7 read h0")
    before = [machine.frame(0, 0, page) for page in range(10)]
    machine.do("migrate p0 a0")
    after = [machine.frame(0, 0, page) for page in range(10)]
    assert [page for page in range(10) if before[page] == after[page]] == [7]


@pytest.mark.parametrize("kernel", ["2.6.38", "3.2", "4.5", "6.18"])
def test_page_count_of_a_tail_is_its_heads(kernel: str) -> None:
    """What changed is the field: `_count` of a tail is its references until v3.1, and 0 from v3.2 on."""
    machine = Machine(kernel)
    machine.do(
        "alloc p0 a0 huge", "fault p0 a0.0 write", "drain", "get p0 a0.3 read h0", "get p0 a0.3 read h1"
    )
    tail = machine.sim.kernel.mem_map[machine.frame(0, 0, 3)]
    assert machine.sim.kernel.page_count(tail) == 3
    assert tail._refcount == (2 if kernel == "2.6.38" else 0)
    machine.do("put h0", "put h1")
    assert machine.sim.kernel.page_count(tail) == 1


@pytest.mark.parametrize("kernel", ERAS)
@pytest.mark.parametrize("pins", sorted(PIN_SCHEMES.keys() - {"none"}))
def test_pins_cannot_be_tracked_apart(kernel: str, pins: str) -> None:
    with pytest.raises(UsageError, match=f"profile {kernel} has no pin scheme '{pins}'"):
        resolve(kernel, pins)
    assert resolve(kernel, "none") == resolve(kernel)
    assert kernel not in profiles_for(None, pins)
    assert kernel in profiles_for(None, "none")


# The compound destructor


def compound(kernel: str) -> tuple[CompoundPages, Page]:
    """A kernel of a time when tails had references, and a compound page of 8 with one reference."""
    made = Sim(kernel).kernel
    assert isinstance(made, CompoundPages)
    head = made.alloc_folio(3)
    assert head is not None
    return made, head


@pytest.mark.parametrize("kernel", ERAS)
def test_last_put_calls_the_destructor_of_the_second_page(kernel: str) -> None:
    made, head = compound(kernel)
    called: list[Page] = []
    free = head.pages[1].dtor
    assert free is not None

    def dtor(page: Page) -> None:
        called.append(page)
        free(page)

    head.pages[1].dtor = dtor
    tail = head.pages[5]
    made.get_page(tail)
    made.put_page(head)
    assert not called
    made.put_page(tail)
    assert called == [head]
    assert made.buddy.nr_free == made.buddy.size


@pytest.mark.parametrize("kernel", ERAS)
def test_single_page_has_no_destructor_to_call(kernel: str) -> None:
    made, _ = compound(kernel)
    page = made.alloc_folio(0)
    assert page is not None
    page.dtor = lambda page: pytest.fail("called")
    made.put_page(page)
    assert page._refcount == 0


def test_classes_of_an_era_are_what_its_profile_asks_for() -> None:
    kinds = {kernel: type(Sim(kernel).kernel) for kernel in ("2.6.38", "3.2", "4.5")}
    assert [issubclass(kinds["2.6.38"], kind) for kind in (TailCounts, TailMapcounts)] == [True, False]
    assert [issubclass(kinds["3.2"], kind) for kind in (TailCounts, TailMapcounts)] == [False, True]
    assert not issubclass(kinds["4.5"], CompoundPages)


@pytest.mark.parametrize("kernel", ERAS)
def test_failure_names_the_tail(kernel: str) -> None:
    machine = Machine(kernel, huge_order=3, frames=64)
    machine.do("alloc p0 a0 huge", "get p0 a0.3 write h0", "drain")
    tail = machine.sim.kernel.mem_map[machine.frame(0, 0, 3)]
    if kernel == "2.6.38":
        tail._refcount += 1
    else:
        tail._mapcount += 1
    with pytest.raises(Violation) as caught:
        machine.do("fault p0 a0.1 write", "get p0 a0.0 write h1")
    assert caught.value.property == "identity"
    assert "tail 3 has 2 references of its own, its owners add up to 1" in caught.value.message
    assert "get of page 3 h0 taken by p0" in caught.value.report()
    assert (
        "references on each tail  expected [0, 0, 0, 1, 0, 0, 0, 0]  seen [0, 0, 0, 2"
        in caught.value.report()
    )
