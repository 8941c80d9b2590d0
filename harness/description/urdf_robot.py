"""The Piper's kinematics from somebody else's URDF, such as the manufacturer's; known faults in such files are named."""

from __future__ import annotations

import dataclasses
import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from harness.description.external import load_driven_urdf, read_urdf
from harness.errors import UsageError, suggest
from harness.kinematics.poses import rotation_angle
from harness.kinematics.robot import TCP, Frame, RobotModel, load_robot, transform
from harness.types import Float64Array

# What a robot from a URDF has in the place of a variant's name.
DESCRIPTION = "description"

# A joint this much nearer to or farther from the one before it than on the Piper belongs to another robot: published
# descriptions of the Piper differ by less than a millimetre in it, other arms' lengths by centimetres.
_OTHER_ARM_M = 0.03
# As near to our own joints' origins, our own shapes stand for a description's: the old offsets turn links by 2 degrees.
_LIKE_OURS_M, _LIKE_OURS_RAD = 0.005, math.radians(5)
# A typo for 2.618 in a published URDF (piper_ros, issue 23).
_TYPO_JOINT, _TYPO_RAD, _MEANT_RAD = "joint1", 2.168, 2.618
_FLANGE = "flange"


@dataclass(frozen=True)
class UrdfRobot:
    """An arm as a URDF has it.

    Attributes:
        robot: The arm. A joint that turns about another axis than its own z has its frame turned until it does; the frames
            keep their names and places.
        path: The file.
        warnings: What looks wrong in the file, a sentence each.
        turned: The joints whose frames were turned.
    """

    robot: RobotModel
    path: Path
    warnings: tuple[str, ...]
    turned: tuple[str, ...]

    def simulated(self) -> tuple[RobotModel, str]:
        """The arm with shapes and drives, for planning and execution.

        They are those of the URDF and its meshes, with the drives of `harness.description.external.add_drives`; where that
        is not possible but the links are like ours, our own shapes and drives on the URDF's joints.

        Returns:
            The arm, and a sentence that says when the shapes are ours and why; else an empty one.

        Raises:
            UsageError: The URDF cannot be simulated, and our own shapes cannot stand for its links.
        """
        if self.turned:
            raise UsageError(
                f"{self.path} cannot be simulated: {' and '.join(self.turned)} turn about another axis than 0 0 1, so "
                "drives like ours do not fit. Forward and inverse kinematics without collisions work"
            )
        try:
            load_driven_urdf(self.path)
        except UsageError as error:
            ours = load_robot()
            if not _like(self.robot, ours):
                raise UsageError(
                    f"{self.path} cannot be simulated, and its links are too different for our own shapes: {error}"
                ) from error
            why = f"collisions and execution use our own shapes and drives on the joints of {self.path}: {error}"
            return dataclasses.replace(self.robot, model=None), why
        return self.robot, ""


def read_urdf_robot(path: Path) -> UrdfRobot:
    """Reads the Piper's kinematics from a URDF; meshes are not needed, nor looked at.

    Joint origins, axes, limits and fixed links are the URDF's. The frame ``flange`` is link 6; ``tcp``, where no link is
    called so, is where our own description has it, seen from link 6. A velocity or effort of 0 is taken from our own.

    Args:
        path: The file.

    Raises:
        UsageError: The file cannot be read, is no URDF, lacks a joint or a number, or describes another robot.
    """
    root, ours = read_urdf(path), load_robot()
    if path.suffix.lower() != ".urdf":
        raise UsageError(f"{path} is a URDF by another name: rename it, so that it ends in .urdf")
    joints = {joint.get("name", ""): joint for joint in root.findall("joint")}
    _require_joints(joints, ours, path)
    chain = [joints[name] for name in ours.joint_names]
    _require_chain(chain, ours, path)
    given = np.stack([_origin(joint, path) for joint in chain])
    _require_lengths(given, ours, path)
    turns = np.stack([_turn_to(_axis(joint, path)) for joint in chain])
    before = np.concatenate([np.eye(4)[np.newaxis], turns[:-1]])
    origins = np.linalg.inv(before) @ given @ turns
    limits = np.stack([_limits(joint, path) for joint in chain])
    robot = dataclasses.replace(
        ours,
        variant=DESCRIPTION,
        variants=(DESCRIPTION,),
        joint_origins=_frozen(origins),
        limits_rad=_frozen(limits),
        max_velocity_rad_s=_frozen(_or_ours(chain, "velocity", ours.max_velocity_rad_s, path)),
        max_effort_nm=_frozen(_or_ours(chain, "effort", ours.max_effort_nm, path)),
        frames=MappingProxyType(_frames(joints, turns, ours, path)),
        model=path,
    )
    turned = tuple(name for name, turn in zip(ours.joint_names, turns, strict=True) if not np.array_equal(turn, np.eye(4)))
    return UrdfRobot(robot, path, (*_typos(limits, ours, path), *_impossible(root, path)), turned)


