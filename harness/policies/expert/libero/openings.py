"""Places under a roof: the sides on which a region is open, and how a thing rests there and can be brought there."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from harness.policies.expert.libero.goals import may_hold, middle_m, reach_m
from harness.policies.expert.libero.hand import Boxes, boxes
from harness.policies.expert.libero.scene import Scene
from harness.policies.expert.libero.solids import corners_of, gaps_m, moved, solid_of
from harness.privileged import Goal
from harness.types import Float64Array

# A small box that is sent out of a region, how far, and in what steps; how far it is sent down to find the floor.
_PROBE_M, _SENT_M, _STEP_M, _DOWN_M = np.array([0.015, 0.015, 0.015]), 0.30, 0.02, 0.002
# A region's axis is level when its height is less than this.
_LEVEL = 0.3
# How the thing may be turned about the vertical; how far it may be tipped over, in this
# order: lying it is stable, in between it topples.
_YAWS_RAD = tuple((np.pi / 4 * np.array([0, 1, -1, 2, -2, 3, -3, 4])).tolist())
TIPS_RAD = tuple(np.radians((0, 90, 75, 60, 45)).tolist())
# Where its origin is looked for: shares of the region across, and how many places into it; how far inside the goal's limits.
_ACROSS, _DEEP, _MARGIN_M = (0.0, 0.3, -0.3, 0.6, -0.6), 6, 0.012
# How high above its resting place it may be let go.
_DROPS_M = (0.012, 0.025, 0.04, 0.006)
_CLEAR_M = 0.003
# What makes a place worse: a turned thing (per rad), what sticks out, what is aside, and a drop (per m).
_PER_YAW, _PER_M_OUT, _PER_M_ASIDE, _PER_M_DROP = 0.02, 1.0, 0.3, 1.0


@dataclass(frozen=True)
class Inside:
    """A pose of a thing under a roof.

    Attributes:
        world_t_thing: (4, 4), where it is let go.
        out: The level direction in which it got there backwards, (3,).
        cost: The lower the better.
    """

    world_t_thing: Float64Array
    out: Float64Array
    cost: float


def openings(scene: Scene, goal: Goal) -> list[Float64Array]:
    """The level directions (3,) in which one gets out of a goal's region; empty where it is open above."""
    region = scene.world.regions.get(goal.arguments[1])
    if region is None:
        return []
    middle = middle_m(scene, goal)
    obstacles = boxes(scene.world, middle, lambda thing, _: thing != goal.arguments[0])
    axes = [axis for axis in region.world_t_region[:3, :3].T if abs(axis[2]) < _LEVEL]
    free = [way for axis in axes for way in (axis, -axis) if _gets_out(middle, way, obstacles)]
    return [] if _gets_out(middle, np.array([0.0, 0.0, 1.0]), obstacles) else free


def places_inside(scene: Scene, goal: Goal, out: Float64Array, tip_rad: float = 0.0) -> list[Inside]:
    """Poses of a goal's thing in its region that it can get to straight against a direction (3,), the best first.

    Args:
        scene: What is seen now.
        goal: ``in`` or ``on``, a region.
        out: A level direction (3,) in which the region is open.
        tip_rad: How far the thing is tipped over, its lower side first.
    """
    thing = scene.world.things[goal.arguments[0]]
    now, middle, reach = thing.world_t_thing, middle_m(scene, goal), reach_m(scene, goal)
    own = moved(solid_of(thing), np.asarray(np.linalg.inv(now)))
    obstacles = boxes(scene.world, middle, lambda name, _: name != thing.name)
    floor = _floor_m(middle, obstacles)
    across = np.cross([0.0, 0.0, 1.0], out)
    wide, deep = float(np.abs(across) @ reach), float(np.abs(out) @ reach)
    found = []
    for yaw in _YAWS_RAD:
        turn = Rotation.from_rotvec(tip_rad * across) * Rotation.from_rotvec([0.0, 0.0, yaw])
        pose = np.eye(4)
        pose[:3, :3] = turn.as_matrix() @ now[:3, :3]
        corners = corners_of(moved(own, pose))
        for aside, into, drop in itertools.product(_ACROSS, np.linspace(0.0, 2 * (deep - _MARGIN_M), _DEEP), _DROPS_M):
            pose = pose.copy()
            pose[:3, 3] = middle + aside * wide * across + (deep - _MARGIN_M - into) * out
            pose[2, 3] = floor - corners[:, 2].min() + drop
            sticks_out = max(0.0, float((corners @ out).max()) - into - _MARGIN_M)
            cost = _PER_YAW * abs(yaw) + _PER_M_OUT * sticks_out + _PER_M_ASIDE * abs(aside * wide)
            found.append(Inside(pose, out, cost + _PER_M_DROP * drop))
    origins = np.array([each.world_t_thing[:3, 3] for each in found])
    found = [each for each, held in zip(found, may_hold(scene, goal, origins, _MARGIN_M / 2), strict=True) if held]
    for share in (0.0, 0.3, 0.6, 1.0):
        poses = [shifted(each.world_t_thing, share * _SENT_M * out) for each in found]
        found = [each for each, gap in zip(found, gaps_m(own, poses, obstacles), strict=True) if gap > _CLEAR_M]
    return sorted(found, key=lambda each: each.cost)


def shifted(pose: Float64Array, way_m: Float64Array) -> Float64Array:
    """A pose (4, 4) moved by so much, (3,)."""
    made = pose.copy()
    made[:3, 3] += way_m
    return made


def _gets_out(start_m: Float64Array, way: Float64Array, obstacles: Boxes) -> bool:
    probe = Boxes(np.zeros((1, 3)), np.eye(3)[np.newaxis], _PROBE_M[np.newaxis])
    here = np.eye(4)
    here[:3, 3] = start_m
    poses = [shifted(here, far * way) for far in np.arange(0.0, _SENT_M, _STEP_M)]
    return bool(gaps_m(probe, poses, obstacles).min() > 0.0)


def _floor_m(start_m: Float64Array, obstacles: Boxes) -> float:
    """The height of what is below a place (3,)."""
    probe = Boxes(np.zeros((1, 3)), np.eye(3)[np.newaxis], _PROBE_M[np.newaxis])
    here = np.eye(4)
    here[:3, 3] = start_m
    fallen = np.arange(0.0, _SENT_M, _DOWN_M)
    gaps = gaps_m(probe, [shifted(here, np.array([0.0, 0.0, -far])) for far in fallen], obstacles)
    last = int(np.argmax(gaps <= 0.0)) if (gaps <= 0.0).any() else len(fallen)
    free = gaps[last - 1] if last else 0.0
    return float(start_m[2] - fallen[max(0, last - 1)] - free - _PROBE_M[2])
