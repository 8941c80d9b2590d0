"""Where a thing can be slid over what it stands on: straight ways to a goal's places on which nothing is hit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from harness.policies.expert.libero.geometry import CELL_M, ground_m, height_map, points_of, points_of_others
from harness.policies.expert.libero.goals import may_hold, middle_m, reach_m
from harness.policies.expert.libero.scene import Scene
from harness.privileged import Goal
from harness.types import Float64Array

# What is no higher or lower than this against what a thing stands on does not keep it from sliding.
_LEVEL_M = 0.004
# How far from all else a thing is slid along, if it is not nearer at first; where there is no such way, how far it may run
# into other things, which are shoved along. How far apart places on a way are looked at.
_ASIDE_M, _SHOVED_M, _SAMPLE_M = 0.003, 0.02, 0.01
# Places where a way may end: how many along each side of the goal's region, how far inside it; what a metre from its middle
# costs. Places where a way may turn: how far around start and ends, and how far apart.
_ENDS, _INSIDE_M, _PER_M_ASIDE = 9, 0.008, 0.5
_AROUND_M, _TURNS_APART_M = 0.16, 0.02
# What a turn costs, in m of way: the hand must come anew. Shorter pushes than this are none.
_PER_TURN_M, _SHORTEST_M = 0.25, 0.02
# How high the ground is is asked at places so far apart.
_GROUND_APART_M = 0.04


@dataclass(frozen=True)
class Way:
    """Straight lines along which a thing can be slid.

    Attributes:
        corners_m: Where its middle goes, from where it is, (2 or 3, 2), world.
        cost: The lower the better, in m of way.
    """

    corners_m: Float64Array
    cost: float


@dataclass(frozen=True)
class _Room:
    """How far around each cell of a level grid nothing is in a sliding thing's way.

    Attributes:
        corner_m: The lower corner of cell (0, 0), (2,), world.
        room_m: (A, B).
    """

    corner_m: Float64Array
    room_m: Float64Array

    def at(self, places_m: Float64Array) -> Float64Array:
        """Room (...) around places (..., 2)."""
        cells = np.floor((places_m - self.corner_m) / CELL_M).astype(int)
        cells = np.clip(cells, 0, np.array(self.room_m.shape) - 1)
        return np.asarray(self.room_m[cells[..., 0], cells[..., 1]])

    def least(self, starts_m: Float64Array, ends_m: Float64Array) -> Float64Array:
        """The least room on straight lines, (...), from starts (..., 2) to ends (..., 2)."""
        longest = float(np.linalg.norm(ends_m - starts_m, axis=-1).max(initial=0.0))
        shares = np.linspace(0.0, 1.0, int(np.ceil(longest / _SAMPLE_M)) + 2)[:, np.newaxis]
        starts_m, ends_m = starts_m[..., np.newaxis, :], ends_m[..., np.newaxis, :]
        return np.asarray(self.at(starts_m + shares * (ends_m - starts_m)).min(axis=-1))


def level_middle_m(points: Float64Array) -> Float64Array:
    """The middle (2,) of the level box around points (N, 3)."""
    return np.asarray((points[:, :2].min(axis=0) + points[:, :2].max(axis=0)) / 2)


def ways(scene: Scene, goal: Goal) -> list[Way]:
    """Ways on which a thing can be slid to where a goal holds, the best first, one for each first line; often empty.

    A thing may turn while it slides, so it takes the room of a disc.

    Args:
        scene: What is seen now.
        goal: ``in`` or ``on``.
    """
    own = points_of(scene.world.things[goal.arguments[0]])
    start = level_middle_m(own)
    ends, costs = _ends(scene, goal, start)
    if not len(ends):
        return []
    low, high = np.minimum(start, ends.min(axis=0)) - _AROUND_M, np.maximum(start, ends.max(axis=0)) + _AROUND_M
    radius = float(np.linalg.norm(own[:, :2] - start, axis=1).max())
    room = _room(scene, goal.arguments[0], low - radius, high + radius, float(own[:, 2].min()))
    steps = [np.arange(first, last, _TURNS_APART_M) for first, last in zip(low, high, strict=True)]
    turns = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 2)
    for needed in (radius + _ASIDE_M, radius - _SHOVED_M):
        found = _straight(room, start, ends, costs, needed) + _around(room, start, turns, ends, costs, needed)
        if found:
            break
    return sorted(found, key=lambda way: way.cost)


def _leaving(room: _Room, start: Float64Array, places: Float64Array, needed: float) -> Float64Array:
    """Which places (N, 2) a thing can be slid to from where it is, which may have less room than is needed."""
    leaving = min(needed, float(room.at(start)) - CELL_M)
    far = np.linalg.norm(places - start, axis=1) > _SHORTEST_M
    return np.asarray(
        far & (room.at(places) >= needed) & (room.least(np.broadcast_to(start, places.shape), places) >= leaving)
    )


def _straight(room: _Room, start: Float64Array, ends: Float64Array, costs: Float64Array, needed: float) -> list[Way]:
    """Ways of one line."""
    whole = costs + np.linalg.norm(ends - start, axis=1)
    free = _leaving(room, start, ends, needed)
    return [Way(np.array([start, end]), float(cost)) for end, cost in zip(ends[free], whole[free], strict=True)]


def _around(
    room: _Room, start: Float64Array, turns: Float64Array, ends: Float64Array, costs: Float64Array, needed: float
) -> list[Way]:
    """Ways of two lines, the best of each turn."""
    turns = turns[_leaving(room, start, turns, needed)]
    second = np.linalg.norm(ends - turns[:, np.newaxis], axis=-1)
    free = room.least(*np.broadcast_arrays(turns[:, np.newaxis], ends)) >= needed
    whole = np.where(free & (second > _SHORTEST_M), costs + second, np.inf)
    whole += np.linalg.norm(turns - start, axis=1)[:, np.newaxis] + _PER_TURN_M
    best = whole.argmin(axis=1)
    return [
        Way(np.array([start, turn, ends[i]]), float(each[i]))
        for turn, i, each in zip(turns, best, whole, strict=True)
        if np.isfinite(each[i])
    ]


def _ends(scene: Scene, goal: Goal, start: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Where the thing's middle may end, (N, 2), on the height on which it stands, and what each costs, (N,)."""
    origin = scene.pose(goal.arguments[0])[:3, 3]
    grid = [np.linspace(-half, half, _ENDS) for half in reach_m(scene, goal)[:2]]
    aside = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, 2)
    places = middle_m(scene, goal)[:2] + aside
    origins = np.column_stack([places, np.full(len(places), origin[2])])
    held = may_hold(scene, goal, origins, _INSIDE_M)
    return places[held] + start - origin[:2], _PER_M_ASIDE * np.linalg.norm(aside[held], axis=1)


def _room(scene: Scene, thing: str, low: Float64Array, high: Float64Array, support_m: float) -> _Room:
    """The room on the height on which a thing stands."""
    steps = [np.arange(first, last + _GROUND_APART_M, _GROUND_APART_M) for first, last in zip(low, high, strict=True)]
    ground = np.array([[ground_m(scene.world, np.array([x, y])) for y in steps[1]] for x in steps[0]])
    shape = np.ceil((high - low) / CELL_M).astype(int)
    nearest = [np.round(np.arange(count) * CELL_M / _GROUND_APART_M).astype(int) for count in shape]
    tops = height_map(points_of_others(scene.world, (thing,)), low, high, ground[np.ix_(*nearest)])
    free = np.abs(tops.heights_m - support_m) < _LEVEL_M
    room = distance_transform_edt(free) * CELL_M if not free.all() else np.full(free.shape, np.inf)
    return _Room(low, np.asarray(room))
