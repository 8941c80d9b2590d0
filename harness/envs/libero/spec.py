"""What LIBERO shows and takes, as plain numbers: no simulator is needed to know them."""

from __future__ import annotations

from types import MappingProxyType

from harness.types import EnvSpec


def libero_env_spec(height_px: int = 256, width_px: int = 256) -> EnvSpec:
    """The spec of every LIBERO task.

    Actions are robosuite's OSC_POSE deltas (xyz, axis-angle) and the gripper, each in [-1, 1]; the lengths of the state's
    parts are those of `harness.types.Observation`.

    Args:
        height_px: Height of both pictures; 256 in the published protocols.
        width_px: Width of both pictures; 256 in the published protocols.
    """
    picture = (height_px, width_px, 3)
    return EnvSpec(
        action_dim=7,
        action_low=(-1.0,) * 7,
        action_high=(1.0,) * 7,
        images=MappingProxyType({"agentview": picture, "wrist": picture}),
        state=MappingProxyType(
            {
                "eef_pos": 3,
                "eef_quat_xyzw": 4,
                "eef_axis_angle": 3,
                "gripper_qpos": 2,
                "joint_pos": 7,
                "vector": 8,
            }
        ),
    )
