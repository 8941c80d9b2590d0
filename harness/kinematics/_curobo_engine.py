"""What the adapters for both generations of cuRobo offer to the back end, and which of them fits."""

from __future__ import annotations

import typing

import numpy as np
import numpy.typing as npt

from harness.kinematics._curobo_robot import CuroboRobot
from harness.motion.world import World
from harness.types import Float64Array


class Engine(typing.Protocol):
    """What `CuroboV2` and `CuroboV07` offer."""

    limits_rad: Float64Array

    def forward(self, joint_pos_rad: Float64Array, frame: str) -> Float64Array: ...

    def jacobian(self, joint_pos_rad: Float64Array, frame: str) -> Float64Array: ...

    def restart(self) -> None: ...

    def solve(
        self,
        base_t_target: Float64Array,
        seed_rad: Float64Array,
        frame: str,
        tolerances: tuple[float, float],
        world: World | None,
        *,
        thorough: bool,
    ) -> tuple[Float64Array, npt.NDArray[np.bool_]]: ...

    def plan(
        self, start_rad: Float64Array, base_t_target: Float64Array, frame: str, tolerances: tuple[float, float], world: World
    ) -> tuple[Float64Array, float] | None: ...

    def plan_to_joints(
        self, start_rad: Float64Array, goal_rad: Float64Array, world: World, seed: int
    ) -> tuple[Float64Array, float] | None: ...


def make_engine(generation: str, robot: CuroboRobot, device: str) -> Engine:
    """The adapter for a generation of cuRobo."""
    if generation == "v0.7":
        from harness.kinematics._curobo_v07 import CuroboV07

        return CuroboV07(robot, device)
    from harness.kinematics._curobo_v2 import CuroboV2

    return CuroboV2(robot, device)
