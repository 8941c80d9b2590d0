"""Pictures of a Piper scene, upright, as the protocol's cameras see it."""

from __future__ import annotations

import typing

import numpy as np

from harness.errors import EpisodeError, suggest
from harness.types import Protocol, UInt8Array

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
        names = [model.camera(index).name for index in range(model.ncam)]
        for source in protocol.cameras.values():
            if source not in names:
                raise EpisodeError(f"the scene has no camera {source!r}. {suggest(source, names)}")
        self._model = model
        self._protocol = protocol
        self._renderer: mujoco.Renderer | None = None

    def now(self, data: mujoco.MjData) -> dict[str, UInt8Array]:
        """Camera name -> uint8 (H, W, 3), RGB."""
        import mujoco

        height, width = self._protocol.image_height_px, self._protocol.image_width_px
        if self._renderer is None:
            self._renderer = mujoco.Renderer(self._model, height, width)
        options = mujoco.MjvOption()
        options.geomgroup[:] = _GROUPS
        options.sitegroup[:] = 0
        pictures = {}
        for name, source in self._protocol.cameras.items():
            self._renderer.update_scene(data, source, options)
            picture = self._renderer.render()
            turned = picture[::-1, ::-1] if self._protocol.image_rotation_deg == 180 else picture
            pictures[name] = np.ascontiguousarray(turned)
        return pictures

    def close(self) -> None:
        """Frees the context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
