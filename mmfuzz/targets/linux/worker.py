"""The processes whose memory is fuzzed, and the server that starts them and cleans up after them.

The server is a small interpreter of its own: what it forks is cheap to fork. Process 0 is its fork; every
other process is forked by a worker itself, so that it is a real fork of that address space. All of them were
given one end of a socket for each process slot, and serve the slot that they were forked for.

Whoever started the server holds the other ends. When those are gone, by `close` or by a kill, the server
ends every worker, takes swap devices away and leaves.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import errno
import gc
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from mmfuzz.targets.linux import syscalls, wire
from mmfuzz.targets.linux.bpf import RunnableProgram
from mmfuzz.targets.linux.swap import Swap
from mmfuzz.targets.linux.syscalls import PAGE, PMD_SIZE


class Plan:
    """What the server was told when it was started."""

    def __init__(self, text: str) -> None:
        told: dict[str, Any] = json.loads(text)
        self.control = socket.socket(fileno=int(told["control"]))
        self.sockets = [socket.socket(fileno=int(fd)) for fd in told["sockets"]]
        self.rings: list[int] = told["rings"]
        self.pipes: list[list[int]] = told["pipes"]
        self.task_program: int = told["task_program"]
        self.anchor: int = told["anchor"]
        self.cpu: int = told["cpu"]


class Command(NamedTuple):
    """A request to a worker, taken apart."""

    code: int
    handle: int
    flags: int
    pages: int
    address: int
    argument: int
    payload: bytes

    @property
    def size(self) -> int:
        """Bytes of the range."""
        return self.pages * PAGE


class Worker:
    """One process: owns memory, obeys."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._slot = 0
        # Two pages that keep the upper page tables of the areas in place: one of memory, one zero page.
        self._anchor = syscalls.mmap(plan.anchor, 2 * PAGE, flags=_FIXED)
        syscalls.madvise(self._anchor, 2 * PAGE, syscalls.MADV_NOHUGEPAGE)
        ctypes.c_uint64.from_address(self._anchor).value = 1
        _ = ctypes.c_uint64.from_address(self._anchor + PAGE).value
        self._scratch = syscalls.mmap(None, PAGE)

    def serve(self) -> NoReturn:
        """Say hello, then obey until told to exit or until nobody listens any more."""
        self._greet()
        while True:
            line = self._plan.sockets[self._slot]
            message = line.recv(wire.MESSAGE_MAX)
            if not message or message[0] == wire.EXIT:
                os._exit(0)
            command = Command._make((*wire.REQUEST.unpack_from(message), message[wire.REQUEST.size :]))
            try:
                answer = self._fork(command.argument) if command.code == wire.FORK else self._obey(command)
                if not command.flags & wire.UNSETTLED:
                    # Empties the LRU batches of the one CPU that all of us run on. The page is not there.
                    syscalls.madvise(self._scratch, PAGE, syscalls.MADV_COLD)
            except OSError as failure:
                line.send(wire.ANSWER.pack(failure.errno or errno.EIO))
            else:
                if answer is not None:
                    line.send(_DONE + answer)

    def _greet(self) -> None:
        self._plan.sockets[self._slot].send(_DONE + struct.pack("<I", os.getpid()))

    def _fork(self, slot: int) -> bytes | None:
        """In the parent the child's pid; in the child nothing, it has greeted on its own socket."""
        pid = os.fork()
        if pid:
            return struct.pack("<I", pid)
        self._slot = slot
        self._greet()
        return None

    def _obey(self, c: Command) -> bytes:
        run = _COMMANDS[c.code]
        if not c.flags & wire.HUGE:
            return run(self, c)
        # khugepaged shall not find these areas: huge pages are allowed only while a command runs.
        area = c.address & -PMD_SIZE
        with contextlib.suppress(OSError):  # ENOMEM tells of holes, the rest was done
            syscalls.madvise(area, PMD_SIZE, syscalls.MADV_HUGEPAGE)
        try:
            return run(self, c)
        finally:
            with contextlib.suppress(OSError):
                syscalls.madvise(area, PMD_SIZE, syscalls.MADV_NOHUGEPAGE)

    def _map(self, c: Command) -> bytes:
        syscalls.mmap(c.address, c.size, flags=_FIXED)
        syscalls.madvise(c.address, c.size, syscalls.MADV_NOHUGEPAGE)
        return b""

    def _unmap(self, c: Command) -> bytes:
        syscalls.munmap(c.address, c.size)
        return b""

    def _words(self, c: Command) -> memoryview:
        """The first word of each page of the range."""
        whole = (ctypes.c_uint64 * (c.pages * _WORDS)).from_address(c.address)
        return memoryview(whole).cast("B").cast("Q")[::_WORDS]

    def _read(self, c: Command) -> bytes:
        return self._words(c).tobytes()

    def _read_some(self, c: Command) -> bytes:
        read = ctypes.c_uint64.from_address
        numbers = array.array("H", c.payload)
        return array.array("Q", [read(c.address + PAGE * n).value for n in numbers]).tobytes()

    def _write(self, c: Command) -> bytes:
        if c.pages == 1:
            ctypes.c_uint64.from_address(c.address).value = c.argument
        else:
            values = array.array("Q", range(c.argument, c.argument + c.pages))
            self._words(c)[:] = memoryview(values)
        return b""

    def _pin(self, c: Command) -> bytes:
        syscalls.register_buffer(self._plan.rings[c.handle], c.address, c.size)
        return b""

    def _get(self, c: Command) -> bytes:
        pipes, address, end = list(self._plan.pipes[c.handle]), c.address, c.address + c.size
        while address < end:
            length = end - address
            if c.flags & wire.FOR_WRITING:
                # get_user_pages faults one page in, takes it, and goes on to the next: so do we.
                syscalls.madvise(address, PAGE, syscalls.MADV_POPULATE_WRITE)
                length = PAGE
            try:
                address += syscalls.vmsplice(pipes[0], address, length)
            except BlockingIOError:
                if len(pipes) == 1:
                    raise
                del pipes[0]  # it is full
        return b""

    def _split_map(self, c: Command) -> bytes:
        return self._protect(c._replace(pages=1))

    def _protect(self, c: Command) -> bytes:
        syscalls.mprotect(c.address, c.size, syscalls.PROT_READ)
        syscalls.mprotect(c.address, c.size, syscalls.PROT_READ | syscalls.PROT_WRITE)
        return b""

    def _migrate(self, c: Command) -> bytes:
        """Move each page to the next node of the mask; fails with the first refusal when nothing moved."""
        nodes = [node for node in range(64) if c.argument >> node & 1]
        next_node = dict(zip(nodes, nodes[1:] + nodes[:1], strict=True))
        pages = [c.address + PAGE * i for i in range(c.pages)]
        here = syscalls.move_pages(pages, None)
        there = {page: next_node[node] for page, node in zip(pages, here, strict=True) if node in next_node}
        result = syscalls.move_pages(list(there), list(there.values()), shared_too=True) if there else []
        refused = [-status for status in result if status < 0]
        if refused and len(refused) == len(result):
            raise OSError(refused[0], os.strerror(refused[0]))
        return b""

    def _drain_all(self, c: Command) -> bytes:
        # The page has to be there: touch it, in case that it was reclaimed.
        ctypes.c_uint64.from_address(self._anchor).value = 1
        syscalls.move_pages([self._anchor], syscalls.move_pages([self._anchor], None))
        return b""


