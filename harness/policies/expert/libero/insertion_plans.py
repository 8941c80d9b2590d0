"""How a thing gets under a roof: a grasp, a pose inside, and ways to it and back that hand, thing and arm can go."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from harness.policies.expert.libero.hand import Boxes, boxes
from harness.policies.expert.libero.openings import TIPS_RAD, Inside, openings, places_inside, shifted
from harness.policies.expert.libero.panda import arm_solid, joints_along
from harness.policies.expert.libero.scene import Scene
from harness.policies.expert.libero.side_grasps import APPROACH_M, SideGrasp, side_grasps
from harness.policies.expert.libero.solids import gaps_m, hand_solid, joined, moved, solid_of
from harness.privileged import Goal
from harness.types import Float64Array

# How many poses inside and pairs are looked at for each tip, and how many of these with the same grasp.
_INSIDE, _PAIRS, _TRIES = 150, 60, 3
# How much room the hand needs at the place; what less room than enough costs (per m).
_LEAST_M, _ENOUGH_M, _PER_ROOM_M = 0.004, 0.015, 4.0
# A hand at the place may look against the way in and up by so much at most, as cosines.
_AGAINST, _LOOKING_UP = 0.3, 0.1
# How far before the place the way in may begin, how densely ways are looked at, and how far up it must be free there.
_STAND_OFFS_M, _STEP_M, _UP_M = (0.16, 0.22, 0.28, 0.34), 0.03, (0.05, 0.10, 0.15)
# Heights above the stand-off at which the thing may be carried; the least lift; how often a turn is looked at.
_OVERS_M, _LIFT_M, _TURNS = tuple(np.arange(0.0, 0.36, 0.04).tolist()), 0.05, 5
# How far the hand draws back from what it let go.
_BACK_M = 0.10
# How near the arm's forearm may come to anything.
_ARM_M = 0.0


@dataclass(frozen=True)
class Insertion:
    """A way to bring a thing under a roof.

    Attributes:
        pick: Pose of the gripper where it is grasped, (4, 4).
        inside: Where it is let go.
        world_r_grip: Of the gripper there, (3, 3).
        stand_off_m: How far before the place the straight way in begins.
        over_m: The height of the thing's origin at which it is carried to there.
        back: The direction (3,) in which the hand draws back.
    """

    pick: Float64Array
    inside: Inside
    world_r_grip: Float64Array
    stand_off_m: float
    over_m: float
    back: Float64Array


def insertions(scene: Scene, goal: Goal) -> Iterator[Insertion]:
    """Ways to bring a goal's thing under a roof, found as they are asked for: upright first, and the best first.

    A grasp is used once for each tip. There are none where the region is open above, or closed all around.
    """
    ways = openings(scene, goal)
    grasps = side_grasps(scene, goal.arguments[0]) if ways else []
    for tip_rad in TIPS_RAD if grasps else ():
        inside = [each for way in ways for each in places_inside(scene, goal, way, tip_rad)[:_INSIDE]]
        if inside:
            yield from _plans(scene, goal, grasps, sorted(inside, key=lambda each: each.cost))


def _plans(scene: Scene, goal: Goal, grasps: list[SideGrasp], inside: list[Inside]) -> Iterator[Insertion]:
    thing = scene.world.things[goal.arguments[0]]
    near = (thing.world_t_thing[:3, 3] + inside[0].world_t_thing[:3, 3]) / 2
    obstacles = boxes(scene.world, near, lambda name, _: name != thing.name)
    tried: Counter[int] = Counter()
    for i, end in itertools.islice(_pairs(scene, goal, grasps, inside, obstacles), _PAIRS):
        if tried[i] == _TRIES:
            continue
        tried[i] += 1
        plan = _planned(scene, goal, grasps[i], end, obstacles)
        if plan is not None:
            tried[i] = _TRIES
            yield plan


def _pairs(
    scene: Scene, goal: Goal, grasps: list[SideGrasp], inside: list[Inside], obstacles: Boxes
) -> Iterator[tuple[int, Inside]]:
    """Indices of grasps, and poses inside at which the hand has room, the best first."""
    now = np.linalg.inv(scene.pose(goal.arguments[0]))
    found: list[tuple[float, int, Inside]] = []
    for i, grasp in enumerate(grasps):
        poses = [(end, end.world_t_thing @ now @ grasp.world_t_grip) for end in inside]
        poses = [(end, pose) for end, pose in poses if pose[:3, 2] @ end.out < _AGAINST and pose[2, 2] < _LOOKING_UP]
        gaps = gaps_m(hand_solid(grasp.width_m / 2), [pose for _, pose in poses], obstacles)
        for (end, _), gap in zip(poses, gaps, strict=True):
            if gap > _LEAST_M:
                found.append((grasp.cost + end.cost + _PER_ROOM_M * max(0.0, _ENOUGH_M - float(gap)), i, end))
    for _, i, end in sorted(found, key=lambda each: each[0]):
        yield i, end


def _planned(scene: Scene, goal: Goal, grasp: SideGrasp, end: Inside, obstacles: Boxes) -> Insertion | None:
    """The ways for a grasp and a pose inside; None where there are none."""
    thing = scene.world.things[goal.arguments[0]]
    change = end.world_t_thing @ np.linalg.inv(thing.world_t_thing)
    place = change @ grasp.world_t_grip
    held = moved(solid_of(thing), np.asarray(np.linalg.inv(grasp.world_t_grip)))
    both = joined(hand_solid(grasp.width_m / 2), held)
    back = _way_back(place, end, joined(obstacles, moved(held, place)))
    stand_off = _stand_off_m(both, place, end.out, obstacles) if back is not None else None
    if back is None or stand_off is None:
        return None
    thing_t_grip = np.linalg.inv(thing.world_t_thing) @ grasp.world_t_grip
    for over in _OVERS_M:
        ways = _ways_over(thing.world_t_thing, shifted(end.world_t_thing, stand_off * end.out), over)
        if ways is not None and gaps_m(both, ways @ thing_t_grip, obstacles).min() > _LEAST_M:
            break
    else:
        return None
    approach = shifted(grasp.world_t_grip, -APPROACH_M * grasp.world_t_grip[:3, 2])
    flip = _least_turning(scene, [approach, grasp.world_t_grip, *(ways @ thing_t_grip), place], obstacles)
    if flip is None:
        return None
    over_m = float(end.world_t_thing[2, 3] + over)
    return Insertion(grasp.world_t_grip @ flip, end, (place @ flip)[:3, :3], stand_off, over_m, back)


def _way_back(place: Float64Array, end: Inside, obstacles: Boxes) -> Float64Array | None:
    """The direction in which the open hand gets free of what it let go."""
    hand = hand_solid()
    for mixed in (0.0, 0.5, 1.0, 2.0):
        back = mixed * end.out - place[:3, 2]
        back /= np.linalg.norm(back)
        ways = [shifted(place, far * back) for far in np.arange(0.0, _BACK_M + 0.01, 0.02)]
        if gaps_m(hand, ways, obstacles).min() > 0.0:
            return np.asarray(back)
    return None


def _stand_off_m(both: Boxes, place: Float64Array, out: Float64Array, obstacles: Boxes) -> float | None:
    """How far before a place the way in can begin: it is free, and what is above its beginning, too."""
    for far in _STAND_OFFS_M:
        ways = [shifted(place, step * out) for step in np.arange(0.0, far, _STEP_M)]
        before = shifted(place, far * out)
        ways += [shifted(before, np.array([0.0, 0.0, height])) for height in _UP_M]
        if gaps_m(both, ways, obstacles).min() > _LEAST_M / 2:
            return far
    return None


def _ways_over(now: Float64Array, before: Float64Array, over_m: float) -> Float64Array | None:
    """Poses (N, 4, 4) of a thing that is carried as it is to so far above a pose, turned there and brought down to it.

    None where that is no higher than it lies now.
    """
    height = before[2, 3] + over_m
    if height < now[2, 3] + _LIFT_M:
        return None
    turning = Slerp([0.0, 1.0], Rotation.from_matrix(np.array([now[:3, :3], before[:3, :3]])))
    count = int(np.linalg.norm(before[:2, 3] - now[:2, 3]) / _STEP_M) + 2
    ways = np.tile(before, (count + _TURNS + 2, 1, 1))
    ways[:, 2, 3] = height
    ways[:count, :2, 3] = np.linspace(now[:2, 3], before[:2, 3], count)
    ways[:count, :3, :3] = now[:3, :3]
    ways[count : count + _TURNS, :3, :3] = turning(np.linspace(0.0, 1.0, _TURNS)).as_matrix()
    ways[-2:, 2, 3] = before[2, 3] + np.array([over_m / 2, 0.0])
    return ways


def _least_turning(scene: Scene, route: list[Float64Array], obstacles: Boxes) -> Float64Array | None:
    """How the hand is turned about where it looks, (4, 4), for the arm to follow a route; None where it cannot.

    The fingers stand in the same places when the hand is turned over; that way of the two is taken in which the joints stay
    nearer to how they are.
    """
    base, found = scene.world.poses["base"], []
    for flip in (np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0])):
        joints = joints_along(base, [pose @ flip for pose in route], scene.joint_pos_rad)
        if joints is not None and all(gaps_m(arm_solid(each), [base], obstacles)[0] > _ARM_M for each in joints):
            found.append((float(np.abs(np.array(joints) - scene.joint_pos_rad).max()), flip))
    return min(found, key=lambda each: each[0])[1] if found else None
