"""Shapes as points, and points as maps of heights: what a gripper that comes from above must know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy.ndimage import maximum_filter

from harness.privileged import SURROUNDINGS, Body, ScenePrivileged, Shape, Thing
from harness.types import Float64Array

# How densely shapes are looked at, and the side of a map's cells, which is larger, so that no cell is missed.
SPACING_M = 0.0035
CELL_M = 0.004
# Of points that lie this near above each other the highest is enough to see from above.
_TOPS_M = 0.002
# How many bodies' points are remembered: a scene has fewer.
_REMEMBERED = 64
# How near the axes of a box must be to the world's for it to be a floor or a table.
_UPRIGHT = 0.999


def surface(shape: Shape) -> Float64Array:
    """Points (N, 3) of a shape's surface, in its own frame, at most `SPACING_M` apart."""
    if shape.kind == "cylinder":
        return _cylinder(shape.half_size_m)
    axes = [np.linspace(-half, half, int(np.ceil(2 * half / SPACING_M)) + 1) for half in shape.half_size_m]
    faces = []
    for fixed in range(3):
        sides = [axis if i != fixed else axis[[0, -1]] for i, axis in enumerate(axes)]
        faces.append(np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3))
    return np.concatenate(faces)


def points_of(thing: Thing) -> Float64Array:
    """Points (N, 3) of a thing's surface, in the world; (0, 3) where nothing can touch it."""
    found = [np.zeros((0, 3))]
    found += [turned(_points(_Content.of(body, posed=False)), body.world_t_body) for body in thing.bodies]
    return np.concatenate(found)


def points_of_others(world: ScenePrivileged, without: Iterable[str]) -> Float64Array:
    """Points (N, 3) of the surfaces of all things but some and the surroundings, in the world."""
    return np.concatenate([np.zeros((0, 3)), *(points_of(thing) for thing in _others(world, without))])


def tops_of_others(world: ScenePrivileged, without: Iterable[str]) -> Float64Array:
    """As `points_of_others`, without the points below others: what is to be seen from above."""
    found = [np.zeros((0, 3))]
    for thing in _others(world, without):
        found += [_tops(_Content.of(body, posed=True)) for body in thing.bodies]
    return np.concatenate(found)


@dataclass(frozen=True)
class HeightMap:
    """The highest point over each cell of a level grid.

    Attributes:
        corner_m: The lower corner of cell (0, 0), (2,), in the map's own level axes.
        heights_m: (A, B), in the world.
    """

    corner_m: Float64Array
    heights_m: Float64Array

    @property
    def centres_m(self) -> tuple[Float64Array, Float64Array]:
        """The cells' centres along both axes, (A,) and (B,)."""
        counts = self.heights_m.shape
        along = [corner + (np.arange(count) + 0.5) * CELL_M for corner, count in zip(self.corner_m, counts, strict=True)]
        return along[0], along[1]


def height_map(points: Float64Array, low_m: Float64Array, high_m: Float64Array, floor_m: Float64Array | float) -> HeightMap:
    """The highest of some points over each cell.

    Args:
        points: (N, 3): two level coordinates and the height.
        low_m: Lower corner of the map, (2,).
        high_m: Upper corner of the map, (2,).
        floor_m: The height where no point is; one for all, or one for each cell.
    """
    shape = tuple(np.ceil((high_m - low_m) / CELL_M).astype(int))
    heights = np.array(np.broadcast_to(floor_m, shape), dtype=np.float64)
    a, b = (np.floor((points[:, i] - low_m[i]) / CELL_M).astype(np.intp) for i in range(2))
    inside = (a >= 0) & (a < shape[0]) & (b >= 0) & (b < shape[1])
    np.maximum.at(heights.reshape(-1), a[inside] * shape[1] + b[inside], points[inside, 2])
    return HeightMap(low_m, heights)


def widened(top: HeightMap) -> HeightMap:
    """The highest of each cell and those around it: then a look at every third cell misses nothing."""
    return HeightMap(top.corner_m, maximum_filter(top.heights_m, size=3, mode="nearest"))


def highest(top: HeightMap, places_m: Float64Array, offsets_m: Float64Array) -> Float64Array:
    """The highest cell at some offsets (M, 2) from each of some level places (N, 2), (N,); beyond the map, at its border."""
    found = []
    for i, count in enumerate(top.heights_m.shape):
        cells = np.floor((offsets_m[:, np.newaxis, i] + (places_m[:, i] - top.corner_m[i])) / CELL_M)
        found.append(np.clip(cells.astype(np.intp), 0, count - 1))
    a, b = found
    return np.asarray(top.heights_m[a, b].max(axis=0, initial=-np.inf))