def _require_joints(joints: Mapping[str, ElementTree.Element], ours: RobotModel, path: Path) -> None:
    missing = [name for name in ours.joint_names if name not in joints]
    if missing:
        others = [name for name, joint in joints.items() if joint.get("type") != "fixed" and name not in ours.joint_names]
        hint = f" {suggest(missing[0], others)}" if others else ""
        raise UsageError(f"{path} is no description of the {ours.name}: it lacks {', '.join(missing)}.{hint}")


def _require_chain(chain: list[ElementTree.Element], ours: RobotModel, path: Path) -> None:
    parent = ours.base
    for name, child, joint in zip(ours.joint_names, ours.link_names, chain, strict=True):
        ends = _link(joint, "parent"), _link(joint, "child")
        if ends != (parent, child) or joint.get("type") != "revolute":
            raise UsageError(
                f"{path} is no description of the {ours.name}: {name} is {joint.get('type')} from {ends[0]!r} to "
                f"{ends[1]!r}; expected revolute from {parent!r} to {child!r}"
            )
        parent = child


def _require_lengths(origins: Float64Array, ours: RobotModel, path: Path) -> None:
    lengths, expected = (np.linalg.norm(each[:, :3, 3], axis=1) for each in (origins, ours.joint_origins))
    worst = int(np.abs(lengths - expected).argmax())
    if abs(lengths[worst] - expected[worst]) > _OTHER_ARM_M:
        raise UsageError(
            f"{path} describes another robot than the {ours.name}: {ours.joint_names[worst]} is "
            f"{1e3 * lengths[worst]:.0f} mm from the frame of the link before it, on the {ours.name} "
            f"{1e3 * expected[worst]:.0f} mm"
        )


def _frames(
    joints: Mapping[str, ElementTree.Element], turns: Float64Array, ours: RobotModel, path: Path
) -> dict[str, Frame]:
    """The arm's links, where the URDF has them, the links fixed to them, and the named frames."""
    moving = zip(ours.link_names, turns, strict=True)
    frames = {link: Frame(link, _frozen(np.linalg.inv(turn))) for link, turn in reversed(list(moving))}
    frames[ours.base] = Frame(ours.base, _frozen(np.eye(4)))
    fixed = [joint for joint in joints.values() if joint.get("type") == "fixed"]
    for _ in fixed:  # a joint may stand before the one that its parent hangs on
        for joint in fixed:
            parent = frames.get(_link(joint, "parent"))
            if parent is not None and _link(joint, "child") not in frames:
                frames[_link(joint, "child")] = Frame(parent.link, _frozen(parent.link_t_frame @ _origin(joint, path)))
    last = frames[ours.link_names[-1]]
    frames.setdefault(_FLANGE, last)
    frames.setdefault(TCP, Frame(last.link, _frozen(last.link_t_frame @ ours.tool(TCP))))
    return frames


def _typos(limits: Float64Array, ours: RobotModel, path: Path) -> Iterator[str]:
    for name, row in zip(ours.joint_names, limits, strict=True):
        if name == _TYPO_JOINT and np.isclose(np.abs(row), _TYPO_RAD, atol=1e-3).any():
            yield (
                f"{path}: the limits of {name} are {row[0]:g} to {row[1]:g} rad; {_TYPO_RAD} is a known typo for "
                f"{_MEANT_RAD}. They are used as they stand"
            )


