"""Bring the gripper to a pose in the air."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from harness.description.transforms import matrix_quat_wxyz
from harness.envs.piper.scene import BLUE, GREEN, RED, YELLOW, add_body, add_box
from harness.envs.piper.simulation import Simulation
from harness.envs.piper.tasks.base import MANY_DRAWS, Goal, Held
from harness.envs.piper.tasks.reachable import gripper_pose, joints_for
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco

_TARGET = "target"

# The target as it is drawn: axes x, y, z in red, green, blue, and where the two finger tips are to be.
_AXIS_HALF_LENGTH_M = 0.03
_AXIS_HALF_WIDTH_M = 0.003
_TIP_HALF_SIZE_M = (0.009, 0.0025, 0.02)
_TIP_ASIDE_M = 0.0275

# Lowest and highest: distance from the arm's base (m), direction (rad), height (m), how far the fingers point to the side
# of that direction, how far down, and how far they are rolled (rad).
_LOW = (0.20, -0.8, 0.06, -0.5, 0.0, -1.0)
_HIGH = (0.50, 0.8, 0.40, 0.5, np.pi / 2, 1.0)


@dataclass(frozen=True)
class Reach:
    """The tcp is to be brought to a pose, and kept there.

    Attributes:
        tolerance_m: How far it may be away.
        tolerance_rad: How far it may be turned away.
        hold_steps: For how many control steps in a row it must be there.
    """

    tolerance_m: float = 0.01
    tolerance_rad: float = 0.15
    hold_steps: int = 10

    def build(self, spec: mujoco.MjSpec) -> None:
        """Draws the target, which nothing can touch."""
        target = add_body(spec, _TARGET, free=False)
        for axis, color in enumerate((RED, GREEN, BLUE)):
            half_size_m, centre_m = np.full(3, _AXIS_HALF_WIDTH_M), np.zeros(3)
            half_size_m[axis] = centre_m[axis] = _AXIS_HALF_LENGTH_M
            add_box(target, half_size_m.tolist(), color, pos_m=centre_m.tolist(), collides=False)
        for side in (-1, 1):
            centre = (0, side * _TIP_ASIDE_M, -_TIP_HALF_SIZE_M[2])
            add_box(target, _TIP_HALF_SIZE_M, YELLOW, pos_m=centre, collides=False)

    def sample(self, generator: np.random.Generator) -> Float64Array:
        """Position (3, m) and quaternion (w, x, y, z) of the target, anywhere that the arm gets to with a margin."""
        for _ in range(MANY_DRAWS):
            distance_m, direction_rad, height_m, aside_rad, pitch_rad, roll_rad = generator.uniform(_LOW, _HIGH)
            position_m = np.array([distance_m * np.cos(direction_rad), distance_m * np.sin(direction_rad), height_m])
            pose = gripper_pose(position_m, direction_rad + aside_rad, pitch_rad, roll_rad)
            if joints_for(pose) is not None:
                return np.concatenate([position_m, matrix_quat_wxyz(pose[:3, :3])])
        raise ValueError("no pose within reach was drawn")

    def place(self, simulation: Simulation, init: Float64Array) -> None:
        """Puts the target into the air."""
        simulation.place_fixed(_TARGET, init[:3], init[3:])

    def goal(self, simulation: Simulation) -> Goal:
        """Done when the tcp has been at the target for long enough."""
        return _Reached(self)

    def poses(self, simulation: Simulation) -> Mapping[str, Float64Array]:
        """Where the tcp is to be."""
        return {_TARGET: simulation.pose(_TARGET)}

    def values(self, simulation: Simulation) -> Mapping[str, float]:
        """How far it may be away, and turned away."""
        return {"tolerance_m": self.tolerance_m, "tolerance_rad": self.tolerance_rad}


class _Reached:
    def __init__(self, scene: Reach) -> None:
        self._scene = scene
        self._held = Held(scene.hold_steps)

    def reached(self, simulation: Simulation) -> bool:
        target, tcp = simulation.pose(_TARGET), simulation.site_pose("tcp")
        away_m = np.linalg.norm(tcp[:3, 3] - target[:3, 3])
        turned_rad = Rotation.from_matrix(tcp[:3, :3].T @ target[:3, :3]).magnitude()
        return self._held(bool(away_m <= self._scene.tolerance_m and turned_rad <= self._scene.tolerance_rad))
