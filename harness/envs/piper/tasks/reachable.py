"""Where the tcp can go: poses of the gripper, and joints for them that are well within what the arm can do."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from harness.envs.gl import settle_gl
from harness.kinematics.base import Kinematics
from harness.kinematics.registry import make_kinematics
from harness.kinematics.robot import RobotModel, load_robot
from harness.motion.collision import CollisionChecker
from harness.motion.world import Box, World
from harness.types import Float64Array

# How far joints stay away from their limits, so that a policy which comes a little beside a pose can correct itself.
_MARGIN_RAD = 0.1

# How far the arm stays above the table: fingers that are open stick out 25 mm farther than the closed ones that are checked.
_CLEARANCE_M = 0.03

# The table but for the part that the arm's base stands on.
_TABLE = Box(name="table", xyz_m=(0.55, 0.0, -0.05), size_m=(0.9, 1.6, 0.1))


def gripper_pose(pos_m: Float64Array, azimuth_rad: float, pitch_rad: float, roll_rad: float = 0.0) -> Float64Array:
    """base_T_tcp, (4, 4).

    Args:
        pos_m: (3,), of the tcp.
        azimuth_rad: Which way the fingers point, seen from above; 0 is ahead.
        pitch_rad: How far down they point: 0 is level, pi / 2 straight down.
        roll_rad: Turn about their own direction; at 0 the fingers move level.
    """
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("ZYZ", (azimuth_rad, np.pi / 2 + pitch_rad, roll_rad)).as_matrix()
    pose[:3, 3] = pos_m
    return pose


def joints_for(base_t_tcp: Float64Array) -> Float64Array | None:
    """Joints (6,) for a pose, near to how the arm stands when it is ready.

    Args:
        base_t_tcp: (4, 4).

    Returns:
        None where there are none that keep away from the limits, from the table and from the arm itself.
    """
    arm = _arm()
    solutions = arm.kinematics.inverse(base_t_tcp[np.newaxis], arm.robot.home_rad["ready"], "tcp")
    joints = np.asarray(solutions.joint_pos_rad[0, 0])
    limits = arm.robot.limits_rad
    to_limits_rad = np.minimum(joints - limits[:, 0], limits[:, 1] - joints).min()
    if not solutions.success[0] or to_limits_rad < _MARGIN_RAD or not arm.checker.collision_free(joints[np.newaxis])[0]:
        return None
    return joints


@dataclass(frozen=True)
class _Arm:
    robot: RobotModel
    kinematics: Kinematics
    checker: CollisionChecker


@functools.cache
def _arm() -> _Arm:
    settle_gl()  # the checker imports mujoco, and this process may draw later
    robot = load_robot()
    world = World(obstacles=(_TABLE,), clearance_m=_CLEARANCE_M)
    return _Arm(robot, make_kinematics("analytic"), CollisionChecker(robot, world))
