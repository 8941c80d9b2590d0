"""Jobs in this process: the simplest, and the one to debug in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic

from harness.executors.base import Event, Finished, JobT, Order, ResultT, Runner, Slot, Started


@dataclass(frozen=True)
class SerialExecutor(Generic[JobT, ResultT]):
    """Runs jobs in this process; a crash of the simulator is a crash of this process.

    Attributes:
        make_runner: Makes what runs the jobs.
        order: Which job is next; the queue's own order unless given.
        slots: How many jobs run at once; more than 1 needs a runner that has them.
    """

    make_runner: Callable[[], Runner[JobT, ResultT]]
    order: Order[JobT] = field(default_factory=Order)
    slots: int = 1

    def events(self, queue: deque[JobT]) -> Iterator[Event[JobT, ResultT]]:
        """Runs the queue; see `harness.executors.base.Executor`."""
        if not queue:
            return
        runner = self.make_runner()
        slots: list[Slot[JobT]] = [Slot(number) for number in range(self.slots)]
        try:
            while queue or any(slot.job is not None for slot in slots):
                for slot in slots:
                    job = self.order.give(queue, slot, slots, slots) if slot.job is None else None
                    if job is not None:
                        yield Started(job, worker=0)
                        runner.begin(slot.number, job)
                for number, result in runner.advance():
                    yield Finished(slots[number].take_job(), worker=0, result=result)
        finally:
            runner.close()
