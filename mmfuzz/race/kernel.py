"""A kernel whose primitives are those of a machine with several threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from mmfuzz.kernel.file import File
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.profiles import Profile
from mmfuzz.race.shared import SharedDict, SharedMm, SharedPage, SharedVma, Stage

PTL, RWSEM, PAGE_LOCK = "lock", "semaphore", "page lock"
"""What locks of a thing are called."""


class Concurrent(Kernel):
    """The primitives, and the types of what is shared; every routine is the kernel's own.

    While no thread runs, as in the set-up and at rest, there is nothing to order and nobody to wait for.
    """

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        self.stage = stage = Stage()
        self._cpu = 0
        self._cpus: dict[int, int] = {}
        self.page_type = _made_of(SharedPage, stage)
        self.mm_type = _made_of(SharedMm, stage)
        self.vma_type = _made_of(SharedVma, stage)
        super().__init__(profile, frames, huge_order)
        self.fast_first = profile.tail_refs == "none" and profile.pins in ("none", "biased", "pincount")
        self.swap_cache = SharedDict(stage, "swap cache", self.swap_cache)
        stage.name_of = self.name_of

    def file(self, number: int) -> File:
        """A file, with a page cache that others look into."""
        file = super().file(number)
        if type(file.pages) is dict:
            file.pages = SharedDict(self.stage, f"page cache of {number}", file.pages)
        return file

    def name_of(self, thing: object) -> str:
        """What a person calls a thing that has a location or a lock."""
        if isinstance(thing, Page):
            return f"frame {thing.pfn}"
        for mm in self.mms.values():
            if mm is thing:
                return f"p{mm.process}"
            for vma in mm.vmas.values():
                if vma is thing:
                    return f"p{mm.process} a{vma.area}"
                if vma.anon_vma is thing:
                    return f"anon_vma of a{vma.area}"
        for number, file in self.files.items():
            if file is thing:
                return f"file {number}"
        return thing if isinstance(thing, str) else type(thing).__name__

    # Each thread runs on a CPU of its own.

    @property
    def cpu(self) -> int:
        """The CPU that the current step runs on."""
        machine = self.stage.running
        thread = machine.current if machine is not None else None
        return self._cpu if thread is None else self._cpus.get(thread.index, self._cpu)

    @cpu.setter
    def cpu(self, cpu: int) -> None:
        machine = self.stage.running
        thread = machine.current if machine is not None else None
        if thread is None:
            self._cpu = cpu
        else:
            self._cpus[thread.index] = cpu

    # Order

    def smp_mb(self) -> None:
        """See `Primitives`, as of everything below."""
        if (machine := self.stage.running) is not None:
            machine.barrier("smp_mb")

    def smp_rmb(self) -> None:
        """A read barrier."""
        if (machine := self.stage.running) is not None:
            machine.barrier("smp_rmb")

    def smp_wmb(self) -> None:
        """A write barrier."""
        if (machine := self.stage.running) is not None:
            machine.barrier("smp_wmb")

    def smp_load_acquire(self, thing: Any, field: str) -> Any:
        """A read with acquire order."""
        if (machine := self.stage.running) is None:
            return super().smp_load_acquire(thing, field)
        return self.stage.load(machine, thing.cell(field), "acquire")

    def smp_store_release(self, thing: Any, field: str, value: object) -> None:
        """A write with release order."""
        if (machine := self.stage.running) is None:
            super().smp_store_release(thing, field, value)
        else:
            machine.store(thing.cell(field), value, "release")

    def read_plain(self, thing: Any, field: str) -> Any:
        """A read that is not marked."""
        if (machine := self.stage.running) is None:
            return super().read_plain(thing, field)
        return self.stage.load(machine, thing.cell(field), "plain")

    def write_plain(self, thing: Any, field: str, value: object) -> None:
        """A write that is not marked."""
        if (machine := self.stage.running) is None:
            super().write_plain(thing, field, value)
        else:
            machine.store(thing.cell(field), value, "plain")

    # Locks

    def spin_lock(self, of: object) -> None:
        """Wait for it."""
        if (machine := self.stage.running) is not None:
            machine.lock(self.stage.lock(PTL, of))

    def spin_unlock(self, of: object) -> None:
        """Let others have it."""
        if (machine := self.stage.running) is not None:
            machine.unlock(self.stage.lock(PTL, of))

    def bit_spin_lock(self, page: Page, bit: str) -> None:
        """Wait for a flag to be clear, and set it."""
        if (machine := self.stage.running) is not None:
            machine.lock(self.stage.lock(bit, page))
        setattr(page, bit, True)

    def bit_spin_unlock(self, page: Page, bit: str) -> None:
        """Clear it."""
        setattr(page, bit, False)
        if (machine := self.stage.running) is not None:
            machine.unlock(self.stage.lock(bit, page))

    def critical(self, lock: str) -> None:
        """One step for what is done under a lock."""
        if (machine := self.stage.running) is not None:
            machine.critical(self.stage.lock("lock", _named(lock)))

    def down_read(self, of: object) -> None:
        """Wait until nobody has it alone."""
        if (machine := self.stage.running) is not None:
            machine.lock(self.stage.lock(RWSEM, of), shared=True)

    def up_read(self, of: object) -> None:
        """The end of it."""
        if (machine := self.stage.running) is not None:
            machine.unlock(self.stage.lock(RWSEM, of), shared=True)

    def down_write(self, of: object) -> None:
        """Wait until nobody has it."""
        if (machine := self.stage.running) is not None:
            machine.lock(self.stage.lock(RWSEM, of))

    def up_write(self, of: object) -> None:
        """The end of it."""
        if (machine := self.stage.running) is not None:
            machine.unlock(self.stage.lock(RWSEM, of))

    def folio_lock(self, folio: Folio) -> None:
        """Wait for the page lock."""
        if (machine := self.stage.running) is not None:
            machine.lock(self.stage.lock(PAGE_LOCK, folio))

    def folio_trylock(self, folio: Folio) -> bool:
        """The page lock, if it is free."""
        if (machine := self.stage.running) is None:
            return super().folio_trylock(folio)
        return machine.trylock(self.stage.lock(PAGE_LOCK, folio))

    def folio_unlock(self, folio: Folio) -> None:
        """The end of it."""
        if (machine := self.stage.running) is not None:
            machine.unlock(self.stage.lock(PAGE_LOCK, folio))

    # Waiting for others

    def local_irq_save(self) -> None:
        """No interrupts from here on."""
        if (machine := self.stage.running) is not None:
            machine.irqs_off()

    def local_irq_restore(self) -> None:
        """Interrupts again."""
        if (machine := self.stage.running) is not None:
            machine.irqs_on()

    def smp_call_function(self) -> None:
        """Interrupt everybody, and wait."""
        if (machine := self.stage.running) is not None:
            machine.interrupt_others()

    def rcu_read_lock(self) -> None:
        """Begin to read under RCU."""
        if (machine := self.stage.running) is not None:
            machine.rcu_lock()

    def rcu_read_unlock(self) -> None:
        """The end of it."""
        if (machine := self.stage.running) is not None:
            machine.rcu_unlock()

    def synchronize_rcu(self) -> None:
        """Wait for who reads now."""
        if (machine := self.stage.running) is not None:
            machine.grace_period()


def _made_of(kind: Callable[..., object], stage: Stage) -> Any:
    """The kind of object, of one execution: to be called like the class that it stands for."""
    return partial(kind, stage)


class _Named(str):
    """A lock that guards no object: it is its name."""

    __slots__ = ()


@cache
def _named(name: str) -> _Named:
    """One object for each name, as locks are told apart by identity."""
    return _Named(name)
