"""What has to be found out by trying before the first program: where pages lie, what this kernel does."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

from mmfuzz.errors import TargetUnavailable
from mmfuzz.observation import Counters, Report
from mmfuzz.ops import PAGES_MAX
from mmfuzz.targets.linux import wire
from mmfuzz.targets.linux.bpf import KernelMemory
from mmfuzz.targets.linux.btf import Btf
from mmfuzz.targets.linux.devices import Device, Pipe
from mmfuzz.targets.linux.observer import Observer
from mmfuzz.targets.linux.processes import Processes
from mmfuzz.targets.linux.syscalls import PAGE
from mmfuzz.targets.linux.tables import ANCHOR_AT, area_address


class Findings(NamedTuple):
    """What a kernel turned out to do."""

    pins_coalesced: bool
    """One pin of several pages of a large folio counts once (io_uring from 6.12 on)."""
    collapses: bool
    """Has MADV_COLLAPSE (6.1)."""
    populates: bool
    """Has MADV_POPULATE_WRITE (5.14)."""
    drains_everywhere: bool
    """MADV_COLD does not empty the LRU batches of its CPU: every step has to drain those of all CPUs."""


def page_in_pipe(memory: KernelMemory, btf: Btf, writer: int) -> int:
    """Address of the `struct page` in the first slot of a fresh pipe, by way of our own file table."""

    def follow(address: int, structure: str, member: str) -> int:
        return memory.read_u64(address + btf.offset(structure, member))

    files = follow(memory.current_task(), "task_struct", "files")
    table = follow(follow(files, "files_struct", "fdt"), "fdtable", "fd")
    pipe = follow(memory.read_u64(table + 8 * writer), "file", "private_data")
    return follow(follow(pipe, "pipe_inode_info", "bufs"), "pipe_buffer", "page")


class Probe:
    """Tries things in process 0, which is to be started anew afterwards."""

    def __init__(
        self,
        observer: Observer,
        processes: Processes,
        device: Device,
        pipe: Pipe,
        pipe_number: int,
        base: int,
    ) -> None:
        self._observer = observer
        self._processes = processes
        self._device = device
        self._pipe = pipe
        self._pipe_number = pipe_number
        self._base = base

    def calibrate(self, memory: KernelMemory, btf: Btf) -> int:
        """Learn where page tables and the array of pages lie; take process 0 up for observation.

        Returns the server's task, which has run `task_program` just now.
        """
        server = memory.last_task()
        task = self._observer.walker.newest_child(server)
        process = self._processes.live[0]
        self._observer.walker.calibrate(task, process.pid)
        anchor = self._base + ANCHOR_AT
        with open(f"/proc/{process.pid}/pagemap", "rb") as file:
            (entry,) = struct.unpack("<Q", os.pread(file.fileno(), 8, anchor // PAGE * 8))
        self._ask(wire.GET, anchor, handle=self._pipe_number)
        try:
            address = page_in_pipe(memory, btf, self._pipe.writers[0])
        finally:
            self._pipe.take()
        self._observer.folios.calibrate(address, entry & (1 << 55) - 1)
        self._observer.add(0, server)
        return server

    def run(self) -> Findings:
        """Try everything."""
        return Findings(
            drains_everywhere=self._needs_drain(),
            pins_coalesced=self._coalesces(),
            collapses=self._knows(wire.COLLAPSE, PAGES_MAX, wire.HUGE),
            populates=self._knows(wire.GET, 1, wire.FOR_WRITING),
        )

    def _ask(
        self,
        command: int,
        address: int | None = None,
        pages: int = 1,
        *,
        flags: int = 0,
        handle: int = 0,
    ) -> None:
        """One command to process 0, at the start of area 0 if not said otherwise."""
        where = area_address(self._base, 0) if address is None else address
        self._processes.ask(0, command, where, pages, flags=flags, handle=handle, argument=1)

    @contextlib.contextmanager
    def _area(self) -> Iterator[None]:
        """Area 0, as long as it takes."""
        self._ask(wire.MAP, pages=PAGES_MAX)
        try:
            yield
        finally:
            self._ask(wire.UNMAP, pages=PAGES_MAX)

    def _counters(self) -> Counters:
        """Counters behind the first page of the area, as they are now."""
        report = Report()
        self._observer.accept(self._observer.look(report, ()), report)
        frame = self._observer.frames(0, 0, 0, 1)[0]
        counters = self._observer.counters(frame) if frame is not None else None
        if counters is None:
            raise TargetUnavailable("cannot follow a page that was just written; is memory very short?")
        return counters

    def _needs_drain(self) -> bool:
        """A fresh page sits in an LRU batch, with one reference more; see what takes it out."""
        with self._area():
            self._ask(wire.WRITE, flags=wire.UNSETTLED)
            if self._counters().refcount != 2:
                # This page is not in a batch, perhaps because it filled one: the next one is.
                self._ask(wire.DONTNEED, flags=wire.UNSETTLED)
                self._ask(wire.WRITE, flags=wire.UNSETTLED)
            self._ask(wire.READ)
            if self._counters().refcount == 1:
                return False
            self._ask(wire.DRAIN_ALL)
            if self._counters().refcount == 1:
                return True
        raise TargetUnavailable("cannot empty the LRU batches: neither MADV_COLD nor move_pages does it here")

    def _coalesces(self) -> bool:
        """Pin three pages of a huge page. Where none is to be had, any count shall be right."""
        with self._area():
            self._ask(wire.WRITE, flags=wire.HUGE)
            self._ask(wire.PIN, pages=3)
            try:
                return self._counters().pincount != 3
            finally:
                self._device.unpin(0)

    def _knows(self, command: int, pages: int, flags: int) -> bool:
        """Whether the kernel knows a piece of advice: EINVAL is what it says when it does not."""
        with self._area():
            self._ask(wire.WRITE, pages=PAGES_MAX)
            try:
                self._ask(command, pages=pages, flags=flags, handle=self._pipe_number)
            except OSError as failure:
                return failure.errno != errno.EINVAL
            finally:
                self._pipe.take()
        return True
