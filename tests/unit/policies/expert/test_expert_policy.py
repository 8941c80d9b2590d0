from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from harness.action_spaces import ACTION_SPACES
from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyUnavailableError
from harness.provenance import sources_sha256
from harness.registry import describe_policy, make_policy

MAX_STEPS = 150


def episode_of(bench, init):
    """All actions of an episode, and whether it succeeded."""
    bench.begin(init)
    policy = make_policy("expert", bench.spec)
    policy.reset(bench.episode)
    actions = []
    for _ in range(MAX_STEPS):
        actions.append(policy.infer(bench.observe()))
        if bench.environment.step(actions[-1]):
            return np.array(actions), True
    return np.array(actions), False


@pytest.mark.parametrize("space", ACTION_SPACES)
def test_the_expert_lifts_the_cube_in_every_action_space(benches, space):
    for init in (7, 49):
        actions, lifted = episode_of(benches(space), init)
        assert lifted, f"init {init}"
        assert (actions >= np.array(ACTION_SPACES[space].low) - 1e-9).all()
        assert (actions <= np.array(ACTION_SPACES[space].high) + 1e-9).all()


def test_the_same_episode_gets_the_same_actions(benches):
    first, _ = episode_of(benches(), 3)
    episode_of(benches(), 4)
    assert np.array_equal(episode_of(benches(), 3)[0], first)


def test_a_reset_forgets_the_episode_before(benches):
    bench = benches()
    policy = make_policy("expert", bench.spec)
    expected = episode_of(bench, 3)[0][0]
    for init in (4, 3):
        bench.begin(init)
        policy.reset(bench.episode)
        action = policy.infer(bench.observe())
    assert np.array_equal(action, expected)


def test_after_the_script_the_gripper_stays_and_holds(benches):
    bench = benches()
    bench.begin(0)
    policy = make_policy("expert", bench.spec)
    policy.reset(bench.episode)
    for _ in range(MAX_STEPS):
        action = policy.infer(bench.observe())
        bench.environment.step(action)
    assert action == pytest.approx([0, 0, 0, 0, 0, 0, 1], abs=1e-3)
    assert bench.observe().privileged.poses["cube"][2, 3] > 0.09


def test_it_needs_no_pictures_but_what_the_simulator_knows(benches):
    policy = make_policy("expert", benches().spec)
    assert (policy.needs_images, policy.raw_actions, policy.needs_privileged) == (False, True, True)


def test_an_observation_without_what_the_simulator_knows_is_refused(benches):
    bench = benches()
    bench.begin(0)
    policy = make_policy("expert", bench.spec)
    policy.reset(bench.episode)
    with pytest.raises(PolicyError, match=r"Observation\.privileged is None"):
        policy.infer(bench.environment.observe(images=False))


def test_a_kind_of_task_without_a_script_is_refused_with_the_nearest_name(benches):
    bench = benches()
    bench.begin(0)
    policy = make_policy("expert", bench.spec)
    policy.reset(bench.episode)
    seen = bench.observe()
    other = dataclasses.replace(seen, privileged=dataclasses.replace(seen.privileged, task="lifd"))
    with pytest.raises(PolicyError, match=r"no script for tasks of the kind 'lifd'\. Did you mean 'lift'"):
        policy.infer(other)


def test_libero_has_an_expert_too_which_wants_to_be_told_what_only_the_simulator_knows(benches):
    assert set(describe_policy("expert").environments) == {"libero", "piper"}
    bench = benches()
    bench.begin(0)
    policy = make_policy("expert", libero_env_spec())
    policy.reset(bench.episode)
    with pytest.raises(PolicyError, match="needs what only the simulator knows"):
        policy.infer(bench.observe())


def test_an_unknown_action_space_is_refused(benches):
    with pytest.raises(PolicyUnavailableError, match=r"'wheels'.*Choose a LIBERO or a Piper suite"):
        make_policy("expert", dataclasses.replace(benches().spec, action_space="wheels"))


@pytest.mark.parametrize("uri", ["expert:lift", "expert?speed=2"])
def test_a_uri_with_more_than_its_name_is_refused(uri):
    with pytest.raises(PolicyUnavailableError):
        describe_policy(uri)


def test_the_description_is_stable_and_has_the_fingerprint_of_this_package():
    info = describe_policy("expert")
    assert info == describe_policy("expert")
    assert info.name == "expert"
    assert info.fingerprint == sources_sha256("policies/expert", "kinematics", "action_spaces.py", "privileged.py")
