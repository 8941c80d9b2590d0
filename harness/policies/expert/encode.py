"""From a command to an action, in each of the action spaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from scipy.spatial.transform import Rotation

from harness.action_spaces import EEF_DELTA_M, EEF_DELTA_RAD, GRIPPER_OPENING_M
from harness.policies.expert.view import Command, View
from harness.types import Float64Array


def encode(action_space: str, command: Command, view: View) -> Float64Array:
    """The action that makes the environment do a command.

    Args:
        action_space: One of `harness.action_spaces.ACTION_SPACES`.
        command: What to do in the next control step.
        view: What was seen before it.

    Returns:
        (7,). In ``eef_delta`` a command that is farther away than a step goes is approached straight.

    Raises:
        UnreachableError: The command's pose is out of reach, in a space of joints.
    """
    return _ENCODERS[action_space](command, view)


def _eef_pose(command: Command, view: View) -> Float64Array:
    pose = command.base_t_tcp
    return np.array([*pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_rotvec(), command.opening_m])


def _eef_delta(command: Command, view: View) -> Float64Array:
    goal, told = command.base_t_tcp, view.told.base_t_tcp
    move = (goal[:3, 3] - told[:3, 3]) / EEF_DELTA_M
    turn = (Rotation.from_matrix(goal[:3, :3]) * Rotation.from_matrix(told[:3, :3]).inv()).as_rotvec() / EEF_DELTA_RAD
    closed, opened = GRIPPER_OPENING_M
    gripper = 2.0 * (opened - command.opening_m) / (opened - closed) - 1.0
    return np.array([*_within_one(move), *_within_one(turn), np.clip(gripper, -1.0, 1.0)])


def _joint_position(command: Command, view: View) -> Float64Array:
    return np.array([*view.arm.joints(command.base_t_tcp, view.told_rad), command.opening_m])


def _joint_delta(command: Command, view: View) -> Float64Array:
    return np.array([*view.arm.joints(command.base_t_tcp, view.told_rad) - view.told_rad, command.opening_m])


def _within_one(vector: Float64Array) -> Float64Array:
    """The vector, shortened so that none of its numbers exceeds 1."""
    return np.asarray(vector / max(1.0, float(np.abs(vector).max())))


_ENCODERS: Mapping[str, Callable[[Command, View], Float64Array]] = MappingProxyType(
    {"eef_delta": _eef_delta, "eef_pose": _eef_pose, "joint_position": _joint_position, "joint_delta": _joint_delta}
)
