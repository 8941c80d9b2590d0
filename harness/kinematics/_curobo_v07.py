"""cuRobo 0.7 behind the same calls as `CuroboV2`: small, and not tested, since nothing offers its API without a GPU."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from harness.errors import UsageError
from harness.kinematics._curobo_install import module
from harness.kinematics._curobo_robot import FLANGE, CuroboRobot
from harness.kinematics._curobo_world import curobo_scene
from harness.kinematics.poses import homogeneous, matrix_from_quat, poses_from_matrices
from harness.motion.world import World
from harness.types import Float64Array

_SEEDS = 32
_INTERPOLATION_DT_S = 0.02
# m and rad; a way to joints does not need them.
_DEFAULT_TOLERANCES = (0.005, 0.05)


class CuroboV07:
    """One robot on one device.

    Attributes:
        limits_rad: (6, 2), lower and upper.
    """

    def __init__(self, robot: CuroboRobot, device: str) -> None:
        base, torch = module("curobo.types.base"), module("torch")
        self._robot = robot
        self._device = base.TensorDeviceType(device=torch.device(device))
        self._models: dict[str, Any] = {}
        self._solvers: dict[tuple[Any, ...], Any] = {}
        self.limits_rad: Float64Array = _array(self._model(robot.first_link).get_joint_limits().position).T

    def forward(self, joint_pos_rad: Float64Array, frame: str) -> Float64Array:
        """base_T_frame (N, 4, 4) of joints (N, 6)."""
        state = self._model(frame).get_state(self._tensor(joint_pos_rad))
        quat = _array(state.ee_quaternion)
        rotation = matrix_from_quat(quat / np.linalg.norm(quat, axis=1, keepdims=True))
        return homogeneous(rotation, _array(state.ee_position))

    def jacobian(self, joint_pos_rad: Float64Array, frame: str) -> Float64Array:
        """Not offered by cuRobo 0.7.

        Raises:
            UsageError: Always.
        """
        raise UsageError("cuRobo 0.7 computes no Jacobians; use cuRobo V2, or the back end analytic or mujoco")

    def restart(self) -> None:
        """As `CuroboV2.restart`."""
        for solver in self._solvers.values():
            solver.reset_seed()

    def solve(
        self,
        base_t_target: Float64Array,
        seed_rad: Float64Array,
        frame: str,
        tolerances: tuple[float, float],
        world: World | None,
        *,
        thorough: bool,
    ) -> tuple[Float64Array, np.ndarray[Any, np.dtype[np.bool_]]]:
        """As `CuroboV2.solve`, but always thorough; with a world only what cuRobo calls a success is free of collisions."""
        del thorough
        result = self._solver(frame, tolerances, world).solve_batch(
            self._pose(base_t_target), seed_config=self._tensor(seed_rad[np.newaxis]), return_seeds=_SEEDS
        )
        free = _array(result.success) > 0
        return _array(result.solution), free if world is not None else np.ones_like(free)

    def plan(
        self, start_rad: Float64Array, base_t_target: Float64Array, frame: str, tolerances: tuple[float, float], world: World
    ) -> tuple[Float64Array, float] | None:
        """As `CuroboV2.plan`."""
        planner = self._planner(frame, tolerances, world)
        goal = self._pose(base_t_target[np.newaxis])
        return self._way(planner.plan_single(self._joint_state(start_rad), goal, _plan_config()))

    def plan_to_joints(
        self, start_rad: Float64Array, goal_rad: Float64Array, world: World, seed: int
    ) -> tuple[Float64Array, float] | None:
        """As `CuroboV2.plan_to_joints`; there is no seed to set."""
        del seed
        planner = self._planner(FLANGE, _DEFAULT_TOLERANCES, world)
        start, goal = self._joint_state(start_rad), self._joint_state(goal_rad)
        return self._way(planner.plan_single_js(start, goal, _plan_config()))

    def _planner(self, frame: str, tolerances: tuple[float, float], world: World) -> Any:
        motion = module("curobo.wrap.reacher.motion_gen")
        config = motion.MotionGenConfig.load_from_robot_config(
            self._config(frame),
            self._world(world),
            self._device,
            position_threshold=tolerances[0],
            rotation_threshold=tolerances[1],
            interpolation_dt=_INTERPOLATION_DT_S,
        )
        planner = motion.MotionGen(config)
        planner.warmup()
        return planner

    def _joint_state(self, joint_pos_rad: Float64Array) -> Any:
        """Joints (6,) as cuRobo 0.7 takes them."""
        names = list(self._robot.joint_names)
        state = module("curobo.types.robot").JointState
        return state.from_position(self._tensor(joint_pos_rad[np.newaxis]), joint_names=names)

    def _way(self, result: Any) -> tuple[Float64Array, float] | None:
        """What a planner answered, in the robot's order of joints."""
        if not bool(result.success.any()):
            return None
        way = result.get_interpolated_plan()
        columns = [list(way.joint_names).index(name) for name in self._robot.joint_names]
        return _array(way.position)[:, columns], float(result.interpolation_dt)

    def _config(self, frame: str) -> Any:
        """The robot's configuration with one frame as its end effector."""
        kinematics = copy.deepcopy(dict(self._robot.kinematics))
        kinematics["ee_link"] = self._robot.link_of(frame)
        return module("curobo.types.robot").RobotConfig.from_dict({"kinematics": kinematics}, self._device)

    def _model(self, frame: str) -> Any:
        """The kinematic model with one end effector, made when first asked for."""
        if frame not in self._models:
            model = module("curobo.cuda_robot_model.cuda_robot_model").CudaRobotModel(self._config(frame).kinematics)
            if tuple(model.joint_names) != self._robot.joint_names:
                raise UsageError(f"{self._robot.path}: cuRobo finds the joints {', '.join(model.joint_names)}")
            self._models[frame] = model
        return self._models[frame]

    def _solver(self, frame: str, tolerances: tuple[float, float], world: World | None) -> Any:
        """The solver for one frame and world. Graphs stay off: they would tie it to one number of poses."""
        key = (frame, tolerances, world)
        if key not in self._solvers:
            solving = module("curobo.wrap.reacher.ik_solver")
            config = solving.IKSolverConfig.load_from_robot_config(
                self._config(frame),
                None if world is None else self._world(world),
                self._device,
                num_seeds=_SEEDS,
                position_threshold=tolerances[0],
                rotation_threshold=tolerances[1],
                self_collision_check=world is not None,
                self_collision_opt=world is not None,
                use_cuda_graph=False,
            )
            self._solvers = {key: solving.IKSolver(config)}
        return self._solvers[key]

    def _world(self, world: World) -> Any:
        """Obstacles as cuRobo 0.7 takes them."""
        return module("curobo.geom.types").WorldConfig.from_dict(curobo_scene(world) or {})

    def _pose(self, base_t_target: Float64Array) -> Any:
        """Poses (N, 4, 4) as cuRobo takes them."""
        poses = self._tensor(poses_from_matrices(base_t_target))
        return module("curobo.types.math").Pose(poses[:, :3].contiguous(), poses[:, 3:].contiguous())

    def _tensor(self, array: Float64Array) -> Any:
        """An array on the device."""
        return self._device.to_device(array.astype(np.float32))


def _plan_config() -> Any:
    return module("curobo.wrap.reacher.motion_gen").MotionGenPlanConfig()


def _array(tensor: Any) -> Float64Array:
    """A copy: cuRobo writes its next answer into the same buffers."""
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float64)
