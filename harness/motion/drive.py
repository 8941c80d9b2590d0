"""The arm's servos in MuJoCo: position actuators that are told in advance what motion and gravity will take."""

from __future__ import annotations

import typing

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.kinematics.robot import RobotModel
from harness.motion.arm import joint_addresses
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco

_GRIPPER = "gripper"
_GRIPPER_JOINTS = ("gripper_joint1", "gripper_joint2")


class Drive:
    """Sets the set points of an arm's position actuators.

    An actuator pulls with ``kp (ctrl - q) - kv dq/dt``, within its force range. So that it neither lags nor sags, the set
    point is moved by what velocity, damping and gravity will take, divided by kp: what a servo with feed-forward does.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, robot: RobotModel) -> None:
        """Finds joints and actuators.

        Args:
            model: A scene with the arm in it.
            data: Its state, which is driven.
            robot: The arm.

        Raises:
            UsageError: A joint of the arm has no actuator.
        """
        self._data = data
        self._joints = joint_addresses(model, robot)
        self._actuators = _actuators(model, robot)
        self._kp = model.actuator_gainprm[self._actuators, 0]
        self._kv = -model.actuator_biasprm[self._actuators, 2]
        self._damping = model.dof_damping[self._joints.dof]
        self._gripper = _gripper_actuator(model)
        self._fingers = [int(model.joint(name).qposadr[0]) for name in _GRIPPER_JOINTS] if self._gripper >= 0 else []

    @property
    def joint_pos_rad(self) -> Float64Array:
        """Where the joints are, (6,), copied."""
        return np.array(self._data.qpos[self._joints.qpos])

    @property
    def joint_vel_rad_s(self) -> Float64Array:
        """How fast they move, (6,), copied."""
        return np.array(self._data.qvel[self._joints.dof])

    @property
    def opening_m(self) -> float:
        """The opening between the finger tips."""
        first, second = self._fingers
        return float(self._data.qpos[first] - self._data.qpos[second])

    def put(self, joint_pos_rad: npt.ArrayLike, opening_m: float | None = None) -> None:
        """Puts the joints (6,), and the fingers where an opening is given, and tells the actuators to stay there."""
        self._data.qpos[self._joints.qpos] = joint_pos_rad
        self._data.ctrl[self._actuators] = joint_pos_rad
        if opening_m is not None:
            first, second = self._fingers
            self._data.qpos[first], self._data.qpos[second] = opening_m / 2, -opening_m / 2
            self.grip(opening_m)

    def move(self, joint_pos_rad: Float64Array, joint_vel_rad_s: Float64Array) -> None:
        """Sets the set points (6,) of the next step of the physics, and how fast they move (6,)."""
        resisting = self._data.qfrc_bias[self._joints.dof] + (self._kv + self._damping) * joint_vel_rad_s
        self._data.ctrl[self._actuators] = joint_pos_rad + resisting / self._kp

    def grip(self, opening_m: float) -> None:
        """Sets the gripper's set point.

        Raises:
            UsageError: The model has no gripper.
        """
        if self._gripper < 0:
            raise UsageError(f"the arm's model has no actuator {_GRIPPER!r}")
        self._data.ctrl[self._gripper] = opening_m


def _actuators(model: mujoco.MjModel, robot: RobotModel) -> npt.NDArray[np.int64]:
    """The position actuator of each arm joint, (6,)."""
    moved = {int(joint): actuator for actuator, (joint, _) in reversed(list(enumerate(model.actuator_trnid)))}
    missing = [name for name in robot.joint_names if model.joint(name).id not in moved]
    if missing:
        raise UsageError(
            f"the arm's model has no actuator for {', '.join(missing)}; only a model with actuators can be driven"
        )
    return np.array([moved[model.joint(name).id] for name in robot.joint_names])


def _gripper_actuator(model: mujoco.MjModel) -> int:
    """Index of the gripper's actuator, -1 where the model has none."""
    import mujoco

    return int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_ACTUATOR, _GRIPPER))
