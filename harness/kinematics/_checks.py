"""What comes into a back end, checked and brought into one form: contiguous, writable, float64."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.types import Float64Array

# How far R^T R of a target may be from 1, entry by entry: numbers rounded to three digits still pass.
ROTATION_SLACK = 1e-3


def checked_joints(joint_pos_rad: npt.ArrayLike, joints: int) -> Float64Array:
    """Joint vectors (N, joints).

    Raises:
        UsageError: Another shape, or a number that is not finite.
    """
    return _checked(joint_pos_rad, (joints,), "joint positions")


def checked_targets(base_t_target: npt.ArrayLike) -> Float64Array:
    """Target matrices (N, 4, 4), of which only the shape is checked."""
    return _plain(base_t_target, (4, 4), "target poses")


def checked_poses(base_t_target: npt.ArrayLike) -> Float64Array:
    """Target poses (N, 4, 4), their rotations made exact.

    Raises:
        UsageError: Another shape, a number that is not finite, or a matrix that is no pose.
    """
    poses = _checked(base_t_target, (4, 4), "target poses")
    rotations = poses[:, :3, :3]
    off = np.abs(rotations.transpose(0, 2, 1) @ rotations - np.eye(3)).max(axis=(1, 2), initial=0.0)
    wrong = (off > ROTATION_SLACK) | (np.linalg.det(rotations) < 0) | (poses[:, 3] != (0, 0, 0, 1)).any(axis=1)
    if wrong.any():
        raise no_pose(poses, int(wrong.argmax()))
    u, _, vt = np.linalg.svd(rotations)
    result = poses.copy()
    result[:, :3, :3] = u @ vt
    return result


def no_pose(poses: Float64Array, index: int) -> UsageError:
    """The error for a target that is not a pose, saying why."""
    where, pose = f"target pose {index} of {len(poses)}", poses[index]
    if not np.isfinite(pose).all():
        row, column = np.argwhere(~np.isfinite(pose))[0]
        return UsageError(f"{where}: {pose[row, column]} in row {row}, column {column}; every number must be finite")
    if (pose[3] != (0, 0, 0, 1)).any():
        return UsageError(f"{where}: the last row of a homogeneous matrix is 0 0 0 1, not {pose[3].tolist()}")
    rotation = pose[:3, :3]
    off = np.abs(rotation.T @ rotation - np.eye(3)).max()
    if off > ROTATION_SLACK:
        return UsageError(f"{where}: its upper left 3x3 part R is not a rotation: R^T R differs from 1 by {off:.2g}")
    return UsageError(f"{where}: its upper left 3x3 part is a reflection (determinant -1), not a rotation")


def checked_seeds(seed_rad: npt.ArrayLike | None, poses: int, limits_rad: Float64Array) -> Float64Array:
    """Seeds (1, J) for all poses, or (N, J).

    Args:
        seed_rad: (J,), (N, J), or None for the middle of the limits.
        poses: N.
        limits_rad: (J, 2).

    Raises:
        UsageError: Another shape, or a number that is not finite.
    """
    joints = len(limits_rad)
    if seed_rad is None:
        return np.ascontiguousarray(limits_rad.mean(axis=1)[np.newaxis])
    seeds = np.asarray(seed_rad)
    seeds = _checked(seeds[np.newaxis] if seeds.ndim == 1 else seeds, (joints,), "seeds")
    if len(seeds) not in (1, poses):
        raise UsageError(f"there are {len(seeds)} seeds for {poses} poses; give one, or one a pose")
    return seeds


def _checked(array: npt.ArrayLike, row: tuple[int, ...], what: str) -> Float64Array:
    result = _plain(array, row, what)
    if not np.isfinite(result).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(result))[0])
        raise UsageError(f"{what}: {result[index]} at {list(index)}; every number must be finite")
    return result


def _plain(array: npt.ArrayLike, row: tuple[int, ...], what: str) -> Float64Array:
    try:
        result = np.require(array, dtype=np.float64, requirements=["C", "W"])
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what} must be an array of numbers: {error}") from error
    if result.shape[1:] != row or result.ndim != len(row) + 1:
        expected = ", ".join(["N", *map(str, row)])
        raise UsageError(f"{what} must have shape ({expected}), not {result.shape}")
    return result
