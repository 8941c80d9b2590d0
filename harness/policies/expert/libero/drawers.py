"""Drawers: pulled open by their handle, pushed closed with closed fingers."""

from __future__ import annotations

import itertools

import numpy as np

from harness.policies.expert.libero.hand import boxes, hand_points, least_wrist, looking, travel
from harness.policies.expert.libero.handles import APPROACH_M, Handle, apart, find_handle, handle_poses
from harness.policies.expert.libero.joints import done, draw_back, let_go, slide_to
from harness.policies.expert.libero.motion import close
from harness.policies.expert.libero.scene import CLOSE, OPEN, Command, Scene, Skill, SkillError
from harness.privileged import SceneJoint
from harness.types import Float64Array

# How far beyond where a predicate begins to hold a drawer is moved, at most to its stop.
_MARGIN_M = 0.006
# How far ahead of the hand its goal is put while it pulls or pushes; how long one try may take; what counts as stuck.
_LEAD_M = 0.03
_DRAG_STEPS, _STUCK_STEPS, _STUCK_M = 50, 8, 0.0008

# A push begins so far before the front; how long its way there may take; tilts of the hand; how far from the handle's middle
# it touches, in shares of its half length, and what each share costs; how much room is enough.
_BEFORE_M, _TOUCH_STEPS = 0.04, 20
_PUSH_TILTS_RAD = tuple(np.radians((45, 30, 60, 15, 0)).tolist())
_PUSH_SHARES = (0.0, 0.5, -0.5)
_PER_SHARE_M, _ENOUGH_M = 0.003, 0.012
_FINGERTIPS_M = 0.012  # which points of the hand belong to the fingers' tips

# How exactly the hand must be turned before it goes to the handle; how far it draws back at the end.
_TURNED_RAD, _BACK_M = 0.08, 0.07


def open_drawer(scene: Scene, name: str, tried: int) -> Skill:
    """One try to pull a drawer open.

    Args:
        scene: What was seen last.
        name: Of its joint.
        tried: How often it was tried before; each try takes another grasp.

    Raises:
        SkillError: The hand finds no room at the handle.
    """
    joint = scene.world.joints[name]
    out = _opening(joint)
    handle = find_handle(scene, joint, out)
    way = _left(joint, "open") * out
    poses = apart(handle_poses(scene, joint, handle, (way / 2, way)))
    if not poses:
        raise SkillError(f"the hand finds no room at the handle of {name}")
    pose = poses[tried % len(poses)]
    rotation = pose.world_r_grip
    scene = yield from travel(
        scene, pose.position_m - APPROACH_M * rotation[:, 2], rotation, OPEN, tolerance_rad=_TURNED_RAD
    )
    scene = yield from slide_to(scene, pose.position_m, rotation, OPEN)
    scene = yield from close(scene)
    scene = yield from _drag(scene, name, out, "open")
    scene = yield from let_go(scene)
    return (yield from draw_back(scene, -_BACK_M * scene.world_r_grip[:, 2], OPEN))


def close_drawer(scene: Scene, name: str, tried: int) -> Skill:
    """One try to push a drawer closed; the arguments are those of `open_drawer`."""
    joint = scene.world.joints[name]
    out = _opening(joint)
    position_m, rotation = _push_pose(scene, joint, find_handle(scene, joint, out), tried)
    scene = yield from travel(scene, position_m + _BEFORE_M * out, rotation, CLOSE, half_gap_m=0.0)
    scene = yield from _touch(scene, name, -out)
    scene = yield from _drag(scene, name, -out, "close")
    return (yield from draw_back(scene, _BACK_M * out, CLOSE))


def _opening(joint: SceneJoint) -> Float64Array:
    """The direction (3,) in which a drawer opens."""
    return np.asarray(np.sign(sum(joint.holds["open"]) - sum(joint.holds["close"])) * joint.axis)


def _left(joint: SceneJoint, predicate: str) -> float:
    """How far a joint is from where a predicate begins to hold, and a margin."""
    return min(abs(end - joint.position) for end in joint.holds[predicate]) + _MARGIN_M


def _touch(scene: Scene, name: str, direction: Float64Array) -> Skill:
    """Moves closed fingers along a direction until the drawer gives way."""
    start_m, rotation, before = scene.grip_position_m, scene.world_r_grip, scene.world.joints[name].position
    for _ in range(_TOUCH_STEPS):
        along = float((scene.grip_position_m - start_m) @ direction)
        scene = yield Command(start_m + (along + _LEAD_M) * direction, CLOSE, rotation)
        if abs(scene.world.joints[name].position - before) > _STUCK_M:
            break
    return scene


def _drag(scene: Scene, name: str, direction: Float64Array, predicate: str) -> Skill:
    """Moves closed fingers along a direction until a predicate holds with a margin, or the drawer no longer follows."""
    start_m, rotation, stuck = scene.grip_position_m, scene.world_r_grip, 0
    for _ in range(_DRAG_STEPS):
        before = scene.world.joints[name]
        if done(before, predicate, _MARGIN_M) or stuck == _STUCK_STEPS:
            break
        along = float((scene.grip_position_m - start_m) @ direction)
        scene = yield Command(start_m + (along + _LEAD_M) * direction, CLOSE, rotation)
        stuck = stuck + 1 if abs(scene.world.joints[name].position - before.position) < _STUCK_M else 0
    return scene


def _push_pose(scene: Scene, joint: SceneJoint, handle: Handle, tried: int) -> tuple[Float64Array, Float64Array]:
    """Where closed fingers touch the handle's front, and how the hand is turned, (3,) and (3, 3); the most room first."""
    down, out = np.array([0.0, 0.0, -1.0]), handle.out
    way = -_left(joint, "close") * out
    rest = boxes(scene.world, handle.middle_m, lambda thing, body: (thing, body) != (joint.thing, joint.body))
    points = hand_points(0.0)
    found = []
    for tilt, upright, share in itertools.product(_PUSH_TILTS_RAD, (False, True), _PUSH_SHARES):
        ahead = -np.cos(tilt) * out + np.sin(tilt) * down
        rotation = looking(ahead, np.cross(ahead, handle.along) if upright else handle.along)
        tips = points[points[:, 2] > -_FINGERTIPS_M] @ rotation.T
        first = tips[np.argmin(tips @ out)]
        front = handle.middle_m + handle.half_out_m * out + share * handle.half_length_m * handle.along
        position = front - (first @ out) * out
        position[2] = front[2] - first[2]
        shifts = (_BEFORE_M * out, 0.5 * _BEFORE_M * out, way / 2, way)
        room = min(rest.clearance_m(points, position + shift, rotation) for shift in shifts)
        found.append((min(room, _ENOUGH_M) - _PER_SHARE_M * abs(share), position, rotation))
    found.sort(key=lambda pose: -pose[0])
    _, position, rotation = found[3 * tried % len(found)]
    return position, least_wrist(scene, rotation)[0]
