"""Episodes that take turns are the episodes that run alone."""

from __future__ import annotations

import math
import random
import re
import threading
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.asking import BatchAsker, ThreadAsker
from harness.episode import run_episode
from harness.interleaving import Interleaver
from harness.policies.base import BasePolicy
from harness.types import EnvSpec, Episode, Observation, Protocol, SimState

SPEC = EnvSpec(
    action_dim=2, action_low=(-1, -1), action_high=(1, 1), images={"eye": (2, 2, 3)}, state={"x": 1}, action_space="a"
)
PROTOCOL = Protocol(
    name="standard", max_steps=7, settle_steps=0, settle_action=(0.0, 0.0), control_freq_hz=20,
    cameras=MappingProxyType({"eye": "eye"}), image_height_px=2, image_width_px=2, image_rotation_deg=0,
    state_layout=(), gripper="as_is", replan_steps=None, scene_seeding="episode_key", scene_seed=0,
    action_space="a",
)  # fmt: skip
PROTOCOLS = {"walk": PROTOCOL}
TIMES = {"policy_s", "physics_s", "render_s", "queries"}


def episode(init: int) -> Episode:
    return Episode("walk", init % 3, "go", "go right", init=init, repeat=0, seed=0)


class Walk:
    """A walk that remembers its past, draws from the global generators, ends where it passes `goal`, and may fail."""

    def __init__(self, failing=(), goal=1.9) -> None:
        self.failing, self.goal = failing, goal

    def reset(self, episode):
        if episode.init in self.failing:
            raise OSError(f"no scene for {episode.key}")
        self.episode, self.steps = episode, 0
        self.x = np.full(3, episode.init + random.random())
        return f"scene of {episode.key}"

    def observe(self, *, images, privileged=False):
        picture = np.full((2, 2, 3), self.steps, dtype=np.uint8)
        return Observation({"eye": picture}, {"x": self.x.copy()}, "go right", self.steps)

    def step(self, action):
        self.steps += 1
        self.x = np.array([self.x[1], self.x[2], np.sin(self.x @ [1, 2, 3]) + action[0] + np.random.rand()])
        return bool(self.x[2] > self.goal)

    def state(self):
        return SimState(self.steps / 20, self.x.copy(), np.zeros(1))

    def render(self, state, view=None):
        return {}

    def joint_name(self, array, index):
        return "x"

    def close(self) -> None:
        pass


class Remembering(BasePolicy):
    """Answers chunks of one to three actions that depend on all that it was shown in an episode."""

    def __init__(self, failing_at=()) -> None:
        self.failing_at = failing_at
        self.memory = {}
        self.last = None
        self.batches = []

    def reset(self, episode) -> None:
        self.memory[episode], self.last = [random.random(), np.random.rand()], episode

    def infer(self, observation):
        return self.answer(observation, self.last)

    def infer_batch(self, observations, episodes):
        self.batches.append([episode.init for episode in episodes])
        return [self.answer(*pair) for pair in zip(observations, episodes, strict=True)]

    def answer(self, observation, episode):
        if (episode.init, observation.step) in self.failing_at:
            return np.full(2, np.nan)
        self.memory[episode].append(float(observation.state["x"].sum()))
        amount = np.sin(sum(self.memory[episode]))
        return np.full((1 + len(self.memory[episode]) % 3, 2), amount)


class SelfSeeded(Remembering):
    """Draws from a generator of its own, as what runs in a thread must."""

    def reset(self, episode) -> None:
        self.memory[episode], self.last = [episode.generator("policy").random()], episode


def content(result):
    """Everything of a result but its times, with arrays as bytes."""
    fields = {name: value for name, value in vars(result).items() if name not in {*TIMES, "trace", "error"}}
    trace = None if result.trace is None else [array.tobytes() for array in vars(result.trace).values()]
    error = None if result.error is None else (result.error.type, result.error.message)
    return fields, trace, error


def alone(init, *, failing_at=(), **walk):
    return content(run_episode(Walk(**walk), SPEC, Remembering(failing_at), PROTOCOL, episode(init)))


def interleaved(inits, slots, asker, **walk):
    """Init -> the result of its episode; free slots take the next one."""
    driver = Interleaver([Walk(**walk) for _ in range(slots)], SPEC, asker)
    queue, running, results = list(inits), {}, {}
    while queue or running:
        for slot in range(slots):
            if slot not in running and queue:
                running[slot] = queue.pop(0)
                driver.begin(slot, episode(running[slot]), PROTOCOLS)
        for slot, result in driver.advance():
            init = running.pop(slot)
            assert init not in results
            results[init] = content(result)
    return results


