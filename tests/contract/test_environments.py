"""The checks that every environment must pass: LIBERO where its assets are, and every suite of the Piper."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from harness.envs.families import family_of
from harness.errors import EpisodeError
from harness.suites import load_suites, suite_names
from harness.types import Episode, SimState

PIPER = sorted(name for name in suite_names("piper") if name != "piper_all")
SUITES = [pytest.param("libero_spatial", marks=pytest.mark.assets), *PIPER]
STEPS = 6


class Made:
    """An environment of a suite, with pictures small enough to be quick."""

    def __init__(self, suite_name, assets_root) -> None:
        (self.suite,) = load_suites(suite_name)
        self.family = family_of(self.suite.environment)
        self.protocol = dataclasses.replace(self.suite.protocol, image_height_px=48, image_width_px=64)
        self.spec = self.family.spec(self.protocol)
        self.environment = self.family.make((self.suite,), {self.suite.name: self.protocol}, assets_root)

    def episode(self, init=0, task_id=0) -> Episode:
        task = self.suite.tasks[task_id]
        return Episode(self.suite.name, task_id, task.name, task.instruction, init, 0, 0)

    def play(self, init=0, look=False) -> list[SimState]:
        """The states of a few random steps, the same ones every time."""
        self.environment.reset(self.episode(init))
        states = [self.environment.state()]
        rng = np.random.default_rng(init)
        for _ in range(STEPS):
            if look:
                self.environment.observe(images=True)
            self.environment.step(rng.uniform(self.spec.action_low, self.spec.action_high))
            states.append(self.environment.state())
        return states


@pytest.fixture(params=SUITES, scope="module")
def made(request):
    name = request.param
    root = request.getfixturevalue("simulator").root if name.startswith("libero") else None
    made = Made(name, root)
    yield made
    made.environment.close()


def same(first: list[SimState], second: list[SimState]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(
        a.time_s == b.time_s and a.qpos.tobytes() == b.qpos.tobytes() and a.qvel.tobytes() == b.qvel.tobytes()
        for a, b in pairs
    )


def test_an_observation_is_what_the_spec_says(made):
    made.environment.reset(made.episode())
    seen = made.environment.observe(images=True)
    assert {name: picture.shape for name, picture in seen.images.items()} == dict(made.spec.images)
    assert all(picture.dtype == np.uint8 and picture.flags.c_contiguous for picture in seen.images.values())
    assert {name: value.shape for name, value in seen.state.items()} == {n: (size,) for n, size in made.spec.state.items()}
    assert all(value.dtype == np.float64 and np.isfinite(value).all() for value in seen.state.values())
    assert seen.instruction == made.suite.tasks[0].instruction
    assert seen.step == 0
    assert seen.privileged is None


def test_pictures_show_something_and_only_on_request(made):
    made.environment.reset(made.episode())
    assert not made.environment.observe(images=False).images
    for picture in made.environment.observe(images=True).images.values():
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_looking_changes_nothing(made):
    assert same(made.play(look=False), made.play(look=True))


def test_an_episode_is_the_same_whatever_ran_before_it(made):
    first, scene = made.play(init=1), made.environment.reset(made.episode(1))
    made.play(init=4)
    made.play(init=2)
    assert made.environment.reset(made.episode(1)) == scene
    assert same(made.play(init=1), first)


def test_every_initial_state_is_another_scene(made):
    scenes = [made.environment.reset(made.episode(init)) for init in range(5)]
    assert len(set(scenes)) == 5


def test_an_observation_counts_the_steps_and_a_state_is_a_copy(made):
    made.environment.reset(made.episode())
    before = made.environment.state()
    kept = before.qpos.copy()
    made.environment.step(np.array(made.spec.action_low))
    assert made.environment.observe(images=False).step == 1
    np.testing.assert_array_equal(before.qpos, kept)
    assert made.environment.state().time_s > before.time_s


def test_a_recorded_state_can_be_drawn(made):
    states = made.play()
    pictures = [made.environment.render(states[i]) for i in (0, -1, 0)]
    for name, shape in made.spec.images.items():
        assert pictures[0][name].shape == shape
        np.testing.assert_array_equal(pictures[0][name], pictures[2][name])


def test_an_environment_that_was_not_reset_says_so(made):
    root = made.family.assets("auto", set()).root
    fresh = made.family.make((made.suite,), {made.suite.name: made.protocol}, root)
    with pytest.raises(EpisodeError, match="reset the environment"):
        fresh.step(np.zeros(made.spec.action_dim))


def test_what_defines_a_task_is_hashed(made):
    prints = [tuple(sorted(made.family.fingerprints(task).items())) for task in made.suite.tasks]
    assert len(set(prints)) == len(prints)
    assert all(len(value) == 64 for one in prints for _, value in one)
    assert prints == [tuple(sorted(made.family.fingerprints(task).items())) for task in made.suite.tasks]


def test_fifty_initial_states_a_task(made):
    assert {made.family.init_count(task) for task in made.suite.tasks} == {50}
