"""Pushing: closed fingers go down behind a thing and shove it over what it stands on, in straight pushes, to its place."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from harness.policies.expert.libero.geometry import points_of
from harness.policies.expert.libero.goals import holds
from harness.policies.expert.libero.hand import boxes, hand_points, least_wrist, looking, travel
from harness.policies.expert.libero.joints import draw_back, slide_to
from harness.policies.expert.libero.motion import distance_m
from harness.policies.expert.libero.scene import CLOSE, Command, Scene, Skill, SkillError
from harness.policies.expert.libero.sliding import level_middle_m, ways
from harness.privileged import Goal, Thing
from harness.types import Float64Array

# A thing lower than this that is wider than the fingers open in every direction has but a low rim to be grasped by.
_FLAT_M, _GRASPABLE_M = 0.03, 0.074
# How many ways are looked at closely, the best first.
_LOOKED_AT = 120
# How far the hand leans over the thing, or away from it.
_TILTS_RAD = tuple(np.radians((0, 15, -15, 30, -30, 45, 60)).tolist())
# What a pose is worth: its clearance in m, up to this; less for how far the hand leans (m/rad). Without clearance none is.
_ENOUGH_M, _PER_TILT_RAD = 0.004, 0.006
# Half the width of closed fingers side by side; between the tips and what the thing stands on; how far behind the thing the
# hand comes down, and from so far above, the way its fingers point; how far it may stay from there.
_HALF_WIDE_M, _TIP_CLEARANCE_M, _BEFORE_M, _ABOVE_M, _MISSED_M = 0.0145, 0.004, 0.008, 0.10, 0.02
# How exactly the hand must be turned before it goes down.
_TURNED_RAD = 0.3
# How far the last joint may be from its middle.
_WRIST_LIMIT_RAD = 2.6
# While it pushes, the hand's goal is so far ahead, and goes back behind the thing by this share of how far it is aside.
_LEAD_M, _ASIDE_SHARE, _SPEED = 0.03, 1.0, 0.7
# Nearer to its end than this a push is no longer steered.
_STEERED_M = 0.03
# A push is over when the thing is this near to its end, when the hand is so far aside from behind it, when the thing does
# not follow for so many control steps, or after so many.
_THERE_M, _OFF_M, _STUCK_STEPS, _STUCK_M, _STEPS = 0.006, 0.03, 10, 0.0005, 90
# How many pushes one try may take; the hand draws back so far.
_PUSHES, _BACK_M = 6, 0.02


@dataclass(frozen=True)
class Push:
    """A straight push.

    Attributes:
        start_m: Where the thing's middle is, (2,), world.
        end_m: Where it goes, (2,).
        hand_m: The gripper's position when it touches the thing, (3,).
        world_r_grip: How the hand is turned, (3, 3).
    """

    start_m: Float64Array
    end_m: Float64Array
    hand_m: Float64Array
    world_r_grip: Float64Array


def is_flat(thing: Thing) -> bool:
    """Whether a thing is so low and wide that fingers from above find nothing to hold but a rim."""
    size = np.ptp(points_of(thing), axis=0)
    return bool(size[2] < _FLAT_M and size[:2].min() > _GRASPABLE_M)


def push(scene: Scene, goal: Goal) -> Skill:
    """Pushes a thing to where a goal says, looking anew before each push.

    Args:
        scene: What was seen last; the gripper holds nothing.
        goal: ``in`` or ``on``.

    Raises:
        SkillError: There is no way to push it there.
    """
    for _ in range(_PUSHES):
        if holds(scene, goal):
            break
        planned = plan_push(scene, goal)
        if planned is None:
            raise SkillError(f"there is no way to push {goal.arguments[0]} {goal.predicate} {goal.arguments[1]}")
        scene = yield from _do(scene, goal.arguments[0], planned)
    return scene


def plan_push(scene: Scene, goal: Goal) -> Push | None:
    """The first push of the best way on which the hand finds room; None where there is none."""
    name = goal.arguments[0]
    for way in ways(scene, goal)[:_LOOKED_AT]:
        pushes = [_fitting(scene, name, *line) for line in itertools.pairwise(way.corners_m)]
        if all(each is not None for each in pushes):
            return pushes[0]
    return None


def _fitting(scene: Scene, name: str, start_m: Float64Array, end_m: Float64Array) -> Push | None:
    """A push from a place of the thing's middle to another in which the hand is in nothing, leaning as little as it can."""
    own = points_of(scene.world.things[name])
    here = _at_height(level_middle_m(own), 0.0)
    low, top = float(own[:, 2].min()), float(own[:, 2].max())
    direction = _direction(start_m, end_m)
    aside = np.array([-direction[1], direction[0], 0.0])
    offset = own - here
    back = float((offset[np.abs(offset @ aside) < _HALF_WIDE_M] @ direction).min(initial=0.0))
    points = hand_points(0.0)
    itself = boxes(scene.world, own[0], lambda thing, _: thing == name)
    rest = boxes(scene.world, _at_height((start_m + end_m) / 2, top), lambda thing, _: thing != name)
    found, most = None, -np.inf
    for tilt, closing in itertools.product(_TILTS_RAD, (aside, direction)):
        ahead = -np.sin(tilt) * direction + np.array([0.0, 0.0, -np.cos(tilt)])
        rotation, wrist = least_wrist(scene, looking(ahead, closing))
        turned = points @ rotation.T
        height = low + _TIP_CLEARANCE_M - float(turned[:, 2].min())
        front = float((turned[turned[:, 2] + height < top + _TIP_CLEARANCE_M] @ direction).max())
        touching = (back - front) * direction + np.array([0.0, 0.0, height])
        before = touching - _BEFORE_M * direction
        stops = [_at_height(start_m, 0.0) + before - share * _ABOVE_M * ahead for share in (0.0, 0.5, 1.0)]
        stops += [_at_height(place, 0.0) + touching for place in (start_m, end_m)]
        clearance = min(
            itself.clearance_m(points, here + before, rotation),
            *(rest.clearance_m(points, stop, rotation) for stop in stops),
        )
        worth = min(clearance, _ENOUGH_M) - _PER_TILT_RAD * abs(tilt)
        if clearance > 0.0 and wrist < _WRIST_LIMIT_RAD and worth > most:
            found, most = Push(start_m, end_m, stops[-2], rotation), worth
    return found


