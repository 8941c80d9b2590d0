"""Bringing a thing under a roof: it is grasped from any side, carried to before the opening, and brought straight in."""

from __future__ import annotations

import itertools

import numpy as np

from harness.policies.expert.libero.geometry import raised
from harness.policies.expert.libero.hand import travel
from harness.policies.expert.libero.insertion_plans import Insertion, insertions
from harness.policies.expert.libero.joints import draw_back, slide_to
from harness.policies.expert.libero.motion import angle_rad, close
from harness.policies.expert.libero.openings import shifted
from harness.policies.expert.libero.scene import CLOSE, OPEN, Command, Scene, Skill, SkillError
from harness.policies.expert.libero.side_grasps import APPROACH_M
from harness.privileged import Goal
from harness.types import Float64Array

# How exactly the hand must be turned before it goes to the thing; how far that is lifted first, and how long it takes.
_TURNED_RAD, _LIFT_M, _LIFT_STEPS, _LIFTED_M = 0.08, 0.06, 10, 0.012
# How far ahead on a straight way the goal is put; how near the thing gets on the way over, before the opening and at the
# end, and how exactly turned.
_LEAD_M, _OVER_NEAR_M, _BEFORE_NEAR_M, _END_NEAR_M, _NEAR_RAD = 0.04, 0.02, 0.008, 0.006, 0.15
# How long one leg may take, what counts as standing still, for how long, and for how long a thing may be lost.
_LEG_STEPS, _STILL_M, _STILL_STEPS, _LOST_STEPS = 70, 0.0008, 8, 4
# How far from its place a thing that goes no farther is let go all the same.
_GOOD_M = 0.025
_LET_GO_STEPS, _BACK_M, _UP_M = 6, 0.10, 0.12
# How many ways are tried before it begins again with the best; how far a thing may turn between the fingers for the hand to
# make up for it.
_WAYS, _SLIP_RAD = 4, 0.4


def insert(scene: Scene, goal: Goal, attempt: int = 0) -> Skill:
    """Brings a thing to a place with a roof, and leaves the gripper open outside.

    Args:
        scene: What was seen last; the gripper holds nothing.
        goal: ``in`` or ``on``, a region.
        attempt: How often it was tried before: the next best way is taken each time.

    Raises:
        SkillError: There is no way, or the thing was lost.
    """
    thing = goal.arguments[0]
    found = list(itertools.islice(insertions(scene, goal), attempt % _WAYS + 1))
    if not found:
        raise SkillError(f"there is no way to bring {thing} {goal.predicate} {goal.arguments[1]}, from above or from aside")
    chosen = found[-1]
    scene = yield from _pick(scene, thing, chosen.pick)
    scene = yield from _bring(scene, thing, chosen)
    for _ in range(_LET_GO_STEPS):
        scene = yield Command(scene.grip_position_m, OPEN, scene.world_r_grip)
    scene = yield from draw_back(scene, _BACK_M * chosen.back, OPEN)
    return (yield from draw_back(scene, raised(0.5 * _BACK_M * chosen.inside.out, _UP_M), OPEN))


def _pick(scene: Scene, thing: str, world_t_grip: Float64Array) -> Skill:
    """Grasps a thing and lifts it a little."""
    rotation, position = world_t_grip[:3, :3], world_t_grip[:3, 3]
    scene = yield from travel(scene, position - APPROACH_M * rotation[:, 2], rotation, OPEN, tolerance_rad=_TURNED_RAD)
    scene = yield from slide_to(scene, position, rotation, OPEN)
    scene = yield from close(scene, thing)
    start, up = scene.pose(thing)[2, 3], raised(scene.grip_position_m, _LIFT_M)
    for _ in range(_LIFT_STEPS):
        scene = yield Command(up, CLOSE, rotation)
        if scene.pose(thing)[2, 3] > start + _LIFTED_M:
            break
    if not scene.held(thing):
        raise SkillError(f"{thing} slipped out of the fingers")
    return scene


def _bring(scene: Scene, thing: str, chosen: Insertion) -> Skill:
    """Up and over what is in the way as it is; before the opening it is turned, brought down, and in."""
    end, now = chosen.inside.world_t_thing, scene.pose(thing)
    before = shifted(end, chosen.stand_off_m * chosen.inside.out)
    lifted, over, turned = now.copy(), now.copy(), before.copy()
    over[:2, 3] = before[:2, 3]
    lifted[2, 3] = over[2, 3] = turned[2, 3] = chosen.over_m
    for pose in (lifted, over):
        scene = yield from _leg(scene, thing, pose, chosen.pick[:3, :3], _OVER_NEAR_M)
    for pose, near_m in ((turned, _OVER_NEAR_M), (before, _BEFORE_NEAR_M), (end, _END_NEAR_M)):
        scene = yield from _leg(scene, thing, pose, chosen.world_r_grip, near_m)
    return scene


def _leg(scene: Scene, thing: str, pose: Float64Array, world_r_grip: Float64Array, near_m: float) -> Skill:
    """Brings what is held straight to a pose (4, 4); there the hand is turned so, (3, 3), as long as nothing slips."""
    way = pose[:3, 3] - scene.pose(thing)[:3, 3]
    direction = way / max(float(np.linalg.norm(way)), 1e-9)
    lost, still = 0, 0
    for _ in range(_LEG_STEPS):
        here, rotation = scene.pose(thing)[:3, 3], _rotation(scene, thing, pose, world_r_grip)
        left = max(0.0, float((pose[:3, 3] - here) @ direction))
        if np.linalg.norm(pose[:3, 3] - here) < near_m and angle_rad(scene.world_r_grip, rotation) < _NEAR_RAD:
            return scene
        if still == _STILL_STEPS:
            break
        before, turn = scene.grip_position_m, scene.world_r_grip
        wanted = pose[:3, 3] - max(0.0, left - _LEAD_M) * direction
        scene = yield Command(before + wanted - here, CLOSE, rotation)
        stays = (
            np.linalg.norm(scene.grip_position_m - before) < _STILL_M and angle_rad(turn, scene.world_r_grip) < _STILL_M * 10
        )
        still = still + 1 if stays else 0
        lost = 0 if scene.held(thing) else lost + 1
        if lost == _LOST_STEPS:
            raise SkillError(f"{thing} was lost on the way")
    if np.linalg.norm(pose[:3, 3] - scene.pose(thing)[:3, 3]) < max(near_m, _GOOD_M):
        return scene
    raise SkillError(f"{thing} does not get to its place")


def _rotation(scene: Scene, thing: str, pose: Float64Array, world_r_grip: Float64Array) -> Float64Array:
    """How the hand must be turned for the thing to be turned as in a pose, as long as it has not slipped far, (3, 3)."""
    wanted = pose[:3, :3] @ scene.pose(thing)[:3, :3].T @ scene.world_r_grip
    return np.asarray(wanted if angle_rad(wanted, world_r_grip) < _SLIP_RAD else world_r_grip)
