"""Pictures of a Piper scene, upright, as the protocol's cameras see it."""

from __future__ import annotations

import typing

import numpy as np

from harness.envs.models import camera_names, viewed_cameras
from harness.errors import EpisodeError, suggest
from harness.types import PROTOCOL_VIEW, Protocol, UInt8Array, View

if typing.TYPE_CHECKING:
    import mujoco

# What is drawn: things (0), the arm's visual shapes (2) and goals that only show (1); not the arm's collision shapes (3).
_GROUPS = (1, 1, 1, 0, 0, 0)


class Pictures:
    """Draws a model's cameras; the OpenGL context is made at the first picture."""

    def __init__(self, model: mujoco.MjModel, protocol: Protocol) -> None:
        """Checks the cameras.

        Args:
            model: The scene.
            protocol: Which cameras, and how large.

        Raises:
            EpisodeError: The scene has no such camera.
        """
        names = camera_names(model)
        for source in protocol.cameras.values():
            if source not in names:
                raise EpisodeError(f"the scene has no camera {source!r}. {suggest(source, names)}")
        self._model = model
        self._protocol = protocol
        self._renderer: mujoco.Renderer | None = None

    def now(self, data: mujoco.MjData, view: View = PROTOCOL_VIEW) -> dict[str, UInt8Array]:
        """Camera name -> uint8 (H, W, 3), RGB.

        Raises:
            UsageError: The scene has no such camera.
        """
        import mujoco

        cameras = viewed_cameras(self._model, self._protocol.cameras, view)
        renderer = self._renderer_of(
            view.height_px or self._protocol.image_height_px, view.width_px or self._protocol.image_width_px
        )
        options = mujoco.MjvOption()
        options.geomgroup[:] = _GROUPS
        options.sitegroup[:] = 0
        pictures = {}
        for name, source in cameras.items():
            renderer.update_scene(data, source, options)
            picture = renderer.render()
            turned = picture[::-1, ::-1] if self._protocol.image_rotation_deg == 180 else picture
            pictures[name] = np.ascontiguousarray(turned)
        return pictures

    def _renderer_of(self, height_px: int, width_px: int) -> mujoco.Renderer:
        """The renderer of a size: the last one, or a new one in its place."""
        import mujoco

        if self._renderer is not None and (self._renderer.height, self._renderer.width) != (height_px, width_px):
            self.close()
        if self._renderer is None:
            buffer = self._model.vis.global_
            buffer.offheight, buffer.offwidth = max(height_px, buffer.offheight), max(width_px, buffer.offwidth)
            self._renderer = mujoco.Renderer(self._model, height_px, width_px)
        return self._renderer

    def close(self) -> None:
        """Frees the context."""
        if self._renderer is not None:
            # MuJoCo frees what the renderer made in whichever context is current, which may be another environment's, where
            # the same names mean other things. Drawing makes the renderer's own current.
            self._renderer.render()
            self._renderer.close()
            self._renderer = None
