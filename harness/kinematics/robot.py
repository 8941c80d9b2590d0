"""A robot arm as numbers: where its joints are, how far they turn, and which frames are fixed to its links."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from harness.errors import UsageError, suggest
from harness.kinematics._robot_file import JointFields, RobotFields, read_robot_file
from harness.kinematics.poses import homogeneous, matrix_from_rpy
from harness.paths import robots_dir
from harness.types import Float64Array

TCP = "tcp"


@dataclass(frozen=True)
class Frame:
    """A frame that is fixed to a link.

    Attributes:
        link: The link's name.
        link_t_frame: link_T_frame, (4, 4), m.
    """

    link: str
    link_t_frame: Float64Array


@dataclass(frozen=True)
class RobotModel:
    """An arm of six revolute joints; arrays are read-only.

    A joint's frame is its parent link's frame moved by its origin; it turns about its own z, and its child link's frame is
    the turned one. So ``base_T_link6 = O_1 Rz(q_1) O_2 Rz(q_2) ... O_6 Rz(q_6)``.

    Attributes:
        name: Such as ``piper``.
        variant: Which of the variants in the robot's file.
        variants: The names of all of them.
        base: The link that poses are given in.
        joint_names: The six joints, base to tip.
        link_names: The links that they move, base to tip; the last one carries the tool.
        joint_origins: (6, 4, 4), m.
        limits_rad: (6, 2), lower and upper.
        max_velocity_rad_s: (6,).
        max_effort_nm: (6,).
        frames: Name -> frame: every link that does not move against one of the arm's, and the named frames.
        home_rad: Name -> (6,).
        gripper_opening_m: Smallest and largest opening between the finger tips.
        model: The MJCF or URDF file that has its shapes; None is ``NAME/NAME.xml`` in the folder of robots.
    """

    name: str
    variant: str
    variants: tuple[str, ...]
    base: str
    joint_names: tuple[str, ...]
    link_names: tuple[str, ...]
    joint_origins: Float64Array
    limits_rad: Float64Array
    max_velocity_rad_s: Float64Array
    max_effort_nm: Float64Array
    frames: Mapping[str, Frame]
    home_rad: Mapping[str, Float64Array]
    gripper_opening_m: tuple[float, float]
    model: Path | None = None

    @property
    def tool_frames(self) -> tuple[str, ...]:
        """The frames that are fixed to the last link, itself first."""
        return tuple(name for name, frame in self.frames.items() if frame.link == self.link_names[-1])

    def frame(self, name: str) -> Frame:
        """A frame by its name, relative to the link of the arm that carries it.

        Raises:
            UsageError: There is none of that name.
        """
        if name not in self.frames:
            raise UsageError(f"{self.name} has no frame {name!r}. {suggest(name, self.frames)}")
        return self.frames[name]

    def tool(self, name: str) -> Float64Array:
        """link6_T_frame, (4, 4), of a frame that all six joints move.

        Raises:
            UsageError: There is no such frame, or it is fixed to an earlier link.
        """
        frame = self.frame(name)
        if frame.link != self.link_names[-1]:
            raise UsageError(
                f"frame {name!r} is fixed to {frame.link}, which not all joints move. Known: {', '.join(self.tool_frames)}."
            )
        return frame.link_t_frame

    def with_tcp_offset(self, offset: Sequence[float]) -> RobotModel:
        """The same robot with another tool centre point.

        Args:
            offset: ``x, y, z`` (m) or ``x, y, z, roll, pitch, yaw`` (rad, about the fixed axes x, y, z), from the flange,
                which is the frame of link 6.

        Raises:
            UsageError: Neither three nor six finite numbers.
        """
        numbers = [float(number) for number in offset]
        if len(numbers) not in (3, 6) or not all(map(math.isfinite, numbers)):
            raise UsageError(
                f"a tcp offset is x,y,z or x,y,z,roll,pitch,yaw (m, rad), six finite numbers at most; got {offset}"
            )
        tool = self.tool(self.link_names[-1]) @ transform(numbers[:3], numbers[3:] or (0.0, 0.0, 0.0))
        frames = {**self.frames, TCP: Frame(self.link_names[-1], _frozen(tool))}
        return dataclasses.replace(self, frames=MappingProxyType(frames))


def load_robot(variant: str = "current", path: Path | None = None) -> RobotModel:
    """Loads an arm from its YAML file.

    Args:
        variant: One of the file's variants.
        path: The file; None takes ``piper/robot.yaml`` in the folder of robots.

    Raises:
        UsageError: The file is missing or wrong (the message has the field's path), or the variant is unknown.
    """
    fields = read_robot_file(path or robots_dir() / "piper" / "robot.yaml", variant)
    joints = [fields.joints[name] for name in fields.arm_joints]
    return RobotModel(
        name=fields.name,
        variant=variant,
        variants=tuple(fields.variants),
        base=fields.base,
        joint_names=fields.arm_joints,
        link_names=tuple(joint.child for joint in joints),
        joint_origins=_frozen(np.stack([_origin(joint) for joint in joints])),
        limits_rad=_frozen(np.array([[joint.lower, joint.upper] for joint in joints], dtype=np.float64)),
        max_velocity_rad_s=_frozen(np.array([joint.velocity for joint in joints], dtype=np.float64)),
        max_effort_nm=_frozen(np.array([joint.effort for joint in joints], dtype=np.float64)),
        frames=MappingProxyType(_frames(fields)),
        home_rad=MappingProxyType({name: _frozen(np.array(home)) for name, home in fields.home_rad.items()}),
        gripper_opening_m=fields.gripper.opening_m,
    )


def parse_tcp_offset(text: str) -> tuple[float, ...]:
    """Reads ``x,y,z`` or ``x,y,z,roll,pitch,yaw`` (m, rad); commas or blanks.

    Raises:
        UsageError: Something else is written there.
    """
    words = text.replace(",", " ").split()
    try:
        numbers = tuple(float(word) for word in words)
    except ValueError:
        numbers = ()
    if len(numbers) not in (3, 6) or not all(map(math.isfinite, numbers)):
        raise UsageError(f"tcp offset {text!r} must be x,y,z or x,y,z,roll,pitch,yaw: three or six numbers (m, rad)")
    return numbers


def transform(xyz_m: Sequence[float], rpy_rad: Sequence[float]) -> Float64Array:
    """A homogeneous matrix (4, 4) as URDF writes an origin: R = Rz(yaw) Ry(pitch) Rx(roll), about fixed axes."""
    return homogeneous(matrix_from_rpy(np.array(rpy_rad, dtype=np.float64)), np.array(xyz_m, dtype=np.float64))


def _origin(joint: JointFields) -> Float64Array:
    return transform(joint.xyz_m, joint.rpy_rad)


def _frames(fields: RobotFields) -> dict[str, Frame]:
    """All frames, each relative to the link of the arm that carries it."""
    moving = [fields.joints[name].child for name in fields.arm_joints]
    frames = {link: Frame(link, _frozen(np.eye(4))) for link in (*reversed(moving), fields.base)}
    fixed = {joint.child: joint for joint in fields.joints.values() if joint.type == "fixed"}
    for link, joint in fixed.items():
        if joint.parent in frames:
            frames[link] = _below(frames[joint.parent], _origin(joint))
    for name, frame in fields.frames.items():
        if frame.link in frames:
            frames[name] = _below(frames[frame.link], transform(frame.xyz_m, frame.rpy_rad))
    return frames


def _below(parent: Frame, parent_t_frame: Float64Array) -> Frame:
    return Frame(parent.link, _frozen(parent.link_t_frame @ parent_t_frame))


def _frozen(array: Float64Array) -> Float64Array:
    array = np.ascontiguousarray(array, dtype=np.float64)
    array.setflags(write=False)
    return array
