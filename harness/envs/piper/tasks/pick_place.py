"""Put a cube into a bowl."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from harness.envs.piper.scene import BLUE, RED, add_body, add_box, add_cylinder
from harness.envs.piper.simulation import Simulation
from harness.envs.piper.tasks.base import Goal, Held, yaw_quat_wxyz
from harness.envs.piper.tasks.objects import let_go, two_places
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco

_CUBE = "cube"
_BOWL = "bowl"

# The bowl: a round foot that it stands on, and panels that lean outwards from it to the rim.
_PANELS = 16
_WALL_M = 0.004
_FOOT_TO_RIM = 0.65

# The foot is drawn as a disc and collides as the square in it: MuJoCo finds one contact between a box and a cylinder, on
# which a cube rocks, and up to eight between boxes. This group is not drawn.
_HIDDEN_GROUP = 3

# Centre to centre: the bowl's radius, half of the cube's diagonal, and room for a finger that is wide open between them.
_APART_M = 0.14

# A bowl that leans further has been tipped.
_UPRIGHT_COS = np.cos(np.deg2rad(15))


@dataclass(frozen=True)
class PickPlace:
    """A cube on the table is to lie in a bowl.

    Done when, for some control steps in a row, the cube's centre is within the bowl's inner radius and below its rim (both
    in the bowl's frame), the cube touches the bowl, the bowl is upright, and the cube is at rest with no finger on it.

    Attributes:
        hold_steps: For how many control steps in a row.
        half_size_m: Half of the cube's edge.
        mass_kg: Of the cube.
        bowl_radius_m: Of the rim, outside.
        bowl_height_m: From the table to the rim.
        bowl_mass_kg: Of the bowl.
    """

    hold_steps: int = 10
    half_size_m: float = 0.018
    mass_kg: float = 0.05
    bowl_radius_m: float = 0.06
    bowl_height_m: float = 0.045
    bowl_mass_kg: float = 0.2

    @property
    def inner_radius_m(self) -> float:
        """Of the bowl, at its rim."""
        return self.bowl_radius_m - _WALL_M

    def build(self, spec: mujoco.MjSpec) -> None:
        """Adds the cube and the bowl."""
        add_box(add_body(spec, _CUBE), (self.half_size_m,) * 3, RED, mass_kg=self.mass_kg)
        self._add_bowl(add_body(spec, _BOWL))

    def _add_bowl(self, bowl: mujoco.MjsBody) -> None:
        """The body's origin is the middle of the foot, on the table."""
        foot_m, mass_kg = _FOOT_TO_RIM * self.bowl_radius_m, self.bowl_mass_kg / (_PANELS + 1)
        foot_pos_m = (0, 0, _WALL_M / 2)
        add_cylinder(bowl, foot_m, _WALL_M / 2, BLUE, pos_m=foot_pos_m, collides=False)
        floor_half_m = foot_m / np.sqrt(2)
        floor = add_box(bowl, (floor_half_m, floor_half_m, _WALL_M / 2), BLUE, pos_m=foot_pos_m, mass_kg=mass_kg)
        floor.group = _HIDDEN_GROUP
        lean_rad = np.arctan2(self.bowl_radius_m - foot_m, self.bowl_height_m)
        low_m, half_width_m = _WALL_M / 2, self.bowl_radius_m * np.tan(np.pi / _PANELS)
        half_length_m = (self.bowl_height_m - low_m - _WALL_M / 2 * np.sin(lean_rad)) / 2 / np.cos(lean_rad)
        middle_m, height_m = (foot_m + self.bowl_radius_m - _WALL_M) / 2, (self.bowl_height_m + low_m) / 2
        for angle_rad in np.arange(_PANELS) * (2 * np.pi / _PANELS):
            pos_m = (middle_m * np.cos(angle_rad), middle_m * np.sin(angle_rad), height_m)
            panel = add_box(bowl, (_WALL_M / 2, half_width_m, half_length_m), BLUE, pos_m=pos_m, mass_kg=mass_kg)
            panel.quat = Rotation.from_euler("ZY", (angle_rad, lean_rad)).as_quat(scalar_first=True)

    def sample(self, generator: np.random.Generator) -> Float64Array:
        """x, y (m) and yaw (rad) of the cube, then of the bowl."""
        places = two_places(generator, _APART_M)
        return np.column_stack([places, generator.uniform(-np.pi / 4, np.pi / 4, 2)]).ravel()

    def place(self, simulation: Simulation, init: Float64Array) -> None:
        """Puts both on the table."""
        simulation.place(_CUBE, (init[0], init[1], self.half_size_m), yaw_quat_wxyz(init[2]))
        simulation.place(_BOWL, (init[3], init[4], 0), yaw_quat_wxyz(init[5]))

    def goal(self, simulation: Simulation) -> Goal:
        """Done when the cube has lain in the bowl for long enough."""
        return _InBowl(self)

    def poses(self, simulation: Simulation) -> Mapping[str, Float64Array]:
        """The cube's, and the bowl's: the middle of its foot."""
        return {_CUBE: simulation.pose(_CUBE), _BOWL: simulation.pose(_BOWL)}

    def values(self, simulation: Simulation) -> Mapping[str, float]:
        """Half of the cube's edge, and how high the rim is."""
        return {"half_size_m": self.half_size_m, "bowl_height_m": self.bowl_height_m}


class _InBowl:
    def __init__(self, scene: PickPlace) -> None:
        self._scene = scene
        self._held = Held(scene.hold_steps)

    def reached(self, simulation: Simulation) -> bool:
        return self._held(self._lies_in_it(simulation) and let_go(simulation, _CUBE))

    def _lies_in_it(self, simulation: Simulation) -> bool:
        base_t_bowl = simulation.pose(_BOWL)
        x, y, z = (np.linalg.inv(base_t_bowl) @ simulation.pose(_CUBE))[:3, 3]
        inside = np.hypot(x, y) < self._scene.inner_radius_m and 0 < z < self._scene.bowl_height_m
        return bool(inside and base_t_bowl[2, 2] > _UPRIGHT_COS and simulation.touching(_CUBE, _BOWL))
