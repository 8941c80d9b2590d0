"""Stack one cube onto another."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.envs.piper.scene import GREEN, RED, add_body, add_box
from harness.envs.piper.simulation import Simulation
from harness.envs.piper.tasks.base import Goal, Held, yaw_quat_wxyz
from harness.envs.piper.tasks.objects import let_go, two_places
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco

_RED = "red_cube"
_GREEN = "green_cube"

# Centre to centre: half of both diagonals, and room for a finger that is wide open between them.
_APART_M = 0.11

# One cube lies flat on the other when their centres are an edge apart in height, but for this.
_HEIGHT_TOLERANCE_M = 0.003


@dataclass(frozen=True)
class Stack:
    """The red cube is to stand on the green one.

    Done when, for some control steps in a row, the red cube's centre is one edge above the green one's within 3 mm and less
    than half an edge beside it, the two touch, and both are at rest with no finger on them.

    Attributes:
        hold_steps: For how many control steps in a row.
        half_size_m: Half of a cube's edge.
        mass_kg: Of each cube.
    """

    hold_steps: int = 10
    half_size_m: float = 0.02
    mass_kg: float = 0.06

    def build(self, spec: mujoco.MjSpec) -> None:
        """Adds the two cubes."""
        for name, color in ((_RED, RED), (_GREEN, GREEN)):
            add_box(add_body(spec, name), (self.half_size_m,) * 3, color, mass_kg=self.mass_kg)

    def sample(self, generator: np.random.Generator) -> Float64Array:
        """x, y (m) and yaw (rad) of the red cube, then of the green one."""
        places = two_places(generator, _APART_M)
        return np.column_stack([places, generator.uniform(-np.pi / 4, np.pi / 4, 2)]).ravel()

    def place(self, simulation: Simulation, init: Float64Array) -> None:
        """Puts both on the table."""
        for name, (x, y, yaw) in zip((_RED, _GREEN), init.reshape(2, 3), strict=True):
            simulation.place(name, (x, y, self.half_size_m), yaw_quat_wxyz(yaw))

    def goal(self, simulation: Simulation) -> Goal:
        """Done when the red cube has stood on the green one for long enough."""
        return _Stacked(self)

    def poses(self, simulation: Simulation) -> Mapping[str, Float64Array]:
        """Both cubes'."""
        return {_RED: simulation.pose(_RED), _GREEN: simulation.pose(_GREEN)}

    def values(self, simulation: Simulation) -> Mapping[str, float]:
        """Half of a cube's edge."""
        return {"half_size_m": self.half_size_m}


class _Stacked:
    def __init__(self, scene: Stack) -> None:
        self._half_size_m = scene.half_size_m
        self._held = Held(scene.hold_steps)

    def reached(self, simulation: Simulation) -> bool:
        return self._held(self._stands_on_it(simulation) and let_go(simulation, _RED) and let_go(simulation, _GREEN))

    def _stands_on_it(self, simulation: Simulation) -> bool:
        x, y, z = simulation.pose(_RED)[:3, 3] - simulation.pose(_GREEN)[:3, 3]
        above = abs(z - 2 * self._half_size_m) < _HEIGHT_TOLERANCE_M
        return bool(above and np.hypot(x, y) < self._half_size_m and simulation.touching(_RED, _GREEN))
