from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import PolicyError, PolicyOutputError, PolicyUnavailableError
from harness.policies.base import BasePolicy
from harness.serving.batching import Batching, Inference
from harness.serving.sessions import Session, Sessions
from harness.types import Observation

FOREVER_S = 60.0


def seen(number: float) -> Observation:
    return Observation({}, {"vector": np.array([number])}, "do it", 0)


class Numbers(BasePolicy):
    """Answers with the observation's number; notes what it was asked, and waits in front of a gate."""

    def __init__(self, *, keeps: bool = False) -> None:
        self.batches: list[list[float]] = []
        self.resets: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.inside = threading.Event()
        self.closed = False
        self.stateless = not keeps

    def reset(self, episode):
        self.resets.append(episode.key)

    def infer(self, observation):
        return self.infer_batch([observation], [None])[0]

    def infer_batch(self, observations, episodes):
        self.inside.set()
        assert self.gate.wait(FOREVER_S)
        numbers = [observation.state["vector"][0] for observation in observations]
        self.batches.append(numbers)
        if 666 in numbers:
            raise RuntimeError("666 was asked")
        return [[np.nan if number == 13 else number] for number in numbers]

    def close(self):
        self.closed = True


def started(policy: Numbers, max_batch: int = 1, max_wait_s: float = 0.0) -> tuple[Inference, Sessions]:
    inference = Inference(lambda: policy, 1, Batching(max_batch, max_wait_s), batched=max_batch > 1)
    return inference, Sessions(inference)


def asked_together(policy: Numbers, sessions: list[Session], numbers: list[float]) -> list[Future[float]]:
    """Asks while the policy is busy with a question of the first session, so that the others wait together."""
    pool = ThreadPoolExecutor(len(sessions) + 1)
    for session in sessions:
        session.reset()
    policy.gate.clear()
    policy.inside.clear()
    first = pool.submit(sessions[0].ask, seen(-1))
    assert policy.inside.wait(FOREVER_S)
    waiting = [pool.submit(answer_of, session, number) for session, number in zip(sessions[1:], numbers, strict=True)]
    wait_until(lambda: len(sessions[0]._inference._open) == len(numbers))
    policy.gate.set()
    first.result(FOREVER_S)
    pool.shutdown(wait=False)
    return waiting


def answer_of(session: Session, number: float) -> float:
    return float(session.ask(seen(number)).chunk[0, 0])


def wait_until(condition: Callable[[], bool]) -> None:
    done = threading.Event()
    for _ in range(10_000):
        if condition():
            return
        done.wait(0.001)
    raise AssertionError("it did not come to pass")


def test_questions_that_wait_are_put_in_one_call_and_no_call_is_larger_than_allowed() -> None:
    policy = Numbers()
    inference, sessions = started(policy, max_batch=3)
    opened = [sessions.open() for _ in range(6)]
    answers = asked_together(policy, opened, [1, 2, 3, 4, 5])
    assert [answer.result(FOREVER_S) for answer in answers] == [1, 2, 3, 4, 5]
    assert policy.batches[0] == [-1]
    assert sorted(map(len, policy.batches[1:])) == [2, 3]
    assert sorted(number for batch in policy.batches[1:] for number in batch) == [1, 2, 3, 4, 5]
    assert (inference.counts().answered, inference.counts().calls, inference.counts().clients) == (6, 3, 6)
    inference.close()
    assert policy.closed


def test_nobody_waits_for_company_when_every_client_has_asked() -> None:
    policy = Numbers()
    inference, sessions = started(policy, max_batch=8, max_wait_s=FOREVER_S)
    alone = sessions.open()
    reply = alone.ask(seen(7))
    assert (reply.chunk.tolist(), reply.batch_size) == ([[7.0]], 1)
    other = sessions.open()
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(answer_of, [alone, other], [1, 2])) == [1, 2]
    assert sorted(policy.batches[1]) == [1, 2]
    other.close()
    assert alone.ask(seen(3)).batch_size == 1, "one that has left is not waited for"
    inference.close()


def test_a_question_that_is_alone_waits_no_longer_than_allowed() -> None:
    policy = Numbers()
    inference, sessions = started(policy, max_batch=8, max_wait_s=0.05)
    asking, idle = sessions.open(), sessions.open()
    reply = asking.ask(seen(7))
    assert reply.batch_size == 1
    assert reply.queue_ms >= 50
    idle.close()
    inference.close()


def test_what_a_batch_raises_is_the_error_of_those_in_it_and_of_nobody_else() -> None:
    policy = Numbers()
    inference, sessions = started(policy, max_batch=2)
    opened = [sessions.open() for _ in range(5)]
    answers = asked_together(policy, opened, [1, 666, 2, 3])
    errors = {number: answer.exception(FOREVER_S) for number, answer in zip([1, 666, 2, 3], answers, strict=True)}
    (batch,) = (batch for batch in policy.batches if 666 in batch)
    assert {number for number, error in errors.items() if error is not None} == set(batch)
    assert all("666 was asked" in str(errors[number]) for number in batch)
    assert inference.counts().failed == 2
    inference.close()


def test_a_wrong_answer_in_a_batch_is_the_error_of_its_question_alone() -> None:
    policy = Numbers()
    inference, sessions = started(policy, max_batch=4)
    answers = asked_together(policy, [sessions.open() for _ in range(4)], [1, 13, 2])
    assert answers[0].result(FOREVER_S) == 1
    assert answers[2].result(FOREVER_S) == 2
    with pytest.raises(PolicyOutputError, match="nan"):
        answers[1].result(FOREVER_S)
    assert sorted(policy.batches[-1]) == [1, 2, 13]
    inference.close()


