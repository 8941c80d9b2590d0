"""A world's obstacles as cuRobo takes them, and how far points are from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.kinematics.poses import matrix_from_quat, matrix_from_rpy, quat_from_matrix
from harness.motion.world import Box, Cylinder, Sphere, World
from harness.types import Float64Array

AnyObstacle = Box | Sphere | Cylinder

# Corners of the polyhedron around a sphere, and sides of the prism around a cylinder: 2 % and 0.5 % of the radius too large.
_SPHERE_CORNERS = 200
_CYLINDER_SIDES = 32


def curobo_scene(world: World) -> dict[str, dict[str, dict[str, Any]]] | None:
    """A world as cuRobo's scene, every obstacle larger by the clearance; None when it is empty.

    Spheres and cylinders become meshes around them: cuRobo V2's collision checker knows boxes, meshes and voxels, and passes
    over anything else without a word.
    """
    scene: dict[str, dict[str, dict[str, Any]]] = {}
    for obstacle in world.obstacles:
        pose = [*obstacle.xyz_m, *quat_from_matrix(_rotation(obstacle)).tolist()]
        if isinstance(obstacle, Box):
            dims = [length + 2 * world.clearance_m for length in obstacle.size_m]
            scene.setdefault("cuboid", {})[obstacle.name] = {"pose": pose, "dims": dims}
        else:
            corners = _corners_around(obstacle, world.clearance_m)
            scene.setdefault("mesh", {})[obstacle.name] = {"pose": pose, **_hull(corners)}
    return scene or None


def distance_m(points: Float64Array, obstacle: AnyObstacle) -> Float64Array:
    """Distances (...) of points (..., 3) in the base frame from an obstacle's surface, negative inside."""
    local = np.abs((points - np.array(obstacle.xyz_m)) @ _rotation(obstacle))
    if isinstance(obstacle, Sphere):
        return np.asarray(np.linalg.norm(local, axis=-1) - obstacle.radius_m)
    if isinstance(obstacle, Box):
        beyond = local - np.array(obstacle.size_m) / 2
    else:
        across = np.linalg.norm(local[..., :2], axis=-1) - obstacle.radius_m
        beyond = np.stack([across, local[..., 2] - obstacle.height_m / 2], axis=-1)
    return np.asarray(np.linalg.norm(np.maximum(beyond, 0), axis=-1) + np.minimum(beyond.max(axis=-1), 0))


def _rotation(obstacle: AnyObstacle) -> Float64Array:
    """base_R_obstacle, (3, 3)."""
    if obstacle.quat_wxyz is not None:
        quat = np.array(obstacle.quat_wxyz)
        return matrix_from_quat(quat / np.linalg.norm(quat))
    return matrix_from_rpy(np.array(obstacle.rpy_rad or (0.0, 0.0, 0.0)))


def _corners_around(obstacle: Sphere | Cylinder, clearance_m: float) -> Float64Array:
    """Corners (N, 3) of a polyhedron, in the obstacle's frame, that holds the obstacle and its clearance."""
    if isinstance(obstacle, Sphere):
        corners = _fibonacci_lattice(_SPHERE_CORNERS)
        return corners * (obstacle.radius_m + clearance_m) / _inscribed_radius(corners)
    angle = 2 * np.pi * np.arange(_CYLINDER_SIDES) / _CYLINDER_SIDES
    radius = (obstacle.radius_m + clearance_m) / np.cos(np.pi / _CYLINDER_SIDES)
    half = np.full(_CYLINDER_SIDES, obstacle.height_m / 2 + clearance_m)
    ring = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([np.column_stack([ring, half]), np.column_stack([ring, -half])])


def _fibonacci_lattice(count: int) -> Float64Array:
    """Points (count, 3), spread evenly over the unit sphere (Gonzalez, 2010)."""
    index = np.arange(count) + 0.5
    z, turn = 1 - 2 * index / count, np.pi * (1 + np.sqrt(5)) * index
    return np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)


def _inscribed_radius(corners: Float64Array) -> float:
    """Radius of the largest ball about the origin inside the hull of corners (N, 3)."""
    from scipy.spatial import ConvexHull

    return float(np.min(-ConvexHull(corners).equations[:, 3]))


def _hull(corners: Float64Array) -> dict[str, list[Any]]:
    """The convex hull of corners (N, 3) as vertices and triangles, normals outwards."""
    from scipy.spatial import ConvexHull

    faces = ConvexHull(corners).simplices
    a, b, c = (corners[faces[:, corner]] for corner in range(3))
    inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), a + b + c) < 0
    faces = np.where(inwards[:, np.newaxis], faces[:, ::-1], faces)
    return {"vertices": corners.tolist(), "faces": faces.tolist()}
