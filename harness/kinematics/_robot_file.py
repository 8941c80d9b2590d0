"""What a robot's YAML file must hold: read, checked field by field, and with a variant's changes applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.checked_yaml import checked, read_mapping
from harness.errors import UsageError, suggest

_Triple = tuple[float, float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class InertiaFields(_Strict):
    """The inertia tensor about the centre of mass, kg m^2."""

    ixx: float = Field(gt=0)
    iyy: float = Field(gt=0)
    izz: float = Field(gt=0)
    ixy: float
    ixz: float
    iyz: float


class LinkFields(_Strict):
    """A link's mass, and where it is in the link's frame."""

    mass_kg: float = Field(gt=0)
    com_m: _Triple
    inertia_kgm2: InertiaFields


class JointFields(_Strict):
    """A joint: rad, N m, rad/s where it turns; m, N, m/s where it slides."""

    type: Literal["revolute", "prismatic", "fixed"]
    parent: str
    child: str
    xyz_m: _Triple
    rpy_rad: _Triple
    axis: _Triple | None = None
    lower: float | None = None
    upper: float | None = None
    effort: float | None = Field(default=None, gt=0)
    velocity: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _moving_joints_are_limited(self) -> JointFields:
        if self.type == "fixed":
            return self
        for name in ("axis", "lower", "upper", "effort", "velocity"):
            if getattr(self, name) is None:
                raise ValueError(f"a {self.type} joint needs {name!r}")
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError(f"lower ({self.lower}) must be below upper ({self.upper})")
        return self


class FrameFields(_Strict):
    """A named frame, fixed to a link."""

    link: str
    xyz_m: _Triple
    rpy_rad: _Triple


class GripperFields(_Strict):
    """The opening between the finger tips, and the joints that make it."""

    opening_m: tuple[float, float]
    joints: tuple[str, ...] = Field(min_length=1)


class RobotFields(_Strict):
    """What kinematics takes from a robot.yaml; the file's other sections (geometry, cameras) are left to their readers."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    schema_: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    base: str
    arm_joints: tuple[str, ...] = Field(min_length=6, max_length=6)
    links: dict[str, LinkFields] = Field(min_length=1)
    joints: dict[str, JointFields] = Field(min_length=1)
    frames: dict[str, FrameFields]
    gripper: GripperFields
    home_rad: dict[str, tuple[float, float, float, float, float, float]]
    variants: dict[str, dict[str, dict[str, Any]]] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_fit_together(self) -> RobotFields:
        _require(self.base, self.links, "base")
        for i, joint in enumerate(self.arm_joints):
            _require(joint, self.joints, f"arm_joints.{i}")
        for i, joint in enumerate(self.gripper.joints):
            _require(joint, self.joints, f"gripper.joints.{i}")
        for name, fields in self.joints.items():
            _require(fields.parent, self.links, f"joints.{name}.parent")
            _require(fields.child, self.links, f"joints.{name}.child")
        for name, frame in self.frames.items():
            _require(frame.link, self.links, f"frames.{name}.link")
        for variant, changes in self.variants.items():
            for joint in changes:
                _require(joint, self.joints, f"variants.{variant}.{joint}")
        self._arm_is_a_chain()
        return self

    def _arm_is_a_chain(self) -> None:
        parent = self.base
        for name in self.arm_joints:
            joint = self.joints[name]
            if joint.type != "revolute" or joint.axis != (0.0, 0.0, 1.0):
                raise ValueError(f"joints.{name}: a joint of the arm must be revolute, with axis [0, 0, 1]")
            if joint.parent != parent:
                raise ValueError(f"joints.{name}.parent: must be {parent!r}, the link before it, not {joint.parent!r}")
            parent = joint.child


def _require(name: str, known: dict[str, Any], where: str) -> None:
    if name not in known:
        raise ValueError(f"{where}: there is no {name!r}. {suggest(name, known)}")


def read_robot_file(path: Path, variant: str) -> RobotFields:
    """Reads a robot's description as one of its variants.

    Args:
        path: A robot.yaml.
        variant: One of the names under its ``variants``; what stands there replaces fields of the joints.

    Raises:
        UsageError: The file cannot be read, a field is wrong (the message has its path), or the variant is unknown.
    """
    content = read_mapping(path, "robot", UsageError)
    plain = checked(RobotFields, content, path, UsageError)
    if variant not in plain.variants:
        raise UsageError(f"{path}: unknown variant {variant!r}. {suggest(variant, plain.variants)}")
    joints = dict(content["joints"])
    for joint, changes in plain.variants[variant].items():
        joints[joint] = {**joints[joint], **changes}
        checked(JointFields, joints[joint], path, UsageError, f"variants.{variant}.{joint}")
    return checked(RobotFields, {**content, "joints": joints}, path, UsageError)
