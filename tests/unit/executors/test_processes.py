import multiprocessing
import os
import subprocess
import sys
import textwrap
from collections import Counter, deque
from functools import partial
from pathlib import Path

import crew_jobs
import pytest
from crew_jobs import Job, Runner, group_of

import harness
from harness.errors import EpisodeError, PolicyUnavailableError, StoreError
from harness.executors import processes
from harness.executors.base import Finished, Lost, Order, Started
from harness.executors.processes import ProcessExecutor


@pytest.fixture(autouse=True)
def no_process_is_left():
    """Whatever a test does, none of its workers outlives it."""
    yield
    assert multiprocessing.active_children() == []


def executor(workers=1, timeout_s=None, make_runner=Runner):
    return ProcessExecutor(make_runner, workers, Order(group_of), timeout_s)


def finished(events):
    return {event.job.number: event.result[1] for event in events if isinstance(event, Finished)}


@pytest.mark.parametrize("workers", [1, 3])
def test_every_job_is_run_once_and_answered(workers) -> None:
    jobs = [Job(number, group="ab"[number % 2]) for number in range(8)]
    events = list(executor(workers).events(deque(jobs)))
    assert Counter(type(event) for event in events) == {Started: 8, Finished: 8}
    assert finished(events) == {number: 2 * number for number in range(8)}
    processes_used = {event.result[0] for event in events if isinstance(event, Finished)}
    assert 1 <= len(processes_used) <= workers
    assert os.getpid() not in processes_used


def test_a_job_is_started_before_it_is_finished_and_by_the_same_worker() -> None:
    started = {}
    for event in executor(2).events(deque([Job(0), Job(1), Job(2)])):
        if isinstance(event, Started):
            started[event.job] = event.worker
        else:
            assert started[event.job] == event.worker


def test_a_job_may_start_processes_of_its_own() -> None:
    assert finished(executor().events(deque([Job(21, "double_in_a_child")]))) == {21: 42}


def test_without_jobs_nothing_happens() -> None:
    assert list(executor(2).events(deque())) == []


def test_a_worker_that_is_killed_costs_its_job_alone() -> None:
    jobs = [Job(0, "kill"), Job(1), Job(2), Job(3)]
    events = list(executor(2).events(deque(jobs)))
    (lost,) = [event for event in events if isinstance(event, Lost)]
    assert (lost.job, lost.cause) == (jobs[0], "crash")
    assert "SIGKILL" in lost.reason
    assert lost.wall_s > 0
    assert finished(events) == {1: 2, 2: 4, 3: 6}


def test_a_worker_that_leaves_by_itself_costs_its_job_alone() -> None:
    events = list(executor().events(deque([Job(3, "leave"), Job(1)])))
    (lost,) = [event for event in events if isinstance(event, Lost)]
    assert (lost.job.number, lost.cause) == (3, "crash")
    assert "exit code 3" in lost.reason
    assert finished(events) == {1: 2}


def test_a_lost_job_that_is_put_back_is_run_again(tmp_path: Path) -> None:
    queue = deque([Job(5, "kill_once", str(tmp_path / "tried"))])
    seen = []
    for event in executor().events(queue):
        seen.append(type(event))
        if isinstance(event, Lost):
            queue.append(event.job)
    assert seen == [Started, Lost, Started, Finished]
    assert event.result[1] == 10


def test_a_job_that_takes_too_long_costs_itself_alone() -> None:
    events = list(executor(timeout_s=3.0).events(deque([Job(0, "hang"), Job(1)])))
    assert [type(event) for event in events] == [Started, Lost, Started, Finished]
    assert (events[1].job.number, events[1].cause) == (0, "timeout")
    assert "longer than 3 s" in events[1].reason
    assert events[1].wall_s >= 3.0
    assert finished(events) == {1: 2}


def test_jobs_go_on_while_another_hangs() -> None:
    jobs = [Job(0, "hang", group="h"), Job(1), Job(2)]
    events = list(executor(2, timeout_s=4.0).events(deque(jobs)))
    assert [(event.job.number, event.cause) for event in events if isinstance(event, Lost)] == [(0, "timeout")]
    assert finished(events) == {1: 2, 2: 4}
    assert isinstance(events[-1], Lost)


