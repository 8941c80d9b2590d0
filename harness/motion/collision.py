"""Whether an arm touches itself or an obstacle, by MuJoCo's collision detection on the arm's collision geometry.

Contacts do not count between parts that at most one arm joint separates (neighbouring links, and everything in the hand): no
motion of the arm can change them, or the joint's limits prevent them. All other pairs that the model has do.

A path that is checked at some of its joint vectors keeps its clearance in between, too. On a straight line in joint space no
point of the arm moves farther than the sum over the joints of their change times the greatest distance of what they move.
What is checked lies so close together that this is at most twice `SPARE_M`, and must have that much more room than is asked
for; so all that lies in between, being within `SPARE_M` of one that was checked, has the clearance.
"""

from __future__ import annotations

import itertools
import math
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.kinematics.robot import RobotModel
from harness.motion.arm import arm_spec, joint_addresses
from harness.motion.world import World
from harness.types import Float64Array

if typing.TYPE_CHECKING:
    import mujoco

# Larger is quicker to check and refuses more of the narrow places. At 2 mm the first joint is checked every 0.25 degrees.
SPARE_M = 0.002


@dataclass(frozen=True)
class Touch:
    """Two things that are too close.

    Attributes:
        first: A link, or an obstacle.
        second: The other.
        distance_m: Below 0 where they overlap.
    """

    first: str
    second: str
    distance_m: float

    def __str__(self) -> str:
        if self.distance_m <= 0:
            return f"{self.first} and {self.second} overlap by {-1e3 * self.distance_m:.1f} mm"
        return f"{self.first} and {self.second} are {1e3 * self.distance_m:.1f} mm apart"


class CollisionChecker:
    """Checks joint vectors of one arm in one world. The gripper is closed. Not to be shared between threads."""

    def __init__(self, robot: RobotModel, world: World | None = None, path: Path | None = None) -> None:
        """Builds the model.

        Args:
            robot: The arm.
            world: None has no obstacles.
            path: As for `harness.motion.arm.arm_spec`.

        Raises:
            UsageError: The arm's model cannot be used.
        """
        import mujoco

        self.robot = robot
        self.world = world or World()
        spec = arm_spec(robot, self.world, path)
        _leave_out_neighbours(spec, robot)
        _ask_for_room(spec, self.world)
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        self._qpos = joint_addresses(self._model, robot).qpos
        self._mujoco = mujoco
        self._obstacles = {obstacle.name for obstacle in self.world.obstacles}
        self._clearance_m = self._model.geom_margin - SPARE_M
        self.reach_m = _reach(self._model, robot)

    def collision_free(self, joint_pos_rad: Float64Array) -> npt.NDArray[np.bool_]:
        """Whether the arm neither touches itself nor comes nearer to an obstacle than the world's clearance, (N,).

        Args:
            joint_pos_rad: (N, 6).
        """
        return np.array([self._is_clear(row, 0.0) for row in joint_pos_rad], dtype=np.bool_)

    def has_room(self, joint_pos_rad: Float64Array) -> bool:
        """Whether one joint vector (6,) is free and has `SPARE_M` to spare, as every part of a path must."""
        return self._is_clear(joint_pos_rad, SPARE_M)

    def touches(self, joint_pos_rad: Float64Array) -> tuple[Touch, ...]:
        """What is too close at one joint vector (6,), the closest first, one entry a pair of bodies.

        Empty just when `has_room`.
        """
        closest: dict[tuple[str, str], float] = {}
        for first, second, distance_m in self._too_close(joint_pos_rad, SPARE_M):
            pair = self._names(first, second)
            closest[pair] = min(closest.get(pair, np.inf), distance_m)
        return tuple(Touch(*pair, distance) for pair, distance in sorted(closest.items(), key=lambda item: item[1]))

    def _is_clear(self, joint_pos_rad: Float64Array, spare_m: float) -> bool:
        return next(self._too_close(joint_pos_rad, spare_m), None) is None

    def _too_close(self, joint_pos_rad: Float64Array, spare_m: float) -> Iterator[tuple[int, int, float]]:
        """Pairs of geometries that are nearer to each other than allowed, and their distances.

        MuJoCo's contacts miss no pair within the margin, but of two boxes it sometimes reports one that is not there, or a
        wrong depth (MuJoCo 3.3.2). So they only say what to measure.
        """
        model, data = self._model, self._data
        data.qpos[self._qpos] = joint_pos_rad
        self._mujoco.mj_kinematics(model, data)
        self._mujoco.mj_collision(model, data)
        for first, second in dict.fromkeys(map(tuple, data.contact.geom.tolist())):
            asked_m = max(self._clearance_m[first], self._clearance_m[second]) + spare_m
            distance_m = self._mujoco.mj_geomDistance(model, data, first, second, asked_m, None)
            if distance_m < asked_m:
                yield first, second, distance_m

    def _names(self, *geoms: int) -> tuple[str, str]:
        """The bodies of two geometries: obstacles last, then the links nearest to the base."""
        first, second = sorted((self._model.body(self._model.geom_bodyid[geom]).name for geom in geoms), key=self._rank)
        return first, second

    def _rank(self, body: str) -> tuple[bool, int]:
        return body in self._obstacles, -self._model.body(body).id

    @property
    def step_rad(self) -> float:
        """Between two joint vectors that are this near to each other, Euclidean, nothing needs to be checked."""
        return float(2 * SPARE_M / np.linalg.norm(self.reach_m))

    def line_has_room(self, start_rad: Float64Array, goal_rad: Float64Array) -> bool:
        """Whether a straight line in joint space from (6,) to (6,) keeps its clearance everywhere."""
        rows = self._along(start_rad, goal_rad, 2 * SPARE_M)
        # From coarse to fine: an obstacle in the middle is met sooner than from one end.
        stride = 1 << (len(rows) - 1).bit_length()
        order = dict.fromkeys(index for level in _halved(stride) for index in range(0, len(rows), level))
        return all(self.has_room(rows[index]) for index in order)

    def path_is_free(self, waypoints_rad: Float64Array) -> bool:
        """Whether the polyline through waypoints (W, 6) keeps the clearance, checked every `SPARE_M` of motion."""
        lines = itertools.pairwise(waypoints_rad)
        return all(bool(self.collision_free(self._along(start, goal, SPARE_M)).all()) for start, goal in lines)

    def _along(self, start_rad: Float64Array, goal_rad: Float64Array, step_m: float) -> Float64Array:
        """Joint vectors on a straight line, both ends among them, (K, 6); nothing moves farther than a step in between."""
        moved_m = float(np.abs(goal_rad - start_rad) @ self.reach_m)
        count = 1 + max(1, math.ceil(moved_m / step_m))
        return start_rad + np.linspace(0.0, 1.0, count)[:, np.newaxis] * (goal_rad - start_rad)


