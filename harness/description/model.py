"""What a ``robot.yaml`` says of a robot's links, joints, shapes and drives, as plain data."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import UsageError, suggest

Vector = tuple[float, ...]
Role = typing.Literal["visual", "collision", "both"]
SIZES = {"box": 3, "cylinder": 2, "sphere": 1, "rounded_cylinder": 3, "hull": 0}
MESHES = ("hull", "rounded_cylinder")
ZERO: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Shape:
    """A piece of a link's geometry, in the link's frame.

    Attributes:
        name: Unique within the link.
        kind: One of `SIZES`.
        size_m: What the kind needs: box (x, y, z), cylinder (radius, length along z), sphere (radius),
            rounded_cylinder (radius, length, radius of the edges), hull nothing.
        spheres_m: A hull's spheres, (x, y, z, radius) each.
        xyz_m: Where its centre is.
        rpy_rad: How it is turned, about fixed x, y, z.
        color: One of `Description.colors`; empty for what is not seen.
        visual: Whether it is seen.
        collision: Whether it collides.
    """

    name: str
    kind: str
    size_m: Vector
    spheres_m: tuple[Vector, ...]
    xyz_m: Vector
    rpy_rad: Vector
    color: str
    visual: bool
    collision: bool

    @property
    def is_mesh(self) -> bool:
        """Whether it is written as a mesh, not as a primitive."""
        return self.kind in MESHES


@dataclass(frozen=True)
class Link:
    """A rigid body.

    Attributes:
        name: Unique within the robot.
        mass_kg: Its mass.
        com_m: Centre of mass in the link's frame.
        inertia_kgm2: (ixx, iyy, izz, ixy, ixz, iyz) about the centre of mass, along the link's axes.
        shapes: Its geometry.
    """

    name: str
    mass_kg: float
    com_m: Vector
    inertia_kgm2: Vector
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Joint:
    """What connects a link to its parent. Revolute joints in rad, N m, rad/s; prismatic ones in m, N, m/s.

    Attributes:
        name: Unique within the robot.
        kind: ``revolute``, ``prismatic`` or ``fixed``; a fixed joint's remaining numbers are 0.
        parent: Name of the parent link.
        child: Name of the child link.
        xyz_m: Where the joint's frame is in the parent's.
        rpy_rad: How it is turned, about fixed x, y, z.
        axis: Along which it moves, in its own frame.
        lower: Lower limit.
        upper: Upper limit.
        effort: Largest force or torque.
        velocity: Largest speed.
        damping: Force for each unit of speed.
        armature: Inertia of the motor as the joint feels it.
        kp: Stiffness of its position drive; 0 for a joint that another drive moves.
        kv: Damping of its position drive.
    """

    name: str
    kind: str
    parent: str
    child: str
    xyz_m: Vector
    rpy_rad: Vector
    axis: Vector = (0.0, 0.0, 1.0)
    lower: float = 0.0
    upper: float = 0.0
    effort: float = 0.0
    velocity: float = 0.0
    damping: float = 0.0
    armature: float = 0.0
    kp: float = 0.0
    kv: float = 0.0


@dataclass(frozen=True)
class Frame:
    """A named frame that is fixed to a link."""

    name: str
    link: str
    xyz_m: Vector
    rpy_rad: Vector


@dataclass(frozen=True)
class Camera:
    """A camera that is fixed to a link; positions and the direction of the picture's top in the link's frame."""

    name: str
    link: str
    xyz_m: Vector
    look_at_m: Vector
    up_m: Vector
    fovy_deg: float


@dataclass(frozen=True)
class Gripper:
    """Two fingers that one drive opens.

    Attributes:
        joints: The two finger joints; the opening is the first's position less the second's.
        opening_m: Least and largest opening.
        kp: Stiffness of the drive, N for each metre of opening.
        kv: Damping of the drive, N s/m.
    """

    joints: tuple[str, str]
    opening_m: tuple[float, float]
    kp: float
    kv: float


@dataclass(frozen=True)
class Description:
    """A whole robot.

    Attributes:
        name: Such as ``piper``.
        variant: Such as ``current``.
        base: Name of the link that stands on the ground.
        links: In the file's order, the base first.
        joints: Parents before children.
        arm_joints: Names of the joints that make the arm, base first.
        frames: Named frames besides the links.
        cameras: Cameras on links.
        gripper: The gripper.
        home_rad: Name -> arm joints.
        colors: Name -> (red, green, blue, alpha), 0 to 1.
        ignored_pairs: Pairs of links whose contacts do not count.
    """

    name: str
    variant: str
    base: str
    links: tuple[Link, ...]
    joints: tuple[Joint, ...]
    arm_joints: tuple[str, ...]
    frames: tuple[Frame, ...]
    cameras: tuple[Camera, ...]
    gripper: Gripper
    home_rad: Mapping[str, Vector]
    colors: Mapping[str, Vector]
    ignored_pairs: tuple[tuple[str, str], ...]

    @property
    def moving_joints(self) -> tuple[Joint, ...]:
        """The joints that are not fixed."""
        return tuple(joint for joint in self.joints if joint.kind != "fixed")

    def joint(self, name: str) -> Joint:
        """The joint of that name; `KeyError` when there is none."""
        return {joint.name: joint for joint in self.joints}[name]


def load_description(path: Path, variant: str = "current") -> Description:
    """Reads a ``robot.yaml``.

    Args:
        path: The file.
        variant: One of its variants: what differs from the joints as they stand.

    Raises:
        UsageError: The file cannot be read, lacks something, or has no such variant.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        variants = data["variants"]
        if variant not in variants:
            raise UsageError(f"{path} has no variant {variant!r}. {suggest(variant, variants)}")
        return _description(data, variant)
    except OSError as error:
        raise UsageError(f"the robot's description cannot be read: {error}") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is no robot description: {type(error).__name__}: {error}") from error


