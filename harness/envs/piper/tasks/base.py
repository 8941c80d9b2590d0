"""What every kind of task offers: things on the table, where they may stand, and when the task is done."""

from __future__ import annotations

import typing
from collections.abc import Mapping

import numpy as np

from harness.envs.piper.simulation import Simulation
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco


# How often a scene draws anew until things fit; it takes a few, unless a suite's numbers make it impossible.
MANY_DRAWS = 1000


class Goal(typing.Protocol):
    """Watches one episode."""

    def reached(self, simulation: Simulation) -> bool:
        """Whether the task is done; called once after every control step, with poses and contacts up to date."""


class Scene(typing.Protocol):
    """A kind of task: a frozen dataclass whose fields are what a suite's YAML may set."""

    def build(self, spec: mujoco.MjSpec) -> None:
        """Adds the task's things to the table."""

    def sample(self, generator: np.random.Generator) -> Float64Array:
        """One initial state of the things, a vector in this kind's own layout.

        Raises:
            ValueError: The scene's numbers leave no room for any; the message names what to change.
        """

    def place(self, simulation: Simulation, init: Float64Array) -> None:
        """Puts the things where `sample` said."""

    def goal(self, simulation: Simulation) -> Goal:
        """What watches an episode that begins now, after settling."""

    def poses(self, simulation: Simulation) -> Mapping[str, Float64Array]:
        """What an expert may know: name -> base_T_object, (4, 4)."""

    def values(self, simulation: Simulation) -> Mapping[str, float]:
        """What an expert may know besides: name -> a number, its unit in the name."""


def yaw_quat_wxyz(yaw_rad: float) -> tuple[float, float, float, float]:
    """The quaternion of a turn about z."""
    return float(np.cos(yaw_rad / 2)), 0.0, 0.0, float(np.sin(yaw_rad / 2))


def yaw_pose(pos_m: Float64Array, yaw_rad: float) -> Float64Array:
    """base_T_object, (4, 4), of something upright at a place (3,), turned about z."""
    pose = np.eye(4)
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    pose[:2, :2] = (cos, -sin), (sin, cos)
    pose[:3, 3] = pos_m
    return pose


class Held:
    """Counts for how many control steps in a row something was true."""

    def __init__(self, steps: int) -> None:
        """`steps`: how many are wanted."""
        self._wanted = steps
        self._seen = 0

    def __call__(self, now: bool) -> bool:
        """Whether it has been true for long enough, now included."""
        self._seen = self._seen + 1 if now else 0
        return self._seen >= self._wanted
