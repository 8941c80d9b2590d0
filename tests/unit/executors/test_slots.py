"""Workers that hold several jobs at a time."""

from __future__ import annotations

import dataclasses
import multiprocessing
import time
from collections import Counter, deque

import pytest
from crew_jobs import Crowd, Job, group_of
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.executors.base import Finished, Lost, Order, Slot, Started
from harness.executors.processes import ProcessExecutor, _Worker
from harness.executors.serial import SerialExecutor

ORDER = Order(group_of, alone=lambda job: job.alone)


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    assert multiprocessing.active_children() == []


def processes(jobs, workers=1, slots=3, timeout_s=None):
    return ProcessExecutor(Crowd, workers, ORDER, timeout_s, slots).events(jobs)


def answers(events):
    return {event.job.number: event.result[1] for event in events if isinstance(event, Finished)}


@settings(max_examples=25, deadline=None)
@given(groups=st.lists(st.sampled_from("abc"), max_size=9), slots=st.integers(1, 4), alone=st.sets(st.integers(0, 8)))
def test_in_this_process_every_job_is_run_once_in_any_number_of_slots(groups, slots, alone) -> None:
    jobs = [Job(number, group=group, alone=number in alone) for number, group in enumerate(groups)]
    queue = deque(jobs)
    events = list(SerialExecutor(Crowd, ORDER, slots).events(queue))
    assert not queue
    assert Counter(event.job for event in events if isinstance(event, Started)) == Counter(jobs)
    assert answers(events) == {job.number: 2 * job.number for job in jobs}
    for event in events:
        if isinstance(event, Finished):
            together = event.result[2]
            assert len(together) <= slots
            assert len(together) == 1 or not any(number in alone for number in together)


def test_a_job_that_must_be_alone_stays_alone_when_others_come_while_it_runs() -> None:
    queue = deque([Job(0, alone=True)])
    together = []
    for event in SerialExecutor(Crowd, ORDER, 2).events(queue):
        if isinstance(event, Started) and event.job.number == 0:
            queue.append(Job(1))
        if isinstance(event, Finished):
            together.append(event.result[2])
    assert together == [[0], [1]]


def test_in_processes_every_job_is_run_once_and_slots_are_used() -> None:
    jobs = [Job(number, group="ab"[number % 2]) for number in range(9)]
    events = list(processes(deque(jobs), workers=2))
    assert Counter(type(event) for event in events) == {Started: 9, Finished: 9}
    assert answers(events) == {number: 2 * number for number in range(9)}
    assert len({event.result[0] for event in events if isinstance(event, Finished)}) == 2
    assert [event.worker for event in events[:6]] == [0, 1, 0, 1, 0, 1], "every worker has a job before any has two"


def test_a_worker_that_is_killed_loses_all_of_its_jobs_and_they_can_be_run_again() -> None:
    queue = deque([Job(0, "kill_in_company"), *(Job(number) for number in range(1, 3))])
    lost, finished = [], {}
    for event in processes(queue):
        if isinstance(event, Lost):
            lost.append(event)
            queue.append(dataclasses.replace(event.job, alone=True))
        elif isinstance(event, Finished):
            finished[event.job.number] = event.result[2]
    assert [(event.job.number, event.cause, event.others) for event in lost] == [(number, "crash", 2) for number in range(3)]
    assert all("SIGKILL" in event.reason for event in lost)
    assert finished == {number: [number] for number in range(3)}, "each alone"


def test_of_a_worker_that_is_ended_the_job_that_took_too_long_is_told_from_those_beside_it() -> None:
    now = time.monotonic()
    slots = [Slot(number, "a", Job(number), since=now - running_s) for number, running_s in enumerate([61.0, 59.0, 1.0])]
    worker = _Worker(slots, 7)
    lost = worker.lost("longer than 60 s", 60.0)
    assert [(event.job.number, event.cause, event.others) for event in lost] == [
        (0, "timeout", 2), (1, "ended", 2), (2, "ended", 2),
    ]  # fmt: skip
    assert lost[0].reason == "the episode took longer than 60 s; its worker was ended"
    assert lost[1].reason == "worker 7 was ended: an episode beside this one took longer than 60 s"
    assert all(slot.job is None and slot.group is None for slot in slots)


def test_jobs_beside_a_hanging_one_are_lost_with_it_and_can_be_run_again() -> None:
    queue = deque([Job(0), Job(1, "hang"), Job(2)])
    lost, finished = Counter(), set()
    for event in processes(queue, timeout_s=4.0):
        if isinstance(event, Lost):
            lost[event.job.number] += 1
            if event.others:
                queue.append(dataclasses.replace(event.job, alone=True))
        elif isinstance(event, Finished):
            finished.add(event.job.number)
    assert finished == {0, 2}
    assert lost == {0: 1, 1: 2, 2: 1}, "the guilty one is lost again, alone"
