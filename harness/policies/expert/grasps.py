"""Poses of the gripper for grasps from above, and poses relative to others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from harness.policies.expert.view import View
from harness.types import Float64Array

# How far from straight down a grasp may lean, the most upright first: the wrist cannot look straight down above 0.1 m.
TILTS_RAD = tuple(np.radians((0.0, 10.0, 20.0, 30.0)).tolist())

# A parallel gripper closes on a box along either of two axes, from either side.
BOX_RAD = (0.0, np.pi / 2, np.pi, -np.pi / 2)


def down(position_m: npt.ArrayLike, closing_rad: float, tilt_rad: float = 0.0) -> Float64Array:
    """base_T_tcp (4, 4) of a gripper that looks down.

    Args:
        position_m: Of the tcp, (3,).
        closing_rad: Where tcp's y axis points, along which the fingers move: the angle from the base's x axis, level.
        tilt_rad: How far the gripper leans, turned about tcp's y axis, so that it looks away from the base.
    """
    position = np.asarray(position_m, dtype=np.float64)
    across = np.array([np.cos(closing_rad), np.sin(closing_rad), 0.0])
    level = np.array([across[1], -across[0], 0.0])
    outward = level if level @ position >= 0 else -level
    ahead = np.sin(tilt_rad) * outward - np.cos(tilt_rad) * np.array([0.0, 0.0, 1.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([np.cross(across, ahead), across, ahead], axis=1)
    pose[:3, 3] = position
    return pose


def leaning(position_m: npt.ArrayLike, closing_rad: Iterable[float]) -> Iterator[list[Float64Array]]:
    """Poses of the gripper at a place, the most upright first: for each tilt one for each closing angle (see `down`)."""
    angles = list(closing_rad)
    for tilt_rad in TILTS_RAD:
        yield [down(position_m, angle, tilt_rad) for angle in angles]


def closing_angles(base_t_thing: Float64Array, relative_rad: Sequence[float] = BOX_RAD) -> list[float]:
    """Closing angles in the base frame of angles that are counted from a thing's own x axis."""
    yaw = float(np.arctan2(base_t_thing[1, 0], base_t_thing[0, 0]))
    return [yaw + angle for angle in relative_rad]


def raised(base_t_tcp: Float64Array, height_m: float) -> Float64Array:
    """The same pose, higher by `height_m`."""
    pose = base_t_tcp.copy()
    pose[2, 3] += height_m
    return pose


def told_for(view: View, thing: str, base_t_goal: Float64Array) -> Float64Array:
    """Where the tcp must be told to be (4, 4) for a thing that the gripper holds to be at its goal (4, 4).

    It goes by where the thing is and where the tcp was told to be: so however the thing was grasped, and whatever the arm
    gives way to, is made up for.
    """
    return np.asarray(base_t_goal @ np.linalg.inv(view.poses[thing]) @ view.told.base_t_tcp)
