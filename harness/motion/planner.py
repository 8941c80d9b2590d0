"""Collision-free paths to a joint vector or to a pose, checked, by any search; OMPL's RRT-Connect on a CPU."""

from __future__ import annotations

import time
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError, UsageError
from harness.kinematics.base import POSITION_TOLERANCE_M, ROTATION_TOLERANCE_RAD, Kinematics
from harness.motion.collision import SPARE_M, CollisionChecker
from harness.motion.trajectory import JOINTS, as_joints
from harness.types import Float64Array

TIME_LIMIT_S = 10.0

# The longest edge of the tree, in rad over all joints together. OMPL would take a fifth of the space's diameter, 1.8 rad for
# this arm; among obstacles shorter ones lead to shorter paths.
_RANGE_RAD = 1.2

# RRT-Connect takes the first way that it finds, and shortening does not lead from one side of an obstacle to another. So it
# searches this often, and the shortest path is taken.
_SEARCHES = 3

# A joint vector may be outside its limits by this much, as rounding to seven digits leaves it, and is then put onto them.
_ON_LIMIT_RAD = 1e-6


class PlanningError(HarnessError):
    """No path was found in time; that does not prove that there is none."""


class EndError(UsageError, PlanningError):
    """The start or the goal is one that no path can begin or end at: out of reach, outside the limits, or in collision."""


@dataclass(frozen=True)
class JointPath:
    """Straight lines in joint space that are free of collisions.

    Attributes:
        joint_pos_rad: (W, 6), the corners; start first, goal last.
        branch: Which of the goal's collision-free joint vectors was reached, 0 for the one nearest to the start.
        branches: How many of those the goal has.
        seed: What the search was seeded with.
        time_s: How long planning took.
        planner: The search that found it: ``ompl`` or ``curobo``.
    """

    joint_pos_rad: Float64Array
    branch: int
    branches: int
    seed: int
    time_s: float
    planner: str = "ompl"

    @property
    def length_rad(self) -> float:
        """The sum of the lines' lengths, Euclidean over the joints."""
        return _length(self.joint_pos_rad)


class Search(typing.Protocol):
    """What looks for a path between two joint vectors that are free."""

    name: str

    def __call__(
        self, start: Float64Array, goal: Float64Array, checker: CollisionChecker, seed: int, limit_s: float
    ) -> Float64Array | None:
        """The corners (W, 6) of a path that `CollisionChecker.path_is_free`, both ends among them; None without one."""

    def advice(self, limit_s: float) -> str:
        """What to add to "no path was found", in one sentence or two that begin with the reason."""


def plan(
    start_rad: npt.ArrayLike,
    goal_rad: npt.ArrayLike,
    checker: CollisionChecker,
    *,
    seed: int = 0,
    time_limit_s: float = TIME_LIMIT_S,
    search: Search | None = None,
) -> JointPath:
    """Finds a path to a joint vector.

    Args:
        start_rad: (6,).
        goal_rad: (6,).
        checker: The arm and its world.
        seed: At least 0.
        time_limit_s: For the search; shortening comes on top.
        search: What looks for the path; None takes `OmplSearch`.

    Raises:
        EndError: The start or the goal is outside the limits or in collision; the message names what collides.
        PlanningError: No path was found in time.
        UsageError: An argument is malformed, or OMPL is not installed.
    """
    _check_options(seed, time_limit_s)
    start = _checked_end(start_rad, checker, "the start")
    goals = _checked_end(goal_rad, checker, "the goal")[np.newaxis]
    return _to_any(start, goals, checker, seed, time_limit_s, search or OmplSearch())


