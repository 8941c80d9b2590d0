"""What every executor speaks: jobs go in, events come out. An executor knows nothing about what a job is.

A worker has one slot or several, and runs one job in each at a time.
"""

from __future__ import annotations

import time
import typing
from collections import Counter, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")
JobT_contra = TypeVar("JobT_contra", contravariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)


class Runner(typing.Protocol[JobT_contra, ResultT_co]):
    """Runs jobs in the process that it was made in: one in each of its slots at a time, which it has one or several of."""

    def begin(self, slot: int, job: JobT_contra) -> None:
        """Takes a job for a free slot; it need not begin before `advance`."""

    def advance(self) -> Iterable[tuple[int, ResultT_co]]:
        """Works on all jobs for a while; gives slots that are free again, and their results.

        It comes back now and then also when there are none, so that free slots can be given jobs. Called while at least
        one slot is occupied.
        """

    def close(self) -> None:
        """Gives back what it holds."""


@dataclass
class Slot(Generic[JobT]):
    """What an executor knows of one slot of a worker.

    Attributes:
        number: From 0, within the worker.
        group: Of the last job that ran here, whose model is still built; None at first.
        job: What runs here now.
        since: When it was given, by the monotonic clock, s.
    """

    number: int
    group: Hashable = None
    job: JobT | None = None
    since: float = 0.0

    def running_s(self) -> float:
        """Seconds since the job was given."""
        return time.monotonic() - self.since

    def take_job(self) -> JobT:
        """Frees the slot; the job that was in it."""
        assert self.job is not None
        job, self.job = self.job, None
        return job


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
        cause: ``crash``: the process ended by itself. ``timeout``: it was ended because the job took too long; ``ended``:
            because a job beside it did.
        reason: One line for people, such as ``killed by SIGKILL``.
        wall_s: Seconds since the job had been given to the worker.
        others: How many more jobs were lost with it. Above 0, nobody knows whether this one was to blame.
    """

    job: JobT
    worker: int
    cause: Literal["crash", "timeout", "ended"]
    reason: str
    wall_s: float
    others: int = 0


Event = Started[JobT] | Finished[JobT, ResultT] | Lost[JobT]


class Executor(typing.Protocol[JobT, ResultT]):
    """Runs a queue of jobs."""

    def events(self, queue: deque[JobT]) -> Iterator[Event[JobT, ResultT]]:
        """Runs the queue until it is empty and nothing is running any more.

        Whoever reads the events may append to the queue between them, a lost job for another try, say. When the reading
        ends early (an exception, Ctrl-C), running jobs are abandoned and workers are ended.
        """


@dataclass(frozen=True)
class Order(Generic[JobT]):
    """In which order jobs are given to slots. It decides when a run is done, and never what comes out.

    Attributes:
        group: Jobs of one group share what is expensive to build; a slot stays with a group while it lasts.
        cost: What a job is expected to take, in any unit.
        alone: Whether a job must have a worker to itself; such jobs come last in their round.
        round: A number; jobs of a smaller one are given first. One round for all unless given.
    """

    group: Callable[[JobT], Hashable] = lambda job: None
    cost: Callable[[JobT], float] = lambda job: 1.0
    alone: Callable[[JobT], bool] = lambda job: False
    round: Callable[[JobT], int] = lambda job: 0

    def give(
        self, queue: deque[JobT], slot: Slot[JobT], slots: Collection[Slot[JobT]], crew: Collection[Slot[JobT]]
    ) -> JobT | None:
        """Takes the job that suits a free slot best off a queue, and puts it there.

        Args:
            queue: What is left to do.
            slot: The free slot.
            slots: All slots of its worker.
            crew: All slots of all workers.

        Returns:
            The job; None when there is none for this slot.
        """
        here = [other.job for other in slots if other.job is not None]
        if any(self.alone(job) for job in here):
            return None
        first = min(map(self.round, queue), default=0)
        ready = deque(job for job in queue if self.round(job) == first)
        jobs = deque(job for job in ready if not self.alone(job)) or (ready if not here else deque())
        if not jobs:
            return None
        busy = [other.group for other in crew if other.job is not None]
        job = take(jobs, self.group, slot.group, busy, self.cost)
        queue.remove(job)
        slot.group, slot.job = self.group(job), job
        return job


def take(
    queue: deque[JobT],
    group: Callable[[JobT], Hashable],
    last: Hashable,
    busy: Collection[Hashable],
    cost: Callable[[JobT], float] = lambda job: 1.0,
) -> JobT:
    """Takes the job that suits a slot best off a queue.

    A job of the group that the slot ran last needs nothing rebuilt. Failing that, one of the group with the most to do for
    each slot that would then be on it, a group that no slot is on before all others: what is long begins early, and
    whoever has nothing left helps where most is left. Among equals, the first.

    Args:
        queue: Not empty.
        group: Which jobs belong together.
        last: The group that the slot ran last, or None.
        busy: The groups that other slots are on, as often as there are slots on them.
        cost: What a job is expected to take.
    """
    left: dict[Hashable, float] = {}
    for job in queue:
        left[group(job)] = left.get(group(job), 0.0) + cost(job)
    on_it = Counter(busy)
    chosen = last if last in left else max(left, key=lambda name: (on_it[name] == 0, left[name] / (on_it[name] + 1)))
    index = next(i for i, job in enumerate(queue) if group(job) == chosen)
    job = queue[index]
    del queue[index]
    return job
