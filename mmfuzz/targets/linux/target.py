"""The running kernel as a target: operations run in real processes, and what became of their memory."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mmfuzz import ops
from mmfuzz.errors import TargetUnavailable
from mmfuzz.observation import Counters, Report, Sweep, stamp
from mmfuzz.ops import AREAS_MAX, HANDLES_MAX, PAGES_MAX, WHOLE, Operation
from mmfuzz.profiles import resolve
from mmfuzz.targets.base import Traits
from mmfuzz.targets.linux import machine, wire
from mmfuzz.targets.linux.bpf import KernelMemory
from mmfuzz.targets.linux.btf import Btf
from mmfuzz.targets.linux.devices import Device, Pipe
from mmfuzz.targets.linux.observer import Observer
from mmfuzz.targets.linux.probe import Findings, Probe
from mmfuzz.targets.linux.processes import Processes
from mmfuzz.targets.linux.swap import remove_leftovers, zram_missing
from mmfuzz.targets.linux.syscalls import PAGE
from mmfuzz.targets.linux.tables import ANCHOR_AT, ROW_BYTES, TABLE_BYTES, area_address

HUGE_ORDER: Final = 9
SETTLE_SECONDS_MAX: Final = 1.0
"""How long to wait for others to let go of a folio before its state counts as it is; a disk may be slow."""
_PAUSE_SECONDS = 0.002
_BASE: Final = 1 << 44
_PLACE_STRIDE: Final = 1 << 30
_UNACCOUNTED: Final = HANDLES_MAX
"""The pipe beyond those of the handles: references that nobody is told of."""


@dataclass(slots=True)
class Timing:
    """Where the time went, in seconds, over all steps so far."""

    steps: int = 0
    calls: float = 0.0
    """The operations, in the workers and here, with the way there and back and the settling after each."""
    reads: float = 0.0
    """Page tables and folios, with their decoding; not the counters that checks ask for."""
    settling: float = 0.0
    """Waiting for others to let go of a folio."""


class Held(NamedTuple):
    """What a handle holds: pages from an address on of the process that took them, and their frames."""

    address: int
    frames: list[int | None]


class Range(NamedTuple):
    """Pages that an operation works on."""

    process: int
    area: int
    first: int
    pages: int


class Linux:
    """The kernel that we run on.

    `areas` is how many areas programs may use. `swap` is None, "zram", or the path of a swap file to be made;
    it is taken away in the end, however that comes. `unaccounted_get` is (area, page): each write fault of
    that page takes one reference more that no report tells of: so tests see that a failure is found.
    Raises `TargetUnavailable` with everything that this machine lacks.
    """

    traits: Traits

    def __init__(
        self,
        *,
        areas: int = AREAS_MAX,
        swap: str | None = None,
        unaccounted_get: tuple[int, int] | None = None,
    ) -> None:
        missing = machine.requirements()
        if swap == "zram":
            missing += filter(None, [zram_missing()])
        if missing:
            raise TargetUnavailable("this machine cannot be the target: " + "; ".join(missing))
        self.timing = Timing()
        self._areas = areas
        self._unaccounted_get = unaccounted_get
        self._policy: dict[tuple[int, int], int] = {}
        self._held: dict[int, Held] = {}
        self._swaps_to_disk = swap is not None and swap != "zram"
        self._writes_back = False
        """Whether the operation may have started writing to a disk, which ends when it ends; zram is done at once."""
        self._mthp_missing = {order: machine.mthp_missing(order) for order in ops.MTHP_ORDERS}
        with contextlib.ExitStack() as stack:
            self._open(stack, areas, swap)
            self._findings = self._probe()
            if swap is not None:
                self._make_swap(swap, areas)
            self.traits = _describe(self._findings, swap)
            self._stack = stack.pop_all()

    def _open(self, stack: contextlib.ExitStack, areas: int, swap: str | None) -> None:
        place = machine.Place()
        stack.callback(place.close)
        remove_leftovers()
        if swap is not None:
            stack.callback(remove_leftovers)  # should the server have been killed: nothing otherwise
            # Two runs would swap to each other's device, and lose their pages when the other one ends.
            stack.callback(machine.Place("swap", 1).close)
        self._base = _BASE + place.number * _PLACE_STRIDE
        self._btf = Btf.of_running_kernel()
        self._memory = KernelMemory((self._btf.sizeof("page"), ROW_BYTES, TABLE_BYTES))
        stack.callback(self._memory.close)
        self._observer = Observer(self._memory, self._btf, self._base, areas)
        stack.callback(self._observer.close)
        self._device = Device(HANDLES_MAX)
        stack.callback(self._device.close)
        self._pipes = [Pipe() for _ in range(HANDLES_MAX + 1)]
        for pipe in self._pipes:
            stack.callback(pipe.close)
        self._log = machine.KernelLog()
        stack.callback(self._log.close)
        cpu = self._stay_on_one_cpu(stack, place.number)
        self._processes = Processes(
            rings=self._device.fds,
            pipes=[pipe.writers for pipe in self._pipes],
            task_program=self._memory.task_program,
            anchor=self._base + ANCHOR_AT,
            cpu=cpu,
        )
        stack.callback(self._processes.close)

    @staticmethod
    def _stay_on_one_cpu(stack: contextlib.ExitStack, number: int) -> int:
        """Until the end, run this thread where the workers run.

        So one CPU's LRU batches are all there are, and asking a worker takes 10 us instead of the 140 us that
        waking another CPU costs (measured in a VM).
        """
        allowed = os.sched_getaffinity(0)
        cpu = sorted(allowed)[number % len(allowed)]
        os.sched_setaffinity(0, {cpu})
        stack.callback(os.sched_setaffinity, 0, allowed)
        return cpu

    def _probe(self) -> Findings:
        self._processes.start()
        pipe = self._pipes[_UNACCOUNTED]
        trial = Probe(
            self._observer,
            self._processes,
            self._device,
            pipe=pipe,
            pipe_number=_UNACCOUNTED,
            base=self._base,
        )
        self._server_task = trial.calibrate(self._memory, self._btf)
        return trial.run()

    def _make_swap(self, swap: str, areas: int) -> None:
        size = max(64 << 20, 4 * areas * PAGES_MAX * PAGE)
        try:
            self._processes.swap(swap if swap == "zram" else os.path.abspath(swap), size)
        except OSError as failure:
            raise TargetUnavailable(f"cannot swap on {swap!r}: {failure}") from failure

    @property
    def server_pid(self) -> int:
        """The process that all others of this target descend from, and that cleans up after them."""
        return self._processes.server_pid

    def pid(self, process: int) -> int:
        """The pid of a live process, by its slot."""
        return self._processes.live[process].pid

    def address(self, area: int) -> int:
        """Where an area begins, in every process."""
        return area_address(self._base, area)

    def reset(self) -> None:
        """End every process, release every handle, and start process 0 anew."""
        self._processes.end_all()
        for handle in range(HANDLES_MAX):
            with contextlib.suppress(OSError):  # ENXIO: it holds nothing
                self._device.unpin(handle)
        for pipe in self._pipes:
            pipe.take()
        self._held.clear()
        self._policy.clear()
        self._observer.clear()
        self._processes.start()
        self._observer.add(0, self._server_task)

    def unsupported(self, op: Operation) -> str | None:
        """Why this machine cannot do this very operation; None when it can."""
        if getattr(op, "area", 0) >= self._areas:
            return f"this run has {self._areas} areas"
        match op:
            case ops.Pin(write=False):
                return "io_uring pins for writing only: this kernel offers no long-term pin for reading"
            case ops.Unpin(dirty=dirty) if dirty != ops.AS_WRITTEN:
                return "io_uring unpins its buffers in one way only"
            case ops.Get(write=True) if not self._findings.populates:
                return "a get for writing needs MADV_POPULATE_WRITE, which came with 5.14"
            case ops.Alloc(order=order) if order in ops.MTHP_ORDERS:
                return self._mthp_missing[order]
        return None

    def limits(self) -> list[tuple[str, str]]:
        """What this machine cannot do and programs leave out: each operation, and why, and how to get it."""
        limits = [(ops.NAMES[kind], reason) for kind, reason in self.traits.left_out.items()]
        for name, op in _TRIALS.items():
            reason = self.unsupported(op)
            if reason is not None:
                limits.append((name, reason))
        return limits

    def apply(self, op: Operation, step: int) -> Report:
        """Do one operation, settle, and report what it changed."""
        report = Report()
        timing = self.timing
        start = time.perf_counter()
        try:
            frames = _DO[type(op)](self, op, step, report)
            if self._findings.drains_everywhere:
                self._drain_all()
        except OSError as failure:
            report.error = errno.errorcode.get(failure.errno or 0, "EIO")
            frames = self._frames_of(op)
        called = time.perf_counter()
        self._look(report, frames)
        _FINISH.get(type(op), Linux._nothing_more)(self, op, report)
        self._log.check()
        timing.steps += 1
        timing.calls += called - start
        timing.reads += time.perf_counter() - called
        return report

    def _look(self, report: Report, frames: Iterable[int]) -> None:
        """Look until nobody has a folio in hand: what is going on in the background ends by itself."""
        look = self._observer.look(report, frames)
        if not look.settled or self._writes_back:
            start = time.perf_counter()
            was_settled = False
            # The end of writeback puts a folio into a batch of any CPU: so drain between two quiet looks.
            while not (look.settled and was_settled) and time.perf_counter() - start < SETTLE_SECONDS_MAX:
                was_settled = look.settled
                if not was_settled:
                    time.sleep(_PAUSE_SECONDS)
                self._drain_all()
                report.pmds.clear()
                report.ptes.clear()
                look = self._observer.look(report, frames)
            self.timing.settling += time.perf_counter() - start
        self._writes_back = False
        self._observer.accept(look, report)

    def counters(self, frame: int) -> Counters | None:
        """The folio that `frame` belongs to; None when it is free, or not memory of ours any more."""
        return self._observer.counters(frame)

    def device(self) -> None:
        """No device of ours has memory that pages could move to."""

    def free_frames(self) -> None:
        """The machine's free memory says nothing of ours."""
        return

    def sweep(self) -> Sweep | None:
        """Not possible: most frames are other people's. All of ours are read anew."""
        self._observer.look_again()
        return None

    def close(self) -> None:
        """End all processes and take everything away; does nothing the second time."""
        self._stack.close()

    # Operations: each returns the frames that it worked on, and may put values into the report

    def _ask(self, where: Range, command: int, **more: Any) -> bytes:
        """Have the process run a command on the range, with huge pages where the area's policy wants them."""
        huge = wire.HUGE if self._policy.get(where[:2], ops.BASE) else 0
        flags = more.pop("flags", 0) | huge
        return self._processes.ask(
            where.process, command, self._address(where), where.pages, flags=flags, **more
        )

    def _address(self, where: Range) -> int:
        return self.address(where.area) + where.first * PAGE

    def _frames(self, where: Range) -> set[int]:
        return {frame for frame in self._observer.frames(*where) if frame is not None}

    def _frames_of(self, op: Any) -> set[int]:
        """What an operation that failed may have touched."""
        if isinstance(op, (ops.Unpin, ops.Put, ops.Dma)):
            return self._frames_held(op.handle)
        if not hasattr(op, "area") or isinstance(op, ops.Alloc):
            return set()
        where = _range(op)
        return self._frames(where._replace(pages=min(where.pages, PAGES_MAX - where.first)))

    def _frames_held(self, handle: int) -> set[int]:
        return {frame for frame in self._held[handle].frames if frame is not None}

    def _drain_all(self) -> None:
        self._processes.ask(next(iter(self._processes.live)), wire.DRAIN_ALL)

    def _nothing_more(self, op: Operation, report: Report) -> None:
        """Most operations are complete with the look."""

    def _alloc(self, op: ops.Alloc, step: int, report: Report) -> set[int]:
        self._ask(Range(op.process, op.area, 0, PAGES_MAX), wire.MAP)
        self._policy[op.process, op.area] = op.order
        return set()

    def _free(self, op: ops.Free, step: int, report: Report) -> set[int]:
        self._ask(Range(op.process, op.area, 0, PAGES_MAX), wire.UNMAP)
        return set()

    def _fault(self, op: ops.Fault, step: int, report: Report) -> set[int]:
        where = _range(op)
        before = self._frames(where)
        if op.write:
            self._ask(where, wire.WRITE, argument=stamp(step, 0))
            self._take_unaccounted(where)
        else:
            payload = self._ask(where, wire.READ)
            report.values = list(memoryview(payload).cast("Q"))
        return before

    def _take_unaccounted(self, where: Range) -> None:
        if self._unaccounted_get is not None:
            area, page = self._unaccounted_get
            if area == where.area and page in range(where.first, where.first + where.pages):
                with contextlib.suppress(BlockingIOError):  # there is an end to what the pipe holds
                    self._ask(Range(where.process, area, page, 1), wire.GET, handle=_UNACCOUNTED)

    def _fork(self, op: ops.Fork, step: int, report: Report) -> set[int]:
        self._processes.fork(op.process, op.child)
        self._observer.add(op.child, self._observer.tasks[op.process])
        for process, area in list(self._policy):
            if process == op.process:
                self._policy[op.child, area] = self._policy[process, area]
        return self._observer.mapped_by(op.process)

    def _exit(self, op: ops.Exit, step: int, report: Report) -> set[int]:
        frames = self._observer.mapped_by(op.process)
        self._processes.exit(op.process)
        self._observer.remove(op.process)
        for process, area in list(self._policy):
            if process == op.process:
                del self._policy[process, area]
        return frames

    def _pin(self, op: ops.Pin, step: int, report: Report) -> set[int]:
        where = _range(op)
        before = self._frames(where)
        self._ask(where, wire.PIN, handle=op.handle)
        return before

    def _get(self, op: ops.Get, step: int, report: Report) -> set[int]:
        where = _range(op)
        before = self._frames(where)
        try:
            self._ask(where, wire.GET, handle=op.handle, flags=wire.FOR_WRITING if op.write else 0)
        except OSError:
            self._pipes[op.handle].take()
            raise
        return before

    def _hold(self, op: ops.Pin | ops.Get, report: Report) -> None:
        """Once the entries are known: what the handle holds from now on."""
        if not report.error:
            where = _range(op)
            self._held[op.handle] = Held(self._address(where), self._observer.frames(*where))

    def _unpin(self, op: ops.Unpin, step: int, report: Report) -> set[int]:
        frames = self._frames_held(op.handle)
        self._device.unpin(op.handle)
        del self._held[op.handle]
        return frames

    def _put(self, op: ops.Put, step: int, report: Report) -> set[int]:
        frames = self._frames_held(op.handle)
        report.values = list(self._pipes[op.handle].take())
        del self._held[op.handle]
        return frames

    def _dma(self, op: ops.Dma, step: int, report: Report) -> set[int]:
        held = self._held[op.handle]
        if op.write:
            values = [stamp(step, i) for i in range(len(held.frames))]
            self._device.write(op.handle, held.address, values)
        else:
            report.values = list(self._device.read(op.handle, held.address, len(held.frames)))
        return self._frames_held(op.handle)

    def _split_map(self, op: ops.SplitMap, step: int, report: Report) -> set[int]:
        where = Range(op.process, op.area, 0, 1)
        self._ask(where, wire.SPLIT_MAP)
        return self._frames(where)

    def _split(self, op: ops.Split, step: int, report: Report) -> set[int]:
        where = Range(op.process, op.area, op.page, 1)
        self._ask(where, wire.COLD)
        return self._frames(where)

    def _split_refused(self, op: ops.Split, report: Report) -> None:
        """The kernel does not say when it left the folio whole: the folio does."""
        (frame,) = self._observer.frames(op.process, op.area, op.page, 1)
        if frame is not None and self._observer.order_at(frame):
            report.error = "EBUSY" if self._observer.is_shared(frame) else "EAGAIN"

    def _collapse(self, op: ops.Collapse, step: int, report: Report) -> set[int]:
        where = Range(op.process, op.area, 0, PAGES_MAX)
        # What an area's policy is, collapse needs leave to make a huge page of it.
        self._ask(where, wire.COLLAPSE, flags=wire.HUGE)
        return set()

    def _unmap(self, op: ops.Unmap, step: int, report: Report) -> set[int]:
        self._ask(_range(op), wire.UNMAP)
        return set()

    def _dontneed(self, op: ops.Dontneed, step: int, report: Report) -> set[int]:
        self._ask(_range(op), wire.DONTNEED)
        return set()

    def _swap_out(self, op: ops.SwapOut, step: int, report: Report) -> set[int]:
        where = _range(op)
        before = self._frames(where)
        self._ask(where, wire.PAGEOUT)
        self._writes_back = self._swaps_to_disk
        return before

    def _swap_in(self, op: ops.SwapIn, step: int, report: Report) -> set[int]:
        where = _range(op)
        pages = self._observer.swapped(*where)
        payload = b"".join((page - where.first).to_bytes(2, "little") for page in pages)
        answer = memoryview(self._ask(where, wire.READ_SOME, payload=payload)).cast("Q")
        values: list[int | None] = [None] * where.pages
        for page, value in zip(pages, answer, strict=True):
            values[page - where.first] = value
        report.values = values
        return set()

    def _migrate(self, op: ops.Migrate, step: int, report: Report) -> set[int]:
        where = _range(op)
        before = self._frames(where)
        nodes = sum(1 << node for node in machine.memory_nodes())
        self._ask(where, wire.MIGRATE, argument=nodes)
        return before

    def _protect(self, op: ops.Protect, step: int, report: Report) -> set[int]:
        where = _range(op)
        self._ask(where, wire.PROTECT)
        return self._frames(where)

    def _drain(self, op: ops.Drain, step: int, report: Report) -> set[int]:
        self._drain_all()
        return set()


