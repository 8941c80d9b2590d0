"""The cuRobo back end: forward and inverse kinematics, collision-free ones, and motion planning, on a GPU.

cuRobo is no dependency: it is imported when `CuroboKinematics` is made. See docs/curobo.md.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.kinematics._checks import checked_joints, checked_poses, checked_seeds
from harness.kinematics._curobo_collision import CollisionCheck
from harness.kinematics._curobo_engine import make_engine
from harness.kinematics._curobo_install import chosen_device, installed_generation
from harness.kinematics._curobo_robot import default_robot_file, read_curobo_robot
from harness.kinematics._curobo_solutions import Candidates, nearest_first
from harness.kinematics.base import POSITION_TOLERANCE_M, ROTATION_TOLERANCE_RAD, Solutions
from harness.kinematics.poses import rotation_angle
from harness.motion.world import World
from harness.types import Float64Array

# cuRobo stops at its tolerances; with half of what is asked for, its answers keep a margin once they are computed again.
_SOLVER_SHARE = 0.5
# How often cuRobo draws new seeds for poses that are still unsolved; the last time it runs its full optimisation.
_ATTEMPTS = 4
# Single precision on angles of a few radians, with a margin.
_START_ERROR_RAD = 1e-3
# A way to joints may end this far from them; whoever takes it adds the last bit.
_END_ERROR_RAD = 1e-2


@dataclass(frozen=True)
class Plan:
    """A way for the arm from joints to a pose or to other joints.

    Attributes:
        joint_pos_rad: (T, 6), the first row where the arm was; (0, 6) without success.
        dt_s: Time from one row to the next.
        success: Whether the way begins at the start, ends at the goal within the tolerances, keeps the joint limits, and
            touches nothing.
        reason: Empty on success, otherwise why there is no way.
    """

    joint_pos_rad: Float64Array
    dt_s: float
    success: bool
    reason: str


class CuroboKinematics:
    """An arm of six joints on cuRobo V2, or 0.7 where that is installed. Numbers are single precision inside cuRobo.

    Attributes:
        name: ``curobo``.
        frames: Every frame that poses can be given in.
        joint_names: The six joints, in the order of every joint vector.
        limits_rad: (6, 2), lower and upper.
    """

    name: str = "curobo"

    def __init__(
        self,
        robot_file: Path | None = None,
        *,
        tool_frames: Mapping[str, Float64Array] | None = None,
        device: str | None = None,
    ) -> None:
        """Loads a robot.

        Args:
            robot_file: cuRobo's robot YAML for the installed generation; None takes the Piper's.
            tool_frames: Name -> flange_T_frame (4, 4), m: frames besides those in the file, or in their place.
            device: A torch device; None takes the first GPU.

        Raises:
            UsageError: cuRobo is not installed, cannot run here, or the robot file is wrong.
        """
        generation = installed_generation()
        chosen = chosen_device(device)
        self._robot = read_curobo_robot(robot_file or default_robot_file(generation), tool_frames or {})
        self._engine = make_engine(generation, self._robot, chosen)
        self.frames: tuple[str, ...] = tuple(self._robot.frames)
        self.joint_names: tuple[str, ...] = self._robot.joint_names
        self.limits_rad: Float64Array = self._engine.limits_rad
        self._shoulder = self._engine.forward(np.zeros((1, 6)), self._robot.first_link)[0, :3, 3]

    def forward(self, joint_pos_rad: Float64Array, frame: str = "link6") -> Float64Array:
        """Poses of a frame; see `harness.kinematics.base.Kinematics.forward`.

        Raises:
            UsageError: An unknown frame, or joints that are not finite (N, 6).
        """
        self._robot.link_of(frame)
        joints = checked_joints(joint_pos_rad, 6)
        return self._engine.forward(joints, frame) if len(joints) else np.zeros((0, 4, 4))

    def jacobian(self, joint_pos_rad: Float64Array, frame: str = "link6") -> Float64Array:
        """Geometric Jacobians (N, 6, 6); see `harness.kinematics.base.Kinematics.jacobian`.

        Raises:
            UsageError: As `forward`; or cuRobo 0.7, which has none.
        """
        self._robot.link_of(frame)
        joints = checked_joints(joint_pos_rad, 6)
        return self._engine.jacobian(joints, frame) if len(joints) else np.zeros((0, 6, 6))

    def inverse(
        self,
        base_t_target: Float64Array,
        seed_rad: Float64Array | None = None,
        frame: str = "link6",
        *,
        position_tolerance_m: float = POSITION_TOLERANCE_M,
        rotation_tolerance_rad: float = ROTATION_TOLERANCE_RAD,
        world: World | None = None,
    ) -> Solutions:
        """Joint vectors for poses; see `harness.kinematics.base.Kinematics.inverse`.

        Not every branch is found: what is returned is what cuRobo's seeds ended in, without near duplicates. Near a
        singularity, where solutions form a line, several points of it may be returned.

        Args:
            base_t_target: base_T_target, (N, 4, 4).
            seed_rad: (6,) or (N, 6); None takes the middle of the limits.
            frame: One of `frames` that all six joints move.
            position_tolerance_m: What counts as success.
            rotation_tolerance_rad: What counts as success.
            world: Return only joints that touch neither these obstacles nor the arm itself; the reason may then also be
                ``collision``. An empty world checks the arm alone, None nothing. What cuRobo calls free is checked again
                with the robot file's spheres.

        Raises:
            UsageError: An unknown frame or one that fewer joints move, arrays of a wrong shape or not finite, or an obstacle
                that touches the base.
        """
        if len(self._robot.joints_of(frame)) != 6:
            raise UsageError(f"frame {frame!r} is moved by fewer than six joints, so its pose cannot be chosen freely")
        targets = checked_poses(base_t_target)
        seeds = np.array(np.broadcast_to(checked_seeds(seed_rad, len(targets), self.limits_rad), (len(targets), 6)))
        if not (position_tolerance_m > 0 and rotation_tolerance_rad > 0):
            raise UsageError(f"tolerances must be above 0; got {position_tolerance_m} m and {rotation_tolerance_rad} rad")
        tolerances = (position_tolerance_m, rotation_tolerance_rad)
        candidates = self._candidates(targets, seeds, frame, tolerances, world)
        reach = self._robot.reach_m(frame)
        return nearest_first(candidates, seeds, tolerances, self.limits_rad, self._distance(targets), reach)

    def plan(
        self,
        start_rad: Float64Array,
        base_t_target: Float64Array,
        world: World | None = None,
        frame: str = "link6",
        *,
        position_tolerance_m: float = POSITION_TOLERANCE_M,
        rotation_tolerance_rad: float = ROTATION_TOLERANCE_RAD,
    ) -> Plan:
        """A collision-free motion to a pose.

        What cuRobo answers is checked again: where it starts and ends, the joint limits, and, at each of its rows, that the
        arm's spheres touch neither each other nor an obstacle.

        Args:
            start_rad: (6,).
            base_t_target: base_T_target, (4, 4).
            world: Obstacles; None or an empty one plans around the arm itself alone.
            frame: One of `frames`.
            position_tolerance_m: How near the end must be.
            rotation_tolerance_rad: How near the end must be.

        Raises:
            UsageError: An unknown frame, arrays of a wrong shape or not finite, or an obstacle that touches the base.
        """
        start = checked_joints(np.asarray(start_rad)[np.newaxis], 6)[0]
        target = checked_poses(np.asarray(base_t_target)[np.newaxis])[0]
        self._robot.link_of(frame)
        tolerances = (position_tolerance_m * _SOLVER_SHARE, rotation_tolerance_rad * _SOLVER_SHARE)
        self.require_free_base(world or World())
        found = self._engine.plan(start, target, frame, tolerances, world or World())
        if found is None:
            return _no_plan("cuRobo found no collision-free way to the pose")
        joints, dt_s = found
        problems = []
        position, rotation = self._errors(joints[-1:], target[np.newaxis], frame)
        if position[0] > position_tolerance_m or rotation[0] > rotation_tolerance_rad:
            problems.append(f"it ends {1e3 * position[0]:.2f} mm and {np.degrees(rotation[0]):.2f} deg from the pose")
        return self._checked_plan(joints, dt_s, start, world or World(), problems)

    def plan_to_joints(
        self, start_rad: Float64Array, goal_rad: Float64Array, world: World | None = None, *, seed: int = 0
    ) -> Plan:
        """A collision-free motion to joints, checked like that of `plan`; it ends within 0.01 rad of them.

        Args:
            start_rad: (6,).
            goal_rad: (6,).
            world: Obstacles; None or an empty one plans around the arm itself alone.
            seed: Of cuRobo's random numbers; cuRobo 0.7 takes none.

        Raises:
            UsageError: Joints that are not six finite numbers, or an obstacle that touches the base.
        """
        start, goal = (checked_joints(np.asarray(end)[np.newaxis], 6)[0] for end in (start_rad, goal_rad))
        self.require_free_base(world or World())
        found = self._engine.plan_to_joints(start, goal, world or World(), seed)
        if found is None:
            return _no_plan("cuRobo found no collision-free way to the joints")
        joints, dt_s = found
        off = float(np.abs(joints[-1] - goal).max())
        problems = [f"it ends {off:.3f} rad from the goal"] if off > _END_ERROR_RAD else []
        return self._checked_plan(joints, dt_s, start, world or World(), problems)

    def require_free_base(self, world: World) -> None:
        """Refuses a world in which nothing could ever be free of collisions.

        Raises:
            UsageError: An obstacle touches the robot file's spheres of the base, which never moves.
        """
        self._collision_check.require_free_base(world)

    def _checked_plan(
        self, joints: Float64Array, dt_s: float, start: Float64Array, world: World, problems: list[str]
    ) -> Plan:
        """A way (T, 6) as a plan, refused when there are problems with its end, or others here."""
        if np.abs(joints[0] - start).max() > _START_ERROR_RAD:
            problems.append(f"it begins {np.abs(joints[0] - start).max():.3f} rad from the start")
        beyond = np.maximum(self.limits_rad[:, 0] - joints, joints - self.limits_rad[:, 1]).max()
        if beyond > _START_ERROR_RAD:
            problems.append(f"it leaves the joint limits by {beyond:.3f} rad")
        if self._touches(joints, world).any():
            problems.append("it touches the arm itself or an obstacle")
        if problems:
            return _no_plan(f"cuRobo's way is no good: {'; '.join(problems)}")
        return Plan(joints, dt_s, success=True, reason="")

    def _candidates(
        self,
        targets: Float64Array,
        seeds: Float64Array,
        frame: str,
        tolerances: tuple[float, float],
        world: World | None,
    ) -> Candidates:
        """Everything that cuRobo's seeds end in, poses that stay unsolved tried again with new seeds."""
        solver_tolerances = (tolerances[0] * _SOLVER_SHARE, tolerances[1] * _SOLVER_SHARE)
        within_reach = self._distance(targets) <= self._robot.reach_m(frame)
        if world is not None:
            self.require_free_base(world)
        found = Candidates.none(len(targets))
        unsolved = np.arange(len(targets))
        self._engine.restart()
        for attempt in range(_ATTEMPTS):
            if len(unsolved) == 0:
                break
            thorough = attempt == _ATTEMPTS - 1
            joints, free = self._engine.solve(
                targets[unsolved], seeds[unsolved], frame, solver_tolerances, world, thorough=thorough
            )
            joints = np.clip(np.nan_to_num(joints), self.limits_rad[:, 0], self.limits_rad[:, 1])
            repeated = np.repeat(targets[unsolved], joints.shape[1], axis=0)
            position, rotation = self._errors(joints.reshape(-1, 6), repeated, frame)
            shape = joints.shape[:2]
            errors = position.reshape(shape), rotation.reshape(shape)
            if world is not None:
                reached = (errors[0] <= tolerances[0]) & (errors[1] <= tolerances[1])
                free[reached] &= ~self._touches(joints[reached], world)
            found = found.with_more(unsolved, joints, *errors, free)
            unsolved = np.flatnonzero(~found.solved(tolerances).any(axis=1) & within_reach)
        return found

    @functools.cached_property
    def _collision_check(self) -> CollisionCheck:
        return CollisionCheck(self._robot)

    def _touches(self, joints: Float64Array, world: World) -> npt.NDArray[np.bool_]:
        """Whether joints (N, 6) touch the arm itself or an obstacle, found without cuRobo's collision checker."""
        return self._collision_check.touches(joints, world, self.forward)

    def _errors(self, joints: Float64Array, targets: Float64Array, frame: str) -> tuple[Float64Array, Float64Array]:
        """How far in m and rad joints (N, 6) bring a frame from targets (N, 4, 4)."""
        reached = self.forward(joints, frame)
        position = np.linalg.norm(reached[:, :3, 3] - targets[:, :3, 3], axis=1)
        return position, rotation_angle(reached[:, :3, :3], targets[:, :3, :3])

    def _distance(self, targets: Float64Array) -> Float64Array:
        """How far targets (N, 4, 4) are from the first joint's origin, m."""
        return np.asarray(np.linalg.norm(targets[:, :3, 3] - self._shoulder, axis=1))


def _no_plan(reason: str) -> Plan:
    return Plan(np.zeros((0, 6)), 0.0, success=False, reason=reason)
