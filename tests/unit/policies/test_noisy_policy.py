from __future__ import annotations

import numpy as np
import pytest

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyUnavailableError
from harness.policies.check import synthetic_observation
from harness.policies.noisy import action_noise, noise_std, noisy_uri
from harness.policies.python import PythonPolicy
from harness.registry import describe_policy, make_policy
from harness.types import EnvSpec, Episode, Observation

SPEC = libero_env_spec()
STEPS = 300
WIDE = EnvSpec(3, (0.0, -2.0, 0.0), (10.0, 2.0, 1.0), {}, {}, "eef_delta")


def episode(init: int = 0) -> Episode:
    return Episode(suite="s", task_id=0, task="t", instruction="do it", init=init, repeat=0, seed=0)


def at(step: int) -> Observation:
    return Observation(images={}, state={}, instruction="do it", step=step)


def executed(uri: str, replan: int, init: int = 0) -> np.ndarray:
    policy = make_policy(uri, SPEC)
    policy.reset(episode(init))
    rows = [np.atleast_2d(policy.infer(at(step)))[:replan] for step in range(0, STEPS, replan)]
    return np.concatenate(rows)


def test_without_its_noise_the_executed_action_is_the_other_policys_answer() -> None:
    clean = executed("random?chunk=5", 5)
    noisy = executed("noisy:0.2:random?chunk=5", 5)
    assert np.allclose(noisy - action_noise(0.2, SPEC, episode(), STEPS), clean, rtol=0, atol=1e-15)
    assert np.std((noisy - clean)[:, :-1]) == pytest.approx(0.2, rel=0.05)


def test_the_noise_of_a_step_does_not_depend_on_how_chunks_are_cut() -> None:
    assert np.array_equal(executed("noisy:0.2:random?chunk=5", 5), executed("noisy:0.2:random?chunk=5", 2))


def test_other_episodes_get_other_noise() -> None:
    assert not np.array_equal(action_noise(0.2, SPEC, episode(0), 5), action_noise(0.2, SPEC, episode(1), 5))


def test_the_gripper_is_left_alone() -> None:
    assert np.array_equal(executed("noisy:0.2:random", 1)[:, -1], executed("random", 1)[:, -1])


def test_noise_is_in_half_ranges_of_an_action() -> None:
    noise = action_noise(0.1, WIDE, episode(), 20_000)
    assert noise.std(axis=0) == pytest.approx([0.5, 0.2, 0.0], rel=0.03)


def test_it_wants_to_see_what_the_other_policy_wants_to_see(tmp_path) -> None:
    (tmp_path / "mine.py").write_text(
        "class Model:\n    needs_images = False\n    needs_privileged = True\n    raw_actions = True\n"
        "    def infer(self, observation):\n        return [0.0] * 7\n"
    )
    uri = f"py:{tmp_path / 'mine.py'}:Model"
    noisy, plain = make_policy(f"noisy:0.1:{uri}", SPEC), make_policy(uri, SPEC)
    assert isinstance(plain, PythonPolicy)
    assert (noisy.needs_images, noisy.needs_privileged, noisy.raw_actions) == (False, True, True)


def test_the_description_tells_noises_and_policies_apart() -> None:
    infos = [describe_policy(uri) for uri in ("zero", "noisy:0.1:zero", "noisy:0.2:zero", "noisy:0.1:random")]
    assert len({info.fingerprint for info in infos}) == 4
    assert [info.name for info in infos] == ["zero", "noisy-0.1-zero", "noisy-0.2-zero", "noisy-0.1-random"]
    assert describe_policy("noisy:0.1:expert").environments == describe_policy("expert").environments


def test_the_standard_deviation_is_read_from_the_uri() -> None:
    assert noise_std(noisy_uri(0.05, "py:a.py:Model?x=1")) == 0.05
    assert noise_std("random?chunk=5") is None


@pytest.mark.parametrize("uri", ["noisy", "noisy:0.1", "noisy:much:zero", "noisy:0:zero", "noisy:-1:zero", "noisy:nan:zero"])
def test_a_malformed_uri_is_refused_with_an_example(uri) -> None:
    with pytest.raises(PolicyUnavailableError, match=r"such as noisy:0\.1:expert"):
        describe_policy(uri)


def test_noise_is_added_once() -> None:
    with pytest.raises(PolicyUnavailableError, match="noise is added once; write noisy:STD:zero"):
        describe_policy("noisy:0.1:noisy:0.1:zero")


def test_the_other_policys_errors_are_its_own() -> None:
    with pytest.raises(PolicyUnavailableError, match="there is no back end 'zeroo'"):
        describe_policy("noisy:0.1:zeroo")


def test_asked_twice_at_one_step_it_answers_twice_the_same() -> None:
    policy = make_policy("noisy:0.1:zero", SPEC)
    policy.reset(episode())
    seen = synthetic_observation(SPEC, images=False)
    assert np.array_equal(policy.infer(seen), policy.infer(seen))