@settings(max_examples=30, deadline=None)
@given(inits=st.permutations(range(6)), count=st.integers(1, 6), slots=st.integers(1, 4), threads=st.booleans())
def test_slots_and_order_never_change_an_episode(inits, count, slots, threads) -> None:
    kind = SelfSeeded if threads else Remembering
    asker = ThreadAsker([kind() for _ in range(slots)]) if threads else BatchAsker(kind())
    expected = {i: content(run_episode(Walk(), SPEC, kind(), PROTOCOL, episode(i))) for i in inits[:count]}
    assert interleaved(inits[:count], slots, asker) == expected


def test_the_global_generators_are_left_as_they_were() -> None:
    random.seed(1)
    np.random.seed(1)
    expected = (random.Random(1).random(), np.random.RandomState(1).rand())
    interleaved([0, 1, 2], 3, BatchAsker(Remembering()))
    assert (random.random(), np.random.rand()) == expected


def test_all_that_wait_are_answered_in_one_batch() -> None:
    policy = Remembering()
    interleaved([0, 1, 2], 3, BatchAsker(policy), goal=math.inf)
    assert policy.batches[0] == [0, 1, 2]
    assert policy.batches[1] == [0, 1, 2]


def test_an_error_of_one_episode_leaves_the_others_alone() -> None:
    policy = Remembering(failing_at={(1, 0), (4, 3)})
    results = interleaved(range(6), 3, BatchAsker(policy), failing={3}, goal=math.inf)
    assert {init: result[0]["outcome"] == "error" for init, result in results.items()} == {
        0: False, 1: True, 2: False, 3: True, 4: True, 5: False,
    }  # fmt: skip
    for init in (0, 2, 5):
        assert results[init] == alone(init, goal=math.inf)
    assert results[3] == alone(3, failing={3})
    assert results[4] == alone(4, failing_at={(4, 3)}, goal=math.inf)


class Broken(Remembering):
    """Fails as a whole in its first batch."""

    def __init__(self, failure) -> None:
        super().__init__()
        self.failure = failure

    def infer_batch(self, observations, episodes):
        answers = super().infer_batch(observations, episodes)
        return self.failure(answers) if len(self.batches) == 1 else answers


def out_of_memory(answers):
    raise MemoryError("of the GPU")


def drawing(answers):
    np.random.rand()
    return answers


def drawing_in_python(answers):
    random.random()
    return answers


@pytest.mark.parametrize(
    ("failure", "kind", "message"),
    [
        (out_of_memory, "MemoryError", "of the GPU"),
        (drawing, "PolicyError", r"global generator of NumPy.*episode\.generator"),
        (drawing_in_python, "PolicyError", "global generator of Python"),
        (lambda answers: answers[:1], "PolicyOutputError", "asked about 2 observations and answered with 1 chunks"),
        (lambda answers: None, "PolicyOutputError", "answered with a NoneType"),
    ],
)
def test_a_batch_that_fails_is_the_error_of_all_in_it_and_of_no_other(failure, kind, message) -> None:
    results = interleaved([0, 1, 2], 2, BatchAsker(Broken(failure)))
    for init in (0, 1):
        assert results[init][2][0] == kind
        assert re.search(message, results[init][2][1])
    assert results[2] == alone(2)


def test_the_time_of_a_batch_is_divided_among_its_episodes() -> None:
    asker = BatchAsker(Remembering())
    driver = Interleaver([Walk(), Walk()], SPEC, asker)
    for slot in range(2):
        driver.begin(slot, episode(slot), PROTOCOLS)
    results = []
    while len(results) < 2:
        results += driver.advance()
    assert all(result.policy_s > 0 for _, result in results)


class Meeting(SelfSeeded):
    """Answers only when as many are asked at once as were agreed on."""

    def __init__(self, barrier) -> None:
        super().__init__()
        self.barrier = barrier

    def infer(self, observation):
        self.barrier.wait(timeout=60)
        return super().infer(observation)[:1]


def test_policies_in_threads_are_asked_at_the_same_time() -> None:
    barrier = threading.Barrier(3)
    results = interleaved(range(3), 3, ThreadAsker([Meeting(barrier) for _ in range(3)]), goal=math.inf)
    assert all(result[2] is None for result in results.values())
