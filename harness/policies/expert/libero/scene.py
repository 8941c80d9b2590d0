"""What the expert sees before a control step, and what it commands."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from harness.errors import PolicyError
from harness.privileged import LEFT_FINGER, RIGHT_FINGER, ScenePrivileged
from harness.types import Float64Array, Observation

# What the gripper is told: to open, to stay as wide as it was told, to close.
OPEN, STAY, CLOSE = -1.0, 0.0, 1.0
# How the arm stands at first, rad (hf-libero 0.1.4, MountedPanda.init_qpos and OnTheGroundPanda.init_qpos).
HOME_RAD = np.array([0.0, -0.161037389, 0.0, -2.44459747, 0.0, 2.2267522, np.pi / 4])


@dataclass(frozen=True)
class Scene:
    """The scene and the gripper before a control step.

    The gripper's frame: z points where the fingers point, the fingers move along y, and the origin lies between the finger
    pads.

    Attributes:
        world: Things, joints, regions, goals and contacts.
        grip_position_m: Of the gripper's frame, in the world, (3,).
        world_r_grip: Its orientation, (3, 3).
        gap_m: Between the finger pads; 0.08 when open.
        wrist_rad: Position of the arm's last joint.
        velocity_m_s: Of the gripper's frame, by its last two positions, (3,); zero at first.
        step: Control steps so far.
        joint_pos_rad: The arm's joints, (7,).
    """

    world: ScenePrivileged
    grip_position_m: Float64Array
    world_r_grip: Float64Array
    gap_m: float
    wrist_rad: float
    velocity_m_s: Float64Array
    step: int
    joint_pos_rad: Float64Array = field(default_factory=lambda: HOME_RAD)

    def pose(self, thing: str) -> Float64Array:
        """world_T_thing (4, 4)."""
        return self.world.things[thing].world_t_thing

    def touching(self, one: str, other: str) -> bool:
        """Whether two owners touch."""
        return tuple(sorted((one, other))) in self.world.contacts

    def held(self, thing: str) -> bool:
        """Whether both fingers touch a thing."""
        return self.touching(LEFT_FINGER, thing) and self.touching(RIGHT_FINGER, thing)


@dataclass(frozen=True)
class Command:
    """Where the gripper is to go in the next control step.

    Attributes:
        position_m: Of the gripper's frame, in the world, (3,).
        gripper: `OPEN`, `STAY` or `CLOSE`.
        world_r_grip: Its orientation, (3, 3).
        speed: The largest share of an action's full range that is used, 0 to 1.
    """

    position_m: Float64Array
    gripper: float
    world_r_grip: Float64Array
    speed: float = field(default=1.0)


# A skill is part of a script: ``scene = yield from move(scene, ...)``. It yields one command a control step, is sent what is
# seen after it, and gives back what was seen last. It raises `SkillError` when it gives up.
Skill = Generator[Command, Scene, Scene]


class SkillError(PolicyError):
    """A skill gave up; the gripper may hold something. The message says why, and the planner tries something else."""


def look(observation: Observation, before: Scene | None, control_freq_hz: float = 20.0) -> Scene:
    """The scene of an observation.

    Args:
        observation: Of a LIBERO environment, with what only the simulator knows.
        before: What was seen before it in the same episode; None at the beginning.
        control_freq_hz: Control steps a second.

    Raises:
        PolicyError: Nothing privileged was shown.
    """
    world = observation.privileged
    if not isinstance(world, ScenePrivileged):
        raise PolicyError("the expert needs what only the simulator knows, and Observation.privileged does not have it")
    grip = world.poses["grip"]
    velocity = np.zeros(3)
    if before is not None and observation.step > before.step:
        seconds = (observation.step - before.step) / control_freq_hz
        velocity = (grip[:3, 3] - before.grip_position_m) / seconds
    return Scene(
        world=world,
        grip_position_m=grip[:3, 3],
        world_r_grip=grip[:3, :3],
        gap_m=float(np.abs(observation.state["gripper_qpos"]).sum()),
        wrist_rad=float(observation.state["joint_pos"][6]),
        velocity_m_s=velocity,
        step=observation.step,
        joint_pos_rad=np.array(observation.state["joint_pos"], dtype=np.float64),
    )