def _do(scene: Scene, thing: str, planned: Push) -> Skill:
    """Goes down behind a thing, pushes it, and goes up again."""
    rotation, first = planned.world_r_grip, _direction(planned.start_m, planned.end_m)
    before = planned.hand_m - _BEFORE_M * first
    scene = yield from travel(
        scene, before - _ABOVE_M * rotation[:, 2], rotation, CLOSE, half_gap_m=0.0, tolerance_rad=_TURNED_RAD
    )
    scene = yield from slide_to(scene, before, rotation, CLOSE)
    if distance_m(scene, before) > _MISSED_M:
        raise SkillError(f"the hand does not get behind {thing}")
    behind_m = float((_at_height(planned.start_m, planned.hand_m[2]) - planned.hand_m) @ first)
    inverse = np.linalg.inv(scene.pose(thing))
    marked = inverse @ np.array([*planned.start_m, scene.pose(thing)[2, 3], 1.0])
    direction, stuck, before_m = first, 0, planned.start_m
    for _ in range(_STEPS):
        middle = (scene.pose(thing) @ marked)[:2]
        left = planned.end_m - middle
        if left @ first[:2] < _THERE_M or stuck == _STUCK_STEPS:
            break
        if np.linalg.norm(left) > _STEERED_M:
            direction = _direction(middle, planned.end_m)
        hand = scene.grip_position_m
        off = hand - (_at_height(middle, hand[2]) - behind_m * direction)
        aside = off - (off @ direction) * direction
        if np.linalg.norm(aside[:2]) > _OFF_M:
            break
        ahead = hand + _LEAD_M * direction - _ASIDE_SHARE * aside
        scene = yield Command(_at_height(ahead, planned.hand_m[2]), CLOSE, rotation, _SPEED)
        touching = off @ direction > -_BEFORE_M
        stuck = stuck + 1 if touching and np.linalg.norm(middle - before_m) < _STUCK_M else 0
        before_m = middle
    return (yield from draw_back(scene, -_ABOVE_M * rotation[:, 2] - _BACK_M * first, CLOSE))


def _direction(start_m: Float64Array, end_m: Float64Array) -> Float64Array:
    """The level direction (3,) from a place (2,) to another."""
    return _at_height((end_m - start_m) / max(float(np.linalg.norm(end_m - start_m)), 1e-9), 0.0)


def _at_height(place_m: Float64Array, height_m: float) -> Float64Array:
    return np.array([*place_m[:2], height_m])
