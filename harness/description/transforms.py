"""Rotations and numbers as the description's file formats write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from harness.kinematics.poses import matrix_from_rpy
from harness.types import Float64Array


def rpy_matrix(rpy_rad: Sequence[float]) -> Float64Array:
    """The rotation (3, 3) by roll, pitch, yaw about fixed x, y, z, as URDF defines it: ``Rz(yaw) Ry(pitch) Rx(roll)``."""
    return matrix_from_rpy(np.array(rpy_rad, dtype=np.float64))


def matrix_quat_wxyz(matrix: Float64Array) -> Float64Array:
    """The unit quaternion (w, x, y, z) of a rotation matrix (3, 3), its first number that is not 0 positive.

    The eigenvector method of Bar-Itzhack, Journal of Guidance, Control, and Dynamics 23 (2000): exact at every angle.
    """
    m = matrix
    k = np.array(
        [
            [m[0, 0] + m[1, 1] + m[2, 2], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], m[1, 2] + m[2, 1]],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1]],
        ]
    )
    quat: Float64Array = np.linalg.eigh(k)[1][:, -1]
    leading = quat[np.abs(quat) > 1e-9][0]
    return np.asarray(quat * np.sign(leading), dtype=np.float64)


def look_at_matrix(eye: Sequence[float], target: Sequence[float], up: Sequence[float]) -> Float64Array:
    """The rotation of a camera that looks along its own -z with +y towards the picture's top (MuJoCo, USD)."""
    backward = np.subtract(eye, target)
    backward = backward / np.linalg.norm(backward)
    right = np.cross(up, backward)
    right = right / np.linalg.norm(right)
    return np.stack([right, np.cross(backward, right), backward], axis=1)


def principal_inertia(inertia_kgm2: Sequence[float]) -> tuple[Float64Array, Float64Array]:
    """An inertia tensor along its principal axes.

    Args:
        inertia_kgm2: (ixx, iyy, izz, ixy, ixz, iyz).

    Returns:
        The three moments, smallest first, and the axes' rotation as a quaternion (w, x, y, z).
    """
    ixx, iyy, izz, ixy, ixz, iyz = inertia_kgm2
    moments, axes = np.linalg.eigh(np.array([[ixx, ixy, ixz], [ixy, iyy, iyz], [ixz, iyz, izz]]))
    # Eigenvectors are unique but for their signs.
    axes = axes * np.sign(axes[np.argmax(np.abs(axes), axis=0), range(3)])
    axes[:, 2] *= np.sign(np.linalg.det(axes))
    return moments, matrix_quat_wxyz(axes)


def number(value: float) -> str:
    """A number as text: 12 decimals at most, so that rounding noise never shows."""
    text = f"{round(float(value), 12):.12f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def numbers(values: Iterable[float]) -> str:
    """Numbers as text, with spaces between."""
    return " ".join(number(value) for value in values)
