"""Goals: whether they hold, and where a thing's origin may be for them to hold.

The conditions are those of upstream's predicates (hf-libero 0.1.4): ``SiteObject.in_box`` and ``under``,
``ObjectState.check_ontop``, and an articulated object's ranges.
"""

from __future__ import annotations

import numpy as np

from harness.policies.expert.libero.geometry import raised
from harness.policies.expert.libero.scene import Scene
from harness.privileged import Goal
from harness.types import Float64Array

# SiteObject.in_box reaches this much deeper; SiteObject.under from this far below a region's upper side to this far above.
_BELOW_BOX_M, _BELOW_TOP_M, _ABOVE_TOP_M = 0.01, 0.005, 0.10
_ON_OBJECT_M = 0.03
# Of joints: which predicates must hold of all of them.
_OF_ALL = frozenset({"close", "turnoff"})


def is_place(goal: Goal) -> bool:
    """Whether a goal says where a thing is, not how a joint is."""
    return goal.predicate in ("in", "on")


def joints_of(scene: Scene, name: str) -> tuple[str, ...]:
    """The joints of a region, or of a thing where it names one."""
    region = scene.world.regions.get(name)
    if region is not None and region.joints:
        return region.joints
    owner = region.parent if region is not None else name
    return tuple(joint.name for joint in scene.world.joints.values() if joint.thing == owner)


def joints_are(scene: Scene, predicate: str, joints: tuple[str, ...]) -> bool:
    """Whether a predicate of joints holds now."""
    held = []
    for name in joints:
        joint = scene.world.joints[name]
        low, high = joint.holds.get(predicate, (np.inf, -np.inf))
        held.append(low <= joint.position <= high)
    return all(held) if predicate in _OF_ALL else any(held)


def holds(scene: Scene, goal: Goal) -> bool:
    """Whether a goal holds now, by what the expert sees."""
    if not is_place(goal):
        return joints_are(scene, goal.predicate, joints_of(scene, goal.arguments[0]))
    thing, target = goal.arguments
    origin = scene.pose(thing)[:3, 3]
    touched = scene.world.regions[target].parent if target in scene.world.regions else target
    must_touch = goal.predicate == "on" and touched is not None
    return bool(may_hold(scene, goal, origin[np.newaxis])[0]) and (not must_touch or scene.touching(thing, str(touched)))


def may_hold(scene: Scene, goal: Goal, origins_m: Float64Array, margin_m: float = 0.0) -> Float64Array:
    """Whether a goal of a place would hold of each of some origins (N, 3) of the thing, touching left aside.

    Args:
        scene: What is seen now.
        goal: ``in`` or ``on``.
        origins_m: (N, 3), world.
        margin_m: How far inside they must be.

    Returns:
        (N,) of bool.
    """
    region = scene.world.regions.get(goal.arguments[1])
    if region is None:
        offset = origins_m - scene.pose(goal.arguments[1])[:3, 3]
        return np.asarray((np.linalg.norm(offset[:, :2], axis=1) < _ON_OBJECT_M - margin_m) & (offset[:, 2] >= 0))
    rotation, offset = region.world_t_region[:3, :3], origins_m - region.world_t_region[:3, 3]
    if goal.predicate == "in":
        half = np.abs(rotation @ region.half_size_m)
        deep = raised(half, _BELOW_BOX_M)
        return np.asarray(np.all((offset < half - margin_m) & (offset > -deep + margin_m), axis=1))
    turned, half = offset @ rotation.T, region.half_size_m
    up = turned[:, 2] - half[2]
    level = np.all(np.abs(turned[:, :2]) < half[:2] - np.minimum(margin_m, 0.5 * half[:2]), axis=1)
    return np.asarray(level & (up > -_BELOW_TOP_M) & (up < _ABOVE_TOP_M))


def middle_m(scene: Scene, goal: Goal) -> Float64Array:
    """The middle of where the thing's origin is to be, (3,)."""
    region = scene.world.regions.get(goal.arguments[1])
    return (scene.pose(goal.arguments[1]) if region is None else region.world_t_region)[:3, 3]


def reach_m(scene: Scene, goal: Goal) -> Float64Array:
    """Half the sides of an upright box around all origins for which a goal of a place may hold, about `middle_m`, (3,)."""
    region = scene.world.regions.get(goal.arguments[1])
    if region is None:
        return np.array([_ON_OBJECT_M, _ON_OBJECT_M, 0.3])
    rotation = region.world_t_region[:3, :3]
    if goal.predicate == "in":
        return raised(np.abs(rotation @ region.half_size_m), _BELOW_BOX_M)
    high = raised(region.half_size_m, _ABOVE_TOP_M)
    return np.asarray(np.abs(rotation.T) @ high)
