"""Which description of the arm, tool and units measured joints and poses come from.

Every known description is tried with every unit and order that the numbers can have. For each, the constant transform from
link 6 to the measured frame is fitted by least squares: what remains shows how well it explains the measurements.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.kinematics.known_arms import KNOWN_ARMS, KNOWN_YAWS_DEG, KnownArm, KnownTool, known_tools
from harness.kinematics.measurements import (
    Measurements,
    Reading,
    describe_reading,
    joint_readings,
    position_readings,
    rotation_readings,
)
from harness.kinematics.poses import axis_rotation, rotation_angle, rpy_from_matrix
from harness.kinematics.robot import RobotModel, load_robot
from harness.types import Float64Array

# A rotation's error counts as that of a point this far away: about the length of a gripper.
_LEVER_M = 0.1
# A fitted tool is a known one when it is this close (below half the distance between the known ones that are nearest to each
# other), or as close as the scatter of the measurements lets one say.
_TOOL_CLOSE_M = 0.2e-3
_TOOL_CLOSE_RAD = np.radians(0.2)
_STANDARD_ERRORS = 3.0
# A description explains measurements when no more than this remains (root mean square): a quarter of what separates the old
# offsets from the current ones, and half of the two degrees that they put on a joint.
FITS_MM = 2.5
FITS_DEG = 1.0
# Fitted tools explain a little more than known ones, always: they must be better by this much.
_FITTED_PENALTY_MM = 0.05
# Below this, differences are rounding of the numbers in a URDF.
_FLOOR_MM = 1e-3
# The constant yaw of the tool in the USD of the arm with camera, and of link 6 in the export of 2024.
_CAMERA_YAW_DEG = 90
_CAMERA_TEXT = " (as in the USD of the arm with camera, and as link 6 of the export of 2024)"
# Chi-square of 3.5 standard deviations: a smaller gain in the sum of squares may be chance.
_CHANCE = 12.0
# So many explanations that cannot be told apart are named.
_NAMED = 5


@dataclass(frozen=True)
class Tool:
    """The constant transform from link 6 to the frame that was measured.

    Attributes:
        name: Of a known tool, or ``fitted``; with the turn about z where there is one.
        meaning: What it is, in words.
        xyz_m: (3,) from link 6.
        rotation: (3, 3).
        fitted: Whether a part of it was estimated from the measurements rather than known.
    """

    name: str
    meaning: str
    xyz_m: Float64Array
    rotation: Float64Array
    fitted: bool

    @property
    def offset(self) -> tuple[float, ...]:
        """As ``--tcp-offset`` takes it: x, y, z (m), roll, pitch, yaw (rad)."""
        return tuple(float(v) + 0.0 for v in np.round([*self.xyz_m, *rpy_from_matrix(self.rotation)], 7))


@dataclass(frozen=True)
class Hypothesis:
    """One explanation of the measurements, and what it leaves unexplained.

    Attributes:
        arm: Which description of the arm.
        tool: Which frame.
        reading: What the numbers mean.
        position_rms_mm: Root mean square distance between measured and computed position.
        position_max_mm: The largest one.
        rotation_rms_deg: Root mean square angle between measured and computed orientation.
        rotation_max_deg: The largest one.
    """

    arm: KnownArm
    tool: Tool
    reading: Reading
    position_rms_mm: float
    position_max_mm: float
    rotation_rms_deg: float
    rotation_max_deg: float

    @property
    def fits(self) -> bool:
        """Whether the measurements are explained."""
        return self.position_rms_mm <= FITS_MM and self.rotation_rms_deg <= FITS_DEG

    @property
    def left_mm(self) -> float:
        """What is left unexplained, as one number."""
        return math.hypot(self.position_rms_mm, math.radians(self.rotation_rms_deg) * _LEVER_M * 1e3, _FLOOR_MM)

    @property
    def score_mm(self) -> float:
        """The same with a penalty where the tool was fitted."""
        return self.left_mm + _FITTED_PENALTY_MM * self.tool.fitted


@dataclass(frozen=True)
class Diagnosis:
    """What measurements come from.

    Attributes:
        best: The simplest explanation among those that explain the measurements best.
        also: Others that these measurements cannot tell from it.
        hypotheses: All of them, `best` first, then by what they leave unexplained.
    """

    best: Hypothesis
    also: tuple[Hypothesis, ...]
    hypotheses: tuple[Hypothesis, ...]


def load_variants() -> dict[str, RobotModel]:
    """The robot in every variant that a known description is based on."""
    return {variant: load_robot(variant) for variant in dict.fromkeys(arm.variant for arm in KNOWN_ARMS)}


def diagnose(
    measurements: Measurements, robots: Mapping[str, RobotModel], arms: Sequence[KnownArm] = KNOWN_ARMS
) -> Diagnosis:
    """Tries every explanation.

    Args:
        measurements: Joints and poses.
        robots: The robot in the variants of all arms, as `load_variants` gives them for the known ones.
        arms: The descriptions to try; of those that explain measurements equally well, the first one is named.
    """
    found = sorted(_hypotheses(measurements, robots, arms), key=lambda hypothesis: hypothesis.score_mm)
    chance = 1 + _CHANCE / measurements.joints.size
    least = min(hypothesis.left_mm for hypothesis in found)
    alike = [h for h in found if h.left_mm**2 <= least**2 * chance]
    order = [arm.name for arm in arms]
    best = min(alike, key=lambda h: (len(h.reading.mends), h.tool.fitted, order.index(h.arm.name), h.score_mm))
    also = tuple(h for h in alike if h is not best)
    return Diagnosis(best, also, (best, *(h for h in found if h is not best)))


def explanation(diagnosis: Diagnosis) -> list[str]:
    """What a diagnosis means and how to mend it, in plain sentences."""
    best = diagnosis.best
    remains = f"{best.position_rms_mm:.3f} mm and {best.rotation_rms_deg:.3f} degrees remain (root mean square)"
    if not best.fits:
        return [
            f"Nothing known explains these measurements: of the nearest explanation, {remains}.",
            f"The nearest is arm {best.arm.name!r}, tool {best.tool.name!r}, {best.reading.text}.",
            "Look for poses in another base frame than the arm's, joints and poses that were not read at the same time, "
            "columns in another order, or joint zeros that were set anew.",
        ]
    sentences = [best.arm.meaning, best.arm.mend, f"The poses are of {best.tool.meaning}.", _tool_mend(best.tool)]
    sentences += best.reading.mends
    sentences.append(f"With this, {remains}.")
    others = list(dict.fromkeys(f"{h.arm.name} with {h.tool.name}" for h in diagnosis.also))
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        sentences.append(
            f"These measurements cannot tell it from {', '.join(others[:_NAMED])}{more}: add poses in which all joints "
            "differ, or measure with less noise."
        )
    return sentences


def _tool_mend(tool: Tool) -> str:
    if tool.name in ("link6", "tcp"):
        return f"Use --frame {tool.name}."
    return f"Use --frame tcp --tcp-offset={','.join(f'{number:.7g}' for number in tool.offset)}."


@dataclass(frozen=True)
class _Place:
    """Where a tool is: its distance from link 6, and which known tool that is."""

    known: KnownTool | None
    xyz_m: Float64Array


@dataclass(frozen=True)
class _Turn:
    """How a tool is turned against link 6, and which known turn about z that is."""

    known_deg: int | None
    rotation: Float64Array


def _hypotheses(
    measurements: Measurements, robots: Mapping[str, RobotModel], arms: Sequence[KnownArm]
) -> Iterator[Hypothesis]:
    """Every arm with every reading and its nearest tool; for each arm's best reading every other tool too."""
    positions, rotations = position_readings(measurements), rotation_readings(measurements)
    for arm in arms:
        robot = robots[arm.variant]
        tools = known_tools(robot)
        tried = []
        for joint_unit, joints in joint_readings(measurements).items():
            link6 = arm.forward(robot, joints)
            places = {unit: _fitted_place(link6, position, tools) for unit, position in positions.items()}
            turns = {name: _fitted_turn(link6, rotation) for name, rotation in rotations.items()}
            for length_unit, name in itertools.product(positions, rotations):
                reading = describe_reading(measurements, joint_unit, length_unit, name)
                measured = link6, positions[length_unit], rotations[name]
                tried.append((_compared(arm, places[length_unit], turns[name], reading, *measured), turns[name], measured))
        yield from (hypothesis for hypothesis, _, _ in tried)
        best, turn, measured = min(tried, key=lambda one: one[0].score_mm)
        for tool in tools:
            if tool.z_m != best.tool.xyz_m[2]:
                yield _compared(arm, _Place(tool, _ahead(tool)), turn, best.reading, *measured)


