"""Which grasp goes with which place: what the arm reaches at both ends, and where the hand has room to let go."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from harness.policies.expert.libero.arm import arm_limits_m, azimuths_rad, lean, wrist_turns, yaws
from harness.policies.expert.libero.geometry import (
    CELL_M,
    HeightMap,
    height_map,
    highest,
    points_of,
    rectangle,
    tops_of_others,
    widened,
)
from harness.policies.expert.libero.grasps import (
    FINGER_THICK_M,
    FINGER_WIDE_M,
    HAND_HALF_M,
    PALM_ABOVE_M,
    TIP_BELOW_M,
    Grasp,
    grasps,
)
from harness.policies.expert.libero.placing import Place, places, turns_into
from harness.policies.expert.libero.scene import Scene
from harness.privileged import Goal
from harness.types import Float64Array

# How many of the best grasps and places are combined.
_GRASPS, _PLACES = 12, 40
# What a drop of a metre and a turn of a radian cost, against the costs of grasps and places; what it costs on top of that
# where a thing falls farther than it can without tipping over.
_DROP_COSTS, _TURN_COSTS = 1.0, 0.02
_FALL_COSTS, _SAFE_DROP_M = 3.0, 0.04
# How far the fingers are from what they let go; between their tips and what is below; how far around the places one looks.
_OPENING_M, _TIP_CLEAR_M, _AROUND_M = 0.012, 0.003, 0.2


@dataclass(frozen=True)
class Plan:
    """How a thing gets to its place.

    Attributes:
        grasp: Where it is grasped.
        yaw_rad: Of the gripper there, from how it stands at first.
        lean_rad: Of the gripper there; see `harness.policies.expert.libero.arm.Lean`.
        place: Where its origin goes.
        drop_m: How far above its place it is let go, for the gripper to have room.
        end_lean_rad: Of the gripper at the place.
        fall_rad: The level direction in which it is let go leaning, to fall over; None: upright.
    """

    grasp: Grasp
    yaw_rad: float
    lean_rad: float
    place: Place
    drop_m: float
    end_lean_rad: float
    fall_rad: float | None = None


def plan(scene: Scene, goal: Goal) -> list[Plan]:
    """Pairs of a grasp and a place, one for each grasp, the best first."""
    thing = scene.world.things[goal.arguments[0]]
    ends = places(scene, goal, turns_into(scene, goal))[:_PLACES]
    if not ends:
        return []
    around = np.array([place.origin_m[:2] for place in ends])
    own = points_of(thing)[:, :2] - thing.world_t_thing[:2, 3]
    margin = float(np.linalg.norm(own, axis=1).max()) + _AROUND_M
    low, high = around.min(axis=0) - margin, around.max(axis=0) + margin
    top = height_map(tops_of_others(scene.world, (thing.name,)), low, high, -np.inf)
    found = [_best(scene, thing.world_t_thing[:3, 3], grasp, ends, top) for grasp in grasps(scene, thing.name)[:_GRASPS]]
    pairs = [pair for pair in found if pair is not None]
    return [each for _, each in sorted(pairs, key=lambda pair: pair[0])]


def _best(scene: Scene, origin: Float64Array, grasp: Grasp, ends: list[Place], top: HeightMap) -> tuple[float, Plan] | None:
    """The best place for a grasp, and what the two cost; None where the wrist does not turn so far."""
    start = float(lean(scene, grasp.position_m[np.newaxis]).angle_rad[0])
    azimuth = float(azimuths_rad(scene, grasp.position_m[np.newaxis])[0])
    starts = [yaw for yaw in yaws(grasp.closing_rad) if wrist_turns(azimuth, yaw)]
    best: tuple[float, Plan] | None = None
    for turn_rad in sorted({place.turn_rad for place in ends}):
        turned = [place for place in ends if place.turn_rad == turn_rad]
        grips = np.array([place.origin_m for place in turned]) + _about_z(grasp.position_m - origin, turn_rad)
        closing = grasp.closing_rad + turn_rad
        lowest = lowest_grip_m(top, grips[:, :2], closing, grasp.width_m / 2 + _OPENING_M)
        drops = np.maximum(0.0, np.maximum(lowest, arm_limits_m(scene, top, grips[:, :2])) - grips[:, 2])
        falls = (_DROP_COSTS * drops + _FALL_COSTS * np.maximum(0.0, drops - _SAFE_DROP_M)).tolist()
        leans, azimuths = lean(scene, grips, start), azimuths_rad(scene, grips).tolist()
        for i, yaw in itertools.product(range(len(turned)), starts):
            if not wrist_turns(azimuths[i], yaw + turn_rad):
                continue
            twist = abs(yaw + turn_rad - azimuths[i])
            cost = grasp.cost + turned[i].cost + _TURN_COSTS * twist + falls[i] + float(leans.cost[i])
            if best is None or cost < best[0]:
                best = cost, Plan(grasp, yaw, start, turned[i], float(drops[i]), float(leans.angle_rad[i]))
    return best


def lowest_grip_m(top: HeightMap, places_m: Float64Array, closing_rad: float, half_gap_m: float) -> Float64Array:
    """How low a gripper may go for neither its fingers, so far apart, nor its palm to be in anything.

    Args:
        top: What is there.
        places_m: Level places (N, 2).
        closing_rad: The direction in which it closes.
        half_gap_m: From the middle to either finger.

    Returns:
        Heights of the gripper, (N,).
    """
    across = (-FINGER_WIDE_M / 2, FINGER_WIDE_M / 2)
    out = half_gap_m + FINGER_THICK_M
    fingers = [rectangle(along, across, CELL_M, closing_rad) for along in ((half_gap_m, out), (-out, -half_gap_m))]
    along_half, across_half = HAND_HALF_M[0] - CELL_M, HAND_HALF_M[1] - CELL_M
    palm = rectangle((-along_half, along_half), (-across_half, across_half), 3 * CELL_M, closing_rad)
    tips = highest(top, places_m, np.concatenate(fingers)) + TIP_BELOW_M + _TIP_CLEAR_M
    return np.maximum(tips, highest(widened(top), places_m, palm) - PALM_ABOVE_M)


def _about_z(vector: Float64Array, angle_rad: float) -> Float64Array:
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([cosine * vector[0] - sine * vector[1], sine * vector[0] + cosine * vector[1], vector[2]])