def test_a_worker_stays_with_its_group_while_it_lasts() -> None:
    jobs = [Job(number, group=group) for number, group in enumerate("abab")]
    order = [event.job.group for event in executor().events(deque(jobs)) if isinstance(event, Started)]
    assert order == ["a", "a", "b", "b"]


def test_workers_begin_with_different_groups() -> None:
    jobs = [Job(number, group=group) for number, group in enumerate("aaab")]
    order = [event.job.group for event in executor(2).events(deque(jobs)) if isinstance(event, Started)]
    assert order[:2] == ["a", "b"]


def test_a_runner_that_cannot_be_made_raises_its_error_in_the_parent() -> None:
    with pytest.raises(PolicyUnavailableError, match="no server at port 8000"):
        list(executor(2, make_runner=crew_jobs.unavailable).events(deque([Job(0), Job(1)])))


def test_an_unexpected_error_in_making_a_runner_is_named() -> None:
    with pytest.raises(EpisodeError, match="a worker could not be started: ZeroDivisionError: in the constructor"):
        list(executor(make_runner=crew_jobs.broken).events(deque([Job(0)])))


@pytest.mark.parametrize(
    ("action", "kind", "message"),
    [
        ("fill_disk", StoreError, "the disk is full"),
        ("fill_disk_stubbornly", EpisodeError, "a worker failed: StubbornError: episodes.jsonl has 7 bytes"),
        ("lose_file", FileNotFoundError, "[Errno 2] No such file or directory: 'weights.bin'"),
        ("break_down", KeyError, "'missing'"),
        ("answer_with_a_lock", TypeError, "cannot pickle '_thread.lock' object"),
    ],
)
def test_what_a_runner_raises_ends_the_run_with_that_error(action, kind, message) -> None:
    seen = []
    with pytest.raises(kind) as caught:
        seen.extend(executor(2).events(deque([Job(0, action), Job(1, "hang")])))
    assert [type(event) for event in seen] == [Started, Started]
    assert (type(caught.value), str(caught.value)) == (kind, message)
    (note,) = caught.value.__notes__
    assert "In a worker process:\nTraceback" in note
    assert "crew_jobs.py" in note or action == "answer_with_a_lock"


def test_reading_no_further_ends_workers_in_the_middle_of_a_job() -> None:
    events = executor(2).events(deque([Job(0, "hang"), Job(1, "hang")]))
    assert [type(next(events)), type(next(events))] == [Started, Started]
    workers = multiprocessing.active_children()
    assert len(workers) == 2
    events.close()
    assert not any(worker.is_alive() for worker in workers)


def test_an_idle_workers_runner_is_closed_at_the_end(tmp_path: Path) -> None:
    make_runner = partial(Runner, str(tmp_path / "closed"))
    list(executor(make_runner=make_runner).events(deque([Job(0)])))
    assert (tmp_path / "closed").exists()


def test_a_worker_that_ignores_sigterm_is_ended_all_the_same(monkeypatch) -> None:
    monkeypatch.setattr(processes, "_PATIENCE_S", 0.2)
    events = executor().events(deque([Job(0, "refuse_sigterm"), Job(1, "hang")]))
    assert [type(next(events)) for _ in range(3)] == [Started, Finished, Started]
    (worker,) = multiprocessing.active_children()
    events.close()
    assert not worker.is_alive()


def test_workers_end_when_their_parent_is_killed() -> None:
    code = """
        from collections import deque
        from crew_jobs import Job, Runner, group_of
        from harness.executors.base import Order
        from harness.executors.processes import ProcessExecutor
        jobs = deque([Job(0, "announce_and_hang"), Job(1, "announce_and_hang")])
        list(ProcessExecutor(Runner, 2, Order(group_of)).events(jobs))
        """
    folders = (Path(harness.__file__).parents[1], Path(crew_jobs.__file__).parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=environment, stdout=subprocess.PIPE)
    workers = {int(parent.stdout.readline()) for _ in range(2)}
    assert len(workers) == 2
    parent.kill()
    # Every worker holds the other end of this pipe: it is read to its end only when all of them are gone.
    try:
        parent.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        for worker in workers:
            os.kill(worker, 9)
        raise
