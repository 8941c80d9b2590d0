"""Open a drawer by its handle."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.envs.piper.scene import DARK_WOOD, WOOD, YELLOW, Color, add_body, add_box
from harness.envs.piper.simulation import Simulation
from harness.envs.piper.tasks.base import Goal, Held, yaw_quat_wxyz
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco

_Triple = tuple[float, float, float]
_Board = tuple[_Triple, _Triple]

_CABINET = "cabinet"
_DRAWER = "drawer"

# Boards (centre, half size) in the cabinet's frame: on the table, below the middle of the front, x out of it. They end below
# the gripper's rail when the fingers are at the handle.
_CABINET_BOARDS_M = (
    ((-0.070, 0.000, 0.0975), (0.070, 0.090, 0.0025)),
    ((-0.070, 0.000, 0.0025), (0.070, 0.090, 0.0025)),
    ((-0.070, 0.0875, 0.0500), (0.070, 0.0025, 0.0450)),
    ((-0.070, -0.0875, 0.0500), (0.070, 0.0025, 0.0450)),
    ((-0.1375, 0.000, 0.0500), (0.0025, 0.0850, 0.0450)),
)
_DRAWER_BOARDS_M = (
    ((0.004, 0.000, 0.0500), (0.004, 0.083, 0.0430)),
    ((-0.064, 0.000, 0.0120), (0.064, 0.078, 0.0025)),
    ((-0.064, 0.0755, 0.0400), (0.064, 0.0025, 0.0280)),
    ((-0.064, -0.0755, 0.0400), (0.064, 0.0025, 0.0280)),
    ((-0.1255, 0.000, 0.0400), (0.0025, 0.0730, 0.0280)),
)
# The bar of the handle stands so far off that a finger fits behind it; a post at each end holds it.
_BAR_M = (0.048, 0.0, 0.050)
_BAR_HALF_SIZE_M = (0.005, 0.035, 0.005)
_POST_HALF_SIZE_M = (0.0175, 0.004, 0.004)
_DRAWER_MASS_KG = 0.3

# A drawer on runners: it neither sticks nor rolls on by itself.
_FRICTION_N = 2.0
_DAMPING_N_S_M = 10.0

# At rest: moved by less than this from one control step to the next (0.5 mm in 50 ms is 1 cm/s).
_REST_M = 5e-4


@dataclass(frozen=True)
class OpenDrawer:
    """A drawer of a small cabinet that is fixed to the table is to be pulled open, and to stand still.

    Attributes:
        open_m: How far it must be open.
        hold_steps: For how many control steps in a row it must stand still there.
        travel_m: How far it can be opened.
    """

    open_m: float = 0.08
    hold_steps: int = 5
    travel_m: float = 0.11

    def __post_init__(self) -> None:
        """Refuses what can never be opened.

        Raises:
            ValueError: It is to be opened further than it goes.
        """
        if self.open_m > self.travel_m:
            raise ValueError(f"open_m: {self.open_m} is more than travel_m, {self.travel_m}")

    def build(self, spec: mujoco.MjSpec) -> None:
        """Adds cabinet and drawer; the drawer's frame is in the middle of the handle's bar, x the way it opens."""
        import mujoco

        cabinet = add_body(spec, _CABINET, free=False)
        _add_boards(cabinet, _CABINET_BOARDS_M, DARK_WOOD)
        drawer = cabinet.add_body(name=_DRAWER, pos=_BAR_M)
        joint = drawer.add_joint(name=_DRAWER, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=(1, 0, 0), range=(0, self.travel_m))
        joint.frictionloss, joint.damping = _FRICTION_N, _DAMPING_N_S_M
        _add_boards(drawer, _DRAWER_BOARDS_M, WOOD, _BAR_M)
        add_box(drawer, _BAR_HALF_SIZE_M, YELLOW, mass_kg=_DRAWER_MASS_KG)
        for side in (-1, 1):
            y_m = side * (_BAR_HALF_SIZE_M[1] - _POST_HALF_SIZE_M[1])
            add_box(drawer, _POST_HALF_SIZE_M, YELLOW, pos_m=(-_BAR_HALF_SIZE_M[0] - _POST_HALF_SIZE_M[0], y_m, 0))
        spec.add_exclude(bodyname1=_CABINET, bodyname2=_DRAWER)

    def sample(self, generator: np.random.Generator) -> Float64Array:
        """x, y (m) of the handle's bar, and the yaw (rad) of the way that the drawer opens: inwards, from either side."""
        x_m, aside_m, turned_rad = generator.uniform((0.22, 0.09, -0.3), (0.32, 0.14, 0.3))
        side = generator.choice((-1.0, 1.0))
        return np.array([x_m, side * aside_m, turned_rad - side * np.pi / 2])

    def place(self, simulation: Simulation, init: Float64Array) -> None:
        """Puts the cabinet on the table, its drawer shut."""
        x_m, y_m, yaw_rad = init
        front_m = (x_m - _BAR_M[0] * np.cos(yaw_rad), y_m - _BAR_M[0] * np.sin(yaw_rad), 0.0)
        simulation.place_fixed(_CABINET, front_m, yaw_quat_wxyz(yaw_rad))

    def goal(self, simulation: Simulation) -> Goal:
        """Done when the drawer has stood open for long enough."""
        return _Opened(self, simulation)

    def poses(self, simulation: Simulation) -> Mapping[str, Float64Array]:
        """The middle of the handle's bar: x is the way the drawer opens, y along the bar."""
        return {"handle": simulation.pose(_DRAWER)}

    def values(self, simulation: Simulation) -> Mapping[str, float]:
        """How far the drawer is open, and must be."""
        return {"opening_m": simulation.joint_position(_DRAWER), "open_m": self.open_m}


class _Opened:
    def __init__(self, scene: OpenDrawer, simulation: Simulation) -> None:
        self._wanted_m = scene.open_m
        self._held = Held(scene.hold_steps)
        self._last_m = simulation.joint_position(_DRAWER)

    def reached(self, simulation: Simulation) -> bool:
        opening_m = simulation.joint_position(_DRAWER)
        at_rest = abs(opening_m - self._last_m) < _REST_M
        self._last_m = opening_m
        return self._held(at_rest and opening_m >= self._wanted_m)


def _add_boards(body: mujoco.MjsBody, boards_m: tuple[_Board, ...], rgba: Color, origin_m: _Triple = (0, 0, 0)) -> None:
    for centre_m, half_size_m in boards_m:
        add_box(body, half_size_m, rgba, pos_m=np.subtract(centre_m, origin_m).tolist())
