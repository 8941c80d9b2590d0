"""What the Piper environment shows and takes, as plain numbers: no simulator is needed to know them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.action_spaces import ACTION_SPACES
from harness.types import EnvSpec, Protocol

# The parts of the state and their lengths; units and frames stand in `harness.types.Observation`.
STATE_PARTS: Mapping[str, int] = MappingProxyType(
    {"joint_pos": 6, "gripper_opening": 1, "tcp_pos": 3, "tcp_quat_wxyz": 4, "tcp_axis_angle": 3}
)

# Across the table, and on the gripper.
CAMERAS = ("front", "wrist")

# Edge of the buffer that pictures are drawn into.
MAX_PICTURE_PX = 1280


def piper_env_spec(protocol: Protocol) -> EnvSpec:
    """The spec of every Piper task under a protocol."""
    space = ACTION_SPACES[protocol.action_space]
    picture = (protocol.image_height_px, protocol.image_width_px, 3)
    vector = sum(STATE_PARTS[part] for part in protocol.state_layout)
    return EnvSpec(
        action_dim=len(space.low),
        action_low=space.low,
        action_high=space.high,
        images=MappingProxyType(dict.fromkeys(protocol.cameras, picture)),
        state=MappingProxyType({**STATE_PARTS, "vector": vector}),
        action_space=protocol.action_space,
    )
