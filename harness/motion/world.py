"""What stands around an arm: boxes, spheres and cylinders, read from YAML and put into a MuJoCo model."""

from __future__ import annotations

import math
import typing
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.checked_yaml import checked, read_mapping
from harness.errors import UsageError
from harness.kinematics.robot import transform

if typing.TYPE_CHECKING:
    import mujoco

_Triple = tuple[float, float, float]
_Length = Annotated[float, Field(gt=0)]

# How far the arm stays away from an obstacle: room for what the arm lags behind its trajectory.
CLEARANCE_M = 0.005

# A quaternion may be this far from unit length, as rounding to three decimals leaves it.
_UNIT_TOLERANCE = 1e-2

_RGBA = (0.75, 0.45, 0.25, 1.0)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Placed(_Strict):
    """Where an obstacle is: its centre, in the arm's base frame, and how it is turned."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    xyz_m: _Triple
    rpy_rad: _Triple | None = None
    quat_wxyz: tuple[float, float, float, float] | None = None

    @model_validator(mode="after")
    def _turned_once(self) -> _Placed:
        if self.rpy_rad is not None and self.quat_wxyz is not None:
            raise ValueError("has both rpy_rad and quat_wxyz; one of them is enough")
        if self.quat_wxyz is not None and abs(math.hypot(*self.quat_wxyz) - 1) > _UNIT_TOLERANCE:
            raise ValueError(f"quat_wxyz has length {math.hypot(*self.quat_wxyz):.3g}; expected 1 (order w, x, y, z)")
        return self


class Box(_Placed):
    """A box; `size_m` are its whole edges along its own x, y and z."""

    type: Literal["box"] = "box"
    size_m: tuple[_Length, _Length, _Length]


class Sphere(_Placed):
    """A sphere."""

    type: Literal["sphere"] = "sphere"
    radius_m: _Length


class Cylinder(_Placed):
    """A cylinder; `height_m` is its whole length along its own z."""

    type: Literal["cylinder"] = "cylinder"
    radius_m: _Length
    height_m: _Length


Obstacle = Annotated[Box | Sphere | Cylinder, Field(discriminator="type")]


class World(_Strict):
    """Obstacles around an arm.

    Attributes:
        obstacles: In the arm's base frame, which is the simulator's world frame.
        clearance_m: The arm must stay at least this far away from each.
    """

    obstacles: tuple[Obstacle, ...] = ()
    clearance_m: float = Field(default=CLEARANCE_M, ge=0, le=0.1)

    @model_validator(mode="after")
    def _names_differ(self) -> World:
        names = [obstacle.name for obstacle in self.obstacles]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"obstacles: the name {twice[0]!r} is given {names.count(twice[0])} times")
        return self


class _WorldFile(World):
    schema_: Literal[1] = Field(alias="schema")


def load_world(path: Path) -> World:
    """Reads a world from a YAML file.

    Args:
        path: Holds ``schema: 1``, ``obstacles`` (a list of boxes, spheres and cylinders) and, if need be, ``clearance_m``.

    Raises:
        UsageError: The file cannot be read, or a field is wrong; the message has the field's path.
    """
    read = checked(_WorldFile, read_mapping(path, "world", UsageError), path, UsageError)
    return World(obstacles=read.obstacles, clearance_m=read.clearance_m)


def add_world(spec: mujoco.MjSpec, world: World) -> None:
    """Adds obstacles to a MuJoCo model, each as a body of its own that cannot move and bears the obstacle's name.

    Raises:
        UsageError: The model has a body of an obstacle's name already.
    """
    import mujoco

    types = {
        "box": mujoco.mjtGeom.mjGEOM_BOX,
        "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
        "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    }
    taken = {body.name for body in spec.bodies}
    for obstacle in world.obstacles:
        if obstacle.name in taken:
            raise UsageError(f"an obstacle cannot be called {obstacle.name!r}: the arm's model has a body of that name")
        body = spec.worldbody.add_body(name=obstacle.name, pos=obstacle.xyz_m, quat=_quat_wxyz(obstacle))
        body.add_geom(
            name=obstacle.name,
            type=types[obstacle.type],
            size=_mujoco_size(obstacle),
            rgba=_RGBA,
        )


def _mujoco_size(obstacle: Box | Sphere | Cylinder) -> list[float]:
    """MuJoCo's sizes: half of every length."""
    if isinstance(obstacle, Box):
        return [length / 2 for length in obstacle.size_m]
    if isinstance(obstacle, Sphere):
        return [obstacle.radius_m, 0.0, 0.0]
    return [obstacle.radius_m, obstacle.height_m / 2, 0.0]


def _quat_wxyz(obstacle: _Placed) -> list[float]:
    from scipy.spatial.transform import Rotation

    if obstacle.quat_wxyz is not None:
        length = math.hypot(*obstacle.quat_wxyz)
        return [value / length for value in obstacle.quat_wxyz]
    rotation = transform((0.0, 0.0, 0.0), obstacle.rpy_rad or (0.0, 0.0, 0.0))[:3, :3]
    return [float(value) for value in np.roll(Rotation.from_matrix(rotation).as_quat(), 1)]
