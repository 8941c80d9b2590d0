"""Spawned worker processes that outlive the crash and the hang of any of them.

Every worker is a process of its own, with its own OpenGL contexts, and runs one job in each of its slots at a time. A worker
that dies, or that is ended because a job took too long, costs the jobs that it held; a new worker takes its place when there
is work for it.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Literal

from harness.errors import EpisodeError, HarnessError
from harness.executors.base import Event, Finished, JobT, Lost, Order, ResultT, Runner, Slot, Started

# How long a worker that was asked to end, or was sent SIGTERM, may take before it is killed.
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class ProcessExecutor(Generic[JobT, ResultT]):
    """Runs jobs in spawned processes.

    Attributes:
        make_runner: Makes what runs the jobs, in the worker; must be picklable.
        workers: How many processes at most.
        order: Which job is next for which worker.
        timeout_s: Wall seconds that a job may take, None for any number. The first job of a worker includes its start, and
            all of them what the worker does for the jobs beside them.
        slots: How many jobs a worker runs at once; more than 1 needs a runner that has them.
    """

    make_runner: Callable[[], Runner[JobT, ResultT]]
    workers: int
    order: Order[JobT]
    timeout_s: float | None = None
    slots: int = 1

    def events(self, queue: deque[JobT]) -> Iterator[Event[JobT, ResultT]]:
        """Runs the queue; see `harness.executors.base.Executor`.

        Raises:
            HarnessError: A worker could not be started at all: what making its runner raised.
            Exception: Whatever a runner raised, with the worker's traceback as a note. A runner reports what is wrong with a
                job in its result; what it raises, such as a full disk, ends the run.
        """
        crew = [_Worker([Slot[JobT](i) for i in range(self.slots)], n) for n in range(min(self.workers, len(queue)))]
        everywhere = [slot for worker in crew for slot in worker.slots]
        try:
            while queue or any(worker.busy for worker in crew):
                # The first slots of all workers before the second of any.
                for number in range(self.slots):
                    for worker in crew:
                        slot = worker.slots[number]
                        job = self.order.give(queue, slot, worker.slots, everywhere) if slot.job is None else None
                        if job is not None:
                            worker.start(self.make_runner, slot, job)
                            yield Started(job, worker.number)
                for worker in _ready(crew, self.timeout_s):
                    yield from self._events_of(worker)
        finally:
            _dismiss(crew)

    def _events_of(self, worker: _Worker[JobT]) -> list[Event[JobT, ResultT]]:
        """What a worker that has news, has died or has run out of time means for its jobs."""
        message = worker.message()
        if message is not None:
            if isinstance(message, Exception):
                raise message
            number, result = message
            return [Finished(worker.slots[number].take_job(), worker.number, result)]
        if worker.dead:
            return list(worker.lost(worker.obituary()))
        if self.timeout_s is not None and worker.longest_s() > self.timeout_s:
            return list(worker.lost(f"longer than {self.timeout_s:g} s", self.timeout_s))
        return []


@dataclass
class _Worker(Generic[JobT]):
    """The parent's side of one worker process."""

    slots: list[Slot[JobT]]
    number: int
    process: BaseProcess | None = None
    pipe: Connection | None = None

    @property
    def busy(self) -> bool:
        return any(slot.job is not None for slot in self.slots)

    @property
    def dead(self) -> bool:
        return self.process is None or not self.process.is_alive()

    def longest_s(self) -> float:
        """How long the job that has taken longest has been running."""
        return max(slot.running_s() for slot in self.slots if slot.job is not None)

    def start(self, make_runner: Callable[[], Runner[JobT, Any]], slot: Slot[JobT], job: JobT) -> None:
        """Sends the job that was put into a slot."""
        if self.dead and not any(other.job is not None for other in self.slots if other is not slot):
            self.end()
            self._spawn(make_runner)
        assert self.pipe is not None
        slot.since = time.monotonic()
        # A worker that has just died is noticed by its sentinel; the job is then lost in the ordinary way.
        with contextlib.suppress(OSError):
            self.pipe.send((slot.number, job))

    def _spawn(self, make_runner: Callable[[], Runner[JobT, Any]]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, make_runner), name=f"worker-{self.number}", daemon=False)
        self.process.start()
        theirs.close()

    def message(self) -> tuple[int, Any] | Exception | None:
        """A slot and its result, or what is to be raised; None when there is nothing."""
        assert self.pipe is not None
        try:
            return self.pipe.recv() if self.pipe.poll() else None
        except (EOFError, OSError):
            assert self.process is not None
            self.process.join(_PATIENCE_S)
            return None

    def lost(self, reason: str, timeout_s: float = math.inf) -> list[Lost[JobT]]:
        """Ends the process, if it has not ended by itself, and gives up its jobs.

        Args:
            reason: How it ended; or, with a time-out, how long the jobs took that it is ended for.
            timeout_s: Jobs that ran longer are to blame.
        """
        running = [(slot.take_job(), slot.running_s()) for slot in self.slots if slot.job is not None]
        self.end()
        found = []
        for job, wall_s in running:
            cause: Literal["crash", "timeout", "ended"] = "crash"
            said = reason
            if wall_s > timeout_s:
                cause, said = "timeout", f"the episode took {reason}; its worker was ended"
            elif timeout_s < math.inf:
                cause, said = "ended", f"worker {self.number} was ended: an episode beside this one took {reason}"
            found.append(Lost(job, self.number, cause, said, wall_s, others=len(running) - 1))
        return found

    def obituary(self) -> str:
        code = self.process.exitcode if self.process is not None else None
        if code is not None and code < 0:
            return f"worker {self.number} was killed by {signal.Signals(-code).name}"
        return f"worker {self.number} ended with exit code {code}"

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.join(_PATIENCE_S)
            if self.process.is_alive():
                self.process.kill()
                self.process.join()
            self.process = None
        if self.pipe is not None:
            self.pipe.close()
            self.pipe = None
        # What was built is gone; a slot with a job is about to have it built again.
        for slot in self.slots:
            if slot.job is None:
                slot.group = None


