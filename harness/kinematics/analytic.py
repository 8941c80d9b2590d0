"""Closed-form kinematics of an arm with a nearly spherical wrist, compiled; every branch, limits, nearest to the seed."""

from __future__ import annotations

import numpy as np

from harness.errors import UsageError
from harness.kinematics import _closed_form as kernel
from harness.kinematics._checks import checked_joints, checked_seeds, checked_targets, no_pose
from harness.kinematics.base import POSITION_TOLERANCE_M, ROTATION_TOLERANCE_RAD, Solutions
from harness.kinematics.robot import RobotModel
from harness.types import Float64Array

# How far two axes may miss each other and still count as meeting: what seven digits in a description leave.
_MEET_M = 1e-6
# How far axis 6 may miss the wrist centre. The offset is estimated by iteration, which needs it to be small beside the arm.
_WRIST_OFFSET_M = 1e-3


class AnalyticKinematics:
    """Forward and inverse kinematics in closed form.

    It takes any arm of six revolute joints whose axes 1 and 2 meet, whose axes 4 and 5 meet, and whose axis 6 passes that
    point within 1 mm; all numbers come from the robot model, and the angles between the axes are free. The wrist centre is
    placed by joints 1 to 3 and the rest of the rotation is left to joints 4 to 6, in up to eight ways. How axis 6 misses the
    wrist centre depends on joint 6 alone, so that is solved for without it first, and then again with joint 6 as it came out
    until that stays, which takes two or three times.

    Attributes:
        name: ``analytic``.
        frames: The frames that all six joints move.
        robot: The robot model.
    """

    name = "analytic"

    def __init__(self, robot: RobotModel) -> None:
        """Derives the constants.

        Raises:
            UsageError: The arm does not have the structure that the closed form needs.
        """
        self.robot = robot
        self.frames = robot.tool_frames
        shared = (np.array(robot.joint_origins), _derived(robot), np.array(robot.limits_rad))
        self._limits = shared[2]
        self._models = {name: kernel.Model(*shared, np.array(robot.tool(name)[np.newaxis])) for name in self.frames}

    def forward(self, joint_pos_rad: Float64Array, frame: str = "link6") -> Float64Array:
        """Poses of a frame: base_T_frame (N, 4, 4) for joints (N, 6); see `harness.kinematics.base.Kinematics`.

        Raises:
            UsageError: Unknown frame, wrong shape, or a number that is not finite.
        """
        joints = checked_joints(joint_pos_rad, 6)
        poses = np.empty((len(joints), 4, 4))
        kernel.forward_batch(self._model(frame), joints, poses)
        return poses

    def jacobian(self, joint_pos_rad: Float64Array, frame: str = "link6") -> Float64Array:
        """Geometric Jacobians (N, 6, 6) in the base frame, linear rows first; see `harness.kinematics.base.Kinematics`.

        Raises:
            UsageError: As `forward`.
        """
        joints = checked_joints(joint_pos_rad, 6)
        jacobians = np.empty((len(joints), 6, 6))
        kernel.jacobian_batch(self._model(frame), joints, jacobians)
        return jacobians

    def inverse(
        self,
        base_t_target: Float64Array,
        seed_rad: Float64Array | None = None,
        frame: str = "link6",
        *,
        position_tolerance_m: float = POSITION_TOLERANCE_M,
        rotation_tolerance_rad: float = ROTATION_TOLERANCE_RAD,
        max_solutions: int = kernel.CAPACITY,
    ) -> Solutions:
        """All joint vectors within the limits; see `harness.kinematics.base.Kinematics`.

        A pose that no branch reaches within a micrometre gets one row: the joints within the limits that come nearest, by
        |position error|^2 + (0.1 m/rad * rotation error)^2. It is a success when it meets the tolerances all the same.

        Args:
            base_t_target: base_T_target, (N, 4, 4). A rotation that is rounded (R^T R within 1e-3 of 1) is made exact.
            seed_rad: (6,) or (N, 6); None takes the middle of the limits.
            frame: One of `frames`.
            position_tolerance_m: What counts as success.
            rotation_tolerance_rad: What counts as success.
            max_solutions: How many of a pose are returned at most, from 1 to 12; the nearest ones.

        Raises:
            UsageError: Unknown frame, wrong shape, a number that is not finite, or a matrix that is no pose.
        """
        targets, model = checked_targets(base_t_target), self._model(frame)
        seeds = checked_seeds(seed_rad, len(targets), self._limits)
        if not 1 <= max_solutions <= kernel.CAPACITY:
            raise UsageError(f"max_solutions must be 1 to {kernel.CAPACITY}, not {max_solutions}")
        rows = np.full((len(targets), max_solutions, 6), np.nan)
        errors = np.full((len(targets), max_solutions, 2), np.nan)
        counts = np.zeros(len(targets), dtype=np.int64)
        tolerance = (float(position_tolerance_m), float(rotation_tolerance_rad))
        done, status = kernel.solve_batch(model, targets, seeds, tolerance, rows, errors, counts)
        if status != kernel.OK:
            raise no_pose(targets, done)
        success = (errors[:, 0, 0] <= position_tolerance_m) & (errors[:, 0, 1] <= rotation_tolerance_rad)
        reasons = [""] * len(targets)
        for n in np.flatnonzero(~success):
            reasons[n] = self._reason(targets[n], seeds[n % len(seeds)], model, errors[n, 0])
        width = max(1, int(counts.max(initial=1)))
        return Solutions(
            joint_pos_rad=rows[:, :width],
            count=counts,
            position_error_m=errors[:, :width, 0],
            rotation_error_rad=errors[:, :width, 1],
            success=success,
            reason=tuple(reasons),
        )

    def solve_one(
        self,
        base_t_target: Float64Array,
        seed_rad: Float64Array,
        frame: str = "link6",
        *,
        position_tolerance_m: float = POSITION_TOLERANCE_M,
        rotation_tolerance_rad: float = ROTATION_TOLERANCE_RAD,
    ) -> tuple[Float64Array, float, float, bool]:
        """The joint vector nearest to the seed for one pose: what `inverse` puts first, in a few microseconds.

        Args:
            base_t_target: base_T_target, (4, 4).
            seed_rad: (6,).
            frame: One of `frames`.
            position_tolerance_m: What counts as success.
            rotation_tolerance_rad: What counts as success.

        Returns:
            The joints (6,), the position error (m), the rotation error (rad), and whether both meet the tolerances.

        Raises:
            UsageError: As `inverse`.
        """
        target, seed = _plain(base_t_target), _plain(seed_rad)
        if target.shape != (4, 4) or seed.shape != (6,):
            raise UsageError(f"solve_one takes a pose (4, 4) and a seed (6,), not {target.shape} and {seed.shape}")
        joints = np.empty(6)
        tolerance = (float(position_tolerance_m), float(rotation_tolerance_rad))
        status, position, rotation = kernel.solve_one(self._model(frame), target[np.newaxis], seed, tolerance, joints)
        if status != kernel.OK:
            checked_seeds(seed, 1, self._limits)
            raise no_pose(target[np.newaxis], 0)
        return joints, position, rotation, position <= position_tolerance_m and rotation <= rotation_tolerance_rad

    def _model(self, frame: str) -> kernel.Model:
        if frame not in self._models:
            self.robot.tool(frame)
        return self._models[frame]

    def _reason(self, target: Float64Array, seed: Float64Array, model: kernel.Model, errors: Float64Array) -> str:
        """Why a pose failed: the branches without limits tell."""
        nearest = f"the nearest pose is {1e3 * errors[0]:.2f} mm and {np.degrees(errors[1]):.2f} deg away"
        branches = np.empty((8, 6))
        distance = kernel.unlimited_branches(model, target[np.newaxis], seed, branches)
        nearest_m, farthest_m = model.derived[15:17]
        if not nearest_m <= distance <= farthest_m:
            gap, word = (distance - farthest_m, "farther") if distance > farthest_m else (nearest_m - distance, "nearer")
            bound = farthest_m if distance > farthest_m else nearest_m
            return (
                f"reach: the wrist centre would be {1e3 * gap:.2f} mm {word} than the arm reaches ({1e3 * distance:.2f} mm "
                f"from the shoulder, where the bound is {1e3 * bound:.2f} mm); {nearest}"
            )
        beyond = np.maximum(self._limits[:, 0] - branches, branches - self._limits[:, 1]).clip(min=0.0)
        branch = int(beyond.max(axis=1).argmin())
        joint = int(beyond[branch].argmax())
        if beyond[branch, joint] < 1e-6:
            return f"orientation: at the edge of the reach no branch meets the tolerances; {nearest}"
        low, high = np.degrees(self._limits[joint])
        detail = (
            f"{self.robot.joint_names[joint]} would be {np.degrees(beyond[branch, joint]):.2f} deg beyond its limits (at "
            f"{np.degrees(branches[branch, joint]):.2f}, of {low:.2f} to {high:.2f} deg)"
        )
        if beyond[branch, :3].any():
            return f"limits: in the nearest branch {detail}; {nearest}"
        return f"orientation: the wrist centre can be reached, but {detail}; {nearest}"


