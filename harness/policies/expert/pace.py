"""How fast a path is followed: from a path to one pose a control step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.kinematics.poses import rotation_angle
from harness.policies.expert.arm import Path
from harness.types import Float64Array

# Of every Piper suite; see `harness.action_spaces`.
CONTROL_FREQ_HZ = 20

# Largest first and second derivatives of `minimum_jerk`: 15/8 at t = 1/2, and 10/sqrt(3) at t = (3 - sqrt(3))/6.
_PEAK_SPEED = 15 / 8
_PEAK_ACCELERATION = 10 / math.sqrt(3)


@dataclass(frozen=True)
class Pace:
    """Limits of a motion.

    Attributes:
        speed_m_s: Of the tcp.
        acceleration_m_s2: Of the tcp.
        turn_rad_s: How fast the gripper turns.
        turn_rad_s2: How fast that changes.
        joint_rad_s: How fast any joint turns.
    """

    speed_m_s: float
    acceleration_m_s2: float
    turn_rad_s: float = 1.5
    turn_rad_s2: float = 6.0
    joint_rad_s: float = 2.0


# Through free space, and near things. The arm itself could do 3 rad/s in every joint.
FREE = Pace(speed_m_s=0.25, acceleration_m_s2=1.0)
CAREFUL = Pace(speed_m_s=0.10, acceleration_m_s2=0.5)


def minimum_jerk(t: Float64Array) -> Float64Array:
    """From 0 to 1, at rest at both ends: Flash and Hogan, Journal of Neuroscience 5 (1985), with the way and the time 1."""
    return np.asarray(t**3 * (10 - 15 * t + 6 * t**2))


def timed(path: Path, pace: Pace) -> Float64Array:
    """The poses (T, 4, 4) of the control steps that follow a path, its start left out and its end the last; T >= 1."""
    samples = np.linspace(0.0, 1.0, len(path.joint_pos_rad))
    poses = path.poses(samples)
    spacing = samples[1]
    metres = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).max() / spacing
    turns = rotation_angle(poses[1:, :3, :3], poses[:-1, :3, :3]).max() / spacing
    joints = np.abs(np.diff(path.joint_pos_rad, axis=0)).max() / spacing
    duration_s = max(
        _PEAK_SPEED * metres / pace.speed_m_s,
        _PEAK_SPEED * turns / pace.turn_rad_s,
        _PEAK_SPEED * joints / pace.joint_rad_s,
        math.sqrt(_PEAK_ACCELERATION * metres / pace.acceleration_m_s2),
        math.sqrt(_PEAK_ACCELERATION * turns / pace.turn_rad_s2),
    )
    steps = max(1, math.ceil(duration_s * CONTROL_FREQ_HZ))
    return path.poses(minimum_jerk(np.arange(1, steps + 1) / steps))
