"""The fuzzed processes as seen from here: one socket for each slot, and a handle on each that lives."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mmfuzz.errors import TargetBroke
from mmfuzz.ops import PROCESSES_MAX
from mmfuzz.targets.linux import wire

SECONDS_MAX: Final = 30.0
"""How long any one request may take."""
_POLL_SECONDS = 1

_ROOT = Path(__file__).parents[3]
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from mmfuzz.targets.linux.worker import main; main()"


class Process:
    """A live worker."""

    def __init__(self, slot: int, pid: int) -> None:
        self.slot = slot
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Whether it is gone, its address space included; waits that long for it."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def close(self) -> None:
        """Forget it; it may live on."""
        os.close(self.pidfd)


class Processes:
    """Starts the server, and asks it and the workers for what has to be done."""

    def __init__(
        self,
        *,
        rings: Sequence[int],
        pipes: Sequence[Sequence[int]],
        task_program: int,
        anchor: int,
        cpu: int,
    ) -> None:
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(PROCESSES_MAX + 1)]
        timeout = struct.pack("<qq", _POLL_SECONDS, 0)
        for ours, _ in pairs:
            # The kernel's own timeout costs nothing, where the socket module's costs a poll for each message.
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
        (self._control, control), *slots = pairs
        self._sockets = [ours for ours, _ in slots]
        theirs = [their.fileno() for _, their in slots]
        plan = {
            "control": control.fileno(),
            "sockets": theirs,
            "rings": list(rings),
            "pipes": [list(writers) for writers in pipes],
            "task_program": task_program,
            "anchor": anchor,
            "cpu": cpu,
        }
        self._server = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BOOT, str(_ROOT), json.dumps(plan)],
            pass_fds=[control.fileno(), *theirs, *rings, *itertools.chain(*pipes), task_program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for _, their in pairs:
            their.close()
        self.live: dict[int, Process] = {}

    @property
    def server_pid(self) -> int:
        """The process that all workers descend from."""
        return self._server.pid

    def start(self) -> Process:
        """Begin anew with process 0 alone."""
        self.end_all()
        pid = struct.unpack("<I", self._ask_server(wire.START))[0]
        return self._welcome(0, pid)

    def swap(self, what: str, size: int) -> str:
        """Have the server make swap; it takes it away again when it ends. OSError when it cannot."""
        return self._ask_server(wire.SWAP, size, what.encode()).decode()

    def _ask_server(self, command: int, argument: int = 0, payload: bytes = b"") -> bytes:
        try:
            self._control.send(wire.REQUEST.pack(command, 0, 0, 0, 0, argument) + payload)
            answer = self._answer(self._control, None)
        except ConnectionError as failure:
            raise TargetBroke(f"the server process ended: {failure}") from failure
        (error,) = wire.ANSWER.unpack_from(answer)
        if error:
            raise OSError(error, answer[wire.ANSWER.size :].decode(errors="replace") or os.strerror(error))
        return answer[wire.ANSWER.size :]

    def ask(
        self,
        slot: int,
        command: int,
        address: int = 0,
        pages: int = 0,
        *,
        flags: int = 0,
        handle: int = 0,
        argument: int = 0,
        payload: bytes = b"",
    ) -> bytes:
        """Have a worker run one command; returns the payload of its answer, or raises its OSError."""
        line = self._sockets[slot]
        message = wire.REQUEST.pack(command, handle, flags, pages, address, argument)
        try:
            line.send(message + payload if payload else message)
            try:
                answer = line.recv(wire.MESSAGE_MAX)
            except BlockingIOError:
                answer = self._answer(line, self.live.get(slot))
        except ConnectionError as failure:
            raise TargetBroke(f"process {slot} does not listen any more: {failure}") from failure
        error = int.from_bytes(answer[:4], "little")
        if error:
            raise OSError(error, os.strerror(error))
        return answer[4:]

    def _answer(self, line: socket.socket, process: Process | None) -> bytes:
        until = time.monotonic() + SECONDS_MAX
        who = "the server process" if process is None else f"process {process.slot} (pid {process.pid})"
        while time.monotonic() < until:
            ended = process is not None and process.has_ended()
            with contextlib.suppress(BlockingIOError):
                answer = line.recv(wire.MESSAGE_MAX, socket.MSG_DONTWAIT if ended else 0)
                if answer:
                    return answer
                ended = True
            if ended:
                raise TargetBroke(f"{who} died while it had a command to run")
        raise TargetBroke(f"{who} did not answer for {SECONDS_MAX:g} seconds")

    def _welcome(self, slot: int, pid: int) -> Process:
        """Wait for a newborn's greeting."""
        process = Process(slot, pid)
        answer = self._answer(self._sockets[slot], process)
        if wire.ANSWER.unpack_from(answer)[0]:
            raise TargetBroke(f"process {slot} did not start")
        self.live[slot] = process
        return process

    def fork(self, parent: int, child: int) -> Process:
        """Have a worker fork itself into another slot."""
        pid = struct.unpack("<I", self.ask(parent, wire.FORK, argument=child))[0]
        return self._welcome(child, pid)

    def exit(self, slot: int) -> None:
        """Have a worker end; its address space is gone when this returns."""
        process = self.live[slot]
        with contextlib.suppress(ConnectionError):
            self._sockets[slot].send(wire.REQUEST.pack(wire.EXIT, 0, 0, 0, 0, 0))
        if not process.has_ended(SECONDS_MAX):
            raise TargetBroke(f"process {slot} (pid {process.pid}) does not end")
        del self.live[slot]
        process.close()

    def end_all(self) -> None:
        """Have every worker end."""
        for slot in list(self.live):
            self.exit(slot)

    def close(self) -> None:
        """Let the server see that nobody is here, and wait until it has cleaned up and ended."""
        for process in self.live.values():
            process.close()
        self.live.clear()
        for line in (self._control, *self._sockets):
            line.close()
        try:
            self._server.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
