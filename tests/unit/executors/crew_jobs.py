"""Jobs for real worker processes: tiny runners that a spawned process can import."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from harness.errors import PolicyUnavailableError, StoreError


@dataclass(frozen=True)
class Job:
    """What a worker is to do: `action` with `path`."""

    number: int
    action: str = "double"
    path: str = ""
    group: str = "a"
    alone: bool = False


def group_of(job: Job) -> str:
    return job.group


class StubbornError(StoreError):
    """An exception that cannot be made again from its arguments alone."""

    def __init__(self, path: str, *, size: int) -> None:
        super().__init__(f"{path} has {size} bytes")


class Runner:
    """Answers a job with the number of its process and the doubled number of the job."""

    def __init__(self, closed: str = "") -> None:
        self._closed = closed

    def begin(self, slot: int, job: Job) -> None:
        self._begun = slot, job

    def advance(self):
        slot, job = self._begun
        return [(slot, getattr(self, job.action)(job))]

    def double(self, job: Job):
        return os.getpid(), 2 * job.number

    def double_in_a_child(self, job: Job):
        """Uses a process of its own, as a data loader with workers does."""
        child = multiprocessing.get_context("spawn").Process(target=os._exit, args=(2 * job.number,))
        child.start()
        child.join()
        return os.getpid(), child.exitcode

    def kill(self, job: Job):
        os.kill(os.getpid(), signal.SIGKILL)

    def kill_once(self, job: Job):
        """Kills its process unless the path is there already, which it makes."""
        try:
            Path(job.path).touch(exist_ok=False)
        except FileExistsError:
            return self.double(job)
        return self.kill(job)

    def leave(self, job: Job):
        sys.exit(job.number)

    def hang(self, job: Job):
        threading.Event().wait()

    def announce_and_hang(self, job: Job):
        os.write(1, b"%d\n" % os.getpid())
        self.hang(job)

    def fill_disk(self, job: Job):
        raise StoreError("the disk is full")

    def fill_disk_stubbornly(self, job: Job):
        raise StubbornError("episodes.jsonl", size=7)

    def lose_file(self, job: Job):
        raise FileNotFoundError(2, "No such file or directory", "weights.bin")

    def break_down(self, job: Job):
        return {}["missing"]

    def answer_with_a_lock(self, job: Job):
        return threading.Lock()

    def refuse_sigterm(self, job: Job):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return self.double(job)

    def close(self) -> None:
        if self._closed:
            Path(self._closed).touch()


class Crowd:
    """Runs a job in every slot; each round of `advance` ends the job that has waited longest.

    An action may look at all jobs that are under way: ``kill_in_company`` does, and is harmless alone.
    """

    def __init__(self) -> None:
        self._running: dict[int, Job] = {}

    def begin(self, slot: int, job: Job) -> None:
        assert slot not in self._running
        self._running[slot] = job

    def advance(self):
        jobs = list(self._running.values())
        for job in jobs:
            if job.action == "hang":
                threading.Event().wait()
            if job.action == "kill" or (job.action == "kill_in_company" and len(jobs) == 3):
                os.kill(os.getpid(), signal.SIGKILL)
        slot = next(iter(self._running))
        job = self._running.pop(slot)
        return [(slot, (os.getpid(), 2 * job.number, [job.number for job in jobs]))]

    def close(self) -> None:
        pass


def unavailable():
    raise PolicyUnavailableError("no server at port 8000")


def broken():
    raise ZeroDivisionError("in the constructor")
