"""The Panda's arm above a gripper that looks down: where it reaches, how far its wrist turns, and the room that it takes.

Near the base and far from it the arm cannot hold the gripper upright: there it leans, in the arm's plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.policies.expert.libero.geometry import CELL_M, HeightMap, highest, rectangle, widened
from harness.policies.expert.libero.motion import pointing_down
from harness.policies.expert.libero.scene import Scene
from harness.types import Float64Array

# robosuite 1.4.0, robots/panda/robot.xml and grippers/panda_gripper.xml: the shoulder (joint 2) above the base; joint 6
# above the gripper's controlled point and behind it.
_SHOULDER_M, _WRIST_ABOVE_M, _WRIST_BEHIND_M = 0.333, 0.204, 0.088
# How far joint 6 may be from the shoulder. The elbow's offset of 0.0825 m and links of 0.316 and 0.384 m give 0.20 m at its
# stop and 0.719 m where it is straight, 0.4 rad before its other stop: an arm that gets past that does not come back.
_NEAREST_M, _FARTHEST_M = 0.235, 0.68
_ABOVE_M = 0.04  # from where it comes down to a place
_LEANS_RAD = np.linspace(-0.4, 0.4, 33)

# What a lean of a radian and a metre beyond the arm's reach cost, against the costs of grasps and places.
_PER_RAD, _PER_M_BEYOND = 0.15, 20.0

# How far the gripper may turn from how it stands at first (closing along the world's y axis), about the vertical and against
# the arm's plane: joint 7 turns from -2.897 to 2.897 rad, and stands at 0.785 then.
_LEAST_YAW_RAD, _MOST_YAW_RAD = -1.9, 3.3

# The room of links 5 and 6 (link5.stl, link6.stl), the lowest of the arm: above the controlled point, and rectangles as
# (low, high) outwards and (low, high) to the left of the arm's plane, a cell's side smaller, as the map is widened so much.
_ARM_ABOVE_M = 0.151
ARM_REACH_M = 0.16  # no part of that room is farther aside
_ROOM = (((-0.136, 0.046), (-0.054, 0.044)), ((-0.136, -0.039), (0.044, 0.126)))


@dataclass(frozen=True)
class Lean:
    """How the gripper has to lean at some places.

    Attributes:
        angle_rad: (N,); positive where the fingers point away from the base.
        cost: (N,), of leaning otherwise than wanted, against the costs of grasps and places; large where the arm does not
            reach even so.
    """

    angle_rad: Float64Array
    cost: Float64Array


def lean(scene: Scene, positions_m: Float64Array, wanted_rad: float = 0.0) -> Lean:
    """The lean nearest to a wanted one at which the arm reaches places of the gripper (N, 3)."""
    own = _in_base(scene, positions_m)
    outwards = np.linalg.norm(own[:, :2], axis=1)[:, np.newaxis]
    sine, cosine = np.sin(_LEANS_RAD), np.cos(_LEANS_RAD)
    level = outwards - _WRIST_ABOVE_M * sine - _WRIST_BEHIND_M * cosine
    up = own[:, 2:] - _SHOULDER_M + _WRIST_ABOVE_M * cosine - _WRIST_BEHIND_M * sine
    distances = np.hypot(level, up), np.hypot(level, up + _ABOVE_M)
    beyond = np.maximum(0.0, np.maximum(np.maximum(*distances) - _FARTHEST_M, _NEAREST_M - np.minimum(*distances)))
    best = np.argmin(_PER_M_BEYOND * beyond + _PER_RAD * np.abs(_LEANS_RAD - wanted_rad), axis=1)
    angle, missing = _LEANS_RAD[best], np.take_along_axis(beyond, best[:, np.newaxis], axis=1)[:, 0]
    return Lean(angle, _PER_RAD * np.abs(angle - wanted_rad) + _PER_M_BEYOND * missing)


def looking_down(scene: Scene, position_m: Float64Array, closing_rad: float, lean_rad: float) -> Float64Array:
    """world_R_grip (3, 3) at a place (3,) of a gripper that closes along a level direction and leans in the arm's plane."""
    azimuth = azimuths_rad(scene, position_m[np.newaxis])[0]
    across = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    cross = np.cross(np.eye(3), across)
    turn = np.eye(3) + np.sin(lean_rad) * cross + (1 - np.cos(lean_rad)) * cross @ cross
    return np.asarray(turn @ pointing_down(closing_rad))


def azimuths_rad(scene: Scene, positions_m: Float64Array) -> Float64Array:
    """The directions in which the arm reaches out to places (N, 3), from the base's x axis, (N,)."""
    own = _in_base(scene, positions_m)
    return np.arctan2(own[:, 1], own[:, 0])


def wrist_turns(azimuth_rad: float, yaw_rad: float) -> bool:
    """Whether the wrist lets the gripper, turned from how it stands at first, stand in a direction of the arm."""
    return _LEAST_YAW_RAD <= yaw_rad - azimuth_rad <= _MOST_YAW_RAD


def yaws(closing_rad: float) -> tuple[float, float, float]:
    """The gripper's turns, from how it stands at first, at which it closes along a direction; the smallest first."""
    first = closing_rad % np.pi - np.pi / 2
    return first, first + np.pi, first - np.pi


def arm_limits_m(scene: Scene, top: HeightMap, places_m: Float64Array) -> Float64Array:
    """How low the gripper may go at level places (N, 2), not far from each other, for the arm to be in nothing, (N,)."""
    azimuth = float(azimuths_rad(scene, np.array([[*places_m.mean(axis=0), 0.0]]))[0])
    room = np.concatenate([rectangle(*sides, 3 * CELL_M, azimuth) for sides in _ROOM])
    return highest(widened(top), places_m, room) - _ARM_ABOVE_M


def _in_base(scene: Scene, points: Float64Array) -> Float64Array:
    base = scene.world.poses["base"]
    return np.asarray((points - base[:3, 3]) @ base[:3, :3])
