"""Builders of geoms: what collides (`box`, `ring`) and what is seen (`lathe`, `carton`, `slab` ...).

Solid parts are few boxes, as MuJoCo collides boxes fastest; seen parts are primitives and small meshes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.envs.libero.lite.mjcf import STIFF, Contact, Geom, Material, Mesh, Vector

SEGMENTS = 24
_ROD_SIDES = 8
# Turns what stands along z so that it stands along y, as most of LIBERO's groceries do in their own frames.
UP_IS_Y: Vector = (math.sqrt(0.5), -math.sqrt(0.5), 0.0, 0.0)


def turn(axis: str, degrees: float) -> Vector:
    """The quaternion (w, x, y, z) of a turn about x, y or z."""
    half = math.radians(degrees) / 2
    return (math.cos(half), *(math.sin(half) if name == axis else 0.0 for name in "xyz"))


def then(second: Vector, first: Vector) -> Vector:
    """The quaternion that turns by `first` and then by `second`: their product."""
    w, x, y, z = second
    a, b, c, d = first
    return (
        w * a - x * b - y * c - z * d,
        w * b + x * a + y * d - z * c,
        w * c - x * d + y * a + z * b,
        w * d + x * c - y * b + z * a,
    )


def box(pos: Vector, half: Vector, quat: Vector = (1.0, 0.0, 0.0, 0.0), contact: Contact = STIFF) -> Geom:
    """A solid box with half sides `half` about `pos`."""
    return Geom("box", half, pos, quat, contact=contact)


def ring(
    angles: Sequence[float],
    radius: float,
    z: float,
    half: Vector,
    tilt: float = 0.0,
    twist: float = 0.0,
    centre: Vector = (0.0, 0.0),
) -> tuple[Geom, ...]:
    """A round wall of solid boxes about an upright axis.

    Args:
        angles: Where each box stands, degrees from the x axis; see `evenly`. Objects that are dropped onto one another
            come to rest by their gaps and overlaps too, so crockery states measured angles.
        radius: Of the boxes' centres.
        z: Height of the boxes' centres.
        half: Half sides of each box: through the wall, along it, and up it.
        tilt: How far each leans outwards from the vertical, degrees.
        twist: How far each is turned about its own length, degrees.
        centre: Where the axis stands: x and y.
    """
    made = []
    for angle in angles:
        x, y = radius * math.cos(math.radians(angle)), radius * math.sin(math.radians(angle))
        quat = then(turn("z", angle), then(turn("y", tilt), turn("z", twist)))
        made.append(box((centre[0] + x, centre[1] + y, z), half, quat))
    return tuple(made)


def drum(pos: Vector, radius: float, half: float, axis: str, count: int = 4) -> tuple[Geom, ...]:
    """A solid column of crossing boxes, a polygon of four times `count` corners.

    Args:
        pos: Its centre.
        radius: To the middles of the polygon's long sides.
        half: Half its length.
        axis: ``y`` or ``z``, along which it stands.
        count: How many boxes cross.
    """
    width = radius * math.tan(math.pi / (4 * count))
    sizes = {"y": (radius, half, width), "z": (radius, width, half)}
    return tuple(box(pos, sizes[axis], turn(axis, 180.0 * index / count)) for index in range(count))


def evenly(count: int, first: float = 0.0) -> tuple[float, ...]:
    """Angles in equal steps around the circle, degrees."""
    return tuple(first + 360.0 * index / count for index in range(count))


def slab(pos: Vector, half: Vector, material: Material, quat: Vector = (1.0, 0.0, 0.0, 0.0)) -> Geom:
    """A box that is only seen."""
    return Geom("box", half, pos, quat, material=material)


def shown(solid: Geom, material: Material) -> Geom:
    """What a solid part looks like when it looks as it is."""
    return Geom(solid.kind, solid.size, solid.pos, solid.quat, material=material)


def rod(start: Vector, end: Vector, radius: float, material: Material) -> Geom:
    """A bar with rounded ends from `start` to `end`, only seen.

    It is a mesh of few sides: MuJoCo draws a capsule with close to two thousand triangles, more than all else of a mug.
    """
    middle = tuple((a + b) / 2 for a, b in zip(start, end, strict=True))
    along = tuple(b - a for a, b in zip(start, end, strict=True))
    length = math.sqrt(sum(value * value for value in along))
    x, y, z = (value / length for value in along)
    # The turn that takes the z axis to `along`: half way between the two, and half a turn about x where they are opposite.
    quat = (0.0, 1.0, 0.0, 0.0) if z < -0.999999 else _unit((1.0 + z, -y, x, 0.0))
    # Rounded, so that bars of one length have one mesh.
    half, bevel = round(length / 2, 6), 0.7 * radius
    lower = ((0.0, -half - radius), (bevel, -half - bevel), (radius, -half))
    profile = (*lower, *((r, -z) for r, z in reversed(lower)))
    return lathe(f"rod_{radius}_{half}", profile, material, pos=middle, quat=quat, segments=_ROD_SIDES)


def lathe(
    name: str,
    profile: Sequence[tuple[float, float]],
    material: Material,
    *,
    pos: Vector = (0.0, 0.0, 0.0),
    quat: Vector = (1.0, 0.0, 0.0, 0.0),
    segments: int = SEGMENTS,
    squeeze: float = 1.0,
    around: int = 1,
) -> Geom:
    """A surface turned about the z axis, only seen.

    Args:
        name: The mesh's, distinct within a file.
        profile: (radius, z) along the outline, so that the outside lies to the right of the way: upwards on an outer wall,
            downwards on an inner one.
        material: Its picture goes around, top edge at the profile's end.
        pos: Where the axis' origin goes.
        quat: How the axis is turned.
        segments: How many sides the circle has.
        squeeze: Factor on y, for bottles that are not round.
        around: How often the picture is repeated on the way around.
    """
    vertices, texcoords = [], []
    for row, (radius, z) in enumerate(profile):
        for column in range(segments + 1):
            angle = 2 * math.pi * column / segments
            vertices.append((radius * math.cos(angle), squeeze * radius * math.sin(angle), z))
            texcoords.append((around * column / segments, 1 - row / (len(profile) - 1)))
    faces = []
    for row in range(len(profile) - 1):
        for column in range(segments):
            a = row * (segments + 1) + column
            b, c, d = a + 1, a + segments + 2, a + segments + 1
            if profile[row][0] > 0:
                faces.append((a, b, c))
            if profile[row + 1][0] > 0:
                faces.append((a, c, d))
    pairs = tuple(texcoords) if material.picture else ()
    return Geom("mesh", (), pos, quat, material=material, mesh=Mesh(name, tuple(vertices), tuple(faces), pairs))


# The corners of a cuboid's six sides, counter-clockwise from outside, from the lower left corner of the side's picture.
_SIDES = {
    "x": ((1, -1, -1), (1, 1, -1), (1, 1, 1), (1, -1, 1)),
    "-x": ((-1, 1, -1), (-1, -1, -1), (-1, -1, 1), (-1, 1, 1)),
    "y": ((1, 1, -1), (-1, 1, -1), (-1, 1, 1), (1, 1, 1)),
    "-y": ((-1, -1, -1), (1, -1, -1), (1, -1, 1), (-1, -1, 1)),
    "z": ((-1, -1, 1), (1, -1, 1), (1, 1, 1), (-1, 1, 1)),
    "-z": ((1, -1, -1), (-1, -1, -1), (-1, 1, -1), (1, 1, -1)),
}


def carton(
    name: str,
    pos: Vector,
    half: Vector,
    material: Material,
    quat: Vector = (1.0, 0.0, 0.0, 0.0),
    sides: Sequence[str] = tuple(_SIDES),
) -> Geom:
    """A cuboid with the material's whole picture on each of its sides, only seen.

    Args:
        name: The mesh's, distinct within a file.
        pos: Its centre.
        half: Half sides.
        material: With the picture.
        quat: How it is turned.
        sides: Which of ``x``, ``-x``, ``y``, ``-y``, ``z``, ``-z`` there are.
    """
    corners = ((0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0))
    vertices: list[Vector] = []
    texcoords: list[Vector] = []
    faces: list[tuple[int, int, int]] = []
    for side in sides:
        base = len(vertices)
        vertices += [tuple(sign * length for sign, length in zip(signs, half, strict=True)) for signs in _SIDES[side]]
        texcoords += corners
        faces += [(base, base + 1, base + 2), (base, base + 2, base + 3)]
    mesh = Mesh(name, tuple(vertices), tuple(faces), tuple(texcoords))
    return Geom("mesh", (), pos, quat, material=material, mesh=mesh)


def _unit(quat: Vector) -> Vector:
    norm = math.sqrt(sum(value * value for value in quat))
    return tuple(value / norm for value in quat)
