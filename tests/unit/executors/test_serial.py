from collections import deque
from functools import partial

import pytest

from harness.executors.base import Finished, Started
from harness.executors.serial import SerialExecutor


class Doubler:
    """Doubles numbers and notes what happens to it."""

    def __init__(self, log) -> None:
        self.log = log
        log.append("made")

    def begin(self, slot, job):
        self.job = job

    def advance(self):
        self.log.append(self.job)
        if self.job == 13:
            raise ZeroDivisionError(self.job)
        return [(0, 2 * self.job)]

    def close(self) -> None:
        self.log.append("closed")


def events(queue, log):
    return SerialExecutor(partial(Doubler, log)).events(queue)


def test_jobs_are_run_in_order_by_one_runner() -> None:
    log = []
    assert list(events(deque([3, 1, 2]), log)) == [
        Started(3, 0), Finished(3, 0, 6), Started(1, 0), Finished(1, 0, 2), Started(2, 0), Finished(2, 0, 4),
    ]  # fmt: skip
    assert log == ["made", 3, 1, 2, "closed"]


def test_a_start_is_told_before_the_job_is_run() -> None:
    log = []
    running = events(deque([3]), log)
    assert next(running) == Started(3, 0)
    assert log == ["made"]
    running.close()


def test_a_job_appended_between_events_is_run_too() -> None:
    queue = deque([1])
    results = []
    for event in events(queue, []):
        if isinstance(event, Finished):
            results.append(event.result)
            if event.job < 3:
                queue.append(event.job + 1)
    assert results == [2, 4, 6]


def test_without_jobs_no_runner_is_made() -> None:
    log = []
    assert list(events(deque(), log)) == []
    assert log == []


def test_what_a_runner_raises_ends_the_run_and_closes_the_runner() -> None:
    log = []
    with pytest.raises(ZeroDivisionError):
        list(events(deque([13, 1]), log))
    assert log == ["made", 13, "closed"]


def test_reading_no_further_closes_the_runner() -> None:
    log = []
    running = events(deque([1, 2]), log)
    next(running)
    running.close()
    assert log == ["made", "closed"]
