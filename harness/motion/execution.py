"""Driving the simulated arm along trajectories, and measuring where it really gets to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError, UsageError
from harness.kinematics.base import POSITION_TOLERANCE_M, ROTATION_TOLERANCE_RAD
from harness.kinematics.robot import RobotModel
from harness.motion.arm import arm_spec, frame_pose, joint_addresses
from harness.motion.drive import Drive
from harness.motion.trajectory import CONTROL_DT_S, PIPER_LIMITS, MotionLimits, Trajectory, as_joints, jerk_limited
from harness.motion.world import World
from harness.types import Float64Array

# After the last set point the arm is given until it is this slow, and this long at most.
_AT_REST_RAD_S = 1e-4
_SETTLE_S = 2.0


@dataclass(frozen=True)
class Executed:
    """One motion of the simulated arm.

    Attributes:
        frame: The frame whose pose was measured.
        time_s: (T,), from 0, every 2 ms; the motion, then settling.
        joint_pos_rad: (T, 6), as the simulator had them.
        base_t_goal: base_T_frame (4, 4) that the trajectory's last joint vector stands for.
        base_t_reached: base_T_frame (4, 4) in the simulator, at rest.
        position_error_m: The distance between the two.
        rotation_error_rad: The angle between the two.
        tracking_error_rad: (6,), the largest distance of each joint from its trajectory while it lasted.
        duration_s: The trajectory's own duration.
        settled: Whether the arm came to rest in time.
        touched: What touched what during the motion, such as ``link5 - wall``, in order of time.
    """

    frame: str
    time_s: Float64Array
    joint_pos_rad: Float64Array
    base_t_goal: Float64Array
    base_t_reached: Float64Array
    position_error_m: float
    rotation_error_rad: float
    tracking_error_rad: Float64Array
    duration_s: float
    settled: bool
    touched: tuple[str, ...]

    @property
    def arrived(self) -> bool:
        """Whether the arm came to its goal, as near as inverse kinematics asks for, without touching anything."""
        near = self.position_error_m <= POSITION_TOLERANCE_M and self.rotation_error_rad <= ROTATION_TOLERANCE_RAD
        return near and not self.touched


class SimulatedArm:
    """The arm in MuJoCo, moved by its own position actuators at 500 Hz, gripper closed."""

    def __init__(self, robot: RobotModel, world: World | None = None, path: Path | None = None) -> None:
        """Builds the model.

        Args:
            robot: The arm.
            world: Obstacles, which the arm can bump into.
            path: As for `harness.motion.arm.arm_spec`; must have a position actuator for each joint.

        Raises:
            UsageError: The arm's model cannot be used, or lacks an actuator.
        """
        import mujoco

        self.robot = robot
        self._mujoco = mujoco
        spec = arm_spec(robot, world, path)
        spec.option.timestep = CONTROL_DT_S
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        self._drive = Drive(self._model, self._data, robot)

    def pose_of(self, joint_pos_rad: Float64Array, frame: str) -> Float64Array:
        """base_T_frame (4, 4) that a joint vector (6,) stands for."""
        data = self._mujoco.MjData(self._model)
        data.qpos[joint_addresses(self._model, self.robot).qpos] = joint_pos_rad
        self._mujoco.mj_kinematics(self._model, data)
        return frame_pose(data, self.robot, frame)

    def follow(self, trajectory: Trajectory, frame: str = "tcp") -> Executed:
        """Puts the arm at the trajectory's start, at rest, drives it along, and lets it settle.

        Args:
            trajectory: Sampled every 2 ms.
            frame: Whose pose is measured.

        Raises:
            UsageError: The trajectory is sampled otherwise, or there is no such frame.
            HarnessError: The simulation became unstable.
        """
        if abs(trajectory.dt_s - CONTROL_DT_S) > 1e-9:
            raise UsageError(f"the simulated arm takes a set point every {CONTROL_DT_S} s, not every {trajectory.dt_s} s")
        goal = self.pose_of(trajectory.joint_pos_rad[-1], frame)
        self._mujoco.mj_resetData(self._model, self._data)
        self._drive.put(trajectory.joint_pos_rad[0])
        self._mujoco.mj_forward(self._model, self._data)
        measured, touched = [self._drive.joint_pos_rad], dict.fromkeys(self._touching())
        steps = len(trajectory.time_s) - 1
        for step in range(1, steps + 1 + round(_SETTLE_S / CONTROL_DT_S)):
            now = min(step, steps)
            if step > steps and self._at_rest():
                break
            self._step(trajectory.joint_pos_rad[now], trajectory.joint_vel_rad_s[now])
            measured.append(self._drive.joint_pos_rad)
            touched.update(dict.fromkeys(self._touching()))
        joints = np.array(measured)
        if not np.isfinite(joints).all() or self._data.warning[self._mujoco.mjtWarning.mjWARN_BADQACC].number:
            raise HarnessError("the simulation of the arm became unstable; please report the trajectory")
        reached = frame_pose(self._data, self.robot, frame)
        return Executed(
            frame=frame,
            time_s=np.arange(len(joints), dtype=np.float64) * np.float64(CONTROL_DT_S),
            joint_pos_rad=joints,
            base_t_goal=goal,
            base_t_reached=reached,
            position_error_m=float(np.linalg.norm(reached[:3, 3] - goal[:3, 3])),
            rotation_error_rad=_angle(reached[:3, :3].T @ goal[:3, :3]),
            tracking_error_rad=np.abs(joints[: steps + 1] - trajectory.joint_pos_rad).max(axis=0),
            duration_s=trajectory.duration_s,
            settled=self._at_rest(),
            touched=tuple(touched),
        )

    def _step(self, joint_pos_rad: Float64Array, joint_vel_rad_s: Float64Array) -> None:
        self._drive.move(joint_pos_rad, joint_vel_rad_s)
        self._mujoco.mj_step(self._model, self._data)
        # mj_step leaves poses and contacts of the step's begin; measuring needs those of its end.
        self._mujoco.mj_kinematics(self._model, self._data)

    def _at_rest(self) -> bool:
        return bool(np.abs(self._drive.joint_vel_rad_s).max() < _AT_REST_RAD_S)

    def _touching(self) -> list[str]:
        names = []
        for contact in self._data.contact:
            first, second = (self._model.body(self._model.geom_bodyid[geom]).name for geom in sorted(contact.geom))
            names.append(f"{first} - {second}")
        return names


def execute(
    trajectory: Trajectory,
    robot: RobotModel,
    *,
    frame: str = "tcp",
    world: World | None = None,
    video: Path | None = None,
) -> Executed:
    """Drives the simulated arm along one trajectory.

    Args:
        trajectory: From rest to rest, every 2 ms.
        robot: The arm.
        frame: Whose pose is measured.
        world: Obstacles around it.
        video: Where to write an .mp4 of it; see `harness.motion.film.film`.

    Raises:
        UsageError: The arm, the frame or the trajectory cannot be used.
        RenderingError: A video is asked for and no picture can be drawn.
        HarnessError: The simulation became unstable.
    """
    executed = SimulatedArm(robot, world).follow(trajectory, frame)
    if video is not None:
        from harness.motion.film import film

        film(video, [executed], robot, world)
    return executed


def execute_poses(
    goals_rad: npt.ArrayLike,
    robot: RobotModel,
    *,
    home_rad: npt.ArrayLike | None = None,
    frame: str = "tcp",
    limits: MotionLimits = PIPER_LIMITS,
    world: World | None = None,
    video: Path | None = None,
) -> tuple[Executed, ...]:
    """Drives the simulated arm from home to each joint vector, in straight jerk-limited motions; each begins at home.

    Args:
        goals_rad: (N, 6).
        robot: The arm.
        home_rad: (6,); None takes the robot's ``ready``.
        frame: Whose pose is measured.
        limits: Never exceeded by the trajectories.
        world: Obstacles around it; nothing is planned around them, and `Executed.touched` says what was hit.
        video: Where to write one .mp4 of all motions.

    Raises:
        UsageError: As `execute`, or a goal is not a joint vector.
        RenderingError: As `execute`.
        HarnessError: As `execute`.
    """
    home = as_joints(robot.home_rad["ready"] if home_rad is None else home_rad, "home")
    goals = [as_joints(goal, f"goal {index}") for index, goal in enumerate(np.atleast_2d(np.asarray(goals_rad)))]
    arm = SimulatedArm(robot, world)
    motions = tuple(arm.follow(jerk_limited(home, goal, limits), frame) for goal in goals)
    if video is not None:
        from harness.motion.film import film

        film(video, motions, robot, world)
    return motions


def _angle(rotation: Float64Array) -> float:
    """The angle of a rotation matrix, rad; exact for small ones, too."""
    from scipy.spatial.transform import Rotation

    return float(Rotation.from_matrix(rotation).magnitude())