def _impossible(root: ElementTree.Element, path: Path) -> Iterator[str]:
    """Links whose inertia no body has; only a simulator minds."""
    for link in root.findall("link"):
        inertia = link.find("inertial/inertia")
        if inertia is None:
            continue
        xx, yy, zz, xy, xz, yz = (
            _numbers(inertia, key, "0", path, f"link {link.get('name')!r}")[0]
            for key in ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
        )
        least = float(np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])[0])
        if least < 0:
            what = f"a negative moment of inertia ({least:.3g} kg m^2), which no body has and MuJoCo refuses"
            yield f"{path}: link {link.get('name')!r} has {what}"


def _limits(joint: ElementTree.Element, path: Path) -> Float64Array:
    place, limit = f"joint {joint.get('name')!r}", joint.find("limit")
    if limit is None:
        raise UsageError(f"{path}: {place} has no limits")
    low, high = (_numbers(limit, key, "", path, place)[0] for key in ("lower", "upper"))
    if low >= high:
        raise UsageError(f"{path}: {place}: its lower limit, {low:g}, must be below the upper one, {high:g}")
    return np.array([low, high])


def _or_ours(chain: list[ElementTree.Element], key: str, ours: Float64Array, path: Path) -> Float64Array:
    """A limit of each joint; our own where the URDF has none, or 0."""
    limits = [joint.find("limit") for joint in chain]
    return np.array([
        default if limit is None else _numbers(limit, key, "0", path, f"joint {joint.get('name')!r}")[0] or default
        for joint, limit, default in zip(chain, limits, ours, strict=True)
    ])  # fmt: skip


def _axis(joint: ElementTree.Element, path: Path) -> Float64Array:
    """The axis of a joint, of unit length; URDF's default is x."""
    element, place = joint.find("axis"), f"joint {joint.get('name')!r}"
    axis = np.array([1.0, 0.0, 0.0] if element is None else _numbers(element, "xyz", "1 0 0", path, place, 3))
    length = float(np.linalg.norm(axis))
    if length == 0:
        raise UsageError(f"{path}: {place}: its axis is 0 0 0")
    return np.asarray(axis / length)


def _turn_to(axis: Float64Array) -> Float64Array:
    """A rotation (4, 4) that brings z onto an axis: the least one, and half a turn about x for -z."""
    turn = np.eye(4)
    x, y, z = axis.tolist()
    if math.hypot(x, y) > 1e-12:
        # Rodrigues' formula for the rotation between two unit vectors: I + K + K^2 / (1 + cos).
        cross = np.array([[0.0, 0.0, x], [0.0, 0.0, y], [-x, -y, 0.0]])
        turn[:3, :3] = np.eye(3) + cross + cross @ cross / (1 + z)
    elif z < 0:
        turn[:3, :3] = np.diag([1.0, -1.0, -1.0])
    return turn


def _origin(joint: ElementTree.Element, path: Path) -> Float64Array:
    element, place = joint.find("origin"), f"joint {joint.get('name')!r}"
    if element is None:
        return np.eye(4)
    return transform(_numbers(element, "xyz", "0 0 0", path, place, 3), _numbers(element, "rpy", "0 0 0", path, place, 3))


def _numbers(element: ElementTree.Element, key: str, default: str, path: Path, place: str, count: int = 1) -> list[float]:
    text = element.get(key, default)
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise UsageError(f"{path}: {place}: {key} is {text!r}; expected {count} finite number{'s' * (count > 1)}")
    return numbers


def _link(joint: ElementTree.Element, end: str) -> str:
    element = joint.find(end)
    return "" if element is None else element.get("link", "")


def _like(robot: RobotModel, ours: RobotModel) -> bool:
    """Whether links of ours sit on this robot's joints as on our own."""
    apart = np.linalg.norm(robot.joint_origins[:, :3, 3] - ours.joint_origins[:, :3, 3], axis=1)
    turned = rotation_angle(robot.joint_origins[:, :3, :3], ours.joint_origins[:, :3, :3])
    return bool((apart <= _LIKE_OURS_M).all() and (turned <= _LIKE_OURS_RAD).all())


def _frozen(array: Float64Array) -> Float64Array:
    array = np.ascontiguousarray(array, dtype=np.float64)
    array.setflags(write=False)
    return array
