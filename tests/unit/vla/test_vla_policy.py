"""`vla:` refuses what cannot work and answers batches as it answers each alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")

from tiny_vla import INSTRUCTIONS, TINY, saved

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyUnavailableError
from harness.policies.check import synthetic_observation
from harness.registry import describe_policy, make_policy
from harness.types import Episode

pytestmark = pytest.mark.torch

SPEC = libero_env_spec()
CONFIG = replace(TINY, chunk_steps=2)
EPISODE = Episode(suite="s", task_id=0, task="t", instruction="", init=0, repeat=0, seed=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("models") / "tiny", CONFIG)


def test_a_batch_gets_what_each_observation_gets_alone(folder):
    policy = make_policy(f"vla:{folder}?device=cpu", SPEC)
    seen = [replace(synthetic_observation(SPEC), instruction=instruction) for instruction in INSTRUCTIONS]
    alone = [policy.infer(observation) for observation in seen]
    together = policy.infer_batch(seen, [EPISODE] * len(seen))
    assert [chunk.shape for chunk in alone] == [(2, 7)] * 3
    assert np.array_equal(alone, together)


def test_without_a_cache_the_answer_is_the_same(folder):
    observation = synthetic_observation(SPEC)
    with_cache, without = (make_policy(f"vla:{folder}?device=cpu&cache={cache}", SPEC).infer(observation) for cache in "10")
    assert np.array_equal(with_cache, without)


def test_several_environments_may_be_served_and_the_folder_gives_the_name(folder):
    info = describe_policy(f"vla:{folder}")
    assert (info.concurrency, info.name) == ("batch", "vla-tiny")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?cache=yes", "cache='yes' must be 0 or 1"),
        ("?unnorm_key=other", "other"),
        ("?divice=cpu", "Did you mean 'device'"),
    ],
)
def test_parameters_that_cannot_work_are_refused_before_anything_is_made(folder, query, words):
    with pytest.raises(PolicyUnavailableError, match=words):
        describe_policy(f"vla:{folder}{query}")


@pytest.mark.parametrize("uri", ["vla", "vla:", "vla:no/such/folder", "vla:."])
def test_what_is_no_model_s_folder_is_refused(tmp_path, monkeypatch, uri):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyUnavailableError):
        describe_policy(uri)


def test_a_device_that_is_not_here_is_refused(folder):
    with pytest.raises(PolicyUnavailableError, match="device='abacus'"):
        make_policy(f"vla:{folder}?device=abacus", SPEC)


def test_an_environment_with_another_action_is_refused(folder):
    spec = replace(SPEC, action_dim=6, action_low=SPEC.action_low[:6], action_high=SPEC.action_high[:6])
    with pytest.raises(PolicyUnavailableError, match="answers with 7 numbers, and the environment takes 6"):
        make_policy(f"vla:{folder}?device=cpu", spec)


def test_an_environment_without_the_camera_is_refused(folder):
    with pytest.raises(PolicyUnavailableError, match="camera 'agentview'"):
        make_policy(f"vla:{folder}?device=cpu", replace(SPEC, images={"wrist": (256, 256, 3)}))


def test_a_closed_policy_says_so(folder):
    policy = make_policy(f"vla:{folder}?device=cpu", SPEC)
    policy.close()
    with pytest.raises(PolicyError, match="closed"):
        policy.infer(synthetic_observation(SPEC))
