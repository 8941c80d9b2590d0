import dataclasses
import hashlib
import math
import random
import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_world import EPISODE, PROTOCOL, SPEC, Line, Steady

from harness.episode import frame_sha256, run_episode, with_gripper_rule


class Answering(Steady):
    """Answers 1 to the right until a step, and then something else, or raises it."""

    def __init__(self, answer, at=0, **options) -> None:
        super().__init__(**options)
        self.answer, self.at = answer, at

    def infer(self, observation):
        if observation.step < self.at:
            return [1.0, 0.0]
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def run(environment=None, policy=None, **protocol):
    return run_episode(environment or Line(), SPEC, policy or Steady(), dataclasses.replace(PROTOCOL, **protocol), EPISODE)


def test_the_first_step_on_which_the_goal_holds_ends_the_episode() -> None:
    policy = Answering([1.0, 0.0])
    result = run(Line(goal=4), policy)
    assert (result.outcome, result.steps, result.error) == ("success", 4, None)
    assert result.trace.qpos.ravel().tolist() == [0, 1, 2, 3, 4]
    assert result.trace.time_s.tolist() == [0, 0.05, 0.1, 0.15, 0.2]
    assert result.trace.actions.tolist() == [[1, 0]] * 4
    assert result.scene_sha256 == "scene of line/task0/init0/repeat0/seed0"
    assert policy.episodes == [EPISODE]


def test_success_on_the_last_allowed_step_counts() -> None:
    result = run(Line(goal=4), Answering([1.0, 0.0]), max_steps=4)
    assert (result.outcome, result.steps) == ("success", 4)


def test_an_episode_without_success_is_a_failure_after_the_step_budget() -> None:
    result = run(Line(goal=4), Answering([1.0, 0.0]), max_steps=3)
    assert (result.outcome, result.steps, result.error) == ("failure", 3, None)
    assert len(result.trace.actions) == 3


@settings(deadline=None)
@given(chunk=st.integers(1, 12), replan=st.none() | st.integers(1, 12), max_steps=st.integers(1, 40))
def test_the_policy_is_asked_every_so_many_steps_and_its_actions_are_used_in_order(chunk, replan, max_steps) -> None:
    environment, policy = Line(), Steady(chunk)
    result = run(environment, policy, replan_steps=replan, max_steps=max_steps)
    used = chunk if replan is None else min(chunk, replan)
    assert policy.asked == list(range(0, max_steps, used))
    assert environment.looks == [(step, True) for step in policy.asked]
    assert result.trace.actions.tolist() == [[step - step % used, step % used] for step in range(max_steps)]


def test_chunks_may_change_their_length() -> None:
    class Growing(Steady):
        def infer(self, observation):
            self.asked.append(observation.step)
            return np.zeros((len(self.asked), 2))

    policy = Growing()
    run(policy=policy, max_steps=10)
    assert policy.asked == [0, 1, 3, 6]


def test_nothing_of_a_chunk_is_left_for_the_next_episode() -> None:
    policy = Steady(chunk=8)
    for _ in range(2):
        run(policy=policy, max_steps=3)
    assert policy.asked == [0, 0]


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        ([math.nan, 0], "PolicyOutputError", "nan in action 0 of 1, dimension 0"),
        ([[0, 0], [0, math.inf]], "PolicyOutputError", "inf in action 1 of 2, dimension 1"),
        ([1, 2, 3], "PolicyOutputError", r"shape \(3,\); expected \(2,\) or \(T, 2\)"),
        (np.zeros((0, 2)), "PolicyOutputError", r"shape \(0, 2\)"),
        (np.zeros((1, 1, 2)), "PolicyOutputError", r"shape \(1, 1, 2\)"),
        (5.0, "PolicyOutputError", r"shape \(\)"),
        ("left", "PolicyOutputError", "answered with str"),
        (None, "PolicyOutputError", "None"),
        ({"actions": [0, 0]}, "PolicyOutputError", "answered with dict"),
        (ValueError("no weights"), "ValueError", "no weights"),
        (RuntimeError(), "RuntimeError", r"RuntimeError\(\)"),
        (MemoryError("of the GPU"), "MemoryError", "of the GPU"),
    ],
)
def test_what_is_wrong_with_an_answer_makes_the_episode_an_error_that_says_so(answer, kind, message) -> None:
    result = run(policy=Answering(answer, at=3))
    assert (result.outcome, result.steps, result.error.type) == ("error", 3, kind)
    assert len(result.trace.actions) == 3
    assert result.scene_sha256 is not None
    assert re.search(message, result.error.message)


def test_an_error_says_where_it_came_from() -> None:
    result = run(policy=Answering(ValueError("no weights")))
    assert "ValueError: no weights" in result.error.traceback
    assert "test_episode.py" in result.error.traceback


@pytest.mark.parametrize(
    ("method", "step", "steps", "actions"),
    [
        ("reset", 0, 0, None),
        ("state", 0, 0, None),
        ("observe", 0, 0, 0),
        ("observe", 2, 2, 2),
        ("step", 0, 0, 0),
        ("step", 3, 3, 3),
        ("state", 3, 3, 2),
    ],
)
def test_what_the_environment_raises_makes_the_episode_an_error(method, step, steps, actions) -> None:
    result = run(Line(fault=(method, step)))
    assert (result.outcome, result.steps) == ("error", steps)
    assert (result.error.type, result.error.message) == ("ArithmeticError", f"{method} failed at step {step}")
    assert (result.trace is None) == (actions is None) == (result.scene_sha256 is None)
    assert result.trace is None or len(result.trace.actions) == actions


