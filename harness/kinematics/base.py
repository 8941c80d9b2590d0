"""What every kinematics back end offers, batched: poses from joints, joints from poses, and what went wrong."""

from __future__ import annotations

import typing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.types import Float64Array

# Success means to be this close, unless a caller says otherwise.
POSITION_TOLERANCE_M = 1e-3
ROTATION_TOLERANCE_RAD = 1e-2


@dataclass(frozen=True)
class Solutions:
    """Inverse kinematics of N poses, with up to B joint vectors each, the nearest to the seed first.

    Attributes:
        joint_pos_rad: (N, B, 6); NaN where a pose has fewer than B.
        count: (N,) int; how many joint vectors each pose has. At least one: for a pose out of reach, the joints that come
            nearest to it.
        position_error_m: (N, B); distance from the target to the pose that the joints really give.
        rotation_error_rad: (N, B); angle between the two.
        success: (N,) bool; whether the first joint vector meets the tolerances.
        reason: (N,) texts; empty on success, otherwise why: ``reach``, ``limits`` or ``orientation``, with numbers.
    """

    joint_pos_rad: Float64Array
    count: npt.NDArray[np.int64]
    position_error_m: Float64Array
    rotation_error_rad: Float64Array
    success: npt.NDArray[np.bool_]
    reason: tuple[str, ...]


class Kinematics(typing.Protocol):
    """An arm of six joints. Poses are homogeneous matrices in the base frame: ``base_T_frame``."""

    name: str
    frames: tuple[str, ...]

    def forward(self, joint_pos_rad: Float64Array, frame: str = "link6") -> Float64Array:
        """Poses of a frame.

        Args:
            joint_pos_rad: (N, 6).
            frame: One of `frames`.

        Returns:
            base_T_frame, (N, 4, 4).
        """

    def inverse(
        self,
        base_t_target: Float64Array,
        seed_rad: Float64Array | None = None,
        frame: str = "link6",
        *,
        position_tolerance_m: float = POSITION_TOLERANCE_M,
        rotation_tolerance_rad: float = ROTATION_TOLERANCE_RAD,
    ) -> Solutions:
        """Joint vectors that bring a frame to target poses.

        Args:
            base_t_target: base_T_target, (N, 4, 4).
            seed_rad: (6,) or (N, 6); solutions are sorted by their distance to it. None takes the middle of the limits.
            frame: One of `frames`.
            position_tolerance_m: What counts as success.
            rotation_tolerance_rad: What counts as success.
        """

    def jacobian(self, joint_pos_rad: Float64Array, frame: str = "link6") -> Float64Array:
        """Geometric Jacobians in the base frame: rows are linear (m/s) then angular velocity (rad/s); (N, 6, 6)."""
