"""Poses as people write them: seven numbers, position and roll, pitch, yaw, or a 4x4 matrix; parsed, checked, converted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import UsageError
from harness.kinematics.rows import QUATERNION_POSE, Layout, Rows, array_rows, load_npy, parse_numbers, read_rows
from harness.types import Float64Array

RPY_POSE: Layout = ("x", "y", "z", "roll", "pitch", "yaw")
_MATRIX_ROW: Layout = ("column 1", "column 2", "column 3", "column 4")

# A quaternion or matrix that is off by more was not merely rounded: it is mended, and its owner told.
_ROUNDING = 1e-3
# Below this length a quaternion has no direction worth trusting.
_NEAR_ZERO = 1e-2
# A matrix whose entries are off by more (half a percent of a turn and worse) is no rotation at all.
_NO_ROTATION = 0.05


@dataclass(frozen=True)
class Poses:
    """Poses in the base frame.

    Attributes:
        values: (N, 7): x, y, z in m and a unit quaternion qw, qx, qy, qz.
        warnings: What was mended, one sentence each.
    """

    values: Float64Array
    warnings: tuple[str, ...]


def matrix_from_quat(quat_wxyz: Float64Array) -> Float64Array:
    """Rotation matrices (..., 3, 3) of unit quaternions (..., 4)."""
    w, x, y, z = np.moveaxis(quat_wxyz, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quat_from_matrix(rotation: Float64Array) -> Float64Array:
    """Unit quaternions wxyz (..., 4), qw >= 0, of rotation matrices (..., 3, 3).

    The matrix 4 q q^T is linear in the rotation; its row with the largest diagonal is well conditioned (Shepperd, 1978).
    """
    r = np.moveaxis(rotation, (-2, -1), (0, 1))
    outer = [
        [1 + r[0, 0] + r[1, 1] + r[2, 2], r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]],
        [r[2, 1] - r[1, 2], 1 + r[0, 0] - r[1, 1] - r[2, 2], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0]],
        [r[0, 2] - r[2, 0], r[0, 1] + r[1, 0], 1 - r[0, 0] + r[1, 1] - r[2, 2], r[1, 2] + r[2, 1]],
        [r[1, 0] - r[0, 1], r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], 1 - r[0, 0] - r[1, 1] + r[2, 2]],
    ]
    rows = np.stack([np.stack(row, axis=-1) for row in outer], axis=-2)
    best = np.argmax(np.diagonal(rows, axis1=-2, axis2=-1), axis=-1)
    quat = np.take_along_axis(rows, best[..., np.newaxis, np.newaxis], axis=-2)[..., 0, :]
    quat = quat / np.linalg.norm(quat, axis=-1, keepdims=True)
    return np.asarray(np.where(quat[..., :1] < 0, -quat, quat))


def axis_rotation(axis: int, angle_rad: Float64Array) -> Float64Array:
    """Rotation matrices (..., 3, 3) about the base's axis 0, 1 or 2 by angles (...)."""
    result = np.zeros((*np.shape(angle_rad), 3, 3))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    result[..., axis, axis] = 1
    result[..., first, first] = result[..., second, second] = np.cos(angle_rad)
    result[..., second, first] = np.sin(angle_rad)
    result[..., first, second] = -np.sin(angle_rad)
    return result


def matrix_from_rpy(rpy_rad: Float64Array) -> Float64Array:
    """Rotation matrices (..., 3, 3) of roll, pitch, yaw (..., 3) about fixed axes x, y, z in this order, as in a URDF."""
    roll, pitch, yaw = np.moveaxis(np.asarray(rpy_rad, dtype=np.float64), -1, 0)
    return np.asarray(axis_rotation(2, yaw) @ axis_rotation(1, pitch) @ axis_rotation(0, roll))


def rpy_from_matrix(rotation: Float64Array) -> Float64Array:
    """Roll, pitch, yaw (..., 3) of rotation matrices (..., 3, 3); pitch in [-pi/2, pi/2], roll 0 where pitch is +-pi/2."""
    pitch = np.arctan2(-rotation[..., 2, 0], np.hypot(rotation[..., 0, 0], rotation[..., 1, 0]))
    locked = np.hypot(rotation[..., 0, 0], rotation[..., 1, 0]) < 1e-9
    roll = np.where(locked, 0.0, np.arctan2(rotation[..., 2, 1], rotation[..., 2, 2]))
    yaw_locked = np.arctan2(-rotation[..., 0, 1], rotation[..., 1, 1])
    yaw = np.where(locked, yaw_locked, np.arctan2(rotation[..., 1, 0], rotation[..., 0, 0]))
    return np.stack([roll, pitch, yaw], axis=-1)