def plan_to_pose(
    start_rad: npt.ArrayLike,
    base_t_goal: npt.ArrayLike,
    checker: CollisionChecker,
    kinematics: Kinematics,
    *,
    frame: str = "tcp",
    seed: int = 0,
    time_limit_s: float = TIME_LIMIT_S,
    search: Search | None = None,
) -> JointPath:
    """Finds a path to a pose: to any joint vector that brings the frame there, the nearest first.

    Args:
        start_rad: (6,).
        base_t_goal: base_T_frame, (4, 4).
        checker: The arm and its world.
        kinematics: What solves for joint vectors; must be of the same arm.
        frame: The frame that `base_t_goal` is of.
        seed: At least 0.
        time_limit_s: For all searches together; shortening comes on top.
        search: As for `plan`.

    Raises:
        EndError: As `plan`, or the pose is out of reach; where every joint vector collides, the message has them all.
        PlanningError: As `plan`.
        UsageError: As `plan`, or the frame or the pose is malformed.
    """
    _check_options(seed, time_limit_s)
    start = _checked_end(start_rad, checker, "the start")
    goals = _branches(start, np.asarray(base_t_goal, dtype=np.float64), kinematics, frame)
    complaints = [complaint(goal, checker) for goal in goals]
    free = [goal for goal, why in zip(goals, complaints, strict=True) if not why]
    if not free:
        listing = "".join(f"\n  {np.round(q, 3).tolist()}: {why}" for q, why in zip(goals, complaints, strict=True))
        raise EndError(f"the goal is in collision with each of its {len(goals)} joint vectors:{listing}")
    return _to_any(start, np.array(free), checker, seed, time_limit_s, search or OmplSearch())


def _to_any(
    start: Float64Array, goals: Float64Array, checker: CollisionChecker, seed: int, limit_s: float, search: Search
) -> JointPath:
    begun = time.monotonic()
    for branch, goal in enumerate(goals):
        left_s = limit_s - (time.monotonic() - begun)
        waypoints = search(start, goal, checker, seed, left_s / (len(goals) - branch))
        if waypoints is None:
            continue
        if not checker.path_is_free(waypoints):
            raise HarnessError(f"a planned path (seed {seed}) fails its last check; please report this with the world")
        return JointPath(
            joint_pos_rad=waypoints,
            branch=branch,
            branches=len(goals),
            seed=seed,
            time_s=time.monotonic() - begun,
            planner=search.name,
        )
    tried = "the goal" if len(goals) == 1 else f"any of the goal's {len(goals)} joint vectors"
    raise PlanningError(f"no path to {tried} was found {search.advice(limit_s)}")


class OmplSearch:
    """OMPL's RRT-Connect.

    The straight line is tried first. Then RRT-Connect searches, several times; each path is shortened, and the shortest of
    them is taken. The result depends on the arguments alone unless time runs out.
    """

    name = "ompl"

    def __call__(
        self, start: Float64Array, goal: Float64Array, checker: CollisionChecker, seed: int, limit_s: float
    ) -> Float64Array | None:
        """See `Search`."""
        if checker.line_has_room(start, goal):
            return np.stack([start, goal])
        end = time.monotonic() + limit_s
        paths = []
        for search in range(_SEARCHES):
            left_s = end - time.monotonic()
            found = _rrt_connect(start, goal, checker, _SEARCHES * seed + search, left_s) if left_s > 0 else None
            if found is None:
                break
            found[0], found[-1] = start, goal
            paths.append(found)
        return min(paths, key=_length, default=None)

    def advice(self, limit_s: float) -> str:
        """See `Search`."""
        return (
            f"within {limit_s:g} s. There may be none; a longer time limit or another seed may find one, and a smaller "
            "clearance_m of the world leaves more room."
        )


