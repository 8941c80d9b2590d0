"""The expert's part for LIBERO: one action at a time, of what the script commands next."""

from __future__ import annotations

from collections.abc import Generator

from harness.policies.expert.libero.motion import Drive
from harness.policies.expert.libero.planner import script
from harness.policies.expert.libero.scene import Command, Scene, look
from harness.types import Float64Array, Observation


class LiberoExpert:
    """One episode's script and what it saw last."""

    def __init__(self) -> None:
        """Begins an episode."""
        self._drive = Drive()
        self._scene: Scene | None = None
        self._script: Generator[Command, Scene, None] | None = None

    def infer(self, observation: Observation) -> Float64Array:
        """One action (7,).

        Raises:
            PolicyError: Nothing privileged was shown.
        """
        self._scene = look(observation, self._scene)
        if self._script is None:
            self._script = script(self._scene)
            command = next(self._script)
        else:
            command = self._script.send(self._scene)
        return self._drive.action(self._scene, command)
