"""From everything that a solver's seeds ended in to solutions: sorted, without duplicates, failures explained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.kinematics.base import Solutions
from harness.types import Float64Array

# Two joint vectors are one solution when no joint differs by more: far more than what the tolerances leave open away
# from singularities, far less than what lies between branches.
_SAME_RAD = 0.05
# A joint so near to its limit counts as being at it.
_AT_LIMIT_RAD = 5e-3


@dataclass(frozen=True)
class Candidates:
    """What was found for N poses, K joint vectors each; slots that were never filled have infinite errors.

    Attributes:
        joints: (N, K, 6), rad.
        position_m: (N, K), distance from the target.
        rotation_rad: (N, K), angle from the target.
        free: (N, K), whether no collision was found.
    """

    joints: Float64Array
    position_m: Float64Array
    rotation_rad: Float64Array
    free: npt.NDArray[np.bool_]

    @classmethod
    def none(cls, poses: int) -> Candidates:
        """Nothing found yet."""
        empty = np.zeros((poses, 0))
        return cls(np.zeros((poses, 0, 6)), empty, empty, np.zeros((poses, 0), dtype=np.bool_))

    def with_more(
        self,
        rows: npt.NDArray[np.int64],
        joints: Float64Array,
        position_m: Float64Array,
        rotation_rad: Float64Array,
        free: npt.NDArray[np.bool_],
    ) -> Candidates:
        """These and S more for some of the poses (M of them): joints (M, S, 6), the rest (M, S)."""
        poses, more = len(self.joints), joints.shape[1]
        new_joints, new_free = np.zeros((poses, more, 6)), np.zeros((poses, more), dtype=np.bool_)
        new_position, new_rotation = np.full((poses, more), np.inf), np.full((poses, more), np.inf)
        new_joints[rows], new_position[rows], new_rotation[rows], new_free[rows] = joints, position_m, rotation_rad, free
        return Candidates(
            np.concatenate([self.joints, new_joints], axis=1),
            np.concatenate([self.position_m, new_position], axis=1),
            np.concatenate([self.rotation_rad, new_rotation], axis=1),
            np.concatenate([self.free, new_free], axis=1),
        )

    def reached(self, tolerances: tuple[float, float]) -> npt.NDArray[np.bool_]:
        """(N, K): within the tolerances (m, rad), whether free of collisions or not."""
        return (self.position_m <= tolerances[0]) & (self.rotation_rad <= tolerances[1])

    def solved(self, tolerances: tuple[float, float]) -> npt.NDArray[np.bool_]:
        """(N, K): within the tolerances (m, rad) and free of collisions."""
        return self.reached(tolerances) & self.free


def nearest_first(
    candidates: Candidates,
    seeds: Float64Array,
    tolerances: tuple[float, float],
    limits_rad: Float64Array,
    distance_m: Float64Array,
    reach_m: float,
) -> Solutions:
    """Solutions, the nearest to the seed first.

    Args:
        candidates: For N poses.
        seeds: (N, 6).
        tolerances: What counts as success, m and rad.
        limits_rad: (6, 2).
        distance_m: (N,), of the targets from the first joint.
        reach_m: How far a target can be at most.
    """
    solved, poses = candidates.solved(tolerances), len(seeds)
    chosen = [
        _distinct(candidates, row, np.flatnonzero(solved[row]), seeds[row], tolerances)
        if solved[row].any()
        else [int(np.argmin(_scaled_error(candidates, row, tolerances)))]
        for row in range(poses)
    ]
    count = np.array([len(kept) for kept in chosen], dtype=np.int64)
    width = int(count.max(initial=1))
    joints = np.full((poses, width, 6), np.nan)
    position, rotation = np.full((poses, width), np.nan), np.full((poses, width), np.nan)
    for row, kept in enumerate(chosen):
        joints[row, : len(kept)] = candidates.joints[row, kept]
        position[row, : len(kept)] = candidates.position_m[row, kept]
        rotation[row, : len(kept)] = candidates.rotation_rad[row, kept]
    success = np.logical_or.reduce(solved, axis=1)
    reached = np.logical_or.reduce(candidates.reached(tolerances), axis=1)
    reasons = tuple(
        ""
        if success[row]
        else "collision: joints reach the pose, but the arm touches itself or an obstacle in all that were found"
        if reached[row]
        else _why(joints[row, 0], position[row, 0], rotation[row, 0], tolerances, limits_rad, distance_m[row], reach_m)
        for row in range(poses)
    )
    return Solutions(joints, count, position, rotation, success, reasons)


def _distinct(
    candidates: Candidates, row: int, solved: npt.NDArray[np.int64], seed: Float64Array, tolerances: tuple[float, float]
) -> list[int]:
    """Solved candidates of one pose by their distance to the seed; of near duplicates the most precise."""
    joints = candidates.joints[row]
    kept: list[int] = []
    for index in solved[np.argsort(_scaled_error(candidates, row, tolerances)[solved], kind="stable")]:
        if not kept or np.abs(joints[kept] - joints[index]).max(axis=1).min() > _SAME_RAD:
            kept.append(int(index))
    return sorted(kept, key=lambda index: float(np.linalg.norm(joints[index] - seed)))


def _scaled_error(candidates: Candidates, row: int, tolerances: tuple[float, float]) -> Float64Array:
    """(K,): both errors of one pose's candidates, counted in their tolerances."""
    return np.asarray(candidates.position_m[row] / tolerances[0] + candidates.rotation_rad[row] / tolerances[1])


def _why(
    joints: Float64Array,
    position_m: float,
    rotation_rad: float,
    tolerances: tuple[float, float],
    limits_rad: Float64Array,
    distance_m: float,
    reach_m: float,
) -> str:
    """Why the nearest joints (6,) are not near enough."""
    nearest = f"the nearest pose found is {1e3 * position_m:.2f} mm and {np.degrees(rotation_rad):.2f} deg away"
    if distance_m > reach_m:
        return f"reach: the target is {distance_m:.3f} m from the first joint, the arm ends at {reach_m:.3f} m; {nearest}"
    margin = np.minimum(joints - limits_rad[:, 0], limits_rad[:, 1] - joints)
    stuck = np.flatnonzero(margin < _AT_LIMIT_RAD)
    if len(stuck):
        return f"limits: joint {' and '.join(str(index + 1) for index in stuck)} at its limit; {nearest}"
    if position_m <= tolerances[0]:
        return f"orientation: the position is reached, the orientation is not; {nearest}"
    return f"reach: no joints bring the frame there; {nearest}"
