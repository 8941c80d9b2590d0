"""Put a square peg into a square hole."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.envs.piper.scene import DARK_WOOD, YELLOW, add_body, add_box
from harness.envs.piper.simulation import Simulation
from harness.envs.piper.tasks.base import Goal, Held, yaw_quat_wxyz
from harness.envs.piper.tasks.objects import let_go, two_places
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco

_PEG = "peg"
_BLOCK = "block"

# How much of the block stands on each side of the hole.
_RIM_M = 0.022

# Time constant (s) and damping ratio of the contacts of peg and block. MuJoCo's default of 0.02 s lets things sink in by
# tenths of a millimetre, which is what the clearance is about; this is a sixteenth of that.
_STIFF = (0.005, 1.0)

# Centre to centre: half of both diagonals, and room for a finger that is wide open between them.
_APART_M = 0.13

# How much of the hole's depth the peg must fill, and how far from parallel its axis may be to the hole's.
_DEPTH_SHARE = 0.8
_PARALLEL_COS = np.cos(np.deg2rad(10))


@dataclass(frozen=True)
class Peg:
    """A peg that stands on the table is to stand in the hole of a block that is fixed to the table.

    The hole goes through the block; the peg's tip is whichever end is lower, as both look alike. Done when, for some control
    steps in a row, the tip is in the hole (within its four walls, at least 80 % of its depth below the top), the peg's axis
    is parallel to the hole's within 10 degrees, and the peg is at rest with no finger on it.

    Attributes:
        clearance_m: How much wider the hole is than the peg, both sides together.
        hold_steps: For how many control steps in a row.
        half_width_m: Half of the peg's width.
        length_m: Of the peg.
        mass_kg: Of the peg.
        depth_m: Of the hole: the block's height.
    """

    clearance_m: float = 0.004
    hold_steps: int = 10
    half_width_m: float = 0.0125
    length_m: float = 0.075
    mass_kg: float = 0.05
    depth_m: float = 0.03

    @property
    def hole_half_width_m(self) -> float:
        """Half of the hole's width."""
        return self.half_width_m + self.clearance_m / 2

    def build(self, spec: mujoco.MjSpec) -> None:
        """Adds the peg, and the block: four walls about the hole, the body's origin in its middle on the table."""
        peg_half_m = (self.half_width_m, self.half_width_m, self.length_m / 2)
        geoms = [add_box(add_body(spec, _PEG), peg_half_m, YELLOW, mass_kg=self.mass_kg)]
        block = add_body(spec, _BLOCK, free=False)
        inner_m, outer_m, half_m = self.hole_half_width_m, self.hole_half_width_m + _RIM_M, self.depth_m / 2
        for side in (-1, 1):
            middle_m = side * (inner_m + outer_m) / 2
            for half_size_m, pos_m in (
                ((_RIM_M / 2, outer_m, half_m), (middle_m, 0, half_m)),
                ((inner_m, _RIM_M / 2, half_m), (0, middle_m, half_m)),
            ):
                geoms.append(add_box(block, half_size_m, DARK_WOOD, pos_m=pos_m))
        for geom in geoms:
            geom.solref = _STIFF

    def sample(self, generator: np.random.Generator) -> Float64Array:
        """x, y (m) and yaw (rad) of the peg, then of the block."""
        places = two_places(generator, _APART_M)
        return np.column_stack([places, generator.uniform(-np.pi / 4, np.pi / 4, 2)]).ravel()

    def place(self, simulation: Simulation, init: Float64Array) -> None:
        """Stands both on the table."""
        simulation.place(_PEG, (init[0], init[1], self.length_m / 2), yaw_quat_wxyz(init[2]))
        simulation.place_fixed(_BLOCK, (init[3], init[4], 0), yaw_quat_wxyz(init[5]))

    def goal(self, simulation: Simulation) -> Goal:
        """Done when the peg has stood in the hole for long enough."""
        return _InHole(self)

    def poses(self, simulation: Simulation) -> Mapping[str, Float64Array]:
        """The peg's, its origin in its middle, and the hole's, its origin in the middle of its mouth."""
        block_t_hole = np.eye(4)
        block_t_hole[2, 3] = self.depth_m
        return {_PEG: simulation.pose(_PEG), "hole": simulation.pose(_BLOCK) @ block_t_hole}

    def values(self, simulation: Simulation) -> Mapping[str, float]:
        """The peg's and the hole's measures."""
        return {
            "half_width_m": self.half_width_m,
            "length_m": self.length_m,
            "depth_m": self.depth_m,
            "clearance_m": self.clearance_m,
        }


class _InHole:
    def __init__(self, scene: Peg) -> None:
        self._scene = scene
        self._held = Held(scene.hold_steps)

    def reached(self, simulation: Simulation) -> bool:
        return self._held(self._stands_in_it(simulation) and let_go(simulation, _PEG))

    def _stands_in_it(self, simulation: Simulation) -> bool:
        poses = self._scene.poses(simulation)
        hole_t_peg = np.linalg.inv(poses["hole"]) @ poses[_PEG]
        up = hole_t_peg[:3, 2] * np.sign(hole_t_peg[2, 2])
        x, y, z = hole_t_peg[:3, 3] - up * self._scene.length_m / 2
        within = max(abs(x), abs(y)) < self._scene.hole_half_width_m and z <= -_DEPTH_SHARE * self._scene.depth_m
        return bool(within and up[2] > _PARALLEL_COS)
