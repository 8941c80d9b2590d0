"""Pictures of a MuJoCo scene, equal bit for bit to those that robosuite 1.4.0's off-screen context makes."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.types import Float64Array, UInt8Array

# The size and the scene's capacity that robosuite 1.4.0 gives its off-screen context
# (robosuite/utils/binding_utils.py, MjRenderContextOffscreen and MjRenderContext.__init__).
_CONTEXT_WIDTH_PX = 640
_CONTEXT_HEIGHT_PX = 480
_SCENE_MAX_GEOMS = 1000

# What mjv_updateScene and mjr_render read of mjData for a scene of bodies, geoms, sites, cameras and lights.
_RENDERED_FIELDS = (
    "qpos",
    "xpos",
    "xquat",
    "xmat",
    "xipos",
    "ximat",
    "geom_xpos",
    "geom_xmat",
    "site_xpos",
    "site_xmat",
    "cam_xpos",
    "cam_xmat",
    "light_xpos",
    "light_xdir",
)


class Snapshot:
    """What can be seen of a simulation at one moment, kept so that the picture can be made later, or never."""

    def __init__(self, model: Any) -> None:
        """Makes room for snapshots.

        Args:
            model: The `mujoco.MjModel` that is simulated.
        """
        import mujoco

        self.data = mujoco.MjData(model)
        self.site_rgba = np.array(model.site_rgba)

    def take(self, model: Any, data: Any) -> None:
        """Copies what can be seen of `data` and of the model's sites (their colour shows, say, whether a stove is on)."""
        for name in _RENDERED_FIELDS:
            getattr(self.data, name)[:] = getattr(data, name)
        self.site_rgba[:] = model.site_rgba

    def pose(self, model: Any, qpos: Float64Array) -> None:
        """Poses what can be seen at joint positions, (nq,); colours stay as they are.

        Args:
            model: The `mujoco.MjModel` that is simulated, with its fixtures in place.
            qpos: Generalised positions.
        """
        import mujoco

        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(model, self.data)
        mujoco.mj_comPos(model, self.data)
        mujoco.mj_camlight(model, self.data)


class Renderer:
    """An off-screen OpenGL context for one model."""

    def __init__(self, model: Any, *, cull: bool = True) -> None:
        """Makes the context in this process and thread.

        Args:
            model: The `mujoco.MjModel` to draw.
            cull: Leave out of each picture's scene what cannot show in it; the picture is the same, and made faster.
        """
        import mujoco

        from harness.envs.libero.culling import Culler

        self._mujoco = mujoco
        self._model = model
        self._culler = Culler(model) if cull else None
        self._gl = mujoco.GLContext(_CONTEXT_WIDTH_PX, _CONTEXT_HEIGHT_PX)
        self._gl.make_current()
        self._scene = mujoco.MjvScene(model, maxgeom=_SCENE_MAX_GEOMS)
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._perturbation = mujoco.MjvPerturb()
        self._options = mujoco.MjvOption()
        # robosuite draws group 1 (visual meshes) and hides group 0 (collision geometry).
        self._options.geomgroup[0] = 0
        self._options.geomgroup[1] = 1
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_150)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)

    def picture(self, snapshot: Snapshot, camera_id: int, *, height_px: int, width_px: int) -> UInt8Array:
        """Draws a snapshot.

        Args:
            snapshot: What to draw.
            camera_id: Index of a camera of the model.
            height_px: Height of the picture.
            width_px: Width of the picture.

        Returns:
            uint8 (height, width, 3), RGB, rows bottom up as OpenGL has them.
        """
        mujoco = self._mujoco
        self._gl.make_current()
        self._fit(height_px, width_px)
        self._camera.fixedcamid = camera_id
        site_rgba = np.array(self._model.site_rgba)
        self._model.site_rgba[:] = snapshot.site_rgba
        try:
            mujoco.mjv_updateScene(
                self._model,
                snapshot.data,
                self._options,
                self._perturbation,
                self._camera,
                mujoco.mjtCatBit.mjCAT_ALL,
                self._scene,
            )
        finally:
            self._model.site_rgba[:] = site_rgba
        if self._culler is not None:
            self._culler.leave_out(self._scene, snapshot.data, height_px=height_px, width_px=width_px)
        viewport = mujoco.MjrRect(0, 0, width_px, height_px)
        mujoco.mjr_render(viewport, self._scene, self._context)
        picture = np.empty((height_px, width_px, 3), dtype=np.uint8)
        mujoco.mjr_readPixels(rgb=picture, depth=None, viewport=viewport, con=self._context)
        return picture

    def _fit(self, height_px: int, width_px: int) -> None:
        """Makes the off-screen buffer large enough."""
        if width_px <= self._context.offWidth and height_px <= self._context.offHeight:
            return
        size = self._model.vis.global_
        size.offwidth = max(width_px, size.offwidth)
        size.offheight = max(height_px, size.offheight)
        self._context.free()
        self._context = self._mujoco.MjrContext(self._model, self._mujoco.mjtFontScale.mjFONTSCALE_150)
        self._mujoco.mjr_setBuffer(self._mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)

    def close(self) -> None:
        """Frees the context."""
        self._gl.make_current()
        self._context.free()
        self._gl.free()
