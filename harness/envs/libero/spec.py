"""What LIBERO shows and takes, as plain numbers: no simulator is needed to know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from harness.types import EnvSpec

# The parts of LIBERO's state and their lengths; units and frames stand in `harness.types.Observation`.
STATE_PARTS: Mapping[str, int] = MappingProxyType(
    {
        "eef_pos": 3,
        "eef_quat_xyzw": 4,
        "eef_axis_angle": 3,
        "eef_axis_angle_shortest": 3,
        "gripper_qpos": 2,
        "joint_pos": 7,
    }
)


# robosuite's OSC_POSE deltas and the gripper; see `harness.action_spaces`.
ACTION_SPACE = "eef_delta"


def libero_env_spec(
    height_px: int = 256,
    width_px: int = 256,
    cameras: Sequence[str] = ("agentview", "wrist"),
    state_layout: Sequence[str] = ("eef_pos", "eef_axis_angle", "gripper_qpos"),
) -> EnvSpec:
    """The spec of every LIBERO task.

    Actions are robosuite's OSC_POSE deltas (xyz, axis-angle) and the gripper, each in [-1, 1]: the action space
    ``eef_delta``. The defaults are those of the published protocols.

    Args:
        height_px: Height of every picture.
        width_px: Width of every picture.
        cameras: Names of the pictures.
        state_layout: The parts that make ``vector``.
    """
    vector = sum(STATE_PARTS[part] for part in state_layout)
    return EnvSpec(
        action_dim=7,
        action_low=(-1.0,) * 7,
        action_high=(1.0,) * 7,
        images=MappingProxyType(dict.fromkeys(cameras, (height_px, width_px, 3))),
        state=MappingProxyType({**STATE_PARTS, "vector": vector}),
        action_space=ACTION_SPACE,
    )
