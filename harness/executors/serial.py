"""One job after the other, in this process: the simplest, and the one to debug in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic

from harness.executors.base import Event, Finished, JobT, ResultT, Runner, Started


@dataclass(frozen=True)
class SerialExecutor(Generic[JobT, ResultT]):
    """Runs jobs in this process; a crash of the simulator is a crash of this process.

    Attributes:
        make_runner: Makes what runs the jobs.
    """

    make_runner: Callable[[], Runner[JobT, ResultT]]

    def events(self, queue: deque[JobT]) -> Iterator[Event[JobT, ResultT]]:
        """Runs the queue in order; see `harness.executors.base.Executor`."""
        if not queue:
            return
        runner = self.make_runner()
        try:
            while queue:
                job = queue.popleft()
                yield Started(job, worker=0)
                yield Finished(job, worker=0, result=runner(job))
        finally:
            runner.close()
