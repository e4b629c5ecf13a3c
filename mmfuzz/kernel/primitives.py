"""What a kernel asks of the processor and of the scheduler, under the kernel's own names.

Where one thing happens at a time there is nothing to do: barriers order nothing, a lock is always free, and who
waits for others has waited already. Kernel code calls these all the same, wherever the kernel does, and `mmfuzz.race`
overrides them, and nothing else, to run the same code on several threads. A read or a write of an attribute is then
what READ_ONCE() and WRITE_ONCE() are; what is changed in one go goes by a method of `Page`.

Locks have no objects of their own: a lock is named by what it guards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmfuzz.kernel.page import Folio, Page


class Primitives:
    """Each does nothing here, or what it does when nobody else is there."""

    # Order

    def smp_mb(self) -> None:
        """Everything before it is seen before everything after it."""

    def smp_rmb(self) -> None:
        """Reads before it come before reads after it."""

    def smp_wmb(self) -> None:
        """Writes before it are seen before writes after it."""

    def smp_load_acquire(self, thing: object, field: str) -> Any:
        """A read that comes before everything after it."""
        return getattr(thing, field)

    def smp_store_release(self, thing: object, field: str, value: object) -> None:
        """A write that is seen after everything before it."""
        setattr(thing, field, value)

    def read_plain(self, thing: object, field: str) -> Any:
        """A read without READ_ONCE(): a compiler may do it twice, and a race with it is a data race."""
        return getattr(thing, field)

    def write_plain(self, thing: object, field: str, value: object) -> None:
        """A write without WRITE_ONCE(), not atomic either."""
        setattr(thing, field, value)

    # Locks

    def spin_lock(self, of: object) -> None:
        """The spinlock of a thing: an area's is its page-table lock, of the PMD and of the table below it."""

    def spin_unlock(self, of: object) -> None:
        """Let others have it."""

    def bit_spin_lock(self, page: Page, bit: str) -> None:
        """A lock that is one of the page's flags."""
        setattr(page, bit, True)

    def bit_spin_unlock(self, page: Page, bit: str) -> None:
        """With release order."""
        setattr(page, bit, False)

    def critical(self, lock: str) -> None:
        """What follows, up to the next thing that others can see, is done under a lock of this name.

        For what is short and shows nothing of itself in between: the zone's free lists, swap slots, LRU batches.
        """

    def down_read(self, of: object) -> None:
        """The reader-writer semaphore of a thing: mmap_lock of an address space, the lock of an anon_vma or a file."""

    def up_read(self, of: object) -> None:
        """The end of down_read()."""

    def down_write(self, of: object) -> None:
        """Alone."""

    def up_write(self, of: object) -> None:
        """The end of down_write()."""

    def folio_lock(self, folio: Folio) -> None:
        """The page lock, PG_locked: sleeps until it is free."""

    def folio_trylock(self, folio: Folio) -> bool:
        """The page lock, if it is free now; see `mmfuzz.kernel.inject` for what happens when it is not."""
        return True

    def folio_unlock(self, folio: Folio) -> None:
        """The end of folio_lock(), and of folio_trylock() where that said yes."""

    # Waiting for others

    def local_irq_save(self) -> None:
        """No interrupt comes to this CPU, so who sends one and waits for it waits until local_irq_restore()."""

    def local_irq_restore(self) -> None:
        """Interrupts come again, those that were sent meanwhile at once."""

    def smp_call_function(self) -> None:
        """An interrupt to each other CPU, which does nothing there, and wait until all have taken it.

        What tlb_remove_table_sync_one() does, and until v4.4 a flush that follows pmdp_splitting_flush().
        """

    def rcu_read_lock(self) -> None:
        """What is freed by RCU stays until rcu_read_unlock()."""

    def rcu_read_unlock(self) -> None:
        """The end of rcu_read_lock()."""

    def synchronize_rcu(self) -> None:
        """Wait until everybody has left what they read under RCU when this was called."""
