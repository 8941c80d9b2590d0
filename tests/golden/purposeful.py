"""Actions that do something: a gripper that grasps and lifts, pulls a drawer, pushes a knob. No task needs to succeed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from harness.types import Environment, Float64Array

OPEN, CLOSED = -1.0, 1.0
# One unit of an OSC_POSE action moves the goal by this much (robosuite's osc_pose.json).
_UNIT_M = 0.05


class Hand:
    """Drives the gripper of an environment that has been reset, and writes down every action."""

    def __init__(self, environment: Environment, after_step: Callable[[], None] = lambda: None) -> None:
        self._environment = environment
        self._after_step = after_step
        self.actions: list[Float64Array] = []

    @property
    def place(self) -> Float64Array:
        """Between the fingers, m, world."""
        return self._environment.observe(images=False).state["eef_pos"]

    def go(self, target: Float64Array, gripper: float, steps: int) -> None:
        for _ in range(steps):
            delta = np.clip((target - self.place) / _UNIT_M, -1.0, 1.0)
            self._act(np.concatenate([delta, np.zeros(3), [gripper]]))

    def hold(self, gripper: float, steps: int) -> None:
        for _ in range(steps):
            self._act(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, gripper]))

    def _act(self, action: Float64Array) -> None:
        self.actions.append(action)
        self._environment.step(action)
        self._after_step()


def up(place: Float64Array, height: float) -> Float64Array:
    """A place above another, m."""
    return place + np.array([0.0, 0.0, height])


def grasp(hand: Hand, body: Float64Array, *, aside: Float64Array) -> None:
    """Takes what stands at `body` from above and lifts it; `aside` leads from there to where the fingers can close."""
    above = body + aside
    hand.go(up(above, 0.12), OPEN, 25)
    hand.go(up(above, 0.01), OPEN, 20)
    hand.hold(CLOSED, 12)
    hand.go(up(above, 0.2), CLOSED, 20)


def sweep(hand: Hand, start: Float64Array, end: Float64Array, gripper: float = CLOSED) -> None:
    """Goes to `start` from above, and from there to `end`, pushing what is on the way."""
    hand.go(up(start, 0.1), gripper, 25)
    hand.go(start, gripper, 15)
    hand.go(end, gripper, 30)


def random_walk(seed: int, steps: int) -> Iterator[Float64Array]:
    """Smooth random actions, some beyond the limits, with the gripper opening and closing."""
    generator, action = np.random.default_rng(seed), np.zeros(7)
    for _ in range(steps):
        action = 0.8 * action + 0.5 * generator.standard_normal(7)
        yield np.clip(action, -1.2, 1.2)
