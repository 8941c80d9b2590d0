"""What the Panda can reach: its forward kinematics, and joints found by going there as the OSC controller does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from harness.policies.expert.libero.hand import Boxes
from harness.policies.expert.libero.scene import HOME_RAD
from harness.types import Float64Array

# Denavit-Hartenberg parameters in Craig's convention (Franka's documentation of the arm; robosuite 1.4.0's panda/robot.xml
# has the same frames): a in m, d in m, alpha in rad.
_A = (0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088)
_D = (0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0)
_ALPHA = (0.0, -np.pi / 2, np.pi / 2, np.pi / 2, -np.pi / 2, np.pi / 2, np.pi / 2)
# From the last joint's frame to the gripper's, along z and about it (robosuite 1.4.0, panda/robot.xml, panda_gripper.xml).
_GRIP_M, _GRIP_RAD = 0.2035, 3 * np.pi / 4
# The joints' stops (robosuite 1.4.0, panda/robot.xml).
_LOW_RAD = np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])
_HIGH_RAD = np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])

# Half the thickness of the forearm and the wrist (robosuite 1.4.0, panda's meshes), a little less: the box has corners.
_THICK_M = 0.055

# Damped least squares: the damping, the farthest that joints go in one round, the rounds, how near is there, how strongly
# the joints are drawn home where that changes nothing for the gripper, and how far they stay from their stops.
_DAMPING, _MOST_RAD, _ROUNDS = 0.04, 0.25, 35
_NEAR_M, _NEAR_RAD = 0.004, 0.03
_HOMING, _STOP_RAD = 0.05, 0.15


def frames(joint_pos_rad: Float64Array) -> list[Float64Array]:
    """base_T_joint (4, 4) of the seven joints, each turning about its z axis, and base_T_grip last."""
    pose, found = np.eye(4), []
    for a, d, alpha, angle in zip(_A, _D, _ALPHA, joint_pos_rad, strict=True):
        pose = pose @ _link(a, d, alpha, float(angle))
        found.append(pose)
    return [*found, pose @ _link(0.0, _GRIP_M, 0.0, _GRIP_RAD)]


def arm_solid(joint_pos_rad: Float64Array) -> Boxes:
    """The forearm and the wrist as boxes in the frame of the arm's base; the rest is behind, or belongs to the hand."""
    found = frames(joint_pos_rad)
    elbow, wrist = found[3][:3, 3], found[4][:3, 3]
    centres = np.array([(elbow + wrist) / 2, wrist, found[6][:3, 3]])
    halves = np.full((3, 3), _THICK_M)
    halves[0, 2] = float(np.linalg.norm(wrist - elbow)) / 2
    along = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    side = np.cross(along, found[3][:3, 2])
    side /= np.linalg.norm(side)
    axes = np.array([np.stack([side, np.cross(along, side), along], axis=1), found[4][:3, :3], found[6][:3, :3]])
    return Boxes(centres, axes, halves)


def joints_at(base_t_grip: Float64Array, near_rad: Float64Array) -> Float64Array | None:
    """Joints (7,) of a pose (4, 4) of the gripper, got to from others (7,); None where the arm does not get there."""
    joints = near_rad
    for _ in range(_ROUNDS):
        found = frames(joints)
        error = _difference(found[-1], base_t_grip)
        if np.linalg.norm(error[:3]) < _NEAR_M and np.linalg.norm(error[3:]) < _NEAR_RAD:
            # The controller knows no stops: where a joint rests on one, the gripper drifts away.
            return joints if np.all((joints > _LOW_RAD + _STOP_RAD) & (joints < _HIGH_RAD - _STOP_RAD)) else None
        turning = _jacobian(found)
        inverse = turning.T @ np.linalg.inv(turning @ turning.T + _DAMPING**2 * np.eye(6))
        home = _HOMING * (HOME_RAD - joints)
        step = inverse @ error + home - inverse @ (turning @ home)
        joints = joints + step * min(1.0, _MOST_RAD / max(float(np.abs(step).max()), 1e-9))
        joints = np.clip(joints, _LOW_RAD + _STOP_RAD, _HIGH_RAD - _STOP_RAD)
    return None


def joints_along(
    world_t_base: Float64Array, world_t_grip: Sequence[Float64Array], near_rad: Float64Array
) -> list[Float64Array] | None:
    """Joints (7,) at each of some poses (4, 4) that follow each other; None where the arm does not get to one."""
    base_t_world, joints, found = np.linalg.inv(world_t_base), near_rad, []
    for pose in world_t_grip:
        reached = joints_at(base_t_world @ pose, joints)
        if reached is None:
            return None
        found.append(reached)
        joints = reached
    return found


def _jacobian(found: Sequence[Float64Array]) -> Float64Array:
    """(6, 7): how the gripper moves (m) and turns (rad) with each joint."""
    axes = np.array([frame[:3, 2] for frame in found[:-1]])
    arms = found[-1][:3, 3] - np.array([frame[:3, 3] for frame in found[:-1]])
    return np.concatenate([np.cross(axes, arms).T, axes.T])


def _difference(now: Float64Array, wanted: Float64Array) -> Float64Array:
    """(6,): how far to move (m) and to turn (rad) from one pose to another."""
    turn = Rotation.from_matrix(wanted[:3, :3] @ now[:3, :3].T).as_rotvec()
    return np.concatenate([wanted[:3, 3] - now[:3, 3], turn])


def _link(a: float, d: float, alpha: float, angle: float) -> Float64Array:
    cosine, sine, ca, sa = np.cos(angle), np.sin(angle), np.cos(alpha), np.sin(alpha)
    return np.array(
        [[cosine, -sine, 0.0, a], [sine * ca, cosine * ca, -sa, -d * sa], [sine * sa, cosine * sa, ca, d * ca], [0, 0, 0, 1]]
    )
