"""Shapes as points, and points as maps of heights: what a gripper that comes from above must know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from harness.privileged import SURROUNDINGS, ScenePrivileged, Shape, Thing
from harness.types import Float64Array

# How densely shapes are looked at, and the side of a map's cells, which is larger, so that no cell is missed.
SPACING_M = 0.0035
CELL_M = 0.004
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
    for body in thing.bodies:
        found += [turned(surface(shape), body.world_t_body @ shape.body_t_shape) for shape in body.shapes]
    return np.concatenate(found)


def points_of_others(world: ScenePrivileged, without: Iterable[str]) -> Float64Array:
    """Points (N, 3) of the surfaces of all things but some and the surroundings, in the world."""
    left_out = {SURROUNDINGS, *without}
    found = [points_of(thing) for name, thing in world.things.items() if name not in left_out]
    return np.concatenate([np.zeros((0, 3)), *found])


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
    cells = np.floor((points[:, :2] - low_m) / CELL_M).astype(int)
    inside = np.all((cells >= 0) & (cells < shape), axis=1)
    np.maximum.at(heights, (cells[inside, 0], cells[inside, 1]), points[inside, 2])
    return HeightMap(low_m, heights)


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
