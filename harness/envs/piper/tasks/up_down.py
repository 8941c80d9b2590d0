"""Move the gripper straight up and down again."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from harness.envs.piper.scene import GREEN, add_body, add_cylinder
from harness.envs.piper.simulation import Simulation
from harness.envs.piper.tasks.base import MANY_DRAWS, Goal
from harness.envs.piper.tasks.reachable import gripper_pose, joints_for
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco

_PATH = "path"
_LINE_RADIUS_M = 0.0015
_END_RADIUS_M = 0.008
_END_HALF_HEIGHT_M = 0.001

# The gripper points this far down, so that the arm reaches every height of the path, whichever way it stands.
_PITCH_RAD = np.deg2rad(60)


@dataclass(frozen=True)
class UpDown:
    """The tcp is to follow a vertical line from its lower end to its upper one and back, without turning.

    Attributes:
        height_m: Of the line.
        tolerance_m: How far the tcp may be from the line, and from an end of it that counts as reached.
        tolerance_rad: How far the gripper may turn.
    """

    height_m: float = 0.12
    tolerance_m: float = 0.01
    tolerance_rad: float = 0.1

    def build(self, spec: mujoco.MjSpec) -> None:
        """Draws the line, from the body's origin up, and its ends."""
        path = add_body(spec, _PATH, free=False)
        half_m = self.height_m / 2
        add_cylinder(path, _LINE_RADIUS_M, half_m, GREEN, pos_m=(0, 0, half_m), collides=False)
        for height_m in (0.0, self.height_m):
            add_cylinder(path, _END_RADIUS_M, _END_HALF_HEIGHT_M, GREEN, pos_m=(0, 0, height_m), collides=False)

    def sample(self, generator: np.random.Generator) -> Float64Array:
        """Joints (6,) with the tcp at the line's lower end, from which the upper one can be reached, too."""
        for _ in range(MANY_DRAWS):
            distance_m, direction_rad, low_m = generator.uniform((0.22, -0.6, 0.06), (0.36, 0.6, 0.09))
            position_m = np.array([distance_m * np.cos(direction_rad), distance_m * np.sin(direction_rad), low_m])
            low, high = (
                joints_for(gripper_pose(np.add(position_m, (0, 0, height_m)), direction_rad, _PITCH_RAD))
                for height_m in (0.0, self.height_m)
            )
            if low is not None and high is not None:
                return low
        raise ValueError(f"height_m: the arm cannot follow a line of {self.height_m} m anywhere")

    def place(self, simulation: Simulation, init: Float64Array) -> None:
        """Puts the arm at the line's lower end, which is where its tcp then is."""
        simulation.drive.put(init)
        simulation.forward()
        simulation.place_fixed(_PATH, simulation.site_pose("tcp")[:3, 3])

    def goal(self, simulation: Simulation) -> Goal:
        """Done when the tcp is back from the upper end; it must never have left the line, nor turned."""
        return _Followed(self, simulation)

    def poses(self, simulation: Simulation) -> Mapping[str, Float64Array]:
        """The line's lower end, upright."""
        return {_PATH: simulation.pose(_PATH)}

    def values(self, simulation: Simulation) -> Mapping[str, float]:
        """How high the line is, and how far the tcp may be from it."""
        return {"height_m": self.height_m, "tolerance_m": self.tolerance_m}


class _Followed:
    def __init__(self, scene: UpDown, simulation: Simulation) -> None:
        self._scene = scene
        self._first_turn = Rotation.from_matrix(simulation.site_pose("tcp")[:3, :3])
        self._has_left = False
        self._was_up = False

    def reached(self, simulation: Simulation) -> bool:
        scene = self._scene
        tcp = simulation.site_pose("tcp")
        above_low_m = tcp[:3, 3] - simulation.pose(_PATH)[:3, 3]
        nearest_m = np.array([0.0, 0.0, np.clip(above_low_m[2], 0.0, scene.height_m)])
        turned_rad = (Rotation.from_matrix(tcp[:3, :3]) * self._first_turn.inv()).magnitude()
        if np.linalg.norm(above_low_m - nearest_m) > scene.tolerance_m or turned_rad > scene.tolerance_rad:
            self._has_left = True
        if above_low_m[2] >= scene.height_m - scene.tolerance_m:
            self._was_up = True
        return self._was_up and not self._has_left and bool(above_low_m[2] <= scene.tolerance_m)
