"""Where a thing can be grasped from above, found from the shapes that can touch.

For each direction in which the fingers may close, the scene is looked at as a map of heights. The fingers can go down where
the map is lower than their tips, and the palm as far as it is lower than the palm; what they close on is the part of the
thing that reaches up between them. So rims, handles and narrow sides are found without knowing what the thing is.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter

from harness.policies.expert.libero.arm import ARM_REACH_M, arm_limits_m, lean
from harness.policies.expert.libero.geometry import CELL_M, ground_m, height_map, points_of, tops_of_others
from harness.policies.expert.libero.scene import Scene
from harness.types import Float64Array

# The Panda gripper of robosuite 1.4.0 (panda_gripper.xml), about its controlled point: half of the largest gap between the
# pads; how thick a finger is and how wide, with a margin; how far the tips reach below it and the palm stays above it;
# half sizes of the hand along and across the closing direction.
HALF_GAP_M = 0.040
FINGER_THICK_M, FINGER_WIDE_M = 0.022, 0.024
TIP_BELOW_M, PALM_ABOVE_M = 0.012, 0.028
HAND_HALF_M = (0.103, 0.034)
PAD_HALF_WIDE_M = 0.008

_TIP_CLEARANCE_M = 0.003
_DEEPEST_M = 0.024  # how far below the top of what they close on the pads' middle goes
_LEAST_OVERLAP_M = 0.009
_WIDEST_M = 0.074
_MARGIN_M = 0.09  # how far around the thing the map reaches
_DIRECTIONS = 16
_ROOM_STEP_M = 0.012  # how far apart the places are at which the arm's room is looked at
_LOOKED_AT = 400  # how many of the best places are looked at at most
_KEPT, _APART_M = 8, 0.012  # how many grasps are kept for each direction, and how far apart they are

# What makes a grasp worse, in m: across the closing direction, along it, a turn of the wrist, a thing that is not in the
# middle between the fingers, and pads that are not covered.
_ACROSS, _ALONG, _PER_RAD, _OFF_MIDDLE, _UNCOVERED = 3.0, 1.0, 0.015, 1.5, 5.0
_GOOD_OVERLAP_M = 0.022
# What is thinner is hardly a wall but an edge that reaches between the pads, and what that costs.
_THIN_M, _EDGE = 0.003, 0.08
# What a metre costs that a part is wider than in another direction, and how near two grasps of the same part are.
_OBLIQUE, _SAME_PART_M = 3.0, 0.012


@dataclass(frozen=True)
class Grasp:
    """A grasp from above.

    Attributes:
        position_m: Of the gripper's frame, (3,), world.
        closing_rad: The level direction along which the fingers close, from the world's x axis, 0 to pi: from there the
            gripper turns a quarter at most from how it stands at first.
        width_m: Of what is between the fingers.
        cost: The lower the better.
    """

    position_m: Float64Array
    closing_rad: float
    width_m: float
    cost: float


def grasps(scene: Scene, thing: str, ignoring: tuple[str, ...] = ()) -> list[Grasp]:
    """Grasps of a thing, the best first; none that is close to a better one.

    Args:
        scene: What is seen now.
        thing: What to grasp.
        ignoring: Things that are no obstacles.
    """
    own = points_of(scene.world.things[thing])
    others = tops_of_others(scene.world, (thing, *ignoring))
    middle = (own.min(axis=0) + own.max(axis=0)) / 2
    reach = np.linalg.norm(own[:, :2] - middle[:2], axis=1).max() + _MARGIN_M
    others = others[np.linalg.norm(others[:, :2] - middle[:2], axis=1) < reach + ARM_REACH_M]
    ground = ground_m(scene.world, middle[:2])
    room = _Room.around(scene, others, middle[:2], reach, ground)
    others = others[np.abs(others[:, :2] - middle[:2]).max(axis=1) < 1.5 * reach]
    found = []
    for closing_rad in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
        found += _along(own, others, middle, ground, room, float(closing_rad))
    return _apart(sorted(_reached(scene, _straight(found)), key=lambda grasp: grasp.cost))


@dataclass(frozen=True)
class _Room:
    """How low the gripper may go for the arm above it to be in nothing.

    Attributes:
        corner_m: Of the level grid, (2,).
        limits_m: (A, A), at points of the grid.
    """

    corner_m: Float64Array
    limits_m: Float64Array

    @classmethod
    def around(cls, scene: Scene, others: Float64Array, middle: Float64Array, reach: float, ground: float) -> _Room:
        """The room at all places nearer than `reach` to a level place (2,)."""
        top = height_map(others, middle - reach - ARM_REACH_M, middle + reach + ARM_REACH_M, ground)
        steps = np.arange(0.0, 2 * reach, _ROOM_STEP_M)
        grid = middle - reach + np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
        return cls(middle - reach, arm_limits_m(scene, top, grid).reshape(len(steps), len(steps)))

    def at(self, level_m: Float64Array) -> Float64Array:
        """At the points of the grid nearest to level places (..., 2)."""
        side = len(self.limits_m)
        steps = np.clip(np.rint((level_m - self.corner_m) / _ROOM_STEP_M).astype(int), 0, side - 1)
        return np.asarray(self.limits_m[steps[..., 0], steps[..., 1]])


def _reached(scene: Scene, found: list[Grasp]) -> list[Grasp]:
    """The same grasps, those made worse for which the gripper has to lean."""
    if not found:
        return []
    costs = lean(scene, np.array([grasp.position_m for grasp in found])).cost
    return [dataclasses.replace(grasp, cost=grasp.cost + float(cost)) for grasp, cost in zip(found, costs, strict=True)]


def _straight(found: list[Grasp]) -> list[Grasp]:
    """The same grasps, those that are oblique made worse: the same part is narrower in another direction."""
    if not found:
        return []
    at = np.array([grasp.position_m for grasp in found])
    width = np.array([grasp.width_m for grasp in found])
    near = np.linalg.norm(at[:, np.newaxis] - at, axis=2) < _SAME_PART_M
    narrowest = np.where(near, width, np.inf).min(axis=1)
    return [
        dataclasses.replace(grasp, cost=grasp.cost + _OBLIQUE * float(excess))
        for grasp, excess in zip(found, width - narrowest, strict=True)
    ]


def _along(
    own: Float64Array, others: Float64Array, middle: Float64Array, ground: float, room: _Room, closing_rad: float
) -> list[Grasp]:
    along = np.array([np.cos(closing_rad), np.sin(closing_rad)])
    axes = np.stack([along, [-along[1], along[0]]])
    mine, theirs = (np.column_stack([(p[:, :2] - middle[:2]) @ axes.T, p[:, 2]]) for p in (own, others))
    low, high = mine[:, :2].min(axis=0) - _MARGIN_M, mine[:, :2].max(axis=0) + _MARGIN_M
    thing, rest = height_map(mine, low, high, ground), height_map(theirs, low, high, ground)
    u, v = np.meshgrid(*thing.centres_m, indexing="ij")
    arm = room.at(middle[:2] + np.stack([u, v], axis=-1) @ axes)
    z_m, overlap = _depths(thing.heights_m, rest.heights_m, arm, ground)
    turn = abs(closing_rad - np.pi / 2)
    cost = _ACROSS * np.abs(v) + _ALONG * np.abs(u) + _PER_RAD * turn + _UNCOVERED * np.maximum(0, _GOOD_OVERLAP_M - overlap)
    cost[overlap < _LEAST_OVERLAP_M] = np.inf
    best = np.argsort(cost, axis=None)[:_LOOKED_AT]
    found: list[Grasp] = []
    columns = np.ascontiguousarray(mine[mine[:, 2] > z_m.min() - TIP_BELOW_M].T)
    for index in best[np.isfinite(cost.flat[best])]:
        place = np.array([u.flat[index], v.flat[index], z_m.flat[index]])
        position = np.array([*(middle[:2] + place[:2] @ axes), place[2]])
        if any(np.linalg.norm(position - other.position_m) < _APART_M for other in found):
            continue
        closed = _between(columns, place)
        if closed is not None:
            width, off = closed
            position[:2] += off * along
            edge = _EDGE if width < _THIN_M else 0.0
            found.append(Grasp(position, closing_rad, width, float(cost.flat[index]) + _OFF_MIDDLE * abs(off) + edge))
        if len(found) == _KEPT:
            break
    return found


def _depths(thing: Float64Array, rest: Float64Array, arm: Float64Array, ground: float) -> tuple[Float64Array, Float64Array]:
    """How low the gripper may go over each cell, and how far what is between the fingers then reaches above the tips."""
    everything = np.maximum(thing, rest)
    finger = maximum_filter(everything, size=(_cells(FINGER_THICK_M), _cells(FINGER_WIDE_M)), mode="nearest")
    aside = round((HALF_GAP_M + FINGER_THICK_M / 2) / CELL_M)
    fingers = np.maximum(np.roll(finger, aside, axis=0), np.roll(finger, -aside, axis=0))
    palm = maximum_filter(everything, size=(_cells(2 * HAND_HALF_M[0]), _cells(2 * HAND_HALF_M[1])), mode="nearest")
    inside = (_cells(2 * HALF_GAP_M - CELL_M), _cells(2 * PAD_HALF_WIDE_M))
    top, obstacle = (maximum_filter(part, size=inside, mode="nearest") for part in (thing, rest))
    lowest = np.maximum(np.maximum(fingers, obstacle) + TIP_BELOW_M + _TIP_CLEARANCE_M, palm - PALM_ABOVE_M)
    z_m = np.maximum(np.maximum(lowest, arm), top - _DEEPEST_M)
    overlap = np.where(top > ground, top - (z_m - TIP_BELOW_M), -np.inf)
    return z_m, overlap


def _between(columns: Float64Array, place: Float64Array) -> tuple[float, float] | None:
    """Width of what the pads close on and how far its middle lies from theirs; None where it does not fit."""
    u, v, z = columns - place[:, np.newaxis]
    closed = u[(np.abs(v) < PAD_HALF_WIDE_M) & (np.abs(u) < HALF_GAP_M) & (z > -TIP_BELOW_M) & (z < PAD_HALF_WIDE_M + 0.003)]
    if closed.size == 0 or np.ptp(closed) > _WIDEST_M:
        return None
    return float(np.ptp(closed)), float((closed.min() + closed.max()) / 2)


def _apart(found: list[Grasp]) -> list[Grasp]:
    kept: list[Grasp] = []
    for grasp in found:
        if all(
            np.linalg.norm(grasp.position_m - other.position_m) > 0.015
            or abs(np.sin(grasp.closing_rad - other.closing_rad)) > 0.5
            for other in kept
        ):
            kept.append(grasp)
        if len(kept) == 24:
            break
    return kept


def _cells(length_m: float) -> int:
    """The odd number of cells that cover a length."""
    return 2 * int(np.ceil(length_m / CELL_M / 2 - 0.5)) + 1