def _halved(stride: int) -> Iterator[int]:
    while stride:
        yield stride
        stride //= 2


def _ask_for_room(spec: mujoco.MjSpec, world: World) -> None:
    """Makes MuJoCo report contacts from the clearance, and what is to spare, on."""
    obstacles = {obstacle.name for obstacle in world.obstacles}
    for geom in spec.geoms:
        geom.margin = SPARE_M + (world.clearance_m if geom.parent.name in obstacles else 0.0)


def _leave_out_neighbours(spec: mujoco.MjSpec, robot: RobotModel) -> None:
    """Excludes contacts between bodies of the arm that at most one arm joint separates."""
    depth = _joints_above(spec, robot)
    names = list(depth)
    there = {frozenset((exclude.bodyname1, exclude.bodyname2)) for exclude in spec.excludes}
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            if abs(depth[first] - depth[second]) <= 1 and frozenset((first, second)) not in there:
                spec.add_exclude(bodyname1=first, bodyname2=second)


def _joints_above(spec: mujoco.MjSpec, robot: RobotModel) -> dict[str, int]:
    """Each body of the arm and how many arm joints move it."""
    depth: dict[str, int] = {}
    waiting = [(spec.body(robot.base), 0)]
    while waiting:
        body, joints = waiting.pop()
        joints += body.name in robot.link_names
        depth[body.name] = joints
        waiting += [(child, joints) for child in body.bodies]
    return depth


def _reach(model: mujoco.MjModel, robot: RobotModel) -> Float64Array:
    """For each arm joint, no point that it moves can be farther from its axis than this, (6,), m.

    Along the chain of bodies distances add up at most; a sliding joint adds its range.
    """
    reach = np.zeros(model.nbody)
    for geom in range(model.ngeom):
        body = model.geom_bodyid[geom]
        reach[body] = max(reach[body], np.linalg.norm(model.geom_pos[geom]) + model.geom_rbound[geom])
    slides = np.zeros(model.nbody)
    for joint in np.flatnonzero(model.jnt_type == 2):  # mjJNT_SLIDE
        slides[model.jnt_bodyid[joint]] += np.abs(model.jnt_range[joint]).max()
    for body in range(model.nbody - 1, 0, -1):  # children come after their parents
        parent = model.body_parentid[body]
        reach[parent] = max(reach[parent], np.linalg.norm(model.body_pos[body]) + slides[body] + reach[body])
    return np.array([reach[model.body(name).id] for name in robot.link_names])