def _ready(crew: list[_Worker[JobT]], timeout_s: float | None) -> list[_Worker[JobT]]:
    """Waits until a busy worker has news, has died or has run out of time, and returns those that have."""
    busy = [worker for worker in crew if worker.busy]
    handles: dict[Any, _Worker[JobT]] = {}
    for worker in busy:
        assert worker.pipe is not None
        assert worker.process is not None
        handles[worker.pipe] = worker
        handles[worker.process.sentinel] = worker
    left_s = None if timeout_s is None else max(0.0, min(timeout_s - worker.longest_s() for worker in busy) + 0.01)
    woken = {id(handles[handle]) for handle in wait(list(handles), timeout=left_s)}
    late = {id(worker) for worker in busy if timeout_s is not None and worker.longest_s() > timeout_s}
    return [worker for worker in busy if id(worker) in woken | late]


def _dismiss(crew: list[_Worker[JobT]]) -> None:
    """Asks idle workers to end, ends the others, and waits for all of them."""
    for worker in crew:
        if worker.pipe is not None and not worker.busy and not worker.dead:
            with contextlib.suppress(OSError):
                worker.pipe.send(None)
    for worker in crew:
        if worker.process is not None and not worker.busy:
            worker.process.join(_PATIENCE_S)
        worker.end()


def _work(pipe: Connection, make_runner: Callable[[], Runner[Any, Any]]) -> None:
    """A worker's whole life."""
    # Ctrl-C reaches every process of the terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    try:
        runner = make_runner()
    except Exception as error:
        _send(pipe, _broken(error if isinstance(error, HarnessError) else _start_error(error)))
        return
    try:
        _serve(pipe, runner)
    except Exception as error:
        _send(pipe, _broken(error))
    finally:
        runner.close()


def _serve(pipe: Connection, runner: Runner[Any, Any]) -> None:
    """Takes jobs and sends results until there are no more jobs, or nobody to give them."""
    occupied: set[int] = set()
    while True:
        while not occupied or pipe.poll():
            order = _received(pipe)
            if order is None:
                return
            slot, job = order
            runner.begin(slot, job)
            occupied.add(slot)
        for slot, result in runner.advance():
            occupied.discard(slot)
            if not _send(pipe, pickle.dumps((slot, result))):
                return


def _received(pipe: Connection) -> Any:
    """A slot and the next job for it; None when there is none, or nobody to give one."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return None


def _send(pipe: Connection, message: bytes) -> bool:
    """Sends a pickled message; False when nobody is there to receive it."""
    try:
        pipe.send_bytes(message)
    except OSError:
        return False
    return True


def _broken(error: Exception) -> bytes:
    """Pickles the message that an exception is to be raised in the parent."""
    note = f"In a worker process:\n{''.join(traceback.format_exception(error))}"
    error.add_note(note)
    try:
        message = pickle.dumps(error)
        pickle.loads(message)  # noqa: S301  # its own bytes
    except Exception:  # an exception with a constructor of its own may not survive the way
        stand_in = EpisodeError(f"a worker failed: {type(error).__name__}: {error}")
        stand_in.add_note(note)
        return pickle.dumps(stand_in)
    return message


def _start_error(error: Exception) -> EpisodeError:
    made = EpisodeError(f"a worker could not be started: {type(error).__name__}: {error}")
    made.__cause__ = error
    return made


def _end_with_parent() -> None:
    """Ends this process as soon as the parent is gone, also when it was killed and could say nothing."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
