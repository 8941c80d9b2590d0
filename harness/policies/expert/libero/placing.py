"""Where to put a thing down so that a goal holds: places in a region, and how low the thing comes to lie there."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.policies.expert.libero.geometry import (
    CELL_M,
    HeightMap,
    ground_m,
    height_map,
    points_of,
    raised,
    tops_of_others,
    widened,
)
from harness.policies.expert.libero.goals import may_hold, middle_m, reach_m
from harness.policies.expert.libero.scene import Scene
from harness.privileged import Goal
from harness.types import Float64Array

# How many places are looked at from the middle of a region to its side, and how near; how far inside the origin should be,
# the widest first.
_PLACES, _STEP_M = (6, 10), 0.006
_MARGINS_M = (0.012, 0.005, 0.001)
# What makes a place worse, in m: far from the middle, and a turned thing.
_PER_M_ASIDE, _PER_RAD = 1.0, 0.03
# Of lying higher than at the lowest place of the region: there the thing stands on an edge or a neighbour.
_HIGHER_COSTS = 3.0
# How a thing may be turned; in how many directions its width is looked at, and how much narrower than long a long one is.
_QUARTERS_RAD = (0.0, np.pi / 2, -np.pi / 2, np.pi)
_AXES, _LONG = 32, 0.8
# How many of the best places are looked at again for whether they are tight, and what a metre higher beside them costs.
_LOOKED_AT, _TIGHT_COSTS, _MOST_RISE_M = 150, 3.0, 0.02


@dataclass(frozen=True)
class Place:
    """A place for a thing.

    Attributes:
        origin_m: Of the thing when it rests there, (3,), world.
        turn_rad: About the vertical, from how it stands now.
        cost: The lower the better.
        tight: Whether it would not go so low everywhere within a cell's side of there.
    """

    origin_m: Float64Array
    turn_rad: float
    cost: float
    tight: bool = False


def places(scene: Scene, goal: Goal, turns_rad: Sequence[float] = (0.0,)) -> list[Place]:
    """Places for the thing of a goal, the best first; empty where there is none that can be reached from above.

    Args:
        scene: What is seen now.
        goal: ``in`` or ``on``.
        turns_rad: How the thing may be turned, from how it stands now.
    """
    thing = scene.world.things[goal.arguments[0]]
    others = tops_of_others(scene.world, (thing.name,))
    middle, reach = middle_m(scene, goal)[:2], reach_m(scene, goal)[:2]
    own = points_of(thing) - thing.world_t_thing[:3, 3]
    around = reach + np.linalg.norm(own[:, :2], axis=1).max() + 2 * CELL_M
    top = height_map(others, middle - around, middle + around, ground_m(scene.world, middle))
    level = middle + level_grid(reach)
    rest_m = [rest_heights(top, _about_z(own, turn_rad), level) for turn_rad in turns_rad]
    origins = np.column_stack([np.tile(level, (len(rest_m), 1)), np.concatenate(rest_m)])
    found = sorted(_costed(scene, goal, origins, np.repeat(turns_rad, len(level))), key=lambda place: place.cost)
    return sorted(_loosened(found[:_LOOKED_AT], widened(top), own), key=lambda place: place.cost)


def _loosened(found: list[Place], top: HeightMap, own: Float64Array) -> list[Place]:
    """The same places, those made worse that are tight, by a map of what is highest around each cell."""
    made: list[Place] = []
    for turn_rad in sorted({place.turn_rad for place in found}):
        turned = [place for place in found if place.turn_rad == turn_rad]
        level = np.array([place.origin_m[:2] for place in turned])
        rest_m = rest_heights(top, _about_z(own, turn_rad), level)
        for place, height in zip(turned, rest_m, strict=True):
            rise = float(height - place.origin_m[2])
            cost = place.cost + _TIGHT_COSTS * min(rise, _MOST_RISE_M)
            made.append(dataclasses.replace(place, cost=cost, tight=rise > _MOST_RISE_M))
    return made


def turns_into(scene: Scene, goal: Goal) -> tuple[float, ...]:
    """How a thing may be turned for a goal: by quarters, and for a long thing to where it is along a side of the region."""
    thing, region = scene.world.things[goal.arguments[0]], scene.world.regions.get(goal.arguments[1])
    own = points_of(thing)[:, :2]
    axis = np.linspace(0.0, np.pi, _AXES, endpoint=False)
    widths = np.ptp(own @ np.stack([np.cos(axis), np.sin(axis)]), axis=0)
    if region is None or widths.min() > _LONG * widths[np.argmin(widths) - _AXES // 2]:
        return _QUARTERS_RAD
    side = region.world_t_region[:2, 0] if np.linalg.norm(region.world_t_region[:2, 0]) > 0.5 else np.array([1.0, 0.0])
    along = float(np.arctan2(side[1], side[0]) - axis[np.argmin(widths)])
    sides = [(along + quarter + np.pi) % (2 * np.pi) - np.pi for quarter in _QUARTERS_RAD]
    return tuple(sorted({*_QUARTERS_RAD, *sides}))


def _costed(scene: Scene, goal: Goal, origins: Float64Array, turns_rad: Float64Array) -> list[Place]:
    """The origins at which the goal holds, as deep inside as there are any."""
    for margin_m in _MARGINS_M:
        held = may_hold(scene, goal, raised(origins, 0.001), margin_m)
        if held.any():
            break
    aside = np.linalg.norm(origins[:, :2] - middle_m(scene, goal)[:2], axis=1)
    lowest = origins[held, 2].min(initial=np.inf)
    cost = _PER_M_ASIDE * aside + _PER_RAD * np.abs(turns_rad) + _HIGHER_COSTS * (origins[:, 2] - lowest)
    return [Place(origins[i], float(turns_rad[i]), float(cost[i])) for i in np.flatnonzero(held)]


def level_grid(reach_m: Float64Array) -> Float64Array:
    """Level places (N, 2) about the middle of a region that reaches so far along both axes, (2,)."""
    counts = np.clip(np.ceil(reach_m / _STEP_M), *_PLACES).astype(int) * 2 + 1
    grid = [np.linspace(-half, half, count) for half, count in zip(reach_m, counts, strict=True)]
    return np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, 2)


def rest_heights(top: HeightMap, own: Float64Array, level: Float64Array) -> Float64Array:
    """The lowest height of a thing's origin at each of some level places, for it to be in nothing.

    Args:
        top: What is there.
        own: Points (M, 3) of the thing about its origin.
        level: (N, 2).

    Returns:
        (N,).
    """
    under = height_map(own * (1.0, 1.0, -1.0), own[:, :2].min(axis=0), own[:, :2].max(axis=0) + CELL_M, -np.inf)
    a, b = np.nonzero(np.isfinite(under.heights_m))
    offsets = under.corner_m + (np.stack([a, b], axis=1) + 0.5) * CELL_M
    cells = []
    for i, count in enumerate(top.heights_m.shape):
        cell = np.floor((offsets[:, np.newaxis, i] + (level[:, i] - top.corner_m[i])) / CELL_M)
        cells.append(np.clip(cell.astype(np.intp), 0, count - 1))
    below = top.heights_m[tuple(cells)] + under.heights_m[a, b, np.newaxis]
    return np.asarray(below.max(axis=0))


def _about_z(points: Float64Array, angle_rad: float) -> Float64Array:
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.asarray(points @ np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]]))
