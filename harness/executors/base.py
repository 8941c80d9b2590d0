"""What every executor speaks: jobs go in, events come out. An executor knows nothing about what a job is."""

from __future__ import annotations

import typing
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")
JobT_contra = TypeVar("JobT_contra", contravariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)


class Runner(typing.Protocol[JobT_contra, ResultT_co]):
    """Runs jobs, one after the other, in the process that it was made in."""

    def __call__(self, job: JobT_contra) -> ResultT_co:
        """Runs one job to its end."""

    def close(self) -> None:
        """Gives back what it holds."""


@dataclass(frozen=True)
class Started(Generic[JobT]):
    """A worker has begun with a job."""

    job: JobT
    worker: int


@dataclass(frozen=True)
class Finished(Generic[JobT, ResultT]):
    """A job has run to its end."""

    job: JobT
    worker: int
    result: ResultT


@dataclass(frozen=True)
class Lost(Generic[JobT]):
    """A job's worker is gone, and the job with it.

    Attributes:
        job: What it was running.
        worker: Which worker.
        cause: ``crash``: the process ended by itself. ``timeout``: it was ended because the job took too long.
        reason: One line for people, such as ``killed by SIGKILL``.
        wall_s: Seconds since the job had been given to the worker.
    """

    job: JobT
    worker: int
    cause: Literal["crash", "timeout"]
    reason: str
    wall_s: float


Event = Started[JobT] | Finished[JobT, ResultT] | Lost[JobT]


class Executor(typing.Protocol[JobT, ResultT]):
    """Runs a queue of jobs."""

    def events(self, queue: deque[JobT]) -> Iterator[Event[JobT, ResultT]]:
        """Runs the queue until it is empty and nothing is running any more.

        Whoever reads the events may append to the queue between them, a lost job for another try, say. When the reading
        ends early (an exception, Ctrl-C), running jobs are abandoned and workers are ended.
        """


def take(queue: deque[JobT], group: Callable[[JobT], Hashable], last: Hashable, busy: set[Hashable]) -> JobT:
    """Takes the job that suits a worker best off a queue.

    A job of the group that the worker ran last needs nothing rebuilt; failing that, a group that no other worker is on
    will keep this worker longest; failing that, the first.

    Args:
        queue: Not empty.
        group: Which jobs belong together.
        last: The group that the worker ran last, or None.
        busy: The groups that other workers are on.
    """
    groups = [group(job) for job in queue]
    others = next((i for i, name in enumerate(groups) if name not in busy), 0)
    index = groups.index(last) if last in groups else others
    job = queue[index]
    del queue[index]
    return job