def _rrt_connect(
    start: Float64Array, goal: Float64Array, checker: CollisionChecker, seed: int, limit_s: float
) -> Float64Array | None:
    with _seeded(seed):
        from ompl import base, geometric

        space = base.RealVectorStateSpace(JOINTS)
        bounds = base.RealVectorBounds(JOINTS)
        for joint, (lower, upper) in enumerate(checker.robot.limits_rad):
            bounds.setLow(joint, float(lower))
            bounds.setHigh(joint, float(upper))
        space.setBounds(bounds)
        setup = geometric.SimpleSetup(space)
        # Only the checker is held by the callback: a callback that held the set-up would be a cycle that is never freed.
        setup.setStateValidityChecker(lambda state: checker.has_room(_joints_of(state)))
        information = setup.getSpaceInformation()
        information.setStateValidityCheckingResolution(checker.step_rad / space.getMaximumExtent())
        setup.setStartAndGoalStates(_state(space, start), _state(space, goal))
        planner = geometric.RRTConnect(information)
        planner.setRange(_RANGE_RAD)
        setup.setPlanner(planner)
        if setup.solve(limit_s).getStatus() != base.PlannerStatus.EXACT_SOLUTION:
            return None
        setup.simplifySolution()
        return np.array([_joints_of(state) for state in setup.getSolutionPath().getStates()])


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """OMPL's generators made inside follow from the seed; nothing is printed.

    OMPL logs an error whenever the seed is set after a generator was made, because that one keeps its seed. Here none is
    kept: every generator belongs to a planner that is made inside.
    """
    try:
        from ompl import util
    except ImportError as error:
        raise UsageError("planning on a CPU needs the package 'ompl', which is not installed: pip install ompl") from error
    level = util.getLogLevel()
    util.setLogLevel(util.LOG_NONE)
    try:
        util.RNG.setSeed(seed + 1)  # 0 would mean a seed from the clock
        yield
    finally:
        util.setLogLevel(level)


def _state(space: typing.Any, joints: Float64Array) -> typing.Any:
    state = space.allocState()
    for joint in range(JOINTS):
        state[joint] = float(joints[joint])
    return state


def _length(waypoints_rad: Float64Array) -> float:
    return float(np.linalg.norm(np.diff(waypoints_rad, axis=0), axis=1).sum())


def _joints_of(state: typing.Any) -> Float64Array:
    return np.array([state[joint] for joint in range(JOINTS)])


def _branches(start: Float64Array, base_t_goal: Float64Array, kinematics: Kinematics, frame: str) -> Float64Array:
    """All joint vectors of a pose within the tolerances, (B, 6), the nearest to the start first."""
    solutions = kinematics.inverse(base_t_goal[np.newaxis], start, frame)
    if not solutions.success[0]:
        raise EndError(f"the goal cannot be reached: {solutions.reason[0]}")
    count = solutions.count[0]
    good = (solutions.position_error_m[0, :count] <= POSITION_TOLERANCE_M) & (
        solutions.rotation_error_rad[0, :count] <= ROTATION_TOLERANCE_RAD
    )
    return np.asarray(solutions.joint_pos_rad[0, :count][good])


def _check_options(seed: int, time_limit_s: float) -> None:
    if not 0 <= seed < 2**30:
        raise UsageError(f"a seed must be from 0 to 2^30 - 1, not {seed}")
    if not 0 < time_limit_s < np.inf:
        raise UsageError(f"a time limit must be a finite number of seconds above 0, not {time_limit_s}")


def _checked_end(joints_rad: npt.ArrayLike, checker: CollisionChecker, what: str) -> Float64Array:
    """A start or goal within the limits and free, (6,)."""
    joints = as_joints(joints_rad, what)
    limits = checker.robot.limits_rad
    outside = np.maximum(limits[:, 0] - joints, joints - limits[:, 1])
    if outside.max() > _ON_LIMIT_RAD:
        worst = int(outside.argmax())
        raise EndError(
            f"{what} is outside the limits: {checker.robot.joint_names[worst]} is {joints[worst]:.4f} rad, "
            f"allowed are {limits[worst, 0]:.4f} to {limits[worst, 1]:.4f}"
        )
    joints = np.clip(joints, limits[:, 0], limits[:, 1])
    why = complaint(joints, checker)
    if why:
        raise EndError(f"{what} is in collision: {why}")
    return joints


def complaint(joints: Float64Array, checker: CollisionChecker) -> str:
    """What is too close at a joint vector; empty when nothing is."""
    touches = checker.touches(joints)
    asked = f" ({1e3 * (checker.world.clearance_m + SPARE_M):.1f} mm are asked for)"
    return "; ".join(str(touch) for touch in touches) + (asked if any(touch.distance_m > 0 for touch in touches) else "")
