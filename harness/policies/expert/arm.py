"""What the arm can reach: joints of poses, and the ways between poses that it can follow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from harness.errors import PolicyError
from harness.kinematics.analytic import AnalyticKinematics
from harness.kinematics.poses import homogeneous
from harness.kinematics.robot import TCP, load_robot
from harness.types import Float64Array

# A pose counts as reachable when the arm comes this close to it: ten times closer than the kinematics' own tolerances,
# so that an insertion may rely on it.
_TOLERANCE_M = 1e-4
_TOLERANCE_RAD = 1e-3

# How densely a way is looked at.
_SAMPLE_M = 0.005
_SAMPLE_RAD = 0.05

# Joints that move farther than this between two samples have changed to another branch of the inverse kinematics.
_JUMP_RAD = 0.35


class UnreachableError(PolicyError):
    """The arm cannot get to a pose, or not along the way that was asked for."""


@dataclass(frozen=True)
class Path:
    """A way of the tcp, from s = 0 to s = 1.

    Attributes:
        poses: s (N,) -> base_T_tcp (N, 4, 4).
        joint_pos_rad: (S, 6), the joints at S evenly spaced s from 0 to 1.
    """

    poses: Callable[[Float64Array], Float64Array]
    joint_pos_rad: Float64Array

    @property
    def end_rad(self) -> Float64Array:
        """The joints at the end, (6,)."""
        return np.asarray(self.joint_pos_rad[-1])


class Arm:
    """The Piper's kinematics of the tcp, as planning needs them."""

    def __init__(self) -> None:
        """Loads the arm's description."""
        self._kinematics = AnalyticKinematics(load_robot())

    def pose(self, joint_pos_rad: Float64Array) -> Float64Array:
        """base_T_tcp (4, 4) of joints (6,)."""
        return np.asarray(self._kinematics.forward(joint_pos_rad[np.newaxis], TCP)[0])

    def joints(self, base_t_tcp: Float64Array, near_rad: Float64Array) -> Float64Array:
        """The joints (6,) of a pose (4, 4) that are nearest to others (6,).

        Raises:
            UnreachableError: The pose is out of reach.
        """
        solutions = self._kinematics.inverse(
            base_t_tcp[np.newaxis],
            near_rad,
            TCP,
            position_tolerance_m=_TOLERANCE_M,
            rotation_tolerance_rad=_TOLERANCE_RAD,
            max_solutions=1,
        )
        if not solutions.success[0]:
            raise UnreachableError(f"the tcp cannot get to {_in_words(base_t_tcp)}: {solutions.reason[0]}")
        return np.asarray(solutions.joint_pos_rad[0, 0])

    def line(self, start_rad: Float64Array, base_t_goal: Float64Array) -> Path:
        """The straight line from joints (6,) to a pose (4, 4), turning evenly about one axis.

        Raises:
            UnreachableError: Some of the line is out of reach, or only in another branch.
        """
        self.joints(base_t_goal, start_rad)
        start = self.pose(start_rad)
        way = base_t_goal[:3, 3] - start[:3, 3]
        first = Rotation.from_matrix(start[:3, :3])
        turn = (Rotation.from_matrix(base_t_goal[:3, :3]) * first.inv()).as_rotvec()

        def poses(s: Float64Array) -> Float64Array:
            rotations = Rotation.from_rotvec(s[:, np.newaxis] * turn) * first
            return homogeneous(rotations.as_matrix(), start[:3, 3] + s[:, np.newaxis] * way)

        samples = _samples(float(np.linalg.norm(way)) / _SAMPLE_M, float(np.linalg.norm(turn)) / _SAMPLE_RAD)
        joints = [start_rad]
        for pose in poses(samples[1:]):
            joints.append(self.joints(pose, joints[-1]))
            if np.abs(joints[-1] - joints[-2]).max() > _JUMP_RAD:
                raise UnreachableError(
                    f"on a straight line to {_in_words(base_t_goal)} the arm would have to turn its wrist round"
                )
        return Path(poses, np.array(joints))

    def sweep(self, start_rad: Float64Array, base_t_goal: Float64Array) -> Path:
        """The way from joints (6,) to a pose (4, 4) on which every joint turns evenly; always possible, but no line.

        Raises:
            UnreachableError: The pose is out of reach.
        """
        turn = self.joints(base_t_goal, start_rad) - start_rad

        def poses(s: Float64Array) -> Float64Array:
            return self._kinematics.forward(start_rad + s[:, np.newaxis] * turn, TCP)

        samples = _samples(float(np.abs(turn).max()) / _SAMPLE_RAD)
        return Path(poses, start_rad + samples[:, np.newaxis] * turn)


def _samples(*wanted: float) -> Float64Array:
    return np.linspace(0.0, 1.0, max(2, math.ceil(max(wanted)) + 1))


def _in_words(base_t_tcp: Float64Array) -> str:
    x, y, z = base_t_tcp[:3, 3]
    ahead = base_t_tcp[:3, 2]
    pitch = math.degrees(math.asin(float(np.clip(-ahead[2], -1.0, 1.0))))
    return f"({x:.3f}, {y:.3f}, {z:.3f}) m, looking {pitch:.0f} deg down"
