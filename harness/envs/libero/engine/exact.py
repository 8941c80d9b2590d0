"""The exact engine: what robosuite's ``env.step`` does to a simulation, in compiled code, to the same bits."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from harness.envs.libero.engine.clock import SamplingClock
from harness.envs.libero.engine.control_loop import Functions, Sample, Views, after_goal, before_goal
from harness.envs.libero.engine.native import mujoco_functions
from harness.envs.libero.engine.osc import Arm, blas_agrees, empty_state
from harness.envs.libero.rendering import Snapshot
from harness.envs.libero.simulation import Simulation
from harness.envs.libero.success import SuccessCheck
from harness.types import Float64Array


class ExactEngine:
    """See `harness.envs.libero.engine.base.Engine`; for an environment that `why_not` has nothing against.

    The controller's goal is still set by robosuite's own ``set_goal``, once a control step.
    """

    note: str | None = None

    def __init__(self, simulation: Simulation) -> None:
        """Resolves names and addresses.

        Args:
            simulation: A built simulation after its first reset.
        """
        import mujoco

        env, model, data = simulation.env, simulation.model, simulation.data
        self._env, self._model = env, model
        self._robot = env.robots[0]
        # Nothing here reads a sensor, and no force depends on one.
        model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_SENSOR)
        self._functions = Functions(**asdict(mujoco_functions()), model=model._address, data=data._address)
        self._views = Views(*(getattr(data, name) for name in Views._fields))
        self._state = empty_state(model.nv)
        self._substeps = int(env.control_timestep / env.model_timestep)
        self._success = SuccessCheck(env)
        self._sample = Sample(qpos_seen=np.zeros(model.nq), qpos=np.zeros(model.nq))
        self._snapshot = simulation.snapshot
        self._shows_sample = False
        self._eef_body = env.sim.model.body_name2id(self._robot.robot_model.eef_name)
        self._joints = {
            "robot0_joint_pos": np.array(self._robot._ref_joint_pos_indexes),
            "robot0_gripper_qpos": np.array(self._robot._ref_gripper_joint_pos_indexes),
        }
        if self._success.fallback_reason:
            self.note = f"success is judged by upstream's own code, slowly: {self._success.fallback_reason}"

    def begin(self) -> None:
        """See `Engine.begin`."""
        controller, gripper = self._robot.controller, self._robot.gripper
        self._arm = _arm(self._env)
        self._clock = SamplingClock(substep_s=self._env.model_timestep, control_freq_hz=self._env.control_freq)
        self._update = bool(controller.new_update)
        for field, value in {
            "ee_pos": controller.ee_pos,
            "ee_mat": controller.ee_ori_mat,
            "ee_vel": controller.ee_pos_vel,
            "ee_rot_vel": controller.ee_ori_vel,
            "joint_pos": controller.joint_pos,
            "joint_vel": controller.joint_vel,
            "jac_pos": controller.J_pos,
            "jac_rot": controller.J_ori,
            "jac": controller.J_full,
            "mass": controller.mass_matrix,
            "finger_command": gripper.current_action,
        }.items():
            getattr(self._state, field)[:] = value
        for qpos in self._sample:
            qpos[:] = self._views.qpos
        self._keep_sample()

    def step(self, action: Float64Array) -> bool:
        """See `Engine.step`."""
        state, controller = self._state, self._robot.controller
        sampled = self._clock.advance(self._substeps)
        before_goal(self._functions, self._views, self._arm, state, self._sample, self._update, sampled)
        controller.ee_pos, controller.ee_ori_mat = state.ee_pos, state.ee_mat
        controller.new_update = False
        controller.set_goal(action[:6])
        state.goal_pos[:] = controller.goal_pos
        state.goal_mat[:] = controller.goal_ori
        sign = float(np.sign(action[6]))
        after_goal(self._functions, self._views, self._arm, state, self._sample, sign, self._substeps, sampled)
        self._update = controller.new_update = True
        if sampled >= 0:
            self._keep_sample()
        return self._success.after_step()

    def observed(self, name: str) -> Float64Array:
        """See `Engine.observed`."""
        if name == "robot0_eef_pos":
            return np.array(self.snapshot.data.site_xpos[self._robot.eef_site_id])
        if name == "robot0_eef_quat":
            return np.array(self.snapshot.data.xquat[self._eef_body][[1, 2, 3, 0]])
        qpos: Float64Array = self._sample.qpos[self._joints[name]]
        return qpos

    @property
    def snapshot(self) -> Snapshot:
        """See `Engine.snapshot`; poses are computed when they are first asked for."""
        if not self._shows_sample:
            self._snapshot.pose(self._model, self._sample.qpos_seen)
            self._shows_sample = True
        return self._snapshot

    def _keep_sample(self) -> None:
        """Colours are kept at once: what is done after a step changes them."""
        self._snapshot.site_rgba[:] = self._model.site_rgba
        self._shows_sample = False


def why_not(env: Any) -> str | None:
    """Why an environment cannot be stepped by `ExactEngine`; None where it can.

    Args:
        env: A robosuite environment.
    """
    from robosuite.controllers.osc import OperationalSpaceController
    from robosuite.models.grippers import PandaGripper

    if len(env.robots) != 1:
        return f"it has {len(env.robots)} robots, not one"
    robot = env.robots[0]
    controller = robot.controller
    if type(controller) is not OperationalSpaceController or controller.name != "OSC_POSE":
        return f"its controller is {controller.name}, not OSC_POSE"
    if controller.impedance_mode != "fixed" or controller.interpolator_pos or controller.interpolator_ori:
        return "its controller has a variable impedance or interpolates"
    if not controller.uncoupling:
        return "its controller couples position and orientation"
    if len(controller.qvel_index) != 7 or list(controller.qvel_index) != sorted(controller.qvel_index):
        return f"its arm has {len(controller.qvel_index)} joints, not seven in ascending order"
    if type(robot.gripper) is not PandaGripper:
        return f"its gripper is {type(robot.gripper).__name__}, not PandaGripper"
    return None if blas_agrees(env.sim.model._model.nv) else "NumPy's BLAS adds in another order than SciPy's"


def _arm(env: Any) -> Arm:
    robot, model = env.robots[0], env.sim.model
    controller, gripper = robot.controller, robot.gripper
    fingers = np.array([model.actuator_name2id(name) for name in gripper.actuators], dtype=np.int64)
    control_range = model.actuator_ctrlrange[fingers]
    low, high = robot.torque_limits
    return Arm(
        qpos_index=np.array(controller.qpos_index, dtype=np.int64),
        qvel_index=np.array(controller.qvel_index, dtype=np.int64),
        actuators=np.array(robot._ref_joint_actuator_indexes, dtype=np.int64),
        finger_actuators=fingers,
        eef_site=int(model.site_name2id(controller.eef_name)),
        kp=np.array(controller.kp, dtype=np.float64),
        kd=np.array(controller.kd, dtype=np.float64),
        initial_joint=np.array(controller.initial_joint, dtype=np.float64),
        torque_low=np.array(low, dtype=np.float64),
        torque_high=np.array(high, dtype=np.float64),
        finger_bias=0.5 * (control_range[:, 1] + control_range[:, 0]),
        finger_weight=0.5 * (control_range[:, 1] - control_range[:, 0]),
        finger_step=np.array([-1.0, 1.0]) * gripper.speed,
        dof_madr=np.array(model._model.dof_Madr, dtype=np.int64),
        dof_parent=np.array(model._model.dof_parentid, dtype=np.int64),
    )
