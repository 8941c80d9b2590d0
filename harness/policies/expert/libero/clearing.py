"""Clearing: what stands where a thing is to go is put aside first, on free space of the table nearby."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np

from harness.policies.expert.libero.arm import lean
from harness.policies.expert.libero.geometry import ground_m, points_of, points_of_others
from harness.policies.expert.libero.goals import middle_m
from harness.policies.expert.libero.pick_place import put
from harness.policies.expert.libero.placing import places
from harness.policies.expert.libero.scene import Scene, Skill, SkillError
from harness.policies.expert.libero.sliding import level_middle_m
from harness.privileged import SURROUNDINGS, Goal, SceneRegion
from harness.types import Float64Array

# A place that is this much lower without a thing is blocked by it.
_LOWER_M = 0.015
# Where what is in the way may go: how far from where it is, in how many directions, how far from all else.
_FAR_M, _DIRECTIONS, _ASIDE_M = (0.15, 0.20, 0.25, 0.30), 16, 0.03
# Where the ground must be as high, in radii of the thing, and how nearly.
_SIDES, _LEVEL_M = np.array([(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)]), 0.005
# About how far above the ground the gripper is when it lets go there, and what a lean may cost the arm (`arm.lean`).
_GRIP_ABOVE_M, _LEAN_COSTS = 0.05, 0.03
# The free place, as a region that only this module knows: its name, and half its sides.
_ASIDE, _HALF_M = "clearing", (0.02, 0.02, 0.005)


def covered(scene: Scene, goal: Goal) -> bool:
    """Whether something that can be moved, and that no goal names, touches what a goal's thing is to stand on."""
    region = scene.world.regions.get(goal.arguments[1])
    target = goal.arguments[1] if region is None else region.parent
    named = _named(scene, goal)
    return target is not None and any(
        thing.movable and name not in named and scene.touching(name, target) for name, thing in scene.world.things.items()
    )


def blocker(scene: Scene, goal: Goal) -> str | None:
    """The movable thing without which a goal's thing would find a place, or a lower one; None where there is none.

    Args:
        scene: What is seen now.
        goal: ``in`` or ``on``; what goals name is never moved.
    """
    named = _named(scene, goal)
    lowest = _lowest_m(scene, goal)
    for name, thing in scene.world.things.items():
        if thing.movable and name not in named and name != SURROUNDINGS:
            things = {other: each for other, each in scene.world.things.items() if other != name}
            without = replace(scene, world=replace(scene.world, things=MappingProxyType(things)))
            if _lowest_m(without, goal) < lowest - _LOWER_M:
                return name
    return None


def clear(scene: Scene, goal: Goal, attempt: int) -> Skill:
    """Puts aside what blocks a goal's place.

    Args:
        scene: What was seen last; the gripper holds nothing.
        goal: ``in`` or ``on``.
        attempt: How often it was tried before.

    Raises:
        SkillError: Nothing is in the way, or there is no free space or no grasp.
    """
    name = blocker(scene, goal)
    if name is None:
        raise SkillError(f"nothing that can be moved is where {goal.arguments[0]} is to go")
    free_m = _free_m(scene, name, goal)
    if free_m is None:
        raise SkillError(f"there is no free space for {name}, which is where {goal.arguments[0]} is to go")
    pose = np.eye(4)
    pose[:3, 3] = free_m
    aside = SceneRegion(_ASIDE, None, pose, np.array(_HALF_M), ())
    regions = MappingProxyType({**scene.world.regions, _ASIDE: aside})
    return (yield from put(replace(scene, world=replace(scene.world, regions=regions)), Goal("on", (name, _ASIDE)), attempt))


def _named(scene: Scene, goal: Goal) -> set[str]:
    """What goals are about, which is never put aside."""
    return {name for each in (*scene.world.goals, goal) for name in each.arguments}


def _lowest_m(scene: Scene, goal: Goal) -> float:
    """The height of the lowest place; infinite where there is none."""
    return min((float(place.origin_m[2]) for place in places(scene, goal)), default=np.inf)


def _free_m(scene: Scene, name: str, goal: Goal) -> Float64Array | None:
    """The nearest place (3,) where a thing's middle may go, with room around it and away from a goal's place."""
    own = points_of(scene.world.things[name])
    middle = level_middle_m(own)
    radius = float(np.linalg.norm(own[:, :2] - middle, axis=1).max())
    others = points_of_others(scene.world, (name,))
    target = middle_m(scene, goal)[:2]
    mover = points_of(scene.world.things[goal.arguments[0]])
    kept = radius + float(np.linalg.norm(np.ptp(mover[:, :2], axis=0))) / 2 + _ASIDE_M
    for far_m in _FAR_M:
        for angle in np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS:
            place = middle + far_m * np.array([np.cos(angle), np.sin(angle)])
            ground = ground_m(scene.world, place)
            free = np.linalg.norm(others[:, :2] - place, axis=1).min(initial=np.inf) > radius + _ASIDE_M
            level = all(abs(ground_m(scene.world, place + radius * side) - ground) < _LEVEL_M for side in _SIDES)
            reached = lean(scene, np.array([[*place, ground + _GRIP_ABOVE_M]])).cost[0] < _LEAN_COSTS
            if free and level and reached and np.linalg.norm(place - target) > kept:
                return np.array([*place, ground - _HALF_M[2]])
    return None