def test_a_question_whose_client_has_gone_is_not_put_to_the_policy() -> None:
    policy = Numbers()
    inference, sessions = started(policy)
    first, gone = sessions.open(), sessions.open()
    gone.reset()
    policy.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        busy = pool.submit(answer_of, first, 1)
        assert policy.inside.wait(FOREVER_S)
        unwanted = pool.submit(gone.ask, seen(2), lambda: False)
        wait_until(lambda: len(inference._open) == 1)
        policy.gate.set()
        assert busy.result(FOREVER_S) == 1
        with pytest.raises(PolicyError, match="gone"):
            unwanted.result(FOREVER_S)
    assert policy.batches == [[1]]
    inference.close()


def test_closing_answers_what_is_open_and_refuses_what_comes_later() -> None:
    policy = Numbers()
    inference, sessions = started(policy, max_batch=8, max_wait_s=1.5 * FOREVER_S)
    asking, later, _ = sessions.open(), sessions.open(), sessions.open()
    later.reset()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(asking.ask, seen(5))
        wait_until(lambda: len(inference._open) == 1)
        inference.close()
        assert answer.result(FOREVER_S).chunk.tolist() == [[5]]
        assert answer.result(FOREVER_S).queue_ms < 1000 * FOREVER_S, "it did not wait for company"
    with pytest.raises(PolicyError, match="shut"):
        later.ask(seen(1))
    assert policy.closed


def test_a_policy_that_cannot_be_made_is_everybodys_error() -> None:
    def broken() -> Numbers:
        raise PolicyUnavailableError("no weights")

    inference = Inference(broken, 1, Batching(), batched=False)
    with pytest.raises(PolicyUnavailableError, match="no weights"):
        Sessions(inference).open().ask(seen(1))
    assert not inference.loaded
    assert not inference.wait_for_end(FOREVER_S)


def test_closing_does_not_wait_for_weights_that_are_still_loading() -> None:
    gate = threading.Event()
    inference = Inference(lambda: gate.wait(FOREVER_S) and Numbers(), 1, Batching(), batched=False)
    assert not inference.loaded
    inference.close()
    with pytest.raises(PolicyUnavailableError, match="before the policy was loaded"):
        inference.policy()
    gate.set()
    assert not inference.wait_for_end(FOREVER_S)


def test_every_session_has_an_episode_of_its_own_which_begins_before_its_first_question() -> None:
    policy = Numbers()
    inference, sessions = started(policy, max_batch=2)
    one, two = sessions.open(), sessions.open()
    one.ask(seen(1))
    one.ask(seen(2))
    two.ask(seen(3))
    one.reset()
    one.ask(seen(4))
    assert policy.resets == [
        "served/task0/init0/repeat0/seed0",
        "served/task1/init0/repeat0/seed0",
        "served/task0/init1/repeat0/seed0",
    ]
    assert (one.asked, two.asked) == (1, 1)
    inference.close()


def test_a_policy_that_keeps_one_episode_serves_one_client_at_a_time() -> None:
    inference, sessions = started(Numbers(keeps=True))
    one, two = sessions.open(), sessions.open()
    one.ask(seen(1))
    with pytest.raises(PolicyError, match="one client at a time"):
        two.ask(seen(2))
    assert one.ask(seen(3)).chunk[0, 0] == 3
    one.close()
    assert two.ask(seen(4)).chunk[0, 0] == 4
    inference.close()


@settings(max_examples=20, deadline=None)
@given(
    max_batch=st.integers(1, 5),
    numbers=st.lists(st.lists(st.integers(0, 9).map(lambda n: 666 if n == 9 else n), max_size=6), min_size=1, max_size=5),
    max_wait_ms=st.sampled_from([0, 1]),
)
def test_every_question_gets_its_own_answer_whatever_comes_together(max_batch, numbers, max_wait_ms) -> None:
    policy = Numbers()
    inference, sessions = started(policy, max_batch, max_wait_ms / 1000)

    def converse(client: int) -> list[float | str]:
        session, said = sessions.open(), []
        for count, number in enumerate(numbers[client]):
            # The client and the count are in the number, so that no two questions are alike.
            asked = number if number == 666 else number + 1000 * (client + 1) + 10 * count
            try:
                said.append(answer_of(session, asked) == asked)
            except RuntimeError as error:
                said.append(str(error))
        session.close()
        return said

    with ThreadPoolExecutor(len(numbers)) as pool:
        said = list(pool.map(converse, range(len(numbers))))
    inference.close()
    failures = defaultdict(int)
    for asked, answers in zip(numbers, said, strict=True):
        assert len(asked) == len(answers)
        for number, answer in zip(asked, answers, strict=True):
            failures[answer] += 1
            assert answer == "666 was asked" if number == 666 else answer in (True, "666 was asked")
    assert all(1 <= len(batch) <= max_batch for batch in policy.batches)
    assert sum(map(len, policy.batches)) == sum(map(len, numbers))
    assert failures["666 was asked"] == sum(len(batch) for batch in policy.batches if 666 in batch)
    counts = inference.counts()
    assert (counts.clients, counts.calls) == (0, len(policy.batches))
    assert counts.answered + counts.failed == sum(map(len, numbers))
