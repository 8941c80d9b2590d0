"""What the numbers of an action mean: shared by the environments that take them and the experts that make them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# piper_sdk's joint limits and gripper range, as in robots/piper/robot.yaml (a test compares them).
_JOINT_LOW_RAD = (-2.6179938, 0.0, -2.9670597, -1.7453292, -1.2217304, -2.0943951)
_JOINT_HIGH_RAD = (2.6179938, 3.1415926, 0.0, 1.7453292, 1.2217304, 2.0943951)
GRIPPER_OPENING_M = (0.0, 0.07)

# The SDK caps an arm joint at 3 rad/s (piper_sdk); at 20 Hz that is 0.15 rad a control step.
MAX_JOINT_SPEED_RAD_S = 3.0
_MAX_JOINT_STEP_RAD = MAX_JOINT_SPEED_RAD_S / 20

# What 1 stands for in ``eef_delta``: the output limits of robosuite 1.4.0's OSC_POSE, which LIBERO uses.
EEF_DELTA_M = 0.05
EEF_DELTA_RAD = 0.5

# The arm reaches 0.77 m from its base: 0.285 + 0.252 + 0.091 + 0.136 m from the shoulder to the finger tips.
_REACH_M = 0.8


@dataclass(frozen=True)
class ActionSpace:
    """What the seven numbers of an action mean.

    Attributes:
        low: Smallest useful value of each.
        high: Largest useful value of each.
        meaning: In words, with units.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    meaning: str


ACTION_SPACES: Mapping[str, ActionSpace] = MappingProxyType(
    {
        "eef_delta": ActionSpace(
            low=(-1.0,) * 7,
            high=(1.0,) * 7,
            meaning="as LIBERO's: move of the tcp in the base frame (1 is 0.05 m), rotation vector in the base frame "
            "(1 is 0.5 rad), gripper (-1 opens, +1 closes)",
        ),
        "eef_pose": ActionSpace(
            low=(-_REACH_M, -_REACH_M, 0.0, -math.pi, -math.pi, -math.pi, GRIPPER_OPENING_M[0]),
            high=(_REACH_M, _REACH_M, _REACH_M, math.pi, math.pi, math.pi, GRIPPER_OPENING_M[1]),
            meaning="position of the tcp in the base frame (m), its rotation vector (rad), gripper opening (m)",
        ),
        "joint_position": ActionSpace(
            low=(*_JOINT_LOW_RAD, GRIPPER_OPENING_M[0]),
            high=(*_JOINT_HIGH_RAD, GRIPPER_OPENING_M[1]),
            meaning="joint positions (rad), gripper opening (m)",
        ),
        "joint_delta": ActionSpace(
            low=(-_MAX_JOINT_STEP_RAD,) * 6 + (GRIPPER_OPENING_M[0],),
            high=(_MAX_JOINT_STEP_RAD,) * 6 + (GRIPPER_OPENING_M[1],),
            meaning="changes of the joints' set points (rad), gripper opening (m)",
        ),
    }
)