def _range(op: Any) -> Range:
    """The range of an operation on an area; the whole area where it names no pages."""
    count = getattr(op, "count", WHOLE)
    return Range(op.process, op.area, getattr(op, "page", 0), PAGES_MAX if count == WHOLE else count)


_NO_DEVICE = "this machine has no device with memory that processes own; the sim target has one"


def _describe(findings: Findings, swap: str | None) -> Traits:
    left_out: dict[type[Operation], str] = {
        ops.FreeSwap: "no system call drops a folio from the swap cache and nothing else; the sim target can",
        ops.Move: "no userfaultfd is registered for these areas; the sim target moves pages",
        ops.Fail: "a kernel that runs has no failures to order; the sim target has",
        ops.ToDevice: _NO_DEVICE,
        ops.FromDevice: _NO_DEVICE,
    }
    for kind in ops.FAMILIES["files"]:
        left_out[kind] = "files are not built for the running kernel yet; the sim target has them"
    if swap is None:
        no_zram = zram_missing()
        ways = f"--swap FILE ({no_zram})" if no_zram else "--swap zram, or --swap FILE"
        for kind in (ops.SwapOut, ops.SwapIn):
            left_out[kind] = f"swap is used only where it is given: {ways}"
    if len(machine.memory_nodes()) < 2:
        left_out[ops.Migrate] = "this machine has one NUMA node: boot with numa=fake=2, in a VM"
    if not findings.collapses:
        left_out[ops.Collapse] = "this kernel has no MADV_COLLAPSE, which came with 6.1"
    major, minor = machine.release()
    return Traits(
        name="linux",
        kernel=f"{major}.{minor}",
        huge_order=HUGE_ORDER,
        exact=False,
        frames=None,
        profile=resolve(f"{major}.{minor}"),
        pins_coalesced=findings.pins_coalesced,
        left_out=left_out,
    )


