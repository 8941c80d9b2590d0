from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from harness.action_spaces import ACTION_SPACES
from harness.envs.piper.environment import PiperEnvironment
from harness.envs.piper.spec import piper_env_spec
from harness.registry import make_policy
from harness.suites import load_suites
from harness.types import Episode

KINDS = ("up_down", "reach", "press_button", "open_drawer")


class Stage:
    """A suite's environment in an action space, and the expert on it."""

    def __init__(self, kind, action_space):
        (self.suite,) = load_suites(f"piper_{kind}")
        protocol = dataclasses.replace(self.suite.protocol, action_space=action_space)
        self.environment = PiperEnvironment((self.suite,), {self.suite.name: protocol})
        self.policy = make_policy("expert", piper_env_spec(protocol))

    def play(self, init):
        """What the expert saw before each of its steps, up to its success."""
        task = self.suite.tasks[0]
        episode = Episode(self.suite.name, 0, task.name, task.instruction, init, 0, 0)
        self.environment.reset(episode)
        self.policy.reset(episode)
        seen = []
        for _ in range(self.suite.protocol.max_steps):
            seen.append(self.environment.observe(images=False, privileged=True))
            if self.environment.step(self.policy.infer(seen[-1])):
                return seen
        raise AssertionError(f"no success at init {init}")


@pytest.fixture(scope="module")
def stage():
    made = {}

    def make(kind, action_space="eef_delta"):
        if (kind, action_space) not in made:
            made[kind, action_space] = Stage(kind, action_space)
        return made[kind, action_space]

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_the_expert_needs_at_most_half_the_time(stage, kind):
    for init in (0, 11, 26, 49):
        assert len(stage(kind).play(init)) <= stage(kind).suite.protocol.max_steps / 2


@pytest.mark.parametrize("space", [space for space in ACTION_SPACES if space != "eef_delta"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_expert_succeeds_in_every_action_space(stage, kind, space):
    assert stage(kind, space).play(5)


def test_up_and_down_stays_within_two_millimetres_of_the_line(stage):
    seen = stage("up_down").play(3)
    low = seen[0].privileged.poses["path"][:3, 3]
    assert max(np.hypot(*(view.state["tcp_pos"] - low)[:2]) for view in seen) < 0.002


def test_the_fingers_are_closed_when_they_press(stage):
    seen = stage("press_button").play(2)
    pressing = [view for view in seen if view.privileged.values["pressed_m"] > 0.001]
    assert pressing
    assert max(float(view.state["gripper_opening"][0]) for view in pressing) < 0.002


def test_the_drawer_is_pulled_by_its_bar(stage):
    seen = stage("open_drawer").play(2)
    opening = [view for view in seen if 0.01 < view.privileged.values["opening_m"] < 0.07]
    assert opening
    for view in opening:
        assert view.state["tcp_pos"] == pytest.approx(view.privileged.poses["handle"][:3, 3], abs=0.015)
        assert 0.008 < float(view.state["gripper_opening"][0]) < 0.012
