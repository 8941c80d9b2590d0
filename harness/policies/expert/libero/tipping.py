"""Things that stand too tall for their place: they are let go leaning, fall over and come to lie there."""

from __future__ import annotations

import numpy as np

from harness.policies.expert.libero.arm import azimuths_rad, lean, wrist_turns, yaws
from harness.policies.expert.libero.choosing import Plan
from harness.policies.expert.libero.geometry import HeightMap, ground_m, height_map, points_of, tops_of_others
from harness.policies.expert.libero.goals import may_hold, middle_m, reach_m
from harness.policies.expert.libero.grasps import Grasp, grasps
from harness.policies.expert.libero.placing import Place, level_grid, rest_heights
from harness.policies.expert.libero.scene import Scene
from harness.privileged import Goal
from harness.types import Float64Array

# How far a thing leans when it is let go: farther than a thing stands that is twice as tall as wide.
TILT_RAD = 0.6
# In which directions it may fall; how much higher than on the floor of its place it may stand before.
_FALLS_RAD = (0.0, np.pi / 2, np.pi, -np.pi / 2)
_HIGHER_M = 0.012
# What makes a place worse, in m beside the middle of the region: a metre higher, a turn of a radian.
_HIGHER_COSTS, _PER_RAD = 3.0, 0.03


def tipped(scene: Scene, goal: Goal) -> list[Plan]:
    """Plans that let a thing fall over into its place, the best first; the fingers close across the fall.

    Args:
        scene: What is seen now.
        goal: ``in`` or ``on``.
    """
    thing = scene.world.things[goal.arguments[0]]
    own = points_of(thing) - thing.world_t_thing[:3, 3]
    middle, reach = middle_m(scene, goal)[:2], reach_m(scene, goal)[:2]
    around = reach + 2 * np.linalg.norm(own, axis=1).max()
    top = height_map(
        tops_of_others(scene.world, (thing.name,)), middle - around, middle + around, ground_m(scene.world, middle)
    )
    level = middle + level_grid(reach)
    found = [
        each
        for grasp in grasps(scene, thing.name)
        for fall_rad in _FALLS_RAD
        for each in _plans(scene, goal, grasp, own, top, level, fall_rad)
    ]
    return sorted(found, key=lambda each: each.grasp.cost + each.place.cost)


def leaning(fall_rad: float, angle_rad: float) -> Float64Array:
    """The rotation (3, 3) that makes what is upright lean towards a level direction."""
    along = np.array([np.cos(fall_rad), np.sin(fall_rad), 0.0])
    up = np.array([0.0, 0.0, 1.0])
    cross = np.outer(along, up) - np.outer(up, along)
    return np.asarray(np.eye(3) + np.sin(angle_rad) * cross + (1 - np.cos(angle_rad)) * cross @ cross)


def _plans(
    scene: Scene, goal: Goal, grasp: Grasp, own: Float64Array, top: HeightMap, level: Float64Array, fall_rad: float
) -> list[Plan]:
    """The best plan for a grasp and a direction, if there is any."""
    turn_rad = (fall_rad - grasp.closing_rad) % np.pi - np.pi / 2
    standing = own @ _about_z(turn_rad).T
    lying, tilted = (standing @ leaning(fall_rad, angle).T for angle in (np.pi / 2, TILT_RAD))
    along = np.array([np.cos(fall_rad), np.sin(fall_rad)])
    rest_m = rest_heights(top, lying, level)
    held = may_hold(scene, goal, np.column_stack([level, rest_m + 0.001]), 0.001)
    foot, below = float((standing[:, :2] @ along).max()), -float(standing[:, 2].min())
    starts = level - along * (below * (1 - np.sin(TILT_RAD)) + foot * np.cos(TILT_RAD))
    start_m = rest_heights(top, tilted, starts)
    floor_m = rest_m[held].min(initial=np.inf) + lying[:, 2].min()
    higher_m = start_m + tilted[:, 2].min() - floor_m
    free = held & (higher_m < _HIGHER_M)
    if not free.any():
        return []
    aside = np.linalg.norm(level - middle_m(scene, goal)[:2], axis=1)
    cost = np.where(free, aside + _HIGHER_COSTS * higher_m + _PER_RAD * abs(turn_rad), np.inf)
    best = int(np.argmin(cost))
    place = Place(np.array([*starts[best], start_m[best]]), turn_rad, float(cost[best]), tight=True)
    start = float(lean(scene, grasp.position_m[np.newaxis]).angle_rad[0])
    first, last = azimuths_rad(scene, np.array([grasp.position_m, place.origin_m])).tolist()
    return [
        Plan(grasp, yaw, start, place, 0.0, 0.0, fall_rad)
        for yaw in yaws(grasp.closing_rad)
        if wrist_turns(first, yaw) and wrist_turns(last, yaw + turn_rad)
    ][:1]


def _about_z(angle_rad: float) -> Float64Array:
    """The rotation (3, 3) about the vertical."""
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