_TRIALS: dict[str, Operation] = {
    "pin for reading": ops.Pin(0, 0, 0, 1, False, 0),
    "get for writing": ops.Get(0, 0, 0, 1, True, 0),
    **{f"alloc of order {order}": ops.Alloc(0, 0, order) for order in ops.MTHP_ORDERS},
}
"""Operations of kinds that a machine may do in part."""

_DO: dict[type[Operation], Callable[[Linux, Any, int, Report], set[int]]] = {
    ops.Alloc: Linux._alloc,
    ops.Fault: Linux._fault,
    ops.Fork: Linux._fork,
    ops.Exit: Linux._exit,
    ops.Pin: Linux._pin,
    ops.Unpin: Linux._unpin,
    ops.Get: Linux._get,
    ops.Put: Linux._put,
    ops.Dma: Linux._dma,
    ops.SplitMap: Linux._split_map,
    ops.Split: Linux._split,
    ops.Collapse: Linux._collapse,
    ops.Unmap: Linux._unmap,
    ops.Dontneed: Linux._dontneed,
    ops.SwapOut: Linux._swap_out,
    ops.SwapIn: Linux._swap_in,
    ops.Migrate: Linux._migrate,
    ops.Drain: Linux._drain,
    ops.Free: Linux._free,
    ops.Protect: Linux._protect,
}

_FINISH: dict[type[Operation], Callable[[Linux, Any, Report], None]] = {
    ops.Pin: Linux._hold,
    ops.Get: Linux._hold,
    ops.Split: Linux._split_refused,
}
