from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyUnavailableError
from harness.registry import describe_policy, make_policy
from harness.types import Episode, Observation

SPEC = libero_env_spec()
ACTIONS = np.random.default_rng(3).uniform(-1, 1, (5, 7))


def episode(init: int = 0, seed: int = 0) -> Episode:
    return Episode(suite="libero_goal", task_id=2, task="t", instruction="do it", init=init, repeat=0, seed=seed)


def at(step: int) -> Observation:
    return Observation(images={}, state={}, instruction="do it", step=step)


def write(path: Path, actions: np.ndarray = ACTIONS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    steps = len(actions) + 1
    np.savez_compressed(path, time=np.arange(steps), qpos=np.zeros((steps, 3)), qvel=np.zeros((steps, 3)), actions=actions)
    return path


def run_with(tmp_path: Path, *stems: str) -> Path:
    for number, stem in enumerate(stems):
        write(tmp_path / "run" / "traces" / f"{stem}.npz", ACTIONS + number)
    return tmp_path / "run"


def test_a_trace_is_replayed_from_the_step_asked_for(tmp_path: Path) -> None:
    policy = make_policy(f"replay:{write(tmp_path / 'a.npz')}", SPEC)
    policy.reset(episode())
    assert (policy.needs_images, policy.raw_actions) == (False, True)
    assert np.array_equal(policy.infer(at(0)), ACTIONS)
    assert np.array_equal(policy.infer(at(3)), ACTIONS[3:])


def test_the_end_of_a_trace_is_an_error(tmp_path: Path) -> None:
    policy = make_policy(f"replay:{write(tmp_path / 'a.npz')}", SPEC)
    policy.reset(episode())
    with pytest.raises(PolicyError, match="ended after 5 actions"):
        policy.infer(at(5))


def test_a_trace_of_an_episode_that_never_acted_ends_at_once(tmp_path: Path) -> None:
    policy = make_policy(f"replay:{write(tmp_path / 'a.npz', np.zeros((0, 0)))}", SPEC)
    policy.reset(episode())
    with pytest.raises(PolicyError, match="ended after 0 actions"):
        policy.infer(at(0))


def test_writing_into_an_answer_does_not_change_the_trace(tmp_path: Path) -> None:
    policy = make_policy(f"replay:{write(tmp_path / 'a.npz')}", SPEC)
    policy.reset(episode())
    np.asarray(policy.infer(at(0)))[:] = 9
    assert np.array_equal(policy.infer(at(0)), ACTIONS)


def test_a_run_directory_gives_every_episode_its_own_trace(tmp_path: Path) -> None:
    run = run_with(tmp_path, "libero_goal__task2__init0__repeat0__seed0", "libero_goal__task2__init1__repeat0__seed0")
    policy = make_policy(f"replay:{run}", SPEC)
    for init in (1, 0):
        policy.reset(episode(init))
        assert np.array_equal(policy.infer(at(0)), ACTIONS + init)


def test_a_missing_trace_is_named_with_the_seeds_that_are_there(tmp_path: Path) -> None:
    run = run_with(tmp_path, "libero_goal__task2__init0__repeat0__seed0", "libero_goal__task2__init0__repeat0__seed5")
    policy = make_policy(f"replay:{run}", SPEC)
    with pytest.raises(PolicyError) as caught:
        policy.reset(episode(seed=7))
    assert str(run / "traces" / "libero_goal__task2__init0__repeat0__seed7.npz") in str(caught.value)
    assert "of seed 0, 5, this run has seed 7" in str(caught.value)


def test_a_missing_trace_of_the_right_seed_is_named_with_the_nearest(tmp_path: Path) -> None:
    run = run_with(tmp_path, "libero_goal__task2__init0__repeat0__seed0", "libero_spatial__task8__init0__repeat0__seed0")
    policy = make_policy(f"replay:{run}", SPEC)
    with pytest.raises(PolicyError, match=r"libero_goal__task2__init0__repeat0__seed0\.npz comes nearest"):
        policy.reset(episode(init=3))


def test_the_fingerprint_follows_contents_and_names_not_places(tmp_path: Path) -> None:
    here, there = run_with(tmp_path / "a", "x__seed0", "y__seed0"), run_with(tmp_path / "b", "x__seed0", "y__seed0")
    before = describe_policy(f"replay:{here}").fingerprint
    assert describe_policy(f"replay:{there}").fingerprint == before
    write(there / "traces" / "y__seed0.npz", ACTIONS * 2)
    assert describe_policy(f"replay:{there}").fingerprint != before
    (here / "traces" / "y__seed0.npz").rename(here / "traces" / "z__seed0.npz")
    assert describe_policy(f"replay:{here}").fingerprint != before


def test_nothing_to_replay_is_refused_at_once(tmp_path: Path) -> None:
    for uri in ("replay:", f"replay:{tmp_path / 'absent.npz'}", f"replay:{tmp_path}"):
        with pytest.raises(PolicyUnavailableError):
            describe_policy(uri)


def test_files_that_are_no_traces_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not a trace")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps({"actions": ACTIONS}))
    (tmp_path / "cut.npz").write_bytes(write(tmp_path / "whole.npz").read_bytes()[:200])
    np.savez(tmp_path / "other.npz", positions=ACTIONS)
    np.savez(tmp_path / "objects.npz", actions=np.array([{}, {}], dtype=object))
    with (tmp_path / "array.npz").open("wb") as stream:
        np.save(stream, ACTIONS)
    write(tmp_path / "narrow.npz", ACTIONS[:, :6])
    for name in ("text", "pickle", "cut", "other", "objects", "array", "narrow"):
        with pytest.raises(PolicyUnavailableError, match=f"{name}.npz"):
            make_policy(f"replay:{tmp_path / name}.npz", SPEC)
