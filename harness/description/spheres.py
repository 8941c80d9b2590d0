"""Collision spheres: few spheres that cover a link's collision shapes and stick out of them only a little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.description.model import Shape
from harness.description.transforms import rpy_matrix
from harness.types import Float64Array

# How far a sphere may stick out of the shapes: less makes more spheres, more makes narrow passages impassable.
OVERSHOOT_M = 0.008
# Points of the shapes that are this near to a sphere count as covered.
COVERED_WITHIN_M = 0.002
MAX_SPHERES = 48
_GRID_POINTS = 5000


def signed_distance(points_m: Float64Array, shape: Shape) -> Float64Array:
    """How far points (P, 3) in the link's frame lie outside a primitive, negative inside; (P,).

    The exact distances to a box and a cylinder of I. Quilez, "Distance functions" (2008).
    """
    local = (points_m - np.array(shape.xyz_m)) @ rpy_matrix(shape.rpy_rad)
    if shape.kind == "sphere":
        return np.asarray(np.sqrt((local**2).sum(axis=1)) - shape.size_m[0], dtype=np.float64)
    if shape.kind == "box":
        beyond = np.abs(local) - np.array(shape.size_m) / 2
    else:
        radial = np.sqrt((local[:, :2] ** 2).sum(axis=1))
        beyond = np.stack([radial - shape.size_m[0], np.abs(local[:, 2]) - shape.size_m[1] / 2], axis=1)
    outside = np.sqrt((np.maximum(beyond, 0.0) ** 2).sum(axis=1))
    return np.asarray(outside + np.minimum(beyond.max(axis=1), 0.0), dtype=np.float64)


def distance_to_union(points_m: Float64Array, shapes: Sequence[Shape]) -> Float64Array:
    """`signed_distance` to the nearest of several shapes; inside, at least as near to the surface as it says; (P,)."""
    return np.asarray(np.min([signed_distance(points_m, shape) for shape in shapes], axis=0), dtype=np.float64)


def fit_spheres(shapes: Sequence[Shape]) -> list[tuple[float, float, float, float]]:
    """Spheres (x, y, z, radius; metres, in the link's frame) over a link's collision shapes, the most useful first.

    Greedy set cover: of spheres around grid points inside the shapes, each as large as `OVERSHOOT_M` allows, always the one
    that covers most of what is not yet covered. The same shapes give the same spheres.
    """
    points = _grid(shapes)
    depth = -distance_to_union(points, shapes)
    inside = points[depth >= 0.0]
    radii = np.round(depth[depth >= 0.0] + OVERSHOOT_M, 4)
    covers = _covers(inside, radii)
    left = np.ones(len(inside), dtype=np.bool_)
    spheres: list[tuple[float, float, float, float]] = []
    while left.any() and len(spheres) < MAX_SPHERES:
        best = int(np.argmax((covers & left).sum(axis=1)))
        left &= ~covers[best]
        x, y, z = (round(float(value), 4) for value in inside[best])
        spheres.append((x, y, z, float(radii[best])))
    return spheres


def _grid(shapes: Sequence[Shape]) -> Float64Array:
    """Grid points around the shapes, about `_GRID_POINTS` of them; (P, 3)."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for shape in shapes:
        extent = np.abs(rpy_matrix(shape.rpy_rad)) @ _half_extent(shape)
        low, high = np.minimum(low, shape.xyz_m - extent), np.maximum(high, shape.xyz_m + extent)
    # On a tenth of a millimetre, so that rounding in a rotation's last bit cannot move the grid.
    low, high = np.round(low, 4), np.round(high, 4)
    step = float(np.cbrt(np.prod(high - low) / _GRID_POINTS))
    axes = [np.linspace(one, other, max(round((other - one) / step), 1) + 1) for one, other in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _half_extent(shape: Shape) -> Float64Array:
    if shape.kind == "box":
        return np.array(shape.size_m) / 2
    if shape.kind == "cylinder":
        return np.array([shape.size_m[0], shape.size_m[0], shape.size_m[1] / 2])
    return np.full(3, shape.size_m[0])


def _covers(points: Float64Array, radii: Float64Array) -> npt.NDArray[np.bool_]:
    """Whether the sphere around point i, with its radius, covers point j; (P, P)."""
    covers = np.empty((len(points), len(points)), dtype=np.bool_)
    for index, (center, radius) in enumerate(zip(points, radii, strict=True)):
        covers[index] = ((points - center) ** 2).sum(axis=1) <= (radius + COVERED_WITHIN_M) ** 2
    return covers
