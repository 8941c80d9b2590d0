"""A Piper task as a suite's YAML describes it, and its initial states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.envs.piper.tasks.base import Scene
from harness.errors import SuiteError
from harness.kinematics.robot import RobotModel
from harness.types import Float64Array, Task

# Where an episode begins: the gripper half open above the table, looking down at it, each joint up to this far away.
START_RAD = (0.0, 1.0, -0.9, 0.0, 1.1, 0.0)
START_OPENING_M = 0.05
_START_SPREAD_RAD = 0.03


@dataclass(frozen=True)
class PiperTask(Task):
    """A task on the table.

    Attributes:
        kind: The scene's name in `harness.envs.piper.tasks.SCENES`.
        scene: Things and goal.
        init_seed: Of the initial states.
        init_count: How many initial states there are.
    """

    kind: str
    scene: Scene
    init_seed: int
    init_count: int


def as_piper_task(task: Task) -> PiperTask:
    """The task, known to be the Piper's.

    Raises:
        SuiteError: It is another environment's.
    """
    if not isinstance(task, PiperTask):
        raise SuiteError(f"{task.suite}: {task.name} is no task of the Piper")
    return task


@dataclass(frozen=True)
class InitState:
    """How an episode begins.

    Attributes:
        joint_pos_rad: (6,).
        scene: The scene's own vector.
    """

    joint_pos_rad: Float64Array
    scene: Float64Array


def init_state(task: PiperTask, robot: RobotModel, index: int) -> InitState:
    """Initial state `index` of a task: it depends on the task's seed and the index alone, not on how many there are."""
    generator = np.random.default_rng([task.init_seed, index])
    spread = generator.uniform(-_START_SPREAD_RAD, _START_SPREAD_RAD, 6)
    joints = np.clip(np.array(START_RAD) + spread, robot.limits_rad[:, 0], robot.limits_rad[:, 1])
    return InitState(joint_pos_rad=joints, scene=task.scene.sample(generator))
