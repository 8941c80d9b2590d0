"""robosuite's own step, as an engine."""

from __future__ import annotations

from harness.envs.libero.rendering import Snapshot
from harness.envs.libero.simulation import Simulation
from harness.types import Float64Array


class UpstreamEngine:
    """See `harness.envs.libero.engine.base.Engine`."""

    def __init__(self, simulation: Simulation, note: str | None = None) -> None:
        """Takes a built simulation."""
        self._simulation = simulation
        self.note = note

    def begin(self) -> None:
        """Nothing to do: the simulation has its state itself."""

    def step(self, action: Float64Array) -> bool:
        """See `Engine.step`."""
        return self._simulation.step(action)

    def observed(self, name: str) -> Float64Array:
        """See `Engine.observed`."""
        return self._simulation.observed(name)

    @property
    def snapshot(self) -> Snapshot:
        """See `Engine.snapshot`."""
        return self._simulation.snapshot
