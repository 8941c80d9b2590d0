"""Pick and place: a thing is grasped from above, carried over everything, lowered to its place and let go."""

from __future__ import annotations

import numpy as np

from harness.policies.expert.libero.arm import looking_down
from harness.policies.expert.libero.choosing import Plan, plan
from harness.policies.expert.libero.geometry import points_of, raised, tops_of_others
from harness.policies.expert.libero.grasps import HAND_HALF_M, PALM_ABOVE_M, TIP_BELOW_M
from harness.policies.expert.libero.insertion import insert
from harness.policies.expert.libero.motion import close, closing_angle_rad, hold
from harness.policies.expert.libero.scene import CLOSE, OPEN, Command, Scene, Skill, SkillError
from harness.policies.expert.libero.tipping import TILT_RAD, leaning, tipped
from harness.privileged import Goal
from harness.types import Float64Array

# Between what is carried and what is below it; between what is put down and its place; the empty fingers' way.
_CARRY_CLEAR_M, _RELEASE_ABOVE_M, _WAY_CLEAR_M = 0.02, 0.004, 0.03
_LOST_STEPS = 4
# How far aside of its place a thing may be on its way down, and where the place is tight.
_ASIDE_M, _TIGHT_ASIDE_M = 0.007, 0.002
_FINGERS_M = 0.05  # how far aside the open fingers reach
# Near its place a gripper that stays where it is for so many control steps is in the way of something.
_NEAR_M, _STILL_M, _STILL_RAD, _STUCK_STEPS = 0.03, 0.0008, 0.01, 10


def put(scene: Scene, goal: Goal, attempt: int = 0) -> Skill:
    """Brings a thing to where a goal says, and leaves the gripper open above it.

    Args:
        scene: What was seen last; the gripper holds nothing.
        goal: ``in`` or ``on``.
        attempt: How often it was tried before: the next best grasp is taken each time.

    Raises:
        SkillError: There is no grasp or no place, or the thing was lost.
    """
    plans = plan(scene, goal) or tipped(scene, goal)
    if not plans:
        return (yield from insert(scene, goal, attempt))
    chosen = plans[attempt % len(plans)]
    scene = yield from pick(scene, goal.arguments[0], chosen)
    scene = yield from carry(scene, goal.arguments[0], chosen)
    return (yield from let_go(scene, goal.arguments[0]))


def pick(scene: Scene, thing: str, chosen: Plan) -> Skill:
    """Grasps a thing and lifts it a little.

    Raises:
        SkillError: It is not between the fingers.
    """
    position = chosen.grasp.position_m
    rotation = looking_down(scene, position, np.pi / 2 + chosen.yaw_rad, chosen.lean_rad)
    scene = yield from reach(scene, position, rotation, OPEN, tops_of_others(scene.world, ()))
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
    fingers = _highest_on_way(obstacles, scene.grip_position_m[:2], position_m[:2], _FINGERS_M) + TIP_BELOW_M
    palm = _highest_on_way(obstacles, scene.grip_position_m[:2], position_m[:2], HAND_HALF_M[0]) - PALM_ABOVE_M
    over_m = max(position_m[2] + 0.04, fingers + _WAY_CLEAR_M, palm + _WAY_CLEAR_M)
    stuck, aside = 0, scene.grip_position_m[:2]
    for _ in range(steps):
        off = float(np.linalg.norm(position_m[:2] - scene.grip_position_m[:2]))
        turn = closing_angle_rad(scene.world_r_grip, rotation)
        above = scene.grip_position_m[2] - position_m[2]
        if off < 0.005 and abs(above) < 0.005 and turn < 0.12:
            return scene
        z_m = _funnel(position_m[2], over_m, off, turn)
        free = scene.grip_position_m[2] > z_m - 0.02
        aside = scene.grip_position_m[:2] if free else aside
        level = position_m[:2] if free else aside
        before, turning = scene.grip_position_m, turn
        scene = yield Command(np.array([*level, z_m]), gripper, rotation)
        turning -= closing_angle_rad(scene.world_r_grip, rotation)
        still = np.linalg.norm(scene.grip_position_m - before) < _STILL_M and abs(turning) < _STILL_RAD
        stuck = stuck + 1 if off < _NEAR_M and still else 0
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
    yaw = chosen.yaw_rad + chosen.place.turn_rad
    rotation = looking_down(scene, goal_m, np.pi / 2 + yaw, chosen.end_lean_rad)
    if chosen.fall_rad is not None:
        rotation = leaning(chosen.fall_rad, TILT_RAD) @ rotation
    own = points_of(scene.world.things[thing])
    around = float(np.linalg.norm(own[:, :2] - scene.grip_position_m[:2], axis=1).max()) + 0.01
    below = scene.pose(thing)[2, 3] - own[:, 2].min()
    others = tops_of_others(scene.world, (thing,))
    top = _highest_on_way(others, scene.grip_position_m[:2], goal_m[:2], around)
    palm = _highest_on_way(others, scene.grip_position_m[:2], goal_m[:2], HAND_HALF_M[0]) - PALM_ABOVE_M
    hanging = scene.grip_position_m[2] - scene.pose(thing)[2, 3]
    over_m = max(top + below + _CARRY_CLEAR_M, palm - hanging + _CARRY_CLEAR_M, goal_m[2])
    lost, stuck, aside = 0, 0, scene.pose(thing)[:2, 3]
    for _ in range(160):
        origin, before = scene.pose(thing)[:3, 3], scene.grip_position_m[2]
        off = float(np.linalg.norm(goal_m[:2] - origin[:2]))
        turn = closing_angle_rad(scene.world_r_grip, rotation)
        z_m = _funnel(goal_m[2], over_m, off, turn, _TIGHT_ASIDE_M if chosen.place.tight else _ASIDE_M)
        lowering = z_m < goal_m[2] + 0.01
        if lowering and (origin[2] - goal_m[2] < 0.004 or stuck >= 4):
            return scene
        free = origin[2] > z_m - 0.02
        aside = origin[:2] if free else aside
        wanted = np.array([*(goal_m[:2] if free else aside), z_m])
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


def _funnel(goal_m: float, over_m: float, aside_m: float, turn_rad: float, free_m: float = _ASIDE_M) -> float:
    """How high to be for a way down that narrows towards its end, where it is `free_m` wide."""
    return min(max(over_m, goal_m), goal_m + 7.0 * max(0.0, aside_m - free_m) + 0.4 * max(0.0, turn_rad - 0.12))


def _highest_on_way(points: Float64Array, start: Float64Array, end: Float64Array, around_m: float) -> float:
    """The highest of some points (N, 3) that lie nearer than `around_m` to a level line."""
    way = end - start
    share = np.clip((points[:, :2] - start) @ way / max(float(way @ way), 1e-9), 0.0, 1.0)
    near = np.linalg.norm(points[:, :2] - start - share[:, np.newaxis] * way, axis=1) < around_m
    return float(points[near, 2].max(initial=-np.inf))
