"""Measured joints and poses, and the ways in which their numbers may be meant: units, quaternion order, Euler order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from harness.errors import UsageError
from harness.kinematics.poses import axis_rotation, matrix_from_quat
from harness.kinematics.rows import JOINTS, QUATERNION_POSE, Layout, read_rows
from harness.types import Float64Array

EULER_POSE: Layout = ("x", "y", "z", "rx", "ry", "rz")

# piper_sdk counts in thousandths of a degree and of a millimetre.
_ANGLE_UNITS: Mapping[str, float] = {"rad": 1.0, "deg": math.radians(1), "0.001 deg": math.radians(1e-3)}
_LENGTH_UNITS: Mapping[str, float] = {"m": 1.0, "mm": 1e-3, "0.001 mm": 1e-6}

# No joint turns further than 180 degrees and no Euler angle further than 360, with some room for measurements.
_LARGEST_JOINT_RAD = 3.5
_LARGEST_EULER_RAD = 6.5
# The arm reaches 0.63 m from the shoulder, which stands 0.123 m high (robot.yaml); the rest is room for a tool.
_LARGEST_DISTANCE_M = 1.5
# Measurements of an arm that moves and stands 0.123 m high go further than this.
_SMALLEST_RAD = 0.05
_SMALLEST_M = 0.05

_WXYZ = "quaternion wxyz"
_XYZW = "quaternion xyzw"
# Fixed axes x, y, z in this order are what the arm's controller and URDF mean by three angles.
_STANDARD_ORDER = "xyz"


@dataclass(frozen=True)
class Measurements:
    """Joints and poses as a user has them, units not yet known.

    Attributes:
        joints: (N, 6).
        positions: (N, 3).
        orientations: (N, 4) unit quaternions in the order of their columns, or (N, 3) Euler angles.
        sdk_units: Whether the user says that lengths are mm and Euler angles degrees, rather than m and rad.
    """

    joints: Float64Array
    positions: Float64Array
    orientations: Float64Array
    sdk_units: bool


@dataclass(frozen=True)
class Reading:
    """One way in which measurements may be meant.

    Attributes:
        joint_unit: ``rad``, ``deg`` or ``0.001 deg``.
        length_unit: ``m``, ``mm`` or ``0.001 mm``.
        rotation: Such as ``quaternion wxyz`` or ``Euler xyz in deg``.
        mends: What the user must change in the data for it to be as declared, one sentence each.
    """

    joint_unit: str
    length_unit: str
    rotation: str
    mends: tuple[str, ...]

    @property
    def text(self) -> str:
        """All three in a few words."""
        return f"joints {self.joint_unit}, position {self.length_unit}, {self.rotation}"


def read_measurements(source: str, *, sdk_units: bool = False) -> Measurements:
    """Reads measured joints and poses.

    Args:
        source: A file or ``-``, as `harness.kinematics.rows.read_rows` takes it, with the columns ``q1`` to ``q6``,
            ``x,y,z`` and ``qw,qx,qy,qz`` or ``rx,ry,rz``.
        sdk_units: See `Measurements`.

    Raises:
        UsageError: The file cannot be read, a row is malformed, or there are fewer than three rows.
    """
    rows = read_rows(source, [JOINTS + QUATERNION_POSE, JOINTS + EULER_POSE])
    if len(rows.values) < 3:
        raise UsageError(f"{source}: {len(rows.values)} measurements; at least 3 are needed, and 10 or more are better")
    orientations = rows.values[:, 9:]
    if orientations.shape[1] == 4:
        lengths = np.linalg.norm(orientations, axis=1, keepdims=True)
        if (np.abs(lengths - 1) > 0.1).any():
            worst = int(np.argmax(np.abs(lengths - 1)))
            raise UsageError(f"{rows.places[worst]}: the quaternion has length {lengths[worst, 0]:.3g}; expected 1")
        orientations = orientations / lengths
    return Measurements(rows.values[:, :6], rows.values[:, 6:9], orientations, sdk_units)


def joint_readings(measurements: Measurements) -> dict[str, Float64Array]:
    """Joints (N, 6) in rad for every unit that they can have."""
    return _plausible(measurements.joints, _ANGLE_UNITS, _SMALLEST_RAD, _LARGEST_JOINT_RAD)


def position_readings(measurements: Measurements) -> dict[str, Float64Array]:
    """Positions (N, 3) in m for every unit that they can have."""
    return _plausible(measurements.positions, _LENGTH_UNITS, _SMALLEST_M, _LARGEST_DISTANCE_M)


def rotation_readings(measurements: Measurements) -> dict[str, Float64Array]:
    """Rotation matrices (N, 3, 3) for every order and unit that the orientations can have."""
    given = measurements.orientations
    if given.shape[1] == 4:
        return {_WXYZ: matrix_from_quat(given), _XYZW: matrix_from_quat(np.roll(given, 1, axis=1))}
    scaled = _plausible(given, _ANGLE_UNITS, _SMALLEST_RAD, _LARGEST_EULER_RAD)
    orders = ["".join(order) for order in itertools.permutations("xyz")]
    return {f"Euler {order} in {unit}": _from_euler(angles, order) for unit, angles in scaled.items() for order in orders}


def describe_reading(measurements: Measurements, joint_unit: str, length_unit: str, rotation: str) -> Reading:
    """Says how a reading differs from what the user declared, and how to mend the data."""
    return Reading(
        joint_unit, length_unit, rotation, tuple(_mends(measurements.sdk_units, joint_unit, length_unit, rotation))
    )


def _mends(sdk_units: bool, joint_unit: str, length_unit: str, rotation: str) -> Iterator[str]:
    if joint_unit not in (("rad", "deg") if sdk_units else ("rad",)):
        yield f"The joint angles are in {joint_unit}: multiply them by {_ANGLE_UNITS[joint_unit]:.9g} to have radians."
    if length_unit != ("mm" if sdk_units else "m"):
        yield f"The positions are in {length_unit}: multiply them by {_LENGTH_UNITS[length_unit]:g} to have metres."
    if rotation == _XYZW:
        yield "The quaternions are in the order x, y, z, w: move the last number to the front; qw comes first here."
    if rotation.startswith("Euler"):
        _, order, _, unit = rotation.split(" ", 3)
        if unit != ("deg" if sdk_units else "rad"):
            yield f"The Euler angles are in {unit}: multiply them by {_ANGLE_UNITS[unit]:.9g} to have radians."
        if order != _STANDARD_ORDER:
            factors = " ".join(f"R{axis}" for axis in reversed(order))
            yield (
                f"The Euler angles turn about the fixed axes {', '.join(order)} in this order (R = {factors}, or moving "
                f"axes {', '.join(reversed(order))}); the controller and URDF mean fixed axes x, y, z (R = Rz Ry Rx)."
            )


def _from_euler(angles: Float64Array, order: str) -> Float64Array:
    """Rotations about fixed axes in the given order, each by the angle of its own name."""
    result = np.broadcast_to(np.eye(3), (len(angles), 3, 3))
    for letter in order:
        axis = "xyz".index(letter)
        result = axis_rotation(axis, angles[:, axis]) @ result
    return np.asarray(result)


def _plausible(given: Float64Array, units: Mapping[str, float], smallest: float, largest: float) -> dict[str, Float64Array]:
    """The numbers in every unit under which the largest of them is neither too small nor too large.

    A unit under which all numbers nearly vanish must not be tried: everything explains measurements that are all alike.
    Where no unit is plausible, the largest one under which no number is too large stands.
    """
    extents = {unit: float(np.abs(given).max()) * scale for unit, scale in units.items()}
    kept = [unit for unit, extent in extents.items() if smallest <= extent <= largest]
    below = [unit for unit, extent in extents.items() if extent <= largest]
    return {unit: given * units[unit] for unit in kept or below[:1] or list(units)[-1:]}
