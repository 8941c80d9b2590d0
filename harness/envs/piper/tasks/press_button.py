"""Press a button down."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.envs.piper.scene import RED, YELLOW, add_body, add_box, add_cylinder
from harness.envs.piper.simulation import Simulation
from harness.envs.piper.tasks.base import Goal, Held, yaw_quat_wxyz
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco

_BASE = "button_base"
_BUTTON = "button"

_BASE_HALF_SIZE_M = (0.04, 0.04, 0.015)
_CAP_HALF_HEIGHT_M = 0.012
_CAP_MASS_KG = 0.03

# The spring is under tension from the beginning, so that nothing light presses the button: 3 N at first, 6 N at the end.
_STIFFNESS_N_M = 250.0
_PRELOAD_M = 0.012
_DAMPING_N_S_M = 2.0

# Hard stops, or the spring would push the light cap through: MuJoCo's solref and solimp.
_STOP_SOLREF = (0.005, 1.0)
_STOP_SOLIMP = (0.99, 0.999, 0.0001, 0.5, 2.0)


@dataclass(frozen=True)
class PressButton:
    """A sprung button on a base that is fixed to the table is to be pressed and held down for a moment.

    Attributes:
        pressed: How much of its way it must go down, 0 to 1.
        hold_steps: For how many control steps in a row.
        travel_m: Its way.
        radius_m: Of its cap.
    """

    pressed: float = 0.8
    hold_steps: int = 5
    travel_m: float = 0.012
    radius_m: float = 0.022

    def __post_init__(self) -> None:
        """Refuses what can never be pressed.

        Raises:
            ValueError: More than the whole way is asked for.
        """
        if self.pressed > 1:
            raise ValueError(f"pressed: {self.pressed} is more than the whole way, 1")

    def build(self, spec: mujoco.MjSpec) -> None:
        """Adds base and cap; the cap's frame is in the middle of its top."""
        import mujoco

        base = add_body(spec, _BASE, free=False)
        add_box(base, _BASE_HALF_SIZE_M, YELLOW, pos_m=(0, 0, _BASE_HALF_SIZE_M[2]))
        top_m = 2 * _BASE_HALF_SIZE_M[2] + self.travel_m
        cap = base.add_body(name=_BUTTON, pos=(0, 0, top_m))
        joint = cap.add_joint(name=_BUTTON, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=(0, 0, -1), range=(0, self.travel_m))
        joint.stiffness, joint.springref, joint.damping = _STIFFNESS_N_M, -_PRELOAD_M, _DAMPING_N_S_M
        joint.solref_limit, joint.solimp_limit = _STOP_SOLREF, _STOP_SOLIMP
        add_cylinder(cap, self.radius_m, _CAP_HALF_HEIGHT_M, RED, pos_m=(0, 0, -_CAP_HALF_HEIGHT_M), mass_kg=_CAP_MASS_KG)
        spec.add_exclude(bodyname1=_BASE, bodyname2=_BUTTON)

    def sample(self, generator: np.random.Generator) -> Float64Array:
        """x, y (m) and yaw (rad) of the base."""
        return generator.uniform((0.20, -0.18, -np.pi / 4), (0.36, 0.18, np.pi / 4))

    def place(self, simulation: Simulation, init: Float64Array) -> None:
        """Puts the base on the table."""
        simulation.place_fixed(_BASE, (init[0], init[1], 0), yaw_quat_wxyz(init[2]))

    def goal(self, simulation: Simulation) -> Goal:
        """Done when the button has been down for long enough."""
        return _Pressed(self)

    def poses(self, simulation: Simulation) -> Mapping[str, Float64Array]:
        """The middle of the cap's top."""
        return {_BUTTON: simulation.pose(_BUTTON)}

    def values(self, simulation: Simulation) -> Mapping[str, float]:
        """The button's whole way, and how far down it is."""
        return {"travel_m": self.travel_m, "pressed_m": simulation.joint_position(_BUTTON)}


class _Pressed:
    def __init__(self, scene: PressButton) -> None:
        self._wanted_m = scene.pressed * scene.travel_m
        self._held = Held(scene.hold_steps)

    def reached(self, simulation: Simulation) -> bool:
        return self._held(simulation.joint_position(_BUTTON) >= self._wanted_m)