def _fitted_place(link6: Float64Array, positions: Float64Array, tools: Sequence[KnownTool]) -> _Place:
    """The constant translation that explains positions (N, 3) best: the mean of those seen from link 6."""
    seen = np.einsum("nji,nj->ni", link6[:, :3, :3], positions - link6[:, :3, 3])
    fitted = seen.mean(axis=0)
    close = max(
        _TOOL_CLOSE_M, _STANDARD_ERRORS * _root_mean_square(np.linalg.norm(seen - fitted, axis=1)) / len(seen) ** 0.5
    )
    nearest = min(tools, key=lambda tool: float(np.linalg.norm(fitted - _ahead(tool))))
    if np.linalg.norm(fitted - _ahead(nearest)) <= close:
        return _Place(nearest, _ahead(nearest))
    return _Place(None, fitted)


def _fitted_turn(link6: Float64Array, rotations: Float64Array) -> _Turn:
    """The constant rotation that explains rotations (N, 3, 3) best: the mean of those seen from link 6 (Kabsch, 1976)."""
    seen = np.swapaxes(link6[:, :3, :3], 1, 2) @ rotations
    left, _, right = np.linalg.svd(seen.mean(axis=0))
    fitted = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    close = max(_TOOL_CLOSE_RAD, _STANDARD_ERRORS * _root_mean_square(rotation_angle(seen, fitted)) / len(seen) ** 0.5)
    for degrees in KNOWN_YAWS_DEG:
        known = axis_rotation(2, np.radians(degrees))
        if rotation_angle(fitted, known) <= close:
            return _Turn(degrees, known)
    return _Turn(None, fitted)