def matrices_from_poses(poses: Float64Array) -> Float64Array:
    """Homogeneous matrices (N, 4, 4) of poses (N, 7): position in m, unit quaternion wxyz."""
    return homogeneous(matrix_from_quat(poses[:, 3:]), poses[:, :3])


def poses_from_matrices(matrices: Float64Array) -> Float64Array:
    """Poses (N, 7): position in m, unit quaternion wxyz, of homogeneous matrices (N, 4, 4)."""
    return np.concatenate([matrices[:, :3, 3], quat_from_matrix(matrices[:, :3, :3])], axis=1)


def homogeneous(rotation: Float64Array, translation: Float64Array) -> Float64Array:
    """Homogeneous matrices (..., 4, 4) of rotations (..., 3, 3) and translations (..., 3)."""
    result = np.zeros((*rotation.shape[:-2], 4, 4))
    result[..., :3, :3] = rotation
    result[..., :3, 3] = translation
    result[..., 3, 3] = 1
    return result


def rotation_angle(first: Float64Array, second: Float64Array) -> Float64Array:
    """Angles (...) in rad between rotation matrices (..., 3, 3); exact for small ones, where arccos of the trace is not."""
    chord = np.linalg.norm(first - second, axis=(-2, -1)) / (2 * np.sqrt(2))
    return np.asarray(2 * np.arcsin(np.clip(chord, 0, 1)))


def parse_pose(text: str, *, rpy: bool = False, degrees: bool = False, place: str = "--target-pose") -> Poses:
    """One pose from text.

    Args:
        text: ``x y z qw qx qy qz``, or ``x y z roll pitch yaw`` with `rpy`; spaces or commas.
        rpy: The last three are roll, pitch, yaw about fixed axes x, y, z.
        degrees: They are in degrees.
        place: What the text is called in messages.

    Raises:
        UsageError: A wrong count, no number, not finite, or a quaternion near zero.
    """
    _require_rpy(rpy, degrees)
    layout = RPY_POSE if rpy else QUATERNION_POSE
    numbers = parse_numbers(text, place)
    if len(numbers) != len(layout):
        hint = ". With --rpy six numbers are a pose." if not rpy and len(numbers) == len(RPY_POSE) else ""
        raise UsageError(f"{place}: {len(numbers)} numbers; expected {len(layout)}: {','.join(layout)}{hint}")
    rows = array_rows(np.array([numbers]), place, [layout])
    return _from_rows(Rows(rows.values, rows.columns, (place,), named=False), degrees=degrees)


def read_poses(source: str, *, rpy: bool = False, degrees: bool = False) -> Poses:
    """Many poses from a file or from standard input (``-``).

    Args:
        source: .csv with the header ``x,y,z,qw,qx,qy,qz`` or ``x,y,z,roll,pitch,yaw``; .npy (N, 7) or (N, 4, 4); .json, a
            list of lists or objects; .txt, a pose a line. ``-`` takes csv, json or lines.
        rpy: Rows without header or keys are x, y, z, roll, pitch, yaw.
        degrees: Roll, pitch, yaw are in degrees.

    Raises:
        UsageError: The file cannot be read, or a row is malformed; the message names the row.
    """
    if source.lower().endswith(".npy"):
        array = load_npy(Path(source))
        if array.ndim >= 2 and array.shape[-2:] == (4, 4):
            matrices = array.reshape(-1, 4, 4)
            return _from_matrices(matrices, [f"{source}, matrix {index}" for index in range(len(matrices))])
        return _from_rows(array_rows(array, source, [RPY_POSE if rpy else QUATERNION_POSE]), degrees=degrees)
    rows = read_rows(source, [RPY_POSE] if rpy else [QUATERNION_POSE, RPY_POSE])
    if rows.columns == RPY_POSE and not rows.named and not rpy:
        raise UsageError(f"{rows.places[0]}: 6 numbers; expected 7: x,y,z,qw,qx,qy,qz. With --rpy six numbers are a pose.")
    return _from_rows(rows, degrees=degrees)


