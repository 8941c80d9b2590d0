"""Steps on one orientation: the orders of a quaternion's numbers, and axis-angles in both conventions.

A quaternion and its negative are the same rotation. As axis-angle, angle in [0, 2 pi], they are different vectors: the two
ways round. LIBERO's checkpoints are trained with that; others with the shorter way, angle in [0, pi].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.transforms.base import Invertible
from harness.types import Float64Array


@dataclass(frozen=True)
class WxyzFromXyzw(Invertible):
    """The real part of a quaternion (4,) first instead of last; undone, last instead of first."""

    def __call__(self, value: Float64Array) -> Float64Array:
        """A quaternion wxyz from xyzw."""
        return np.roll(value, 1)

    def undo(self, value: Float64Array) -> Float64Array:
        """A quaternion xyzw from wxyz."""
        return np.roll(value, -1)


@dataclass(frozen=True)
class AxisAngle(Invertible):
    """A unit quaternion xyzw (4,) as axis times angle (3,), rad.

    Undone it gives the quaternion again; of the shorter way round, that one of the two whose real part is not negative.

    Attributes:
        shortest: The shorter way round, angle in [0, pi]; False: the quaternion's own, angle in [0, 2 pi].
    """

    shortest: bool = False

    def __call__(self, value: Float64Array) -> Float64Array:
        """An axis-angle from a quaternion xyzw."""
        return axis_angle(shorter_way(value) if self.shortest else value)

    def undo(self, value: Float64Array) -> Float64Array:
        """A quaternion xyzw from an axis-angle."""
        half = float(np.linalg.norm(value)) / 2.0
        # sin(half) / (2 half), without the division by 0.
        return np.append(0.5 * np.sinc(half / math.pi) * value, math.cos(half))


def axis_angle(quat_xyzw: Float64Array) -> Float64Array:
    """A rotation as axis times angle, by the formula of robosuite 1.4.0's ``transform_utils.quat2axisangle``.

    The angle is 2 acos(w), in [0, 2 pi]: a quaternion and its negative give different vectors. Checkpoints are trained on
    this form; see docs/policies.md.

    Args:
        quat_xyzw: Unit quaternion, (4,), real part last.

    Returns:
        (3,), rad.
    """
    w = min(max(float(quat_xyzw[3]), -1.0), 1.0)
    sine = np.sqrt(1.0 - w * w)
    if math.isclose(sine, 0.0):
        return np.zeros(3)
    vector: Float64Array = (quat_xyzw[:3] * 2.0 * math.acos(w)) / sine
    return vector


def shorter_way(quat_xyzw: Float64Array) -> Float64Array:
    """That one of a quaternion and its negative whose real part is not negative: it turns by pi at most."""
    return -quat_xyzw if quat_xyzw[3] < 0 else quat_xyzw
