"""Handles: what of a drawer or a door sticks out on the side to which it opens, and poses of the hand that grasp it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.policies.expert.libero.hand import boxes, hand_points, least_wrist, looking
from harness.policies.expert.libero.joints import moving_body
from harness.policies.expert.libero.scene import Scene
from harness.privileged import SceneJoint
from harness.types import Float64Array

# Shapes that stick out less than this short of the outermost belong to it.
_SAME_FACE_M = 0.004

# Poses that are tried: how far the hand looks down from looking straight at the thing, how far it is rolled about where it
# looks, and how far from the handle's middle it grasps, in shares of what is left of the handle's half length.
_TILTS_RAD = tuple(np.radians((0, 15, 30, 45, 60, 75, 90)).tolist())
_ROLLS_RAD = tuple(np.radians((0, 20, -20, 40, -40, 60, -60)).tolist())
_SHARES = (0.0, 0.4, -0.4, 0.8, -0.8)
_PAD_HALF_M = 0.010
_FARTHEST_M = 0.025
# A bar counts as upright when the cosine of its angle to the vertical is larger than this.
_UPRIGHT = 0.8
# How many of the poses with the most room at the handle are looked at closely.
_LOOKED_AT = 40

# From how far away the hand comes, and at how many places on its way it must be clear.
APPROACH_M = 0.09
_APPROACH_SHARES = (0.3, 0.6, 1.0)

# What a pose is worth: its clearance in m, up to this; less for how far the wrist is turned and the hand tilted (m/rad).
_ENOUGH_M = 0.010
_PER_WRIST_RAD, _PER_TURN_RAD = 0.0015, 0.001
_WRIST_LIMIT_RAD = 2.4
# Poses that come closer to things than this are not tried.
_LEAST_M = -0.003
# Poses differ when they are this far apart, or the trace of the rotation between them is smaller than this (0.64 rad).
_APART_M, _APART_TRACE = 0.008, 2.6


@dataclass(frozen=True)
class Handle:
    """A bar that can be grasped.

    Attributes:
        middle_m: (3,).
        along: Its direction, unit length, (3,).
        half_length_m: Half its length.
        half_out_m: Half its size in the opening direction.
        out: The direction in which it sticks out, unit length, (3,).
    """

    middle_m: Float64Array
    along: Float64Array
    half_length_m: float
    half_out_m: float
    out: Float64Array


@dataclass(frozen=True)
class HandlePose:
    """A pose of the hand that grasps a handle.

    Attributes:
        position_m: Of the gripper's frame, (3,), world.
        world_r_grip: (3, 3).
        clearance_m: How near the open hand comes to anything.
        worth: The higher the better, m.
    """

    position_m: Float64Array
    world_r_grip: Float64Array
    clearance_m: float
    worth: float


def find_handle(scene: Scene, joint: SceneJoint, out: Float64Array) -> Handle:
    """The outermost shape of what a joint moves, along a direction (3,)."""
    shapes, body = [], moving_body(scene, joint)
    for shape in body.shapes:
        pose = body.world_t_body @ shape.body_t_shape
        half = np.abs(pose[:3, :3] * shape.half_size_m)
        shapes.append((float(out @ pose[:3, 3] + np.abs(out) @ half.sum(axis=1)), pose, shape.half_size_m))
    outermost = max(reach for reach, _, _ in shapes)
    pose, half_size = max(
        ((pose, half) for reach, pose, half in shapes if reach > outermost - _SAME_FACE_M), key=lambda found: found[1].max()
    )
    longest = int(np.argmax(half_size))
    half_out = float(np.abs(pose[:3, :3].T @ out) @ half_size)
    return Handle(pose[:3, 3], pose[:3, longest], float(half_size[longest]), half_out, out)


def handle_poses(
    scene: Scene,
    joint: SceneJoint,
    handle: Handle,
    ways: Sequence[Float64Array] = (),
    tilts_rad: Sequence[float] = _TILTS_RAD,
) -> list[HandlePose]:
    """Poses of the open hand that straddle a handle, the best first.

    Args:
        scene: What is seen now.
        joint: The joint of what the handle is part of.
        handle: The handle.
        ways: Shifts (3,) that hand and handle will make together; all else must be clear of the hand after each.
        tilts_rad: How far the hand may look down: 0 is straight at the thing, pi / 2 straight down.
    """
    everything = boxes(scene.world, handle.middle_m)
    rest = boxes(scene.world, handle.middle_m, lambda thing, body: (thing, body) != (joint.thing, joint.body))
    points = hand_points()
    there = [(everything.clearance_m(points, *pose), pose) for pose in _candidates(handle, tilts_rad)]
    there.sort(key=lambda found: -found[0])
    found = []
    for clearance, (position, rotation) in there[:_LOOKED_AT]:
        backs = [position - share * APPROACH_M * rotation[:, 2] for share in _APPROACH_SHARES]
        clearances = [everything.clearance_m(points, back, rotation) for back in backs]
        clearances += [rest.clearance_m(points, position + way, rotation) for way in ways]
        clearance = min(clearance, *clearances)
        rotation, wrist = least_wrist(scene, rotation)
        worth = min(clearance, _ENOUGH_M) - _PER_WRIST_RAD * wrist - _PER_TURN_RAD * float(np.arccos(-rotation[2, 2]))
        if clearance > _LEAST_M and wrist < _WRIST_LIMIT_RAD:
            found.append(HandlePose(position, rotation, clearance, worth))
    return sorted(found, key=lambda pose: -pose.worth)


def apart(poses: Sequence[HandlePose]) -> list[HandlePose]:
    """Those poses that differ from all better ones."""
    kept: list[HandlePose] = []
    for pose in poses:
        if all(
            np.linalg.norm(pose.position_m - other.position_m) > _APART_M
            or np.trace(pose.world_r_grip.T @ other.world_r_grip) < _APART_TRACE
            for other in kept
        ):
            kept.append(pose)
    return kept


def _candidates(handle: Handle, tilts_rad: Sequence[float]) -> Iterator[tuple[Float64Array, Float64Array]]:
    down = np.array([0.0, 0.0, -1.0])
    upright = abs(handle.along[2]) > _UPRIGHT
    farthest = handle.half_length_m if upright else _FARTHEST_M
    free = min(max(0.0, handle.half_length_m - _PAD_HALF_M), farthest)
    for tilt, roll, share in itertools.product(tilts_rad, _ROLLS_RAD, _SHARES):
        ahead = -np.cos(tilt) * handle.out + np.sin(tilt) * down
        across = np.cross(handle.along, handle.out if upright else ahead)
        closing = np.cos(roll) * across + np.sin(roll) * np.cross(ahead, across)
        yield handle.middle_m + share * free * handle.along, looking(ahead, closing)
