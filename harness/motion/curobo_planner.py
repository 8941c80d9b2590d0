"""Collision-free paths by cuRobo's motion planner, turned into straight lines that our own checker finds free."""

from __future__ import annotations

import numpy as np

from harness.errors import UsageError, suggest
from harness.kinematics.curobo import CuroboKinematics
from harness.kinematics.registry import CUROBO_VARIANT
from harness.kinematics.robot import RobotModel
from harness.motion.collision import SPARE_M, CollisionChecker
from harness.motion.planner import OmplSearch, Search, complaint
from harness.types import Float64Array

PLANNERS = ("auto", "ompl", "curobo")


def searches(planner: str, robot: RobotModel) -> tuple[Search, ...]:
    """The searches that a planner's name stands for, to be tried one after the other until one finds a path.

    Args:
        planner: ``ompl``; ``curobo``; or ``auto``: cuRobo where it finds a CUDA device and has a file of this arm, with OMPL
            for what it cannot do, else OMPL alone.
        robot: The arm.

    Raises:
        UsageError: An unknown name, or cuRobo is asked for and cannot be used here or for this arm.
    """
    from harness.kinematics._curobo_install import has_cuda_curobo

    if planner not in PLANNERS:
        raise UsageError(f"unknown planner {planner!r}. {suggest(planner, PLANNERS)}")
    if planner == "ompl":
        return (OmplSearch(),)
    if planner == "auto":
        there = robot.variant == CUROBO_VARIANT and has_cuda_curobo()
        return (CuroboSearch(CuroboKinematics()), OmplSearch()) if there else (OmplSearch(),)
    if robot.variant != CUROBO_VARIANT:
        raise UsageError(
            f"the planner 'curobo' knows the variant {CUROBO_VARIANT!r} alone, not {robot.variant!r}; ompl knows all"
        )
    try:
        return (CuroboSearch(CuroboKinematics()),)
    except UsageError as error:
        raise UsageError(f"the planner 'curobo' cannot be used here; --planner ompl can. {error}") from error


class CuroboSearch:
    """cuRobo's motion planner, from joints to joints.

    cuRobo answers with a dense motion at its own pace. Of that only the path is kept, as few straight lines as our checker
    finds free, with its clearance, between rows of the motion; so it is timed and driven like every other path. A motion
    with a piece that the checker refuses is no path.
    """

    name = "curobo"

    def __init__(self, kinematics: CuroboKinematics) -> None:
        """Takes cuRobo with a robot."""
        self._kinematics = kinematics
        self._reasons: list[str] = []

    def __call__(
        self, start: Float64Array, goal: Float64Array, checker: CollisionChecker, seed: int, limit_s: float
    ) -> Float64Array | None:
        """See `harness.motion.planner.Search`; cuRobo knows no time limit, so no search is begun after it.

        Raises:
            UsageError: An obstacle touches the spheres of the base.
        """
        if limit_s <= 0:
            self._reasons.append("there was no time left")
            return None
        # The checker wants this much more room along a path than the world's clearance.
        world = checker.world.model_copy(update={"clearance_m": checker.world.clearance_m + SPARE_M})
        found = self._kinematics.plan_to_joints(start, goal, world, seed=seed)
        if not found.success:
            self._reasons.append(found.reason)
            return None
        rows = np.concatenate([start[np.newaxis], found.joint_pos_rad[1:-1], goal[np.newaxis]])
        limits = checker.robot.limits_rad
        corners, stuck = free_corners(np.clip(rows, limits[:, 0], limits[:, 1]), checker)
        if stuck is not None:
            why = complaint(rows[stuck + 1], checker) or "in between"
            self._reasons.append(f"cuRobo's motion has too little room after row {stuck} of {len(rows)}: {why}")
            return None
        return corners

    def advice(self, limit_s: float) -> str:
        """See `harness.motion.planner.Search`."""
        del limit_s
        reasons = "; ".join(dict.fromkeys(self._reasons))
        return f"by cuRobo: {reasons}. Another seed, or --planner ompl, may find one."


def free_corners(rows: Float64Array, checker: CollisionChecker) -> tuple[Float64Array, int | None]:
    """A motion's path as few straight lines: from each corner to the farthest row that a free line leads to.

    Args:
        rows: (T, 6), T >= 2; the first and the last one become corners.
        checker: Says which lines are free.

    Returns:
        The corners (W, 6), and None; where the line from some row to the next is not free, the corners so far and that row.
    """
    kept, last = [0], len(rows) - 1
    while kept[-1] < last:
        here = kept[-1]
        ahead = next((row for row in range(last, here, -1) if checker.line_has_room(rows[here], rows[row])), None)
        if ahead is None:
            return rows[kept], here
        kept.append(ahead)
    return rows[kept], None
