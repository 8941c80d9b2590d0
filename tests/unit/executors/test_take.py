from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from harness.executors.base import take

NAMES = st.sampled_from("abcd")


def first_letter(job: str) -> str:
    return job[0]


def taken(jobs: str, last=None, busy=()) -> str:
    return take(deque(jobs.split()), first_letter, last, list(busy))


def test_a_worker_stays_with_its_group() -> None:
    assert taken("a1 b1 b2", last="b") == "b1"


def test_a_worker_stays_with_its_group_also_when_another_is_on_it() -> None:
    assert taken("a1 b1", last="b", busy="b") == "b1"


def test_a_worker_without_a_group_takes_one_that_nobody_is_on() -> None:
    assert taken("a1 a2 b1 c1", busy="a") == "b1"
    assert taken("a1 a2 b1", last="z", busy="a") == "b1"


def test_when_all_groups_are_taken_the_first_job_is_next() -> None:
    assert taken("b1 a1", busy="ab") == "b1"
    assert taken("b1 a1") == "b1"


def test_the_group_with_most_to_do_is_begun_first() -> None:
    assert taken("a1 b1 b2 c1") == "b1"
    assert take(deque(["a1", "b1", "b2"]), first_letter, None, (), lambda job: 5.0 if job == "a1" else 2.0) == "a1"


def test_whoever_has_nothing_left_helps_where_most_is_left_for_each() -> None:
    queue = "a1 a2 a3 a4 b1 b2 b3"
    assert taken(queue, last="z", busy="aab") == "b1"
    assert taken(queue, last="z", busy="abb") == "a1"


@given(st.lists(st.tuples(NAMES, st.integers(0, 9)), min_size=1, max_size=10), st.none() | NAMES, st.sets(NAMES))
def test_one_job_is_taken_and_the_others_keep_their_order(jobs, last, busy) -> None:
    queue = deque(jobs)
    job = take(queue, lambda job: job[0], last, busy)
    before = list(jobs)
    index = min(i for i in range(len(before)) if before[:i] + before[i + 1 :] == list(queue) and before[i] == job)
    assert job not in before[:index]
    groups = {name for name, _ in jobs}
    if last in groups:
        assert job[0] == last
    elif groups - busy:
        assert job[0] not in busy
