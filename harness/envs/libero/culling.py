"""Leaves out of a camera's scene what provably cannot show in its picture, which stays equal to the last bit.

Left out of what ``mjv_updateScene`` has collected are

- geoms whose bounding boxes lie outside the camera's view and, where a reflective surface is in view, outside what that
  surface can mirror;
- sites whose alpha is zero or negative (robosuite hides its sites by negative alpha): OpenGL clamps alpha to [0, 1], and
  blending with alpha 0, without a write to the depth buffer, changes nothing.

A geom is left out by giving it a type that draws nothing, so that the order of all others stays: ties of depth and the
sorting of transparent geoms are decided as before. What is assumed of drawing is read from MuJoCo's ``mjr_render``
(src/render/render_gl3.c) and held against the pinned MuJoCo by tests that compare pictures: one
surface at most mirrors, the first opaque plane or box whose material has reflectance; a box mirrors in
the face on its z axis, and only to a camera in front of that face; the mirrored scene shows inside the outline of that
face alone. Where a light casts shadows nothing is left out, because what is out of view may throw one into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.envs.libero.view_geometry import BoolArray, Cone, Int64Array, mirror_cone, outside, rectangle, view_cone
from harness.types import Float64Array

# A mesh is split until its parts have at most so many triangles, or so often: smaller parts hug a long or hollow mesh
# better and take longer to test.
_PART_FACES = 256
_MESH_SPLITS = 6

# Nearer to the plane of a mirror than this, nothing is left out: on which side a camera is is not sure there.
_EDGE_ON_M = 1e-3

# mjr_render takes a geom with less alpha than this for transparent.
_OPAQUE_ALPHA = 0.995


@dataclass(frozen=True)
class Outlines:
    """Boxes that together contain all that a model's geoms draw; geoms that are endless or of other kinds have none.

    Attributes:
        geom: Whose box it is, (n,).
        centre: In the geom's frame, m, (n, 3).
        half: Half sizes along the axes of the geom's frame, m, (n, 3).
    """

    geom: Int64Array
    centre: Float64Array
    half: Float64Array

    def outside(self, data: Any, cone: Cone) -> BoolArray:
        """Which geoms lie outside a cone, (ngeom,), where `mujoco.MjData` has placed them."""
        return outside(self.geom, self.centre, self.half, data.geom_xpos, data.geom_xmat, cone)


def outlines_of(model: Any) -> Outlines:
    """The boxes of a model's geoms: one for a simple shape, several for a large mesh.

    Args:
        model: A `mujoco.MjModel`.
    """
    import mujoco

    kinds = mujoco.mjtGeom
    simple = {kinds.mjGEOM_SPHERE, kinds.mjGEOM_CAPSULE, kinds.mjGEOM_ELLIPSOID, kinds.mjGEOM_CYLINDER, kinds.mjGEOM_BOX}
    of_mesh: dict[int, Float64Array] = {}
    owners: list[int] = []
    found: list[Float64Array] = [np.empty((0, 6))]
    for geom in range(model.ngeom):
        if model.geom_type[geom] in simple:
            parts = np.array(model.geom_aabb[geom], dtype=np.float64)[None]
        elif model.geom_type[geom] == kinds.mjGEOM_MESH:
            mesh = int(model.geom_dataid[geom])
            if mesh not in of_mesh:
                of_mesh[mesh] = _mesh_boxes(model, mesh)
            parts = of_mesh[mesh]
        else:
            continue
        owners += [geom] * len(parts)
        found.append(parts)
    both = np.concatenate(found)
    return Outlines(np.array(owners, dtype=np.int64), both[:, :3].copy(), both[:, 3:].copy())


@dataclass(frozen=True)
class _Mirror:
    """The flat face that mirrors in a scene.

    Attributes:
        geom: The `mujoco.MjvGeom` it belongs to.
        point: Its middle, m, world frame, (3,).
        normal: Unit vector out of the face, (3,).
        corners: As in `mirror_cone`.
    """

    geom: Any
    point: Float64Array
    normal: Float64Array
    corners: Float64Array


class Culler:
    """Leaves unseen geoms out of the scenes of one model."""

    def __init__(self, model: Any) -> None:
        """Measures the model's geoms.

        Args:
            model: A `mujoco.MjModel` whose geoms keep their shapes.
        """
        import mujoco

        self._average_camera = mujoco.mjv_averageCamera
        self._geom_kind, self._site_kind = int(mujoco.mjtObj.mjOBJ_GEOM), int(mujoco.mjtObj.mjOBJ_SITE)
        self._plane, self._box = int(mujoco.mjtGeom.mjGEOM_PLANE), int(mujoco.mjtGeom.mjGEOM_BOX)
        self._nothing = int(mujoco.mjtGeom.mjGEOM_NONE)
        self._outlines = outlines_of(model)

    def leave_out(self, scene: Any, data: Any, *, height_px: int, width_px: int) -> int:
        """Takes out of a scene what cannot show in its picture.

        Args:
            scene: A `mujoco.MjvScene` that ``mjv_updateScene`` has just filled without convex hulls, to be drawn filled and
                in colour (a segmentation would show hidden sites).
            data: The `mujoco.MjData` it was filled from; geom_xpos and geom_xmat are read.
            height_px: Height of the picture.
            width_px: Width of the picture.

        Returns:
            How many geoms were left out.
        """
        camera = self._average_camera(scene.camera[0], scene.camera[1])
        shadows = any(light.castshadow for light in scene.lights[: scene.nlight])
        if shadows or camera.orthographic or scene.stereo or scene.enabletransform:
            return 0
        view = view_cone(camera, height_px=height_px, width_px=width_px)
        unseen = self._outlines.outside(data, view)
        geoms = scene.geoms[: scene.ngeom]
        mirror = self._mirror(geoms, view.apex)
        if mirror is None:
            return self._hide(geoms, unseen)
        height = float((view.apex - mirror.point) @ mirror.normal)
        if abs(height) < _EDGE_ON_M:
            return 0
        if mirror.geom.objtype == self._geom_kind and unseen[mirror.geom.objid]:
            for geom in geoms:  # or the next reflective geom would mirror in place of the one that is left out
                geom.reflectance = 0.0
        elif height > 0:
            unseen &= self._outlines.outside(data, mirror_cone(view, mirror.point, mirror.normal, mirror.corners))
        return self._hide(geoms, unseen)

    def _mirror(self, geoms: Any, eye: Float64Array) -> _Mirror | None:
        """The one face that ``mjr_render`` lets mirror: of the first opaque plane or box that has reflectance."""
        for geom in geoms:
            if geom.reflectance <= 0 or geom.type not in (self._plane, self._box) or geom.rgba[3] < _OPAQUE_ALPHA:
                continue
            along_x, along_y, normal = np.array(geom.mat, dtype=np.float64).T
            x, y, z = (float(half) for half in geom.size)
            point = np.array(geom.pos, dtype=np.float64)
            if geom.type == self._box:
                point += z * normal
            elif (eye - point) @ normal < -_EDGE_ON_M:
                continue  # planes are transparent from behind
            corners = rectangle(point, x * along_x, y * along_y) if x > 0 and y > 0 else np.empty((0, 3))
            return _Mirror(geom, point, normal, corners)
        return None

    def _hide(self, geoms: Any, unseen: BoolArray) -> int:
        """Makes geoms draw nothing: the unseen ones, and sites without alpha."""
        flags, hidden = unseen.tolist(), 0
        for geom in geoms:
            kind = geom.objtype
            if flags[geom.objid] if kind == self._geom_kind else kind == self._site_kind and geom.rgba[3] <= 0:
                geom.type = self._nothing
                hidden += 1
        return hidden


def _mesh_boxes(model: Any, mesh: int) -> Float64Array:
    """Boxes that hold all triangles of a mesh, in the mesh's frame: centres and half sizes, m, (n, 6)."""
    first_vertex, first_face = int(model.mesh_vertadr[mesh]), int(model.mesh_faceadr[mesh])
    vertices = np.array(model.mesh_vert[first_vertex : first_vertex + model.mesh_vertnum[mesh]], dtype=np.float64)
    triangles = vertices[model.mesh_face[first_face : first_face + model.mesh_facenum[mesh]]]
    parts = [triangles]
    for _ in range(_MESH_SPLITS):
        parts = [half for part in parts for half in _halves(part)]
    corners = [part.reshape(-1, 3) for part in parts]
    low, high = (np.array([f(part, axis=0) for part in corners]) for f in (np.min, np.max))
    return np.concatenate([(low + high) / 2, (high - low) / 2], axis=1)


def _halves(triangles: Float64Array) -> tuple[Float64Array, ...]:
    """Triangles, (n, 3, 3), split in two along their longest extent; as they are when they are few."""
    if len(triangles) <= _PART_FACES:
        return (triangles,)
    middles = triangles.sum(axis=1)
    order = np.argsort(middles[:, np.argmax(np.ptp(middles, axis=0))])
    return triangles[order[: len(order) // 2]], triangles[order[len(order) // 2 :]]