def rectangle(
    along_m: tuple[float, float], across_m: tuple[float, float], step_m: float, angle_rad: float = 0.0
) -> Float64Array:
    """Points (N, 2) of a level rectangle, at most so far apart; its first side lies at an angle from the x axis."""
    sides = [np.linspace(low, high, int(np.ceil((high - low) / step_m)) + 1) for low, high in (along_m, across_m)]
    u, v = (each.ravel() for each in np.meshgrid(*sides, indexing="ij"))
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.column_stack([cosine * u - sine * v, sine * u + cosine * v])


def ground_m(world: ScenePrivileged, xy_m: Float64Array) -> float:
    """The height of the table or the floor at a place (2,), of the surroundings' boxes along the world's axes."""
    highest = 0.0
    for body in world.things[SURROUNDINGS].bodies:
        for shape in body.shapes:
            pose = body.world_t_body @ shape.body_t_shape
            half = np.abs(pose[:3, :3]) @ shape.half_size_m
            upright = np.abs(pose[:3, :3]).max(axis=1).min() > _UPRIGHT
            if upright and np.all(np.abs(xy_m - pose[:2, 3]) <= half[:2]):
                highest = max(highest, float(pose[2, 3] + half[2]))
    return highest


def raised(points: Float64Array, height_m: float) -> Float64Array:
    """Points (..., 3), higher by so much."""
    return np.asarray(points + np.array([0.0, 0.0, height_m]))


def turned(points: Float64Array, pose: Float64Array) -> Float64Array:
    """Points (N, 3) moved by a pose (4, 4)."""
    return np.asarray(points @ pose[:3, :3].T + pose[:3, 3])


def _others(world: ScenePrivileged, without: Iterable[str]) -> list[Thing]:
    left_out = {SURROUNDINGS, *without}
    return [thing for name, thing in world.things.items() if name not in left_out]


@dataclass(frozen=True)
class _Content:
    """A body, equal to others of the same shapes, and of the same pose where that is asked for."""

    content: bytes
    body: Body = field(compare=False)

    @classmethod
    def of(cls, body: Body, *, posed: bool) -> _Content:
        parts = [(shape.kind.encode(), shape.half_size_m.tobytes(), shape.body_t_shape.tobytes()) for shape in body.shapes]
        pose = body.world_t_body.tobytes() if posed else b""
        return cls(b"".join([pose, *(each for part in parts for each in part)]), body)


@lru_cache(maxsize=_REMEMBERED)
def _points(of: _Content) -> Float64Array:
    """Points (N, 3) of a body's surface, in its own frame."""
    return np.concatenate([np.zeros((0, 3)), *(turned(surface(shape), shape.body_t_shape) for shape in of.body.shapes)])


@lru_cache(maxsize=_REMEMBERED)
def _tops(of: _Content) -> Float64Array:
    """Those points (N, 3) of a body that none lies above, in the world."""
    points = turned(_points(_Content.of(of.body, posed=False)), of.body.world_t_body)
    points = points[np.argsort(-points[:, 2], kind="stable")]
    cells = np.floor(points[:, :2] / _TOPS_M).astype(np.int64)
    _, first = np.unique(cells[:, 0] * 2**32 + cells[:, 1], return_index=True)
    return np.asarray(points[first])


def _cylinder(half_size_m: Float64Array) -> Float64Array:
    radius, _, half = half_size_m
    around = np.linspace(0, 2 * np.pi, max(8, int(np.ceil(2 * np.pi * radius / SPACING_M))), endpoint=False)
    circle = np.stack([np.cos(around), np.sin(around)], axis=1)
    rings = np.linspace(0, radius, int(np.ceil(radius / SPACING_M)) + 1)
    disc = (rings[:, None, None] * circle).reshape(-1, 2)
    heights = np.linspace(-half, half, int(np.ceil(2 * half / SPACING_M)) + 1)
    ends = [np.column_stack([disc, np.full(len(disc), height)]) for height in (-half, half)]
    side = [np.column_stack([radius * circle, np.full(len(circle), height)]) for height in heights]
    return np.concatenate([*ends, *side])
