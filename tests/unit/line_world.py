"""A world small enough to see through: a point on a line, and policies for it."""

from __future__ import annotations

import math
from types import MappingProxyType

import numpy as np

from harness.policies.base import BasePolicy
from harness.types import EnvSpec, Episode, Observation, Protocol, SimState

SPEC = EnvSpec(
    action_dim=2, action_low=(-1, -1), action_high=(1, 1), images={"eye": (2, 2, 3)}, state={"x": 1}, action_space="a"
)
EPISODE = Episode("line", 0, "go", "go right", init=0, repeat=0, seed=0)
PROTOCOL = Protocol(
    name="standard", max_steps=10, settle_steps=0, settle_action=(0.0, 0.0), control_freq_hz=20,
    cameras=MappingProxyType({"eye": "eye"}), image_height_px=2, image_width_px=2, image_rotation_deg=0,
    state_layout=(), gripper="as_is", replan_steps=None, scene_seeding="episode_key", scene_seed=0,
    action_space="a",
)  # fmt: skip


class Line:
    """A point on a line that an action's first number moves; the goal is reached at `goal`.

    `fault` names the method that raises, and the step at which it does.
    """

    def __init__(self, goal=math.inf, fault=("", 0)) -> None:
        self.goal = goal
        self.fault = fault
        self.looks = []

    def _maybe_fail(self, method, step) -> None:
        if self.fault == (method, step):
            raise ArithmeticError(f"{method} failed at step {step}")

    def reset(self, episode):
        self._maybe_fail("reset", 0)
        self.x, self.steps = 0.0, 0
        return f"scene of {episode.key}"

    def observe(self, *, images, privileged=False):
        self._maybe_fail("observe", self.steps)
        self.looks.append((self.steps, images))
        picture = np.full((2, 2, 3), self.steps, dtype=np.uint8)
        return Observation({"eye": picture} if images else {}, {"x": np.array([self.x])}, "go right", self.steps)

    def step(self, action):
        self._maybe_fail("step", self.steps)
        self.x += action[0]
        self.steps += 1
        return self.x >= self.goal

    def state(self):
        self._maybe_fail("state", self.steps)
        return SimState(self.steps / 20, np.array([self.x]), np.zeros(1))

    def render(self, state):
        return {}

    def close(self) -> None:
        pass


class Steady(BasePolicy):
    """Answers a chunk whose actions say at which step they were made and which of the chunk they are."""

    def __init__(self, chunk=1, needs_images=True) -> None:
        self.chunk = chunk
        self.needs_images = needs_images
        self.asked = []
        self.episodes = []

    def reset(self, episode) -> None:
        self.episodes.append(episode)

    def infer(self, observation):
        self.asked.append(observation.step)
        return [[observation.step, index] for index in range(self.chunk)]
