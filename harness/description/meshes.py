"""Rounded convex meshes, made from spheres and rings, and their binary STL files."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.description.model import Shape
from harness.description.transforms import rpy_matrix
from harness.files import written_aside
from harness.types import Float64Array

# Angles around and steps over a quarter turn: enough to look round at arm's length, few enough to stay small.
_AROUND = 16
_RINGS = 4
_CYLINDER_AROUND = 36
_EDGE_STEPS = 2
# Vertices lie on this grid, so that rounding in the last bit of a sine cannot change a file.
_GRID_M = 1e-6


@dataclass(frozen=True)
class Mesh:
    """A closed convex surface.

    Attributes:
        vertices_m: (V, 3), in the link's frame.
        faces: (F, 3) int, counter-clockwise seen from outside.
    """

    vertices_m: Float64Array
    faces: npt.NDArray[np.int64]


def mesh_of(shape: Shape) -> Mesh:
    """The surface of a ``hull`` or a ``rounded_cylinder``, in its link's frame."""
    if shape.kind == "hull":
        unit = _unit_sphere()
        local = np.concatenate([np.array(sphere[:3]) + sphere[3] * unit for sphere in shape.spheres_m])
    else:
        local = _rounded_cylinder(*shape.size_m)
    return _hull(local @ rpy_matrix(shape.rpy_rad).T + np.array(shape.xyz_m))


def write_stl(mesh: Mesh, path: Path) -> None:
    """Writes a binary STL file: 80 bytes of header, the number of triangles, then 50 bytes a triangle.

    Raises:
        StoreError: The file cannot be written.
    """
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    triangles = np.zeros(len(mesh.faces), dtype=record)
    corners = mesh.vertices_m[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    triangles["normal"] = np.round(normals / np.linalg.norm(normals, axis=1, keepdims=True), 4)
    triangles["corners"] = corners
    with written_aside(path) as aside:
        aside.write_bytes(b"binary STL".ljust(80) + len(triangles).to_bytes(4, "little") + triangles.tobytes())


@functools.cache
def _unit_sphere() -> Float64Array:
    """Points on the unit sphere, poles included; (P, 3)."""
    points = [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0)]
    for ring in range(-_RINGS + 1, _RINGS):
        latitude = ring / _RINGS * math.pi / 2
        points += _ring(math.cos(latitude), math.sin(latitude), _AROUND)
    return np.array(points)


def _ring(radius: float, height: float, around: int) -> list[tuple[float, float, float]]:
    angles = (2 * math.pi * step / around for step in range(around))
    return [(radius * math.cos(angle), radius * math.sin(angle), height) for angle in angles]


def _rounded_cylinder(radius: float, length: float, edge: float) -> Float64Array:
    """Points on a cylinder along z whose two edges are quarter circles; (P, 3)."""
    points: list[tuple[float, float, float]] = []
    for step in range(_EDGE_STEPS + 1):
        angle = step / _EDGE_STEPS * math.pi / 2
        ring_radius = radius - edge * (1 - math.cos(angle))
        height = length / 2 - edge * (1 - math.sin(angle))
        points += _ring(ring_radius, height, _CYLINDER_AROUND) + _ring(ring_radius, -height, _CYLINDER_AROUND)
    return np.array(points)


def _hull(points: Float64Array) -> Mesh:
    """The convex hull of points, with vertices and faces in an order that depends on the hull alone."""
    from scipy.spatial import ConvexHull

    snapped = np.unique(np.round(points / _GRID_M).astype(np.int64), axis=0)
    hull = ConvexHull(snapped.astype(np.float64))
    used = np.unique(hull.simplices)
    corners = snapped[hull.simplices].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inward = np.einsum("fi,fi->f", normals, hull.equations[:, :3]) < 0
    faces = np.searchsorted(used, hull.simplices)
    faces[inward] = faces[inward][:, ::-1]
    # Each face starts with its smallest vertex; faces are sorted.
    starts = np.argmin(faces, axis=1)[:, np.newaxis]
    faces = np.take_along_axis(faces, (starts + np.arange(3)) % 3, axis=1)
    faces = faces[np.lexsort(faces.T[::-1])]
    return Mesh(vertices_m=snapped[used] * _GRID_M, faces=faces.astype(np.int64))
