"""Joint trajectories whose velocity, acceleration and jerk stay within limits."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError, UsageError
from harness.types import Float64Array

JOINTS = 6

# 500 Hz: the control rate of the simulated arm.
CONTROL_DT_S = 0.002

# A shorter move than this is one step and not timed: far below what an encoder can tell (piper_sdk reports 0.001 degrees,
# 1.7e-5 rad), and of the size of ruckig's own rounding.
_NO_MOVE_RAD = 1e-9


@dataclass(frozen=True)
class MotionLimits:
    """How fast each joint may move.

    Attributes:
        velocity_rad_s: (6,), above 0.
        acceleration_rad_s2: (6,), above 0.
        jerk_rad_s3: (6,), above 0.
    """

    velocity_rad_s: tuple[float, ...]
    acceleration_rad_s2: tuple[float, ...]
    jerk_rad_s3: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("velocity_rad_s", "acceleration_rad_s2", "jerk_rad_s3"):
            values = getattr(self, name)
            if len(values) != JOINTS or not all(math.isfinite(value) and value > 0 for value in values):
                raise UsageError(f"motion limits: {name} is {values}; expected {JOINTS} finite numbers above 0")

    def scaled(self, speed: float) -> MotionLimits:
        """The limits that make every motion take ``1 / speed`` of its time, along the same path.

        Args:
            speed: Above 0, at most 1.

        Raises:
            UsageError: It is not.
        """
        if not 0 < speed <= 1:
            raise UsageError(f"a speed of {speed} is not possible: it is a fraction of the limits, above 0 and at most 1")
        return MotionLimits(
            velocity_rad_s=tuple(value * speed for value in self.velocity_rad_s),
            acceleration_rad_s2=tuple(value * speed**2 for value in self.acceleration_rad_s2),
            jerk_rad_s3=tuple(value * speed**3 for value in self.jerk_rad_s3),
        )


# Velocity: the SDK caps a joint at 3 rad/s (piper_sdk, MotorAngleLimitMaxSpdSet: 0 to 3 rad/s; the URDF's 5 is not reached).
# Acceleration: the most that the controller can be set to (piper_sdk, JointConfig: max_joint_acc 0 to 500, 0.01 rad/s^2).
# Jerk: the manufacturer names none. 50 rad/s^3 reaches the full acceleration in 0.1 s, several periods of an arm's position
# loop, so that a servo can follow; a move of 1 rad takes 0.1 s longer than with unlimited jerk.
PIPER_LIMITS = MotionLimits(
    velocity_rad_s=(3.0,) * JOINTS,
    acceleration_rad_s2=(5.0,) * JOINTS,
    jerk_rad_s3=(50.0,) * JOINTS,
)


@dataclass(frozen=True)
class Trajectory:
    """Joint positions over time, sampled every `dt_s`, at rest at both ends.

    Attributes:
        time_s: (T,), from 0, equally spaced; T is 1 when nothing moves.
        joint_pos_rad: (T, 6); the first row is the start and the last one the goal, exactly.
        joint_vel_rad_s: (T, 6).
        joint_acc_rad_s2: (T, 6).
        dt_s: The spacing.
    """

    time_s: Float64Array
    joint_pos_rad: Float64Array
    joint_vel_rad_s: Float64Array
    joint_acc_rad_s2: Float64Array
    dt_s: float

    @property
    def duration_s(self) -> float:
        """The time of the last sample."""
        return float(self.time_s[-1])


def jerk_limited(
    start_rad: npt.ArrayLike,
    goal_rad: npt.ArrayLike,
    limits: MotionLimits = PIPER_LIMITS,
    dt_s: float = CONTROL_DT_S,
) -> Trajectory:
    """The quickest straight motion in joint space from rest to rest.

    All joints move in proportion, so the arm passes through the joint vectors on the straight line between start and goal
    and through no others: a line that is free of collisions stays so. The proportion is timed by ruckig (Berscheid and
    Kröger, 2021), with the limits of the joint that is nearest to its own.

    Args:
        start_rad: (6,).
        goal_rad: (6,).
        limits: Never exceeded.
        dt_s: Spacing of the samples; the last one is at the first multiple at which the goal is reached.

    Raises:
        UsageError: A joint vector is not six finite numbers, `dt_s` is not above 0, or ruckig is not installed.
        HarnessError: ruckig found no solution.
    """
    return through_waypoints([start_rad, goal_rad], limits, dt_s)


def through_waypoints(
    waypoints_rad: npt.ArrayLike | list[npt.ArrayLike],
    limits: MotionLimits = PIPER_LIMITS,
    dt_s: float = CONTROL_DT_S,
) -> Trajectory:
    """Straight motions in joint space from each waypoint to the next, at rest at each.

    Args:
        waypoints_rad: (W, 6), W >= 1. The path is exactly the polyline through them.
        limits: Never exceeded.
        dt_s: Spacing of the samples; every waypoint is one of them.

    Raises:
        UsageError: As `jerk_limited`.
        HarnessError: As `jerk_limited`.
    """
    waypoints = _checked_waypoints(waypoints_rad)
    if not (math.isfinite(dt_s) and dt_s > 0):
        raise UsageError(f"a trajectory's samples cannot be {dt_s} s apart; expected a number above 0")
    rest = np.zeros((1, JOINTS))
    positions, velocities, accelerations = [waypoints[:1]], [rest], [rest]
    for start, goal in itertools.pairwise(waypoints):
        if (start == goal).all():
            continue
        distance = float(np.abs(goal - start).max())
        direction = (goal - start) / distance
        along = _along_line(distance, direction, limits, dt_s) if distance > _NO_MOVE_RAD else np.zeros((1, 3))
        segment = start + along[:, :1] * direction
        segment[-1] = goal
        positions.append(segment)
        velocities.append(along[:, 1:2] * direction)
        accelerations.append(along[:, 2:] * direction)
    joint_pos = np.concatenate(positions)
    return Trajectory(
        time_s=np.arange(len(joint_pos), dtype=np.float64) * np.float64(dt_s),
        joint_pos_rad=joint_pos,
        joint_vel_rad_s=np.concatenate(velocities),
        joint_acc_rad_s2=np.concatenate(accelerations),
        dt_s=dt_s,
    )


def as_joints(values: npt.ArrayLike, what: str) -> Float64Array:
    """A joint vector as an array (6,), copied.

    Args:
        values: Six finite numbers, rad.
        what: What the message calls it, such as ``the start``.

    Raises:
        UsageError: It is anything else.
    """
    try:
        joints = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what} is not a joint vector: {error}") from error
    if joints.shape != (JOINTS,) or not np.isfinite(joints).all():
        raise UsageError(f"{what} must be {JOINTS} finite joint positions in rad; got {joints.tolist()}")
    return joints


def require_ruckig() -> None:
    """Says what to install when trajectories cannot be made here.

    Raises:
        UsageError: ruckig is not installed.
    """
    try:
        import ruckig  # noqa: F401
    except ImportError as error:
        raise UsageError("trajectories need the package 'ruckig', which is not installed: pip install ruckig") from error


def _checked_waypoints(waypoints_rad: npt.ArrayLike | list[npt.ArrayLike]) -> Float64Array:
    rows = [as_joints(row, f"waypoint {index}") for index, row in enumerate(np.asarray(waypoints_rad, dtype=object))]
    if not rows:
        raise UsageError("a trajectory needs at least one waypoint")
    return np.stack(rows)


def _along_line(distance: float, direction: Float64Array, limits: MotionLimits, dt_s: float) -> Float64Array:
    """Position, velocity and acceleration along a line from 0 to `distance`, (T, 3); time 0 is left out."""
    require_ruckig()
    import ruckig

    moving = np.abs(direction) > _NO_MOVE_RAD
    share = np.abs(direction[moving])
    wanted = ruckig.InputParameter(1)
    wanted.target_position = [distance]
    for name, values in (
        ("max_velocity", limits.velocity_rad_s),
        ("max_acceleration", limits.acceleration_rad_s2),
        ("max_jerk", limits.jerk_rad_s3),
    ):
        setattr(wanted, name, [float((np.array(values)[moving] / share).min())])
    found = ruckig.Trajectory(1)
    result = ruckig.Ruckig(1).calculate(wanted, found)
    if result != ruckig.Result.Working:
        raise HarnessError(f"ruckig found no motion over {distance:.3g} rad within {limits}: {result}")
    count = max(1, math.ceil(found.duration / dt_s - 1e-9))
    along = np.array([np.ravel(found.at_time(index * dt_s)) for index in range(1, count + 1)])
    along[-1] = (distance, 0.0, 0.0)
    return along