def _compared(
    arm: KnownArm,
    place: _Place,
    turn: _Turn,
    reading: Reading,
    link6: Float64Array,
    positions: Float64Array,
    rotations: Float64Array,
) -> Hypothesis:
    computed = link6[:, :3, 3] + link6[:, :3, :3] @ place.xyz_m
    millimetres = np.linalg.norm(computed - positions, axis=1) * 1e3
    degrees = np.degrees(rotation_angle(link6[:, :3, :3] @ turn.rotation, rotations))
    return Hypothesis(
        arm=arm,
        tool=_tool(place, turn),
        reading=reading,
        position_rms_mm=_root_mean_square(millimetres),
        position_max_mm=float(millimetres.max()),
        rotation_rms_deg=_root_mean_square(degrees),
        rotation_max_deg=float(degrees.max()),
    )


def _tool(place: _Place, turn: _Turn) -> Tool:
    x, y, z = place.xyz_m * 1e3
    name = place.known.name if place.known else "fitted"
    meaning = place.known.meaning if place.known else f"a frame that is fixed {x:.2f}, {y:.2f}, {z:.2f} mm from link 6"
    if turn.known_deg is None:
        angles = ", ".join(f"{angle:.2f}" for angle in np.degrees(rpy_from_matrix(turn.rotation)))
        name, meaning = f"{name}, turned", f"{meaning}, turned by roll, pitch, yaw {angles} degrees"
    elif turn.known_deg:
        camera = _CAMERA_TEXT if abs(turn.known_deg) == _CAMERA_YAW_DEG else ""
        name, meaning = f"{name}, yaw {turn.known_deg}", f"{meaning}, turned by {turn.known_deg} degrees about z{camera}"
    return Tool(name, meaning, place.xyz_m, turn.rotation, fitted=place.known is None or turn.known_deg is None)


def _root_mean_square(values: Float64Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _ahead(tool: KnownTool) -> Float64Array:
    return np.array([0.0, 0.0, tool.z_m])
