"""What a script sees, what it answers, and what it is: a generator that yields one command a control step."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

from harness.errors import PolicyError
from harness.kinematics.poses import homogeneous, matrix_from_quat
from harness.policies.expert.arm import Arm
from harness.types import Float64Array, Observation


@dataclass(frozen=True)
class Command:
    """Where the gripper is told to be at the end of the next control step.

    Attributes:
        base_t_tcp: (4, 4).
        opening_m: Between the finger tips.
    """

    base_t_tcp: Float64Array
    opening_m: float


@dataclass(frozen=True)
class View:
    """What a script sees before a control step.

    Attributes:
        told: Where the gripper was told to be: the pose that the environment remembers, and the opening last asked for.
            Motions begin here, so that they are smooth whatever the arm really did.
        told_rad: The joints of that pose, (6,).
        base_t_tcp: Where the tcp really is, (4, 4).
        opening_m: How wide the gripper really is; more than it was told when something is between the fingers.
        poses: Name -> base_T_object, (4, 4), of the scene's things.
        values: Name -> a number, its unit in the name.
        arm: What the arm can reach.
    """

    told: Command
    told_rad: Float64Array
    base_t_tcp: Float64Array
    opening_m: float
    poses: Mapping[str, Float64Array]
    values: Mapping[str, float]
    arm: Arm


def look(observation: Observation, arm: Arm, before: Command | None) -> View:
    """The view of an observation.

    Args:
        observation: Of a Piper environment, with what only the simulator knows.
        arm: What the arm can reach.
        before: The command before it; None at the beginning of an episode, when the gripper is as wide as it was told.

    Raises:
        PolicyError: Nothing privileged was shown.
    """
    shown, state = observation.privileged, observation.state
    if shown is None:
        raise PolicyError("the expert needs what only the simulator knows, and Observation.privileged is None")
    told, opening_m = shown.poses["tcp_commanded"], float(state["gripper_opening"][0])
    return View(
        told=Command(told, before.opening_m if before else opening_m),
        told_rad=arm.joints(told, state["joint_pos"]),
        base_t_tcp=homogeneous(matrix_from_quat(state["tcp_quat_wxyz"]), state["tcp_pos"]),
        opening_m=opening_m,
        poses=shown.poses,
        values=shown.values,
        arm=arm,
    )


# A skill is part of a script: ``view = yield from move(view, ...)``. It gives back what was seen last.
Skill = Generator[Command, View, View]

# A task's script. When it returns, the gripper stays where it was told to be.
Script = Generator[Command, View, None]