def test_a_policy_that_fails_to_reset_leaves_a_trace_of_the_first_state() -> None:
    class Unwilling(Steady):
        def reset(self, episode) -> None:
            raise OSError("no connection")

    result = run(policy=Unwilling())
    assert (result.outcome, result.steps, result.error.type) == ("error", 0, "OSError")
    assert len(result.trace.time_s) == 1


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_is_no_error_of_the_episode(interruption) -> None:
    with pytest.raises(interruption):
        run(policy=Answering(interruption(), at=2))


def test_the_environment_can_be_used_after_an_error() -> None:
    environment = Line(goal=2, fault=("step", 1))
    assert run(environment, Answering([1.0, 0.0])).outcome == "error"
    environment.fault = ("", 0)
    assert run(environment, Answering([1.0, 0.0])).outcome == "success"


def test_the_first_pictures_that_the_policy_sees_are_hashed() -> None:
    expected = hashlib.sha256(b"eye(2, 2, 3)" + bytes(12)).hexdigest()
    assert run(policy=Steady()).frame_sha256 == expected
    assert run(Line(fault=("step", 3))).frame_sha256 == expected


def test_without_pictures_there_is_no_hash_of_pictures() -> None:
    environment = Line()
    result = run(environment, Steady(needs_images=False), max_steps=2)
    assert result.frame_sha256 is None
    assert environment.looks == [(0, False), (1, False)]


def test_a_policy_that_draws_into_its_pictures_does_not_change_their_hash() -> None:
    class Painter(Steady):
        def infer(self, observation):
            observation.images["eye"][:] = 255
            return super().infer(observation)

    assert run(policy=Painter()).frame_sha256 == run(policy=Steady()).frame_sha256


def test_the_hash_of_pictures_depends_on_names_shapes_and_bytes_but_not_on_their_order() -> None:
    a, b = np.zeros((2, 3, 3), np.uint8), np.ones((2, 3, 3), np.uint8)
    assert frame_sha256({"a": a, "b": b}) == frame_sha256({"b": b, "a": a})
    assert frame_sha256({"a": np.asfortranarray(a)}) == frame_sha256({"a": a})
    others = [{"a": a}, {"a": b}, {"b": a}, {"a": a.reshape(3, 2, 3)}, {"a": a, "b": b}, {"a": b, "b": a}]
    assert len({frame_sha256(images) for images in others}) == len(others)


@pytest.mark.parametrize(
    ("rule", "gripper", "applied"),
    [
        ("as_is", -0.3, -0.3),
        ("as_is", 0.0, 0.0),
        ("as_is", 7.0, 7.0),
        ("binarize", -1.0, -1),
        ("binarize", -1e-9, -1),
        ("binarize", 0.0, 1),
        ("binarize", 0.4, 1),
        ("rlds_sign", 0.0, 1),
        ("rlds_sign", 0.49, 1),
        ("rlds_sign", 0.5, 0),
        ("rlds_sign", 0.51, -1),
        ("rlds_sign", 1.0, -1),
    ],
)
def test_the_protocols_gripper_rule_is_applied_to_every_answer(rule, gripper, applied) -> None:
    result = run(policy=Answering([[0.25, gripper], [0.5, gripper]]), gripper=rule, max_steps=4)
    assert result.trace.actions.tolist() == [[0.25, applied], [0.5, applied]] * 2


@pytest.mark.parametrize("rule", ["as_is", "binarize", "rlds_sign"])
def test_raw_actions_pass_the_gripper_rule_by(rule) -> None:
    policy = Answering([0.0, 0.3])
    policy.raw_actions = True
    assert run(policy=policy, gripper=rule, max_steps=1).trace.actions.tolist() == [[0, 0.3]]


def test_a_gripper_rule_leaves_the_answer_itself_alone() -> None:
    chunk = np.array([[0.1, 0.2]])
    assert with_gripper_rule(chunk, "binarize").tolist() == [[0.1, 1.0]]
    assert chunk.tolist() == [[0.1, 0.2]]


def test_a_policy_that_reuses_its_array_does_not_change_what_it_answered() -> None:
    class Reusing(Steady):
        buffer = np.zeros((2, 2))

        def infer(self, observation):
            self.buffer[:] = observation.step
            return self.buffer

    assert run(policy=Reusing(), max_steps=4).trace.actions[:, 0].tolist() == [0, 0, 2, 2]


def test_wall_times_are_parts_of_the_whole() -> None:
    class Slow(Steady):
        def infer(self, observation):
            until = time.perf_counter() + 0.01
            while time.perf_counter() < until:
                pass
            return super().infer(observation)

    start = time.perf_counter()
    result = run(policy=Slow(), max_steps=3)
    whole = time.perf_counter() - start
    assert result.policy_s >= 0.03
    assert min(result.physics_s, result.render_s) >= 0
    assert result.policy_s + result.physics_s + result.render_s <= whole


def test_the_time_of_a_policy_that_raises_counts() -> None:
    assert run(policy=Answering(ValueError("late"))).policy_s > 0


class Sampling(Steady):
    """Draws its actions from the global generators, as many diffusion policies do."""

    def infer(self, observation):
        return [random.random(), np.random.rand()]


def test_a_policy_that_samples_from_global_generators_answers_the_same_whatever_ran_before() -> None:
    first = run(policy=Sampling(), max_steps=3)
    random.random()
    np.random.rand(5)
    again = run(policy=Sampling(), max_steps=3)
    other = run_episode(
        Line(), SPEC, Sampling(), dataclasses.replace(PROTOCOL, max_steps=3), dataclasses.replace(EPISODE, init=9)
    )
    np.testing.assert_array_equal(first.trace.actions, again.trace.actions)
    assert not np.array_equal(first.trace.actions, other.trace.actions)