def _plain(array: Float64Array) -> Float64Array:
    """The array itself where it is one that the compiled code knows, else a copy of that kind."""
    if type(array) is np.ndarray and array.dtype == np.float64 and array.flags.carray:
        return array
    try:
        return np.require(array, dtype=np.float64, requirements=["C", "W"])
    except (TypeError, ValueError) as error:
        raise UsageError(f"a pose and a seed must be arrays of numbers: {error}") from error


def _derived(robot: RobotModel) -> Float64Array:
    """The constants of the closed form, from the joints' origins.

    0-2: the shoulder, where axes 1 and 2 meet, in the base frame. 3-5: from it to joint 3's origin, in link 2. 6-8: the
    wrist centre, where axes 4 and 5 meet, in link 3. 9-11: k, a, b in |shoulder to wrist centre|^2 = k + a cos q3 + b
    sin q3. 12-14: from the wrist centre to link 6, in link 6 at q6 = 0. 15-16: smallest and largest distance of the wrist
    centre from the shoulder. 17: how far axis 6 passes beside the wrist centre. 18-35: for each joint the cosine and
    sine of the middle of its limits, and the cosine of how far from there it may be to be looked at more closely.
    """
    origins = robot.joint_origins
    on_axis1, on_axis2 = _meeting(robot, 0)
    on_axis4, on_axis5 = _meeting(robot, 3)
    shoulder = (origins[0] @ (0, 0, on_axis1, 1))[:3]
    upper = origins[2, :3, 3] - (0, 0, on_axis2)
    wrist = (origins[3] @ (0, 0, on_axis4, 1))[:3]
    tip = origins[5, :3, :3].T @ (origins[5, :3, 3] - (0, 0, on_axis5))
    offset = np.hypot(tip[0], tip[1])
    if offset > _WRIST_OFFSET_M:
        raise UsageError(
            f"{robot.name}, variant {robot.variant}: axis 6 passes {1e3 * offset:.3f} mm beside the wrist centre, more than "
            f"the {1e3 * _WRIST_OFFSET_M:g} mm that the closed form can take. Use the mujoco back end."
        )
    u = origins[2, :3, :3].T @ upper
    k = upper @ upper + wrist @ wrist + 2 * u[2] * wrist[2]
    a, b = 2 * (u[0] * wrist[0] + u[1] * wrist[1]), 2 * (u[1] * wrist[0] - u[0] * wrist[1])
    reach = np.sqrt(np.maximum([k - np.hypot(a, b), k + np.hypot(a, b)], 0.0))
    middle, half = robot.limits_rad.mean(axis=1), np.ptp(robot.limits_rad, axis=1) / 2 + kernel.MARGIN
    let_through = np.where(half < np.pi, np.cos(half), -2.0)
    gates = np.stack([np.cos(middle), np.sin(middle), let_through], axis=1)
    return np.concatenate([shoulder, upper, wrist, [k, a, b], tip, reach, [offset], gates.ravel()])


def _meeting(robot: RobotModel, joint: int) -> tuple[float, float]:
    """Where the axes of a joint and the next one meet: how far along each, from its own joint's origin (m).

    Raises:
        UsageError: They are nearly parallel, or pass each other.
    """
    origin = robot.joint_origins[joint + 1]
    direction, start = origin[:3, 2], origin[:3, 3]
    names = (
        f"{robot.name}, variant {robot.variant}: the axes of {robot.joint_names[joint]} and {robot.joint_names[joint + 1]}"
    )
    slope = float(direction[:2] @ direction[:2])
    if slope < 0.01:
        raise UsageError(f"{names} are nearly parallel; the closed form needs them to meet. Use the mujoco back end.")
    along = -float(start[:2] @ direction[:2]) / slope
    apart = float(np.linalg.norm(start[:2] + along * direction[:2]))
    if apart > _MEET_M:
        raise UsageError(
            f"{names} pass each other by {1e3 * apart:.4f} mm; the closed form needs them to meet. Use the mujoco back end."
        )
    return float(start[2]) + along * float(direction[2]), along
