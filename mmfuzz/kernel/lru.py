"""Per-CPU LRU batches: where fresh base pages wait, referenced, before they are on the LRU."""

from __future__ import annotations

from mmfuzz.kernel.device import DeviceMemory
from mmfuzz.kernel.page import Folio
from mmfuzz.profiles import Profile

CPUS = 2
"""A process runs on the CPU of its slot number modulo this."""


class Lru(DeviceMemory):
    """`lru_add` batches. Large folios go to the LRU at once: a batch would hold their split up."""

    batches_large = False
    """Large folios wait in a batch as well (until 8f182270dfec, v4.7)."""

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        super().__init__(profile, frames, huge_order)
        self.batches: list[list[Folio]] = [[] for _ in range(CPUS)]
        self.cpu = 0
        """The CPU that the current step runs on."""
        self.batch_moves: dict[Folio, None] = {}
        """Folios that entered or left a batch in this step."""

    def folio_add_lru(self, folio: Folio) -> None:
        """Queue a fresh folio for the LRU; a batch that is full drains at once."""
        if folio.order and not self.batches_large:
            self.lruvec_add_folio(folio)
            return
        self.folio_get(folio)
        self.critical("lru")
        batch = self.batches[self.cpu]
        batch.append(folio)
        self.batch_moves[folio] = None
        if len(batch) >= self.profile.batch_size:
            self.lru_add_drain()

    def lru_add_drain(self) -> None:
        """Drain this CPU's batch."""
        self._drain_cpu(self.cpu)

    def lru_add_drain_all(self) -> None:
        """Drain the batches of all CPUs."""
        for cpu in range(CPUS):
            self._drain_cpu(cpu)

    def _drain_cpu(self, cpu: int) -> None:
        self.critical("lru")
        batch = self.batches[cpu]
        if batch:
            self.batches[cpu] = []
            for folio in batch:
                self.lruvec_add_folio(folio)
                self.batch_moves[folio] = None
                self.put_batched(folio)

    def put_batched(self, folio: Folio) -> None:
        """Drop the reference that a batch held."""
        self.folio_put(folio)

    def lruvec_add_folio(self, folio: Folio) -> None:
        """Chain a folio on an LRU list, by the words of its page that are there for that.

        A ZONE_DEVICE page has its `pgmap` there (5c2c2587b132, "mm, dax, pmem: introduce {get|put}_dev_pagemap() for
        dax-gup", v4.5, which made list_add() trip over it).
        """
        if folio.pgmap is not None:
            raise self.vm_bug_on("VM_BUG_ON_FOLIO(folio_is_zone_device(folio))", folio)
        folio.lru = True

    def take_lru_words(self, folio: Folio) -> None:
        """The words that chain a folio on the LRU are to hold something else: see lruvec_add_folio()."""
        if folio.pgmap is not None:
            raise self.vm_bug_on("VM_BUG_ON_FOLIO(folio_is_zone_device(folio))", folio)

    def folio_isolate_lru(self, folio: Folio) -> bool:
        """Take a folio off the LRU with a reference; false while it is not on it."""
        if not folio.lru or not folio.test_and_clear("lru"):
            return False
        self.folio_get(folio)
        return True

    def folio_putback_lru(self, folio: Folio) -> None:
        """Undo folio_isolate_lru()."""
        self.lruvec_add_folio(folio)
        self.folio_put(folio)
