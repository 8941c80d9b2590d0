"""Where to put a thing down so that a goal holds: places in a region, and how low the thing comes to lie there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.policies.expert.libero.geometry import CELL_M, ground_m, height_map, points_of, points_of_others, raised
from harness.policies.expert.libero.goals import may_hold, middle_m, reach_m
from harness.policies.expert.libero.scene import Scene
from harness.privileged import Goal
from harness.types import Float64Array

# How many places are looked at along each side of a region, and how far inside the origin should be, the widest first.
_PLACES = 13
_MARGINS_M = (0.012, 0.005, 0.001)
# What makes a place worse, in m: far from the middle, and a turned thing.
_PER_M_ASIDE, _PER_RAD = 1.0, 0.03
# Of lying higher than at the lowest place of the region: there the thing stands on an edge or a neighbour.
_HIGHER_COSTS = 3.0


@dataclass(frozen=True)
class Place:
    """A place for a thing.

    Attributes:
        origin_m: Of the thing when it rests there, (3,), world.
        turn_rad: About the vertical, from how it stands now.
        cost: The lower the better.
    """

    origin_m: Float64Array
    turn_rad: float
    cost: float


def places(scene: Scene, goal: Goal, turns_rad: Sequence[float] = (0.0,)) -> list[Place]:
    """Places for the thing of a goal, the best first; empty where there is none that can be reached from above.

    Args:
        scene: What is seen now.
        goal: ``in`` or ``on``.
        turns_rad: How the thing may be turned, from how it stands now.
    """
    thing = scene.world.things[goal.arguments[0]]
    others = points_of_others(scene.world, (thing.name,))
    middle, reach = middle_m(scene, goal)[:2], reach_m(scene, goal)[:2]
    own = points_of(thing) - thing.world_t_thing[:3, 3]
    around = reach + np.linalg.norm(own[:, :2], axis=1).max() + 2 * CELL_M
    top = height_map(others, middle - around, middle + around, ground_m(scene.world, middle))
    grid = [np.linspace(-half, half, _PLACES) for half in reach]
    level = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, 2)
    found: list[Place] = []
    for turn_rad in turns_rad:
        rest_m = _rest_heights(top.heights_m, top.corner_m, _about_z(own, turn_rad), middle + level)
        found += _costed(scene, goal, np.column_stack([middle + level, rest_m]), turn_rad)
    return sorted(found, key=lambda place: place.cost)


def _costed(scene: Scene, goal: Goal, origins: Float64Array, turn_rad: float) -> list[Place]:
    """The origins at which the goal holds, as deep inside as there are any."""
    for margin_m in _MARGINS_M:
        held = may_hold(scene, goal, raised(origins, 0.001), margin_m)
        if held.any():
            break
    aside = np.linalg.norm(origins[:, :2] - middle_m(scene, goal)[:2], axis=1)
    lowest = origins[held, 2].min(initial=np.inf)
    cost = _PER_M_ASIDE * aside + _PER_RAD * abs(turn_rad) + _HIGHER_COSTS * (origins[:, 2] - lowest)
    return [Place(origins[i], turn_rad, float(cost[i])) for i in np.flatnonzero(held)]


def _rest_heights(top: Float64Array, corner: Float64Array, own: Float64Array, level: Float64Array) -> Float64Array:
    """The lowest height of a thing's origin at each of some level places (N, 2), for it to be in nothing."""
    under = height_map(own * (1.0, 1.0, -1.0), own[:, :2].min(axis=0), own[:, :2].max(axis=0) + CELL_M, -np.inf)
    a, b = np.nonzero(np.isfinite(under.heights_m))
    offsets = under.corner_m + (np.stack([a, b], axis=1) + 0.5) * CELL_M
    cells = np.floor((level[:, np.newaxis] + offsets - corner) / CELL_M).astype(int)
    cells = np.clip(cells, 0, np.array(top.shape) - 1)
    below: Float64Array = top[cells[..., 0], cells[..., 1]] + under.heights_m[a, b]
    return np.asarray(below.max(axis=1))


def _about_z(points: Float64Array, angle_rad: float) -> Float64Array:
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.asarray(points @ np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]]))
