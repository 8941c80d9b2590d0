"""The table that the arm stands on, its lights and cameras, and the shapes that tasks put on it."""

from __future__ import annotations

import typing
from collections.abc import Sequence

import numpy as np

from harness.description.transforms import look_at_matrix, matrix_quat_wxyz
from harness.envs.piper.spec import MAX_PICTURE_PX
from harness.kinematics.robot import RobotModel
from harness.motion.arm import arm_spec

if typing.TYPE_CHECKING:
    import mujoco

Color = tuple[float, float, float, float]

# Colours that a person tells apart at 256 pixels, and instructions name.
RED: Color = (0.80, 0.12, 0.10, 1)
GREEN: Color = (0.13, 0.55, 0.20, 1)
BLUE: Color = (0.12, 0.30, 0.75, 1)
YELLOW: Color = (0.93, 0.75, 0.12, 1)
WOOD: Color = (0.62, 0.45, 0.28, 1)
DARK_WOOD: Color = (0.42, 0.28, 0.17, 1)
_FLOOR: Color = (0.50, 0.53, 0.57, 1)

# Two near tones, darker than the arm and lighter than its fingers: squares show where things stand without drawing the eye.
_TABLE_TONES = ((0.48, 0.50, 0.52), (0.505, 0.525, 0.545))
_SQUARE_M = 0.10

# The table's top is z = 0, where the arm's base stands.
_TABLE_CENTRE_M = (0.25, 0.0)
_TABLE_HALF_SIZE_M = (0.45, 0.50, 0.02)
_TABLE_HEIGHT_M = 0.75

# Seen from across the table and above: the whole arm, its workspace, and whatever stands in it.
_FRONT_M = (1.15, 0.0, 0.75)
_FRONT_LOOKS_AT_M = (0.19, 0.0, 0.13)
_FRONT_FOVY_DEG = 40.0

# Rubber or wood on a table. condim 4 adds friction against turning about the contact's normal.
_FRICTION = (1.0, 0.02, 0.0001)
_CONDIM = 4

# MuJoCo's groups of geoms: things, and what only shows where something is to go; `harness.envs.piper.rendering` draws both.
_THINGS, _SHOWN_ONLY = 0, 1


def base_scene(robot: RobotModel) -> mujoco.MjSpec:
    """The arm on its table, lit, with the cameras ``front`` and ``wrist``; still open to additions."""
    spec = arm_spec(robot)
    spec.visual.global_.offwidth = spec.visual.global_.offheight = MAX_PICTURE_PX
    _light(spec)
    _furnish(spec)
    quat = matrix_quat_wxyz(look_at_matrix(_FRONT_M, _FRONT_LOOKS_AT_M, (0, 0, 1)))
    spec.worldbody.add_camera(name="front", pos=_FRONT_M, quat=quat, fovy=_FRONT_FOVY_DEG)
    return spec


def _light(spec: mujoco.MjSpec) -> None:
    """A lamp, a weaker one from the other side, and a sky.

    No shadows: without a graphics card they make a picture five times as slow. The camera's own lamp is kept weak: the wrist
    camera would burn out what it comes near to.
    """
    import mujoco

    headlight = spec.visual.headlight
    headlight.ambient, headlight.diffuse, headlight.specular = (0.38,) * 3, (0.12,) * 3, (0.0,) * 3
    for pos, dir_, strength in (
        ((0.6, -0.9, 1.8), (-0.25, 0.45, -0.9), 0.45),
        ((0.6, 0.9, 1.8), (-0.25, -0.45, -0.9), 0.20),
    ):
        lamp = spec.worldbody.add_light(pos=pos, dir=dir_, castshadow=False, directional=True)
        lamp.diffuse, lamp.specular = (strength,) * 3, (0.1,) * 3
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=(0.75, 0.80, 0.85),
        rgb2=(0.50, 0.55, 0.62),
        width=256,
        height=256,
    )


def _furnish(spec: mujoco.MjSpec) -> None:
    """The table, and the floor that catches what falls off it."""
    import mujoco

    world = spec.worldbody
    world.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        pos=(0, 0, -_TABLE_HEIGHT_M),
        size=(4, 4, 0.1),
        rgba=_FLOOR,
    )
    spec.add_texture(
        name="table",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=_TABLE_TONES[0],
        rgb2=_TABLE_TONES[1],
        width=256,
        height=256,
    )
    material = spec.add_material(name="table", specular=0.05, texuniform=True, texrepeat=(1 / _SQUARE_M,) * 2)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "table"
    world.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=(*_TABLE_CENTRE_M, -_TABLE_HALF_SIZE_M[2]),
        size=_TABLE_HALF_SIZE_M,
        material="table",
        friction=_FRICTION,
        condim=_CONDIM,
    )


def add_body(spec: mujoco.MjSpec, name: str, *, free: bool = True) -> mujoco.MjsBody:
    """A body in the world at the origin, to which geoms are then added.

    Args:
        spec: The scene.
        name: The body's name; a free body's joint has the same.
        free: Whether it moves; otherwise it stands where `Simulation.place_fixed` puts it.
    """
    body = spec.worldbody.add_body(name=name)
    if free:
        body.add_freejoint(name=name)
    else:
        # What cannot move needs no mass; MuJoCo would look for one in the shapes.
        body.explicitinertial, body.ipos = True, (0, 0, 0)
    return body


def add_box(
    body: mujoco.MjsBody,
    half_size_m: Sequence[float],
    rgba: Color,
    *,
    pos_m: Sequence[float] = (0, 0, 0),
    mass_kg: float = 0.0,
    name: str = "",
    collides: bool = True,
) -> mujoco.MjsGeom:
    """A box on a body, at `pos_m` in the body's frame."""
    import mujoco

    return _add(body, mujoco.mjtGeom.mjGEOM_BOX, half_size_m, rgba, pos_m, mass_kg, name, collides)


def add_cylinder(
    body: mujoco.MjsBody,
    radius_m: float,
    half_height_m: float,
    rgba: Color,
    *,
    pos_m: Sequence[float] = (0, 0, 0),
    mass_kg: float = 0.0,
    name: str = "",
    collides: bool = True,
) -> mujoco.MjsGeom:
    """An upright cylinder on a body, at `pos_m` in the body's frame."""
    import mujoco

    size = (radius_m, half_height_m, 0)
    return _add(body, mujoco.mjtGeom.mjGEOM_CYLINDER, size, rgba, pos_m, mass_kg, name, collides)


def _add(
    body: mujoco.MjsBody,
    kind: mujoco.mjtGeom,
    size: Sequence[float],
    rgba: Color,
    pos_m: Sequence[float],
    mass_kg: float,
    name: str,
    collides: bool,
) -> mujoco.MjsGeom:
    return body.add_geom(
        name=name,
        type=kind,
        size=np.array(size, dtype=np.float64),
        pos=np.array(pos_m, dtype=np.float64),
        rgba=rgba,
        mass=mass_kg,
        friction=_FRICTION,
        condim=_CONDIM,
        group=_THINGS if collides else _SHOWN_ONLY,
        contype=int(collides),
        conaffinity=int(collides),
    )