def _description(data: Mapping[str, Any], variant: str) -> Description:
    dynamics = data["dynamics"]
    changes = data["variants"][variant]
    joints = tuple(
        _joint(name, {**spec, **changes.get(name, {}), **dynamics.get(name, {})}) for name, spec in data["joints"].items()
    )
    gripper = data["gripper"]
    return Description(
        name=data["name"],
        variant=variant,
        base=data["base"],
        links=tuple(_link(name, spec, data["geometry"].get(name, [])) for name, spec in data["links"].items()),
        joints=joints,
        arm_joints=tuple(data["arm_joints"]),
        frames=tuple(
            Frame(name, spec["link"], vector(spec["xyz_m"]), vector(spec["rpy_rad"]))
            for name, spec in data["frames"].items()
        ),
        cameras=tuple(_camera(name, spec) for name, spec in data["cameras"].items()),
        gripper=Gripper(
            joints=(gripper["joints"][0], gripper["joints"][1]),
            opening_m=(float(gripper["opening_m"][0]), float(gripper["opening_m"][1])),
            kp=float(dynamics["gripper"]["kp"]),
            kv=float(dynamics["gripper"]["kv"]),
        ),
        home_rad={name: vector(values) for name, values in data["home_rad"].items()},
        colors={name: vector(values) for name, values in data["colors"].items()},
        ignored_pairs=tuple((one, other) for one, others in data["self_collision_ignore"].items() for other in others),
    )


def _joint(name: str, spec: Mapping[str, Any]) -> Joint:
    numbers = ("lower", "upper", "effort", "velocity", "damping", "armature", "kp", "kv")
    return Joint(
        name=name,
        kind=spec["type"],
        parent=spec["parent"],
        child=spec["child"],
        xyz_m=vector(spec["xyz_m"]),
        rpy_rad=vector(spec["rpy_rad"]),
        axis=vector(spec.get("axis", (0, 0, 1))),
        **{key: float(spec.get(key, 0.0)) for key in numbers},
    )


def _link(name: str, spec: Mapping[str, Any], shapes: Sequence[Mapping[str, Any]]) -> Link:
    inertia = spec["inertia_kgm2"]
    return Link(
        name=name,
        mass_kg=float(spec["mass_kg"]),
        com_m=vector(spec["com_m"]),
        inertia_kgm2=vector(inertia[key] for key in ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")),
        shapes=tuple(_shape(name, shape) for shape in shapes),
    )


def _shape(link: str, spec: Mapping[str, Any]) -> Shape:
    kind, role = spec["shape"], spec["role"]
    if kind not in SIZES:
        raise ValueError(f"{link}/{spec['name']}: unknown shape {kind!r}. {suggest(kind, SIZES)}")
    if role not in typing.get_args(Role):
        raise ValueError(f"{link}/{spec['name']}: unknown role {role!r}. {suggest(role, typing.get_args(Role))}")
    shape = Shape(
        name=spec["name"],
        kind=kind,
        size_m=vector(spec.get("size_m", ())),
        spheres_m=tuple(vector(sphere) for sphere in spec.get("spheres_m", ())),
        xyz_m=vector(spec.get("xyz_m", ZERO)),
        rpy_rad=vector(spec.get("rpy_rad", ZERO)),
        color=spec.get("color", ""),
        visual=role != "collision",
        collision=role != "visual",
    )
    if len(shape.size_m) != SIZES[kind] or (kind == "hull") != bool(shape.spheres_m):
        raise ValueError(f"{link}/{shape.name}: a {kind} needs {SIZES[kind]} sizes" + " and spheres_m" * (kind == "hull"))
    if shape.is_mesh and shape.collision:
        raise ValueError(f"{link}/{shape.name}: a {kind} is a mesh, which can only be visual")
    return shape


def _camera(name: str, spec: Mapping[str, Any]) -> Camera:
    return Camera(
        name=name,
        link=spec["link"],
        xyz_m=vector(spec["xyz_m"]),
        look_at_m=vector(spec["look_at_m"]),
        up_m=vector(spec["up_m"]),
        fovy_deg=float(spec["fovy_deg"]),
    )


def vector(values: typing.Iterable[Any]) -> Vector:
    """The values as a tuple of floats."""
    return tuple(float(value) for value in values)
