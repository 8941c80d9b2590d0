"""Where a thing can be grasped from any side, found from the boxes that it is made of.

Each box that is thin enough offers two of its faces to the fingers; the hand may come from any direction along them that
does not look up. What then keeps clear of everything, the thing's other boxes included, is a grasp.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.policies.expert.libero.hand import Boxes, boxes, looking
from harness.policies.expert.libero.scene import Scene
from harness.policies.expert.libero.solids import corners_of, gaps_m, hand_solid, solid_of
from harness.types import Float64Array

# The widest that is grasped; how deep the pads' middle goes into what they close on, and how far it stays from its ends.
_WIDEST_M, _DEEP_M, _END_M = 0.070, 0.016, 0.008
# From how many directions around a box the hand comes, and the steepest way up that it may look, as a height.
_DIRECTIONS, _LOOKING_UP = 16, 0.1
# How near the open hand may come to anything, at the thing and on its way there.
_LEAST_M, APPROACH_M, _WAY = 0.002, 0.09, (0.25, 0.5, 1.0)
# What makes a grasp worse: far from the thing's middle (per m), and little room (per m, below so much).
_PER_M, _PER_ROOM_M, _ROOM_M = 1.0, 6.0, 0.008
# Grasps that are nearer than this and turned less than this (trace of the rotation between them, 0.3 rad) are one.
_APART_M, _APART_TRACE = 0.012, 2.9
_KEPT = 90


@dataclass(frozen=True)
class SideGrasp:
    """A grasp from any direction.

    Attributes:
        world_t_grip: Of the gripper's frame, (4, 4).
        width_m: Of what is between the fingers.
        cost: The lower the better.
    """

    world_t_grip: Float64Array
    width_m: float
    cost: float


def side_grasps(scene: Scene, thing: str) -> list[SideGrasp]:
    """Grasps of a thing that the open hand can come to along where it looks, the best first."""
    own = solid_of(scene.world.things[thing])
    corners = corners_of(own)
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    found = list(_candidates(own))
    poses = np.array([pose for pose, _ in found]).reshape(-1, 4, 4)
    everything, hand = boxes(scene.world, middle), hand_solid()
    room = gaps_m(hand, poses, everything)
    for share in _WAY:
        free = np.flatnonzero(room > _LEAST_M)
        back = poses[free]
        back[:, :3, 3] -= share * APPROACH_M * back[:, :3, 2]
        room[free] = np.minimum(room[free], gaps_m(hand, back, everything))
    cost = _PER_M * np.linalg.norm(poses[:, :3, 3] - middle, axis=1) + _PER_ROOM_M * np.maximum(0.0, _ROOM_M - room)
    order = [i for i in np.argsort(cost, kind="stable") if room[i] > _LEAST_M]
    return _apart([SideGrasp(poses[i], found[i][1], float(cost[i])) for i in order])


def _candidates(own: Boxes) -> Iterator[tuple[Float64Array, float]]:
    """Poses (4, 4) of the hand that straddle one of a thing's boxes, and the box's width there."""
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    for centre, axes, half in zip(own.centres_m, own.axes, own.half_sizes_m, strict=True):
        for i in map(int, np.flatnonzero(2 * half < _WIDEST_M)):
            j, k = (i + 1) % 3, (i + 2) % 3
            ends = np.maximum(0.0, half - _END_M)
            for angle in angles:
                ahead = np.cos(angle) * axes[:, j] + np.sin(angle) * axes[:, k]
                if ahead[2] > _LOOKING_UP:
                    continue
                for place in _places(centre, axes, half, ends, (j, k), ahead):
                    pose = np.eye(4)
                    pose[:3, :3], pose[:3, 3] = looking(ahead, axes[:, i]), place
                    yield pose, float(2 * half[i])


def _places(
    centre: Float64Array,
    axes: Float64Array,
    half: Float64Array,
    ends: Float64Array,
    plane: tuple[int, int],
    ahead: Float64Array,
) -> Iterator[Float64Array]:
    """Places (3,) in a box, not deeper than the fingers reach from where a hand comes that looks along a direction."""
    shares = [(0.0,) if ends[axis] < _END_M else (-1.0, 0.0, 1.0) for axis in plane]
    for one, other in itertools.product(*shares):
        place = centre + one * ends[plane[0]] * axes[:, plane[0]] + other * ends[plane[1]] * axes[:, plane[1]]
        depth = min(
            (half[axis] + (place - centre) @ axes[:, axis] * np.sign(ahead @ axes[:, axis]))
            / max(abs(ahead @ axes[:, axis]), 1e-6)
            for axis in plane
        )
        if depth < _DEEP_M + _END_M or (one, other) == (0.0, 0.0):
            yield place - max(0.0, depth - _DEEP_M) * ahead


def _apart(found: list[SideGrasp]) -> list[SideGrasp]:
    """The grasps that differ from all better ones."""
    kept: list[SideGrasp] = []
    for grasp in found:
        at, turn = grasp.world_t_grip[:3, 3], grasp.world_t_grip[:3, :3]
        if all(
            np.linalg.norm(at - other.world_t_grip[:3, 3]) > _APART_M
            or np.trace(turn.T @ other.world_t_grip[:3, :3]) < _APART_TRACE
            for other in kept
        ):
            kept.append(grasp)
        if len(kept) == _KEPT:
            break
    return kept
