"""What one point can see, directly and in a mirror, and which boxes lie outside of that.

Every test errs on the side of "seen". Rasterisation snaps corners to a grid of 1/256 pixel or finer, and a scene's poses
are float32 (wrong by less than 1e-5 m within 100 m); the margins here are far more than both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compiled import compiled
from harness.types import Float64Array

BoolArray = npt.NDArray[np.bool_]
Int64Array = npt.NDArray[np.int64]

_MARGIN_PX = 2.0
_MARGIN_M = 1e-4


@dataclass(frozen=True)
class Cone:
    """What is seen from one point: all x with ``normal . (x - apex) >= 0`` for every normal.

    Attributes:
        apex: m, world frame, (3,).
        normals: Unit vectors that point inwards, (n, 3).
        slack: What is nearer to a side than this times its distance from the apex is taken to be inside.
    """

    apex: Float64Array
    normals: Float64Array
    slack: float


def outside(
    owner: Int64Array,
    centre: Float64Array,
    half: Float64Array,
    positions: Float64Array,
    rotations: Float64Array,
    cone: Cone,
) -> BoolArray:
    """Which things lie outside a cone: each of their boxes is outside of one side at least, by more than the margin.

    Args:
        owner: To which thing each box belongs, (nbox,).
        centre: The boxes' middles in their thing's frame, m, (nbox, 3).
        half: Their half sizes along the axes of that frame, m, (nbox, 3).
        positions: The things' places, m, world frame, (n, 3).
        rotations: The things' rotation matrices, row by row, (n, 9).
        cone: What is seen.

    Returns:
        (n,); False for things that have no boxes.
    """
    unseen = np.zeros(len(positions), dtype=np.bool_)
    unseen[owner] = True
    _clear_seen(owner, centre, half, positions, rotations, cone.apex, cone.normals, cone.slack, unseen)
    return unseen


@compiled
def _clear_seen(
    owner: Int64Array,
    centre: Float64Array,
    half: Float64Array,
    positions: Float64Array,
    rotations: Float64Array,
    apex: Float64Array,
    normals: Float64Array,
    slack: float,
    unseen: BoolArray,
) -> None:
    """Clears the flag of every thing one of whose boxes may be seen."""
    for box in range(len(owner)):
        thing = owner[box]
        if not unseen[thing]:
            continue
        x, y, z = centre[box]
        a, b, c = half[box]
        r = rotations[thing]
        dx = positions[thing, 0] + r[0] * x + r[1] * y + r[2] * z - apex[0]
        dy = positions[thing, 1] + r[3] * x + r[4] * y + r[5] * z - apex[1]
        dz = positions[thing, 2] + r[6] * x + r[7] * y + r[8] * z - apex[2]
        reach = math.sqrt(dx * dx + dy * dy + dz * dz) + math.sqrt(a * a + b * b + c * c)
        margin = _MARGIN_M + slack * reach
        out = False
        for side in range(len(normals)):
            nx, ny, nz = normals[side]
            extent = abs(nx * r[0] + ny * r[3] + nz * r[6]) * a
            extent += abs(nx * r[1] + ny * r[4] + nz * r[7]) * b
            extent += abs(nx * r[2] + ny * r[5] + nz * r[8]) * c
            if nx * dx + ny * dy + nz * dz + extent < -margin:
                out = True
                break
        if not out:
            unseen[thing] = False


def view_cone(camera: Any, *, height_px: int, width_px: int) -> Cone:
    """What a camera sees.

    The sides are those that MuJoCo gives to ``glFrustum`` (setView in src/render/render_gl3.c). The near and the far plane
    are not used, but what is behind the camera is outside.

    Args:
        camera: A perspective `mujoco.MjvGLCamera`.
        height_px: Height of the picture.
        width_px: Width of the picture.
    """
    forward, up = np.array(camera.forward, dtype=np.float64), np.array(camera.up, dtype=np.float64)
    (fx, fy, fz), (ux, uy, uz) = forward, up
    right = np.array([fy * uz - fz * uy, fz * ux - fx * uz, fx * uy - fy * ux])
    near = float(camera.frustum_near)
    low, high = camera.frustum_bottom / near, camera.frustum_top / near
    half_width = camera.frustum_width / near or 0.5 * width_px / height_px * (high - low)
    middle = camera.frustum_center / near
    sides = np.array(
        [
            right - (middle - half_width) * forward,
            (middle + half_width) * forward - right,
            up - low * forward,
            high * forward - up,
            forward,
        ]
    )
    pixel = max(2 * half_width / width_px, (high - low) / height_px)
    return Cone(np.array(camera.pos, dtype=np.float64), _unit(sides), _MARGIN_PX * pixel)


def mirror_cone(view: Cone, point: Float64Array, normal: Float64Array, corners: Float64Array) -> Cone:
    """Where the things are that a view can show in a flat mirror: the mirrored view, seen through the mirror's outline.

    Args:
        view: What the camera sees; its apex is in front of the mirror.
        point: A point of the mirror, inside its outline, m, world frame, (3,).
        normal: Unit vector out of the mirror, (3,).
        corners: The corners of the convex outline in turn, m, world frame, (n, 3); n is 0 for an endless mirror.
    """
    apex = view.apex - 2 * ((view.apex - point) @ normal) * normal
    mirrored = view.normals - 2 * (view.normals @ normal)[:, None] * normal
    edges = np.cross(corners - apex, np.roll(corners, -1, axis=0) - apex)
    through = _unit(edges * np.sign(edges @ (point - apex))[:, None])
    return Cone(apex, np.concatenate([mirrored, through]), view.slack)


def rectangle(middle: Float64Array, along_x: Float64Array, along_y: Float64Array) -> Float64Array:
    """The corners in turn of the rectangle that reaches as far as two vectors from its middle, (4, 3)."""
    return np.array([middle + a * along_x + b * along_y for a, b in ((1, 1), (-1, 1), (-1, -1), (1, -1))])


def _unit(vectors: Float64Array) -> Float64Array:
    unit: Float64Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
