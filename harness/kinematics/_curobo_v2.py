"""cuRobo V2 (0.8 and later) behind the few calls that the back end needs. All of them take and give NumPy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import UsageError
from harness.kinematics._curobo_install import is_portable, module
from harness.kinematics._curobo_robot import FLANGE, CuroboRobot
from harness.kinematics._curobo_world import curobo_scene
from harness.kinematics.poses import homogeneous, matrix_from_quat, poses_from_matrices
from harness.motion.world import World
from harness.types import Float64Array

# Numbers of poses that solvers are built for: a smaller batch is padded by cuRobo, a larger one is taken in pieces.
_BATCH_SIZES = (1, 8, 32, 128, 512)
# cuRobo's own default; every one of them is returned, which is what gives several solutions for a pose.
_SEEDS = 32
# With this share of poses solved cuRobo stops early: whatever is left is asked for again.
_ANY_SOLVED = 1e-6
# Solvers that are kept; each holds buffers and, on a GPU, captured graphs.
_SOLVERS_KEPT = 8
# cuRobo's own defaults: tolerances of a pose (m, rad), which a way to joints does not need, and the random seed.
_DEFAULT_TOLERANCES = (0.005, 0.05)
_RANDOM_SEED = 123


class CuroboV2:
    """One robot on one device.

    Attributes:
        limits_rad: (6, 2), lower and upper.
    """

    def __init__(self, robot: CuroboRobot, device: str) -> None:
        types, torch = module("curobo.types"), module("torch")
        self._robot = robot
        self._types = types
        self._device = types.DeviceCfg(device=torch.device(device))
        self._models: dict[str, Any] = {}
        self._solvers: dict[tuple[Any, ...], Any] = {}
        self._planners: dict[tuple[Any, ...], Any] = {}
        limits = self._model(robot.first_link).get_joint_limits().position
        self.limits_rad: Float64Array = _array(limits).T

    def forward(self, joint_pos_rad: Float64Array, frame: str) -> Float64Array:
        """base_T_frame (N, 4, 4) of joints (N, 6)."""
        pose = self._state(joint_pos_rad, frame).tool_poses.get_link_pose(self._robot.link_of(frame))
        quat = _array(pose.quaternion)
        rotation = matrix_from_quat(quat / np.linalg.norm(quat, axis=1, keepdims=True))
        return homogeneous(rotation, _array(pose.position))

    def jacobian(self, joint_pos_rad: Float64Array, frame: str) -> Float64Array:
        """Geometric Jacobians (N, 6, 6), linear rows first, of joints (N, 6)."""
        return _array(self._state(joint_pos_rad, frame).tool_jacobians)[:, 0, 0]

    def restart(self) -> None:
        """Makes the next `solve` draw the same random seeds as a fresh solver, so that equal calls give equal answers."""
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
        """What every one of cuRobo's seeds ended in.

        Args:
            base_t_target: (N, 4, 4).
            seed_rad: (N, 6); one of the seeds starts there.
            frame: Which frame is to get there.
            tolerances: m and rad.
            world: What not to touch, besides itself; None checks no collision.
            thorough: Run the full optimisation even where the first stage was enough.

        Returns:
            Joints (N, S, 6), and whether each is free of collisions (N, S).
        """
        joints, free = [], []
        for start in range(0, len(base_t_target), _BATCH_SIZES[-1]):
            piece = slice(start, start + _BATCH_SIZES[-1])
            goal = self._goal(base_t_target[piece], frame)
            solver = self._solver(frame, len(base_t_target[piece]), tolerances, world)
            # The full optimisation of curobo-metal takes minutes and finds little that its first stage does not.
            solver.config.exit_early = is_portable() or not thorough
            solver.config.exit_early_batch_success_threshold = _ANY_SOLVED
            seeds = self._device.to_device(seed_rad[piece, np.newaxis].astype(np.float32))
            result = solver.solve_pose(goal, seed_config=seeds, return_seeds=_SEEDS)
            joints.append(_array(result.solution))
            free.append(_array(result.feasible) > 0)
        return np.concatenate(joints), np.concatenate(free)

    def plan(
        self, start_rad: Float64Array, base_t_target: Float64Array, frame: str, tolerances: tuple[float, float], world: World
    ) -> tuple[Float64Array, float] | None:
        """Joints (T, 6) from a start (6,) to a pose (4, 4) and the s between them; None where cuRobo finds no way."""
        planner = self._planner(frame, tolerances, world, 0)
        start = self._joint_state(start_rad[np.newaxis], list(planner.joint_names))
        return self._way(planner, planner.plan_pose(self._goal(base_t_target[np.newaxis], frame), start))

    def plan_to_joints(
        self, start_rad: Float64Array, goal_rad: Float64Array, world: World, seed: int
    ) -> tuple[Float64Array, float] | None:
        """Joints (T, 6) from a start (6,) to a goal (6,) and the s between them; None where cuRobo finds no way."""
        planner = self._planner(FLANGE, _DEFAULT_TOLERANCES, world, seed)
        names = list(planner.joint_names)
        start, goal = (self._joint_state(end[np.newaxis], names) for end in (start_rad, goal_rad))
        return self._way(planner, planner.plan_cspace(goal, start))

    def _way(self, planner: Any, result: Any) -> tuple[Float64Array, float] | None:
        """What a planner answered, in the robot's order of joints."""
        if result is None or not bool(result.success.any()):
            return None
        path_taken = result.get_interpolated_plan()
        positions = _array(path_taken.position)
        columns = [list(path_taken.joint_names).index(name) for name in self._robot.joint_names]
        joints = positions.reshape(-1, positions.shape[-1])[:, columns]
        return joints, float(planner.trajopt_solver.config.interpolation_dt)

    def _planner(self, frame: str, tolerances: tuple[float, float], world: World, seed: int) -> Any:
        """The planner for one world; the last one is kept."""
        key = (frame, tolerances, world, seed)
        if key not in self._planners:
            planning = module("curobo.motion_planner")
            with self._tool(frame) as path:
                config = planning.MotionPlannerCfg.create(
                    robot=str(path),
                    scene_model=curobo_scene(world),
                    device_cfg=self._device,
                    position_tolerance=tolerances[0],
                    orientation_tolerance=tolerances[1],
                    random_seed=_RANDOM_SEED + seed,
                    use_cuda_graph=not is_portable(),
                )
                planner = planning.MotionPlanner(config)
            if not is_portable():
                planner.warmup(enable_graph=True, num_warmup_iterations=3)
            self._planners = {key: planner}
        return self._planners[key]

    def _state(self, joint_pos_rad: Float64Array, frame: str) -> Any:
        """The kinematic state of joints (N, 6)."""
        model = self._model(frame)
        return model.compute_kinematics(self._joint_state(joint_pos_rad, list(model.joint_names)))

    def _joint_state(self, joint_pos_rad: Float64Array, names: list[str]) -> Any:
        """Joints (N, 6) in cuRobo's order."""
        columns = [self._robot.joint_names.index(name) for name in names]
        positions = self._device.to_device(joint_pos_rad[:, columns].astype(np.float32))
        return self._types.JointState.from_position(positions, joint_names=names)

    def _goal(self, base_t_target: Float64Array, frame: str) -> Any:
        """Poses (N, 4, 4) as a goal for one frame."""
        poses = self._device.to_device(poses_from_matrices(base_t_target).astype(np.float32))
        pose = self._types.Pose(position=poses[:, :3].contiguous(), quaternion=poses[:, 3:].contiguous())
        return self._types.GoalToolPose.from_poses({self._robot.link_of(frame): pose}, num_goalset=1)

    def _tool(self, frame: str) -> Any:
        """A context with the robot's file, whose only tool frame is the given one, since a goal must name all of them."""
        link = self._robot.link_of(frame)
        return self._robot.written(lambda kinematics: kinematics.update(tool_frames=[link]))

    def _model(self, frame: str) -> Any:
        """The kinematic model with one tool frame, made when first asked for."""
        if frame not in self._models:
            kinematics = module("curobo.kinematics")
            with self._tool(frame) as path:
                config = kinematics.KinematicsCfg.from_robot_yaml_file(str(path), device_cfg=self._device)
            model = kinematics.Kinematics(config, compute_jacobian=True, compute_spheres=False)
            if sorted(model.joint_names) != sorted(self._robot.joint_names):
                raise UsageError(f"{self._robot.path}: cuRobo finds the joints {', '.join(model.joint_names)}")
            self._models[frame] = model
        return self._models[frame]

    def _solver(self, frame: str, poses: int, tolerances: tuple[float, float], world: World | None) -> Any:
        """The solver for a number of poses, made when first asked for."""
        batch = next(size for size in _BATCH_SIZES if size >= poses)
        key = (frame, batch, tolerances, world)
        if key not in self._solvers:
            while len(self._solvers) >= _SOLVERS_KEPT:
                del self._solvers[next(iter(self._solvers))]
            with self._tool(frame) as path:
                self._solvers[key] = self._new_solver(path, batch, tolerances, world)
        return self._solvers[key]

    def _new_solver(self, path: Path, batch: int, tolerances: tuple[float, float], world: World | None) -> Any:
        solving = module("curobo.inverse_kinematics")
        config = solving.InverseKinematicsCfg.create(
            robot=str(path),
            scene_model=None if world is None else curobo_scene(world),
            self_collision_check=world is not None,
            device_cfg=self._device,
            num_seeds=_SEEDS,
            seed_solver_num_seeds=_SEEDS,
            position_tolerance=tolerances[0],
            orientation_tolerance=tolerances[1],
            max_batch_size=batch,
            use_cuda_graph=not is_portable(),
        )
        return solving.InverseKinematics(config)


def _array(tensor: Any) -> Float64Array:
    """A copy: cuRobo writes its next answer into the same buffers."""
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float64)
