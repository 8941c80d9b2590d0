from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyUnavailableError
from harness.registry import describe_policy, make_policy
from harness.types import EnvSpec, Episode, Observation

SPEC = libero_env_spec()
LOPSIDED = EnvSpec(action_dim=2, action_low=(-3.0, 10.0), action_high=(-2.0, 12.0), images={}, state={}, action_space="a")


def episode(init: int = 0) -> Episode:
    return Episode(suite="s", task_id=0, task="t", instruction="do it", init=init, repeat=0, seed=0)


def at(step: int) -> Observation:
    return Observation(images={}, state={}, instruction="do it", step=step)


def actions(uri: str, which: Episode, steps: int, replan: int | None = None, spec: EnvSpec = SPEC) -> list[list[float]]:
    """The actions of an episode as a loop gets them that uses `replan` of every chunk."""
    policy = make_policy(uri, spec)
    policy.reset(which)
    result: list[list[float]] = []
    while len(result) < steps:
        result += np.atleast_2d(policy.infer(at(len(result))))[:replan].tolist()
    return result[:steps]


def test_zero_answers_zeros_without_pictures_and_as_they_are() -> None:
    policy = make_policy("zero", SPEC)
    assert (policy.needs_images, policy.raw_actions) == (False, True)
    assert np.array_equal(policy.infer(at(0)), np.zeros(7))


@given(steps=st.integers(1, 600), chunk=st.integers(1, 50), replan=st.integers(1, 50))
def test_random_actions_depend_on_the_episode_and_the_step_alone(steps: int, chunk: int, replan: int) -> None:
    assert actions(f"random?chunk={chunk}", episode(), steps, replan) == actions("random", episode(), steps)


def test_random_actions_differ_between_episodes_and_steps() -> None:
    first, second = actions("random", episode(0), 20), actions("random", episode(1), 20)
    assert len({tuple(action) for action in first + second}) == 40


def test_random_begins_again_with_the_episode() -> None:
    policy = make_policy("random", SPEC)
    policy.reset(episode(0))
    first = np.asarray(policy.infer(at(0)))
    policy.reset(episode(1))
    policy.infer(at(0))
    policy.reset(episode(0))
    assert np.array_equal(policy.infer(at(0)), first)


def test_random_actions_fill_the_range_of_every_dimension() -> None:
    table = np.array(actions("random", episode(), 2000, spec=LOPSIDED))
    assert (table >= [-3.0, 10.0]).all()
    assert (table <= [-2.0, 12.0]).all()
    # Of 2,000 uniform numbers none lies within 2 % of an end with probability 0.98**2000, about 3e-18.
    assert (table.min(axis=0) < [-2.98, 10.04]).all()
    assert (table.max(axis=0) > [-2.02, 11.96]).all()


def test_random_answers_with_chunks_of_the_length_asked_for() -> None:
    policy = make_policy("random?chunk=4", SPEC)
    policy.reset(episode())
    assert np.shape(policy.infer(at(0))) == (4, 7)


def test_random_before_a_reset_is_an_error() -> None:
    with pytest.raises(PolicyError, match="reset"):
        make_policy("random", SPEC).infer(at(0))


@pytest.mark.parametrize("uri", ["zero:now", "random:7", "random?chunk=0"])
def test_what_means_nothing_is_refused_by_describe_and_make(uri: str) -> None:
    with pytest.raises(PolicyUnavailableError):
        describe_policy(uri)
    with pytest.raises(PolicyUnavailableError):
        make_policy(uri, SPEC)
