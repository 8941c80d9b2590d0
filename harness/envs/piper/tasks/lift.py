"""Lift a cube off the table."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.envs.piper.scene import RED, add_body, add_box
from harness.envs.piper.simulation import Simulation
from harness.envs.piper.tasks.base import Goal, Held, yaw_quat_wxyz
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco

_CUBE = "cube"


@dataclass(frozen=True)
class Lift:
    """A cube on the table is to be held in the air.

    Attributes:
        height_m: How far its centre must rise.
        hold_steps: For how many control steps in a row.
        half_size_m: Half of the cube's edge.
        mass_kg: Of the cube.
    """

    height_m: float = 0.08
    hold_steps: int = 10
    half_size_m: float = 0.02
    mass_kg: float = 0.06

    def build(self, spec: mujoco.MjSpec) -> None:
        """Adds the cube."""
        add_box(add_body(spec, _CUBE), (self.half_size_m,) * 3, RED, mass_kg=self.mass_kg)

    def sample(self, generator: np.random.Generator) -> Float64Array:
        """x, y (m) and yaw (rad) of the cube."""
        return generator.uniform((0.20, -0.12, -np.pi / 4), (0.34, 0.12, np.pi / 4))

    def place(self, simulation: Simulation, init: Float64Array) -> None:
        """Puts the cube on the table."""
        simulation.place(_CUBE, (init[0], init[1], self.half_size_m), yaw_quat_wxyz(init[2]))

    def goal(self, simulation: Simulation) -> Goal:
        """Done when the cube has been high enough for long enough."""
        return _Lifted(self, simulation)

    def poses(self, simulation: Simulation) -> Mapping[str, Float64Array]:
        """The cube's."""
        return {_CUBE: simulation.pose(_CUBE)}

    def values(self, simulation: Simulation) -> Mapping[str, float]:
        """How far it must rise, and half of its edge."""
        return {"height_m": self.height_m, "half_size_m": self.half_size_m}


class _Lifted:
    def __init__(self, scene: Lift, simulation: Simulation) -> None:
        self._wanted_m = simulation.pose(_CUBE)[2, 3] + scene.height_m
        self._held = Held(scene.hold_steps)

    def reached(self, simulation: Simulation) -> bool:
        return self._held(simulation.pose(_CUBE)[2, 3] >= self._wanted_m)
