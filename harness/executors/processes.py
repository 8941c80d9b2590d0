"""Spawned worker processes that outlive the crash and the hang of any of them.

Every worker is a process of its own, with its own OpenGL context, and runs one job at a time. A worker that dies, or that is
ended because its job took too long, costs that job alone; a new worker takes its place when there is work for it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Literal

from harness.errors import EpisodeError, HarnessError
from harness.executors.base import Event, Finished, JobT, Lost, ResultT, Runner, Started, take

# How long a worker that was asked to end, or was sent SIGTERM, may take before it is killed.
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class ProcessExecutor(Generic[JobT, ResultT]):
    """Runs jobs in spawned processes.

    Attributes:
        make_runner: Makes what runs the jobs, in the worker; must be picklable.
        workers: How many processes at most.
        group: Jobs of one group share what is expensive to build; a worker stays with a group while it lasts.
        timeout_s: Wall seconds that a job may take, None for any number. The first job of a worker includes its start.
    """

    make_runner: Callable[[], Runner[JobT, ResultT]]
    workers: int
    group: Callable[[JobT], Hashable]
    timeout_s: float | None = None

    def events(self, queue: deque[JobT]) -> Iterator[Event[JobT, ResultT]]:
        """Runs the queue; see `harness.executors.base.Executor`.

        Raises:
            HarnessError: A worker could not be started at all: what making its runner raised.
            Exception: Whatever a runner raised, with the worker's traceback as a note. A runner reports what is wrong with a
                job in its result; what it raises, such as a full disk, ends the run.
        """
        crew: list[_Worker[JobT]] = [_Worker(i) for i in range(min(self.workers, len(queue)))]
        try:
            while queue or any(worker.busy for worker in crew):
                for worker in crew:
                    if queue and not worker.busy:
                        yield self._give(worker, queue, crew)
                for worker in _ready(crew, self.timeout_s):
                    event = self._event_of(worker)
                    if event is not None:
                        yield event
        finally:
            _dismiss(crew)

    def _give(self, worker: _Worker[JobT], queue: deque[JobT], crew: list[_Worker[JobT]]) -> Started[JobT]:
        others = {other.group for other in crew if other is not worker and other.busy}
        job = take(queue, self.group, worker.group, others)
        worker.start(self.make_runner, job)
        worker.group = self.group(job)
        return Started(job, worker.number)

    def _event_of(self, worker: _Worker[JobT]) -> Event[JobT, ResultT] | None:
        """What a worker that has news, has died or has run out of time means for its job."""
        message = worker.message()
        if message is not None:
            kind, content = message
            if kind == "broken":
                raise content
            job = worker.finish()
            return Finished(job, worker.number, content)
        if worker.dead:
            return worker.lost("crash", worker.obituary())
        if self.timeout_s is not None and worker.running_s() > self.timeout_s:
            return worker.lost("timeout", f"the episode took longer than {self.timeout_s:g} s; its worker was ended")
        return None


@dataclass
class _Worker(Generic[JobT]):
    """The parent's side of one worker process."""

    number: int
    group: Hashable = None
    job: JobT | None = None
    process: BaseProcess | None = None
    pipe: Connection | None = None
    since: float = field(default=0.0)

    @property
    def busy(self) -> bool:
        return self.job is not None

    @property
    def dead(self) -> bool:
        return self.process is None or not self.process.is_alive()

    def running_s(self) -> float:
        return time.monotonic() - self.since

    def start(self, make_runner: Callable[[], Runner[JobT, Any]], job: JobT) -> None:
        if self.dead:
            self.end()
            self._spawn(make_runner)
        assert self.pipe is not None
        self.job, self.since = job, time.monotonic()
        # A worker that has just died is noticed by its sentinel; the job is then lost in the ordinary way.
        with contextlib.suppress(OSError):
            self.pipe.send(job)

    def _spawn(self, make_runner: Callable[[], Runner[JobT, Any]]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, make_runner), name=f"worker-{self.number}", daemon=False)
        self.process.start()
        theirs.close()

    def message(self) -> tuple[str, Any] | None:
        assert self.pipe is not None
        try:
            return self.pipe.recv() if self.pipe.poll() else None
        except (EOFError, OSError):
            assert self.process is not None
            self.process.join(_PATIENCE_S)
            return None

    def finish(self) -> JobT:
        assert self.job is not None
        job, self.job = self.job, None
        return job

    def lost(self, cause: Literal["crash", "timeout"], reason: str) -> Lost[JobT]:
        wall_s = self.running_s()
        self.end()
        return Lost(self.finish(), self.number, cause, reason, wall_s)

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
        self.group = None


def _ready(crew: list[_Worker[JobT]], timeout_s: float | None) -> list[_Worker[JobT]]:
    """Waits until a busy worker has news, has died or has run out of time, and returns those that have."""
    busy = [worker for worker in crew if worker.busy]
    handles: dict[Any, _Worker[JobT]] = {}
    for worker in busy:
        assert worker.pipe is not None
        assert worker.process is not None
        handles[worker.pipe] = worker
        handles[worker.process.sentinel] = worker
    left_s = None if timeout_s is None else max(0.0, min(timeout_s - worker.running_s() for worker in busy) + 0.01)
    woken = {id(handles[handle]) for handle in wait(list(handles), timeout=left_s)}
    late = {id(worker) for worker in busy if timeout_s is not None and worker.running_s() > timeout_s}
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
        while (job := _received(pipe)) is not None and _send(pipe, _answer(runner, job)):
            pass
    finally:
        runner.close()


def _received(pipe: Connection) -> Any:
    """The next job; None when there is none, or nobody to give one."""
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


def _answer(runner: Runner[Any, Any], job: Any) -> bytes:
    """Runs a job and pickles the message about it."""
    try:
        return pickle.dumps(("done", runner(job)))
    except Exception as error:
        return _broken(error)


def _broken(error: Exception) -> bytes:
    """Pickles the message that an exception is to be raised in the parent."""
    note = f"In a worker process:\n{''.join(traceback.format_exception(error))}"
    error.add_note(note)
    try:
        message = pickle.dumps(("broken", error))
        pickle.loads(message)  # noqa: S301  # its own bytes
    except Exception:  # an exception with a constructor of its own may not survive the way
        stand_in = EpisodeError(f"a worker failed: {type(error).__name__}: {error}")
        stand_in.add_note(note)
        return pickle.dumps(("broken", stand_in))
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
