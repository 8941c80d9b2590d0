"""Pick and place: a thing is grasped from above, carried over everything, lowered to its place and let go."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from harness.policies.expert.libero.geometry import points_of, points_of_others, raised
from harness.policies.expert.libero.grasps import (
    FINGER_THICK_M,
    FINGER_WIDE_M,
    HAND_HALF_M,
    PALM_ABOVE_M,
    TIP_BELOW_M,
    Grasp,
)
from harness.policies.expert.libero.grasps import grasps as grasps_of
from harness.policies.expert.libero.motion import close, closing_angle_rad, hold, pointing_down
from harness.policies.expert.libero.placing import Place, places
from harness.policies.expert.libero.scene import CLOSE, OPEN, Command, Scene, Skill, SkillError
from harness.privileged import Goal
from harness.types import Float64Array

# How a thing may be turned before it is put down.
_TURNS_RAD = (0.0, np.pi / 2, -np.pi / 2, np.pi)
# How far the gripper may turn from how it stands at first (closing along the world's y axis), about the vertical: the last
# joint of the Panda turns from -2.9 to 2.9 rad, and stands at 0.8 then.
_LEAST_YAW_RAD, _MOST_YAW_RAD = -1.9, 3.3
# How many of the best grasps and places are combined.
_GRASPS, _PLACES = 12, 40
# What a drop of a metre and a turn of a radian cost, against the costs of grasps and places.
_DROP_COSTS, _TURN_COSTS = 1.0, 0.02
# Between what is carried and what is below it; between what is put down and its place; the empty fingers' way.
_CARRY_CLEAR_M, _RELEASE_ABOVE_M, _WAY_CLEAR_M = 0.02, 0.004, 0.03
_LOST_STEPS = 4
# Near its place a gripper that stays where it is for so many control steps is in the way of something.
_NEAR_M, _STILL_M, _STUCK_STEPS = 0.03, 0.0008, 10


@dataclass(frozen=True)
class Plan:
    """How a thing gets to its place.

    Attributes:
        grasp: Where it is grasped.
        yaw_rad: Of the gripper there, from how it stands at first.
        place: Where its origin goes.
        drop_m: How far above its place it is let go, for the gripper to have room.
    """

    grasp: Grasp
    yaw_rad: float
    place: Place
    drop_m: float


def put(scene: Scene, goal: Goal, attempt: int = 0) -> Skill:
    """Brings a thing to where a goal says, and leaves the gripper open above it.

    Args:
        scene: What was seen last; the gripper holds nothing.
        goal: ``in`` or ``on``.
        attempt: How often it was tried before: the next best grasp is taken each time.

    Raises:
        SkillError: There is no grasp or no place, or the thing was lost.
    """
    plans = plan(scene, goal)
    if not plans:
        raise SkillError(f"there is no way to bring {goal.arguments[0]} {goal.predicate} {goal.arguments[1]} from above")
    chosen = plans[attempt % len(plans)]
    scene = yield from pick(scene, goal.arguments[0], chosen.grasp, chosen.yaw_rad)
    scene = yield from carry(scene, goal.arguments[0], chosen)
    return (yield from let_go(scene, goal.arguments[0]))


def plan(scene: Scene, goal: Goal) -> list[Plan]:
    """Pairs of a grasp and a place, one for each grasp, the best first."""
    thing = scene.world.things[goal.arguments[0]]
    origin = thing.world_t_thing[:3, 3]
    ends = places(scene, goal, _TURNS_RAD)[:_PLACES]
    others = points_of_others(scene.world, (thing.name,))
    around = np.array([place.origin_m[:2] for place in ends]).reshape(-1, 2)
    others = others[_within(others, around, np.linalg.norm(points_of(thing)[:, :2] - origin[:2], axis=1).max() + 0.2)]
    found: list[tuple[float, Plan]] = []
    for grasp in grasps_of(scene, thing.name)[:_GRASPS]:
        best: tuple[float, Plan] | None = None
        for place, yaw in itertools.product(ends, _yaws(grasp.closing_rad)):
            if not _LEAST_YAW_RAD <= yaw + place.turn_rad <= _MOST_YAW_RAD:
                continue
            cost = grasp.cost + place.cost + _TURN_COSTS * abs(yaw + place.turn_rad)
            if best is not None and cost >= best[0]:
                continue
            end = place.origin_m + _about_z(grasp.position_m - origin, place.turn_rad)
            near = others[np.abs(others[:, :2] - end[:2]).max(axis=1) < HAND_HALF_M[0] + HAND_HALF_M[1]]
            closing = grasp.closing_rad + place.turn_rad
            drop = max(0.0, lowest_grip_m(near, end[:2], closing, grasp.width_m / 2 + 0.012) - end[2])
            cost += _DROP_COSTS * drop
            if best is None or cost < best[0]:
                best = (cost, Plan(grasp, yaw, place, drop))
        if best is not None:
            found.append(best)
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]


def pick(scene: Scene, thing: str, grasp: Grasp, yaw_rad: float) -> Skill:
    """Grasps a thing and lifts it a little.

    Raises:
        SkillError: It is not between the fingers.
    """
    rotation = pointing_down(np.pi / 2 + yaw_rad)
    scene = yield from reach(scene, grasp.position_m, rotation, OPEN, points_of_others(scene.world, ()))
    scene = yield from close(scene, thing)
    start_m = scene.pose(thing)[2, 3]
    up = raised(scene.grip_position_m, 0.04)
    for _ in range(8):
        scene = yield Command(up, CLOSE, rotation)
        if scene.pose(thing)[2, 3] > start_m + 0.012:
            break
    if not scene.held(thing):
        raise SkillError(f"{thing} slipped out of the fingers")
    return scene


def reach(
    scene: Scene, position_m: Float64Array, rotation: Float64Array, gripper: float, obstacles: Float64Array, steps: int = 110
) -> Skill:
    """Goes over everything to above a place, and then down to it.

    Args:
        scene: What was seen last.
        position_m: Where to, (3,).
        rotation: world_R_grip there, (3, 3).
        gripper: `OPEN`, `STAY` or `CLOSE`.
        obstacles: What is in the way, (N, 3).
        steps: After how many control steps to give up.

    Raises:
        SkillError: It is not reached.
    """
    way = _highest_on_way(obstacles, scene.grip_position_m[:2], position_m[:2], 0.05)
    over_m = max(position_m[2] + 0.04, way + TIP_BELOW_M + _WAY_CLEAR_M)
    stuck = 0
    for _ in range(steps):
        off = float(np.linalg.norm(position_m[:2] - scene.grip_position_m[:2]))
        turn = closing_angle_rad(scene.world_r_grip, rotation)
        above = scene.grip_position_m[2] - position_m[2]
        if off < 0.005 and abs(above) < 0.005 and turn < 0.12:
            return scene
        z_m = _funnel(position_m[2], over_m, off, turn)
        free = scene.grip_position_m[2] > z_m - 0.02
        level = position_m[:2] if free else scene.grip_position_m[:2]
        before = scene.grip_position_m
        scene = yield Command(np.array([*level, z_m]), gripper, rotation)
        stuck = stuck + 1 if off < _NEAR_M and np.linalg.norm(scene.grip_position_m - before) < _STILL_M else 0
        if stuck == _STUCK_STEPS:
            break
    if np.linalg.norm(position_m - scene.grip_position_m) < 0.012:
        return scene
    raise SkillError(f"the gripper does not get to {position_m.round(3)} m")


def carry(scene: Scene, thing: str, chosen: Plan) -> Skill:
    """Carries what is held over everything to its place, and lowers it.

    Raises:
        SkillError: It was lost on the way.
    """
    goal_m = raised(chosen.place.origin_m, _RELEASE_ABOVE_M + chosen.drop_m)
    rotation = pointing_down(np.pi / 2 + chosen.yaw_rad + chosen.place.turn_rad)
    own = points_of(scene.world.things[thing])
    around = float(np.linalg.norm(own[:, :2] - scene.grip_position_m[:2], axis=1).max()) + 0.01
    below = scene.pose(thing)[2, 3] - own[:, 2].min()
    others = points_of_others(scene.world, (thing,))
    top = _highest_on_way(others, scene.grip_position_m[:2], goal_m[:2], around)
    over_m = max(top + below + _CARRY_CLEAR_M, goal_m[2])
    lost, stuck = 0, 0
    for _ in range(160):
        origin, before = scene.pose(thing)[:3, 3], scene.grip_position_m[2]
        off = float(np.linalg.norm(goal_m[:2] - origin[:2]))
        z_m = _funnel(goal_m[2], over_m, off, closing_angle_rad(scene.world_r_grip, rotation))
        lowering = z_m < goal_m[2] + 0.01
        if lowering and (origin[2] - goal_m[2] < 0.004 or stuck >= 4):
            return scene
        free = origin[2] > z_m - 0.02
        wanted = np.array([*(goal_m[:2] if free else origin[:2]), z_m])
        scene = yield Command(wanted + scene.grip_position_m - origin, CLOSE, rotation)
        stuck = stuck + 1 if lowering and before - scene.grip_position_m[2] < 0.001 else 0
        lost = 0 if scene.held(thing) else lost + 1
        if lost == _LOST_STEPS:
            raise SkillError(f"{thing} was lost on the way")
    raise SkillError(f"{thing} does not get to its place")


def let_go(scene: Scene, thing: str) -> Skill:
    """Opens the fingers until they are free of a thing, and goes up."""
    rotation = scene.world_r_grip
    for _ in range(6):
        before = scene.gap_m
        scene = yield from hold(scene, OPEN, 1)
        if scene.gap_m - before < 1e-3 and scene.gap_m > 0.07:
            break
    up = raised(scene.grip_position_m, 0.1)
    for _ in range(7):
        scene = yield Command(up, OPEN, rotation)
    return scene


def lowest_grip_m(obstacles: Float64Array, xy_m: Float64Array, closing_rad: float, half_gap_m: float) -> float:
    """How low a gripper may go at a place (2,) for neither its fingers, so far apart, nor its palm to be in anything."""
    along = np.array([np.cos(closing_rad), np.sin(closing_rad)])
    offset = obstacles[:, :2] - xy_m
    u, v = np.abs(offset @ along), np.abs(offset @ np.array([-along[1], along[0]]))
    fingers = (u > half_gap_m) & (u < half_gap_m + FINGER_THICK_M) & (v < FINGER_WIDE_M / 2)
    palm = (u < HAND_HALF_M[0]) & (v < HAND_HALF_M[1])
    tips = obstacles[fingers, 2].max(initial=-np.inf) + TIP_BELOW_M + 0.003
    return float(max(tips, obstacles[palm, 2].max(initial=-np.inf) - PALM_ABOVE_M))


def _funnel(goal_m: float, over_m: float, aside_m: float, turn_rad: float) -> float:
    """How high to be for a way down that narrows towards its end."""
    return min(max(over_m, goal_m), goal_m + 7.0 * max(0.0, aside_m - 0.007) + 0.4 * max(0.0, turn_rad - 0.12))


def _highest_on_way(points: Float64Array, start: Float64Array, end: Float64Array, around_m: float) -> float:
    """The highest of some points (N, 3) that lie nearer than `around_m` to a level line."""
    way = end - start
    share = np.clip((points[:, :2] - start) @ way / max(float(way @ way), 1e-9), 0.0, 1.0)
    near = np.linalg.norm(points[:, :2] - start - share[:, np.newaxis] * way, axis=1) < around_m
    return float(points[near, 2].max(initial=-np.inf))


def _within(points: Float64Array, places: Float64Array, margin_m: float) -> Float64Array:
    """Which points (N, 3) lie in the level box around some places (M, 2), with a margin."""
    if not len(places):
        return np.zeros(len(points), dtype=bool)
    low, high = places.min(axis=0) - margin_m, places.max(axis=0) + margin_m
    return np.asarray(np.all((points[:, :2] > low) & (points[:, :2] < high), axis=1))


def _yaws(closing_rad: float) -> list[float]:
    """The gripper's turns, from how it stands at first, at which it closes along a direction."""
    first = (closing_rad - np.pi / 2 + np.pi / 2) % np.pi - np.pi / 2
    return [yaw for yaw in (first, first + np.pi, first - np.pi) if _LEAST_YAW_RAD <= yaw <= _MOST_YAW_RAD]


def _about_z(vector: Float64Array, angle_rad: float) -> Float64Array:
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([cosine * vector[0] - sine * vector[1], sine * vector[0] + cosine * vector[1], vector[2]])