def _advise(advice: int) -> Callable[[Worker, Command], bytes]:
    """A command that is one madvise(2) of its range."""

    def do(worker: Worker, c: Command) -> bytes:
        syscalls.madvise(c.address, c.size, advice)
        return b""

    return do


_FIXED = syscalls.MAP_PRIVATE | syscalls.MAP_ANONYMOUS | syscalls.MAP_FIXED_NOREPLACE
_DONE = wire.ANSWER.pack(0)
_WORDS = PAGE // 8

_COMMANDS: dict[int, Callable[[Worker, Command], bytes]] = {
    wire.MAP: Worker._map,
    wire.UNMAP: Worker._unmap,
    wire.READ: Worker._read,
    wire.READ_SOME: Worker._read_some,
    wire.WRITE: Worker._write,
    wire.PIN: Worker._pin,
    wire.GET: Worker._get,
    wire.SPLIT_MAP: Worker._split_map,
    wire.PROTECT: Worker._protect,
    wire.COLD: _advise(syscalls.MADV_COLD),
    wire.COLLAPSE: _advise(syscalls.MADV_COLLAPSE),
    wire.DONTNEED: _advise(syscalls.MADV_DONTNEED),
    wire.PAGEOUT: _advise(syscalls.MADV_PAGEOUT),
    wire.MIGRATE: Worker._migrate,
    wire.DRAIN_ALL: Worker._drain_all,
}


class Server:
    """Starts process 0 when asked, and cleans up when whoever asks is gone."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._swap: Swap | None = None
        self._group = 0
        # So who started us learns our task, and from there those of all others, by their birth.
        RunnableProgram(plan.task_program).run()

    def serve(self) -> None:
        """Until the other end is closed."""
        try:
            while message := self._plan.control.recv(wire.MESSAGE_MAX):
                try:
                    answer = self._obey(message)
                except OSError as failure:
                    reply = wire.ANSWER.pack(failure.errno or errno.EIO) + str(failure).encode()
                    self._plan.control.send(reply)
                else:
                    self._plan.control.send(wire.ANSWER.pack(0) + answer)
        except ConnectionError:
            pass  # the other end died between asking and listening
        finally:
            self._end_workers()
            if self._swap is not None:
                self._swap.remove()

    def _obey(self, message: bytes) -> bytes:
        command, *_, size = wire.REQUEST.unpack_from(message)
        if command == wire.SWAP:
            self._swap = Swap(message[wire.REQUEST.size :].decode(), size)
            return self._swap.install().encode()
        pid = os.fork()
        if pid == 0:
            self._plan.control.close()
            if self._swap is not None:
                self._swap.disown()
            os.setpgid(0, 0)
            Worker(self._plan).serve()
        self._group = pid
        return struct.pack("<I", pid)

    def _end_workers(self) -> None:
        """Kill what runs still; returns when the last one is gone. Orphans are children of ours by then."""
        for line in self._plan.sockets:
            line.close()
        with contextlib.suppress(ProcessLookupError):
            if self._group:
                os.killpg(self._group, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()


def main() -> None:
    """The server's interpreter starts here; its plan is the last argument."""
    os.setsid()
    gc.disable()
    plan = Plan(sys.argv[-1])
    syscalls.become_subreaper()
    # Children that end vanish at once; `wait` then waits for the last of them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.sched_setaffinity(0, {plan.cpu})
    Server(plan).serve()
