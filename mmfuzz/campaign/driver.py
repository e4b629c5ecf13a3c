"""A campaign: its workers, their events as one stream, and the summary."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from typing import Any

from mmfuzz.campaign.settings import Died, Event, Found, Listener, Progress, Settings, Summary
from mmfuzz.campaign.worker import Done, Worker, open_settings, steps_of
from mmfuzz.errors import MmfuzzError, TargetBroke

POLL_SECONDS = 0.5
"""Time after which silent workers are looked at."""


class Interrupted(TargetBroke):
    """Ctrl-C came before a worker had begun: nothing was done."""


class Campaign:
    """One run of `mmfuzz fuzz`. With one job it stays in this process; more are processes of their own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, listen: Listener) -> Summary:
        """Run to the end of the budget, to the first failure, or to Ctrl-C; tell `listen` on the way."""
        start = time.monotonic()
        settings = self._settings
        summary = Summary(settings.target, settings.kernel or "", settings.seed)
        if settings.jobs == 1:
            events = _Events(summary, listen)
            worker = Worker(settings, 0, lambda event: events.take(0, event), steps=steps_of(settings, 0))
            done = {0: worker.run()}
        else:
            pool = _Pool(settings, _Events(summary, listen))
            done = pool.run()
            summary.interrupted = pool.interrupted
        _conclude(summary, done)
        summary.seconds = time.monotonic() - start
        return summary


class _Events:
    """Adds up the workers' progress, and passes each property's failure on once."""

    def __init__(self, summary: Summary, listen: Listener) -> None:
        self._summary = summary
        self._listen = listen
        self._latest: dict[int, Progress] = {}

    def take(self, number: int, event: Event) -> None:
        """Event of worker `number`."""
        failures = self._summary.failures
        if isinstance(event, Died):
            self._listen(event)
            return
        if isinstance(event, Found):
            if all(found.property != event.property for found in failures):
                failures.append(event)
                self._listen(event)
            return
        self._latest[number] = event
        all_of_them = self._latest.values()
        operations: Counter[str] = Counter()
        for progress in all_of_them:
            operations.update(progress.operations)
        self._listen(
            Progress(
                sum(progress.steps for progress in all_of_them),
                sum(progress.steps_per_second for progress in all_of_them),
                sum(progress.programs for progress in all_of_them),
                operations,
                max(progress.states for progress in all_of_them),
                sum(progress.kept for progress in all_of_them),
                len(failures),
            )
        )


class _Pool:
    """Workers in processes of their own, which hear of Ctrl-C and of each other's failures."""

    def __init__(self, settings: Settings, events: _Events) -> None:
        open_settings(settings).close()  # What is wrong with the settings is said here, once.
        context = multiprocessing.get_context("spawn")
        self.interrupted = False
        """Whether Ctrl-C ended it: a worker that had not begun then cannot say so."""
        self._events = events
        self._stop = context.Event()
        self._queue: Any = context.Queue()
        self._keep_going = settings.keep_going
        self._looked = time.monotonic()
        self._workers: list[BaseProcess] = [
            context.Process(target=_work, args=(settings, number, self._queue, self._stop), daemon=True)
            for number in range(settings.jobs)
        ]

    def run(self) -> dict[int, Done]:
        """Start them all and wait for the last; a worker that dies ends the run with `TargetBroke`."""
        done: dict[int, Done] = {}
        self._start()
        try:
            while len(done) < len(self._workers):
                try:
                    self._next(done)
                except KeyboardInterrupt:
                    self._interrupt()
        finally:
            for worker in self._workers:
                worker.join(timeout=10)
                if worker.is_alive():
                    worker.kill()
        return done

    def _start(self) -> None:
        """Start the workers deaf to Ctrl-C, which `_work` hears once it can say what it did."""
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for worker in self._workers:
                worker.start()
        finally:
            signal.signal(signal.SIGINT, heard)

    def _next(self, done: dict[int, Done]) -> None:
        if time.monotonic() - self._looked > POLL_SECONDS:
            self._look(done)
        try:
            number, event = self._queue.get(timeout=POLL_SECONDS)
        except queue.Empty:
            return
        if isinstance(event, Done):
            done[number] = event
        elif isinstance(event, Exception):
            self._stop.set()
            raise event
        else:
            self._events.take(number, event)
            if isinstance(event, Found) and not self._keep_going:
                self._stop.set()

    def _look(self, done: dict[int, Done]) -> None:
        """A worker that died without a word ends the run; its last words may still be in the queue."""
        self._looked = time.monotonic()
        if not self._queue.empty():
            return
        for number, worker in enumerate(self._workers):
            if number not in done and not worker.is_alive():
                self._stop.set()
                raise TargetBroke(f"worker {number} died with exit code {worker.exitcode}")

    def _interrupt(self) -> None:
        """Pass Ctrl-C on; a terminal has told the workers already, `kill` has not."""
        self.interrupted = True
        self._stop.set()
        for worker in self._workers:
            if worker.is_alive() and worker.pid is not None:
                os.kill(worker.pid, signal.SIGINT)


def _work(settings: Settings, number: int, channel: Any, stop: Any) -> None:
    """What a worker process does."""
    signal.signal(signal.SIGINT, _interrupt_once)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_outlive_nobody, args=(parent,), daemon=True).start()
    try:
        worker = Worker(
            settings,
            number,
            lambda event: channel.put((number, event)),
            steps=steps_of(settings, number),
            stop=stop.is_set,
        )
        channel.put((number, worker.run()))
    except MmfuzzError as error:
        channel.put((number, error))
    except KeyboardInterrupt:
        channel.put((number, Interrupted("interrupted before the target was ready")))
    finally:
        if not parent.is_alive():
            channel.cancel_join_thread()  # nobody is left to read what is in it


def _outlive_nobody(parent: BaseProcess) -> None:
    """Take it for Ctrl-C when the run itself is killed, which can tell nobody."""
    parent.join()
    os.kill(os.getpid(), signal.SIGINT)


def _interrupt_once(_signal: int, _frame: object) -> None:
    """Ctrl-C comes twice, from the terminal and from the parent; what it ends must end in peace."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _conclude(summary: Summary, done: dict[int, Done]) -> None:
    operations: Counter[str] = Counter()
    for end in done.values():
        summary.steps += end.steps
        summary.programs += end.programs
        summary.states = max(summary.states, end.states)
        summary.kept += end.kept
        summary.interrupted |= end.interrupted
        summary.kernel = end.kernel
        operations.update(end.operations)
    summary.operations = dict(operations)