def read_matrix(source: str) -> Poses:
    """Poses from homogeneous matrices: .npy (4, 4) or (N, 4, 4), or a text file of four lines with four numbers each.

    Raises:
        UsageError: The file cannot be read, or holds no homogeneous matrix.
    """
    if source.lower().endswith(".npy"):
        array = load_npy(Path(source))
        if array.shape[-2:] != (4, 4) or array.ndim > 3:
            raise UsageError(f"{source}: an array of shape {array.shape}; expected (4, 4) or (N, 4, 4)")
        return read_poses(source)
    rows = read_rows(source, [_MATRIX_ROW]).values
    if len(rows) % 4:
        raise UsageError(f"{source}: {len(rows)} rows of 4 numbers; expected 4 for each matrix")
    matrices = rows.reshape(-1, 4, 4)
    return _from_matrices(matrices, [f"{source}, matrix {index}" for index in range(len(matrices))])


def _from_rows(rows: Rows, *, degrees: bool) -> Poses:
    if rows.columns == RPY_POSE:
        angles = np.radians(rows.values[:, 3:]) if degrees else rows.values[:, 3:]
        quat = quat_from_matrix(matrix_from_rpy(angles))
        return Poses(np.concatenate([rows.values[:, :3], quat], axis=1), ())
    _require_rpy(False, degrees)
    lengths = np.linalg.norm(rows.values[:, 3:], axis=1)
    if (lengths < _NEAR_ZERO).any():
        worst = int(np.argmin(lengths))
        raise UsageError(
            f"{rows.places[worst]}: the quaternion has length {lengths[worst]:.3g}; expected 1 (order qw,qx,qy,qz)"
        )
    warnings = _warnings(
        np.abs(lengths - 1), rows.places, lambda i: f"the quaternion has length {lengths[i]:.4g}; normalised"
    )
    return Poses(np.concatenate([rows.values[:, :3], rows.values[:, 3:] / lengths[:, np.newaxis]], axis=1), warnings)


def _from_matrices(matrices: Float64Array, places: Sequence[str]) -> Poses:
    for matrix, place in zip(matrices, places, strict=True):
        if not np.isfinite(matrix).all():
            raise UsageError(f"{place} holds NaN or infinity; every number must be finite")
        if not np.allclose(matrix[3], [0, 0, 0, 1], atol=1e-6):
            raise UsageError(
                f"{place}: the last row is {matrix[3].tolist()}; expected 0 0 0 1 (translation in the last column)"
            )
    if not len(matrices):
        raise UsageError("no matrices were given")
    left, _, right = np.linalg.svd(matrices[:, :3, :3])
    nearest = left @ right
    off = np.abs(nearest - matrices[:, :3, :3]).max(axis=(1, 2))
    bad = np.flatnonzero((off > _NO_ROTATION) | (np.linalg.det(nearest) < 0))
    if len(bad):
        why = "mirrors (determinant -1)" if off[bad[0]] <= _NO_ROTATION else f"is off a rotation by {off[bad[0]]:.3g}"
        raise UsageError(f"{places[bad[0]]}: its upper left 3x3 {why}; expected a rotation")
    warnings = _warnings(off, places, lambda i: f"the rotation is off by {off[i]:.2g}; the nearest rotation is used")
    return Poses(np.concatenate([matrices[:, :3, 3], quat_from_matrix(nearest)], axis=1), warnings)


def _warnings(off: Float64Array, places: Sequence[str], sentence: Callable[[int], str]) -> tuple[str, ...]:
    """One warning for all rows that are off by more than rounding."""
    rows = np.flatnonzero(off > _ROUNDING)
    if not len(rows):
        return ()
    more = f" (and {len(rows) - 1} more rows like it)" if len(rows) > 1 else ""
    return (f"{places[rows[0]]}: {sentence(int(rows[0]))}{more}",)


def _require_rpy(rpy: bool, degrees: bool) -> None:
    if degrees and not rpy:
        raise UsageError("--degrees is about roll, pitch, yaw, and a quaternion has no unit: use it with --rpy")
