from collections import deque
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from harness.executors.base import Order, Slot


@dataclass(frozen=True)
class Job:
    task: str
    round: int
    alone: bool = False


ORDER = Order[Job](group=lambda job: job.task, alone=lambda job: job.alone, round=lambda job: job.round)


def given_out(jobs, slots=1):
    """The order in which one worker's slots are given jobs, each ending before the next is given."""
    queue, crew, order = deque(jobs), [Slot[Job](number) for number in range(slots)], []
    while queue:
        for slot in crew:
            job = ORDER.give(queue, slot, crew, crew)
            if job is not None:
                order.append(job)
        for slot in crew:
            if slot.job is not None:
                slot.take_job()
    return order


JOBS = st.builds(Job, st.sampled_from("abc"), st.integers(0, 4), st.booleans())


@given(st.lists(JOBS, max_size=12), st.integers(1, 3))
def test_rounds_are_given_in_their_order_whatever_else_holds(jobs, slots):
    rounds = [job.round for job in given_out(jobs, slots)]
    assert rounds == sorted(job.round for job in jobs)


def test_within_a_round_a_worker_begins_with_the_task_that_it_was_on():
    jobs = [Job(task, number) for number in range(2) for task in "abc"]
    assert "".join(job.task for job in given_out(jobs)) == "abccab"


def test_a_job_that_must_be_alone_comes_before_the_next_round():
    jobs = [Job("a", 0, alone=True), Job("b", 0), Job("c", 1)]
    assert [job.task for job in given_out(jobs, slots=2)] == ["b", "a", "c"]


def test_a_job_of_an_earlier_round_that_is_tried_again_goes_first():
    assert [job.task for job in given_out([Job("a", 1), Job("b", 0)])] == ["b", "a"]
