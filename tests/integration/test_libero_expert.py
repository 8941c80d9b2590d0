"""The scripted expert on LIBERO's tasks, with the lite set of assets: real successes on a machine that has none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from harness.envs.families import family_of
from harness.envs.libero.assets import LITE, find_assets
from harness.envs.libero.installation import missing_packages
from harness.episode import run_episode
from harness.policies.base import PolicyURI
from harness.policies.expert.policy import ExpertPolicy
from harness.suites import load_suites
from harness.types import Episode

pytestmark = [
    pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed"),
    pytest.mark.xdist_group("libero_expert"),
]


def play(suite_name, task_id, replan_steps=None, init=0):
    """One episode of the expert on the lite set, as a run plays it."""
    (suite,) = load_suites(suite_name, "libero")
    family = family_of("libero")
    protocol = dataclasses.replace(suite.protocol, replan_steps=replan_steps)
    environment = family.make((suite,), {suite.name: protocol}, find_assets(LITE).root)
    task = suite.tasks[task_id]
    episode = Episode(suite.name, task_id, task.name, task.instruction, init, 0, 0)
    spec = family.spec(protocol)
    try:
        return run_episode(environment, spec, ExpertPolicy.from_uri(PolicyURI.parse("expert"), spec), protocol, episode)
    finally:
        environment.close()


@pytest.mark.parametrize(
    ("suite", "task_id"),
    [
        pytest.param("object", 1, id="a box goes into a basket"),
        pytest.param("spatial", 0, id="a bowl is taken by its rim to a plate"),
        pytest.param("goal", 2, id="a bottle goes on a cabinet"),
        pytest.param("10", 1, id="two things go into a basket", marks=pytest.mark.slow),
    ],
)
def test_the_expert_succeeds_within_the_step_budget(suite, task_id):
    result = play(suite, task_id)
    assert result.error is None
    assert result.outcome == "success"


def test_the_same_episode_is_played_the_same_way_every_time_however_seldom_the_protocol_replans():
    first, second, seldom = play("object", 1), play("object", 1), play("object", 1, replan_steps=5)
    actions = [np.asarray(result.trace.actions) for result in (first, second, seldom)]
    assert actions[0].tobytes() == actions[1].tobytes() == actions[2].tobytes()


def test_looking_at_what_only_the_simulator_knows_changes_nothing():
    (suite,) = load_suites("goal", "libero")
    environment = family_of("libero").make((suite,), {suite.name: suite.protocol}, find_assets(LITE).root)
    episode = Episode(suite.name, 7, suite.tasks[7].name, suite.tasks[7].instruction, 0, 0, 0)
    states = []
    for privileged in (False, True):
        environment.reset(episode)
        for action in np.random.default_rng(0).uniform(-1, 1, (5, 7)):
            environment.observe(images=False, privileged=privileged)
            environment.step(action)
        states.append(environment.state())
    environment.close()
    assert states[0].qpos.tobytes() == states[1].qpos.tobytes()
    assert states[0].qvel.tobytes() == states[1].qvel.tobytes()


def test_the_scene_says_where_its_joints_stop_and_where_its_goals_hold():
    (suite,) = load_suites("goal", "libero")
    environment = family_of("libero").make((suite,), {suite.name: suite.protocol}, find_assets(LITE).root)
    environment.reset(Episode(suite.name, 7, suite.tasks[7].name, suite.tasks[7].instruction, 0, 0, 0))
    world = environment.observe(images=False, privileged=True).privileged
    environment.close()
    assert [(goal.predicate, goal.arguments) for goal in world.goals] == [("turnon", ("flat_stove_1",))]
    knob = world.joints["flat_stove_1_button"]
    assert (knob.kind, knob.thing) == ("hinge", "flat_stove_1")
    assert knob.holds["turnon"] == pytest.approx((0.5, knob.high), abs=0.01)
    drawer = world.joints["wooden_cabinet_1_top_level"]
    assert drawer.kind == "slide"
    assert drawer.holds["open"] == pytest.approx((drawer.low, -0.14), abs=0.001)
    assert world.things["plate_1"].movable
    assert not world.things["wooden_cabinet_1"].movable
    assert world.regions["wooden_cabinet_1_top_region"].joints == ("wooden_cabinet_1_top_level",)
    assert ("plate_1", "surroundings") in world.contacts


def test_what_stands_where_a_thing_is_to_go_is_put_aside_first():
    (suite,) = load_suites("spatial", "libero")
    family = family_of("libero")
    environment = family.make((suite,), {suite.name: suite.protocol}, find_assets(LITE).root)
    task = suite.tasks[0]
    episode = Episode(suite.name, 0, task.name, task.instruction, 0, 0, 0)
    spec = family.spec(suite.protocol)
    environment.reset(episode)
    built = environment._built
    address = 1 + built.simulation.model.joint("cookies_1_joint0").qposadr[0]
    plate_m = environment.observe(images=False, privileged=True).privileged.things["plate_1"].world_t_thing[:3, 3]
    # The box of cookies falls onto the plate that the bowl is to go to, while the scene settles.
    built.init_states = built.init_states.copy()
    built.init_states[0, address : address + 3] = plate_m + np.array([0.0, 0.0, 0.09])
    try:
        environment.reset(episode)
        world = environment.observe(images=False, privileged=True).privileged
        assert ("cookies_1", "plate_1") in world.contacts
        expert = ExpertPolicy.from_uri(PolicyURI.parse("expert"), spec)
        result = run_episode(environment, spec, expert, suite.protocol, episode)
        after = environment.observe(images=False, privileged=True).privileged
    finally:
        environment.close()
    assert result.outcome == "success"
    assert ("cookies_1", "plate_1") not in after.contacts
