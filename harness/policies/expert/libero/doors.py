"""Doors on upright hinges: pulled open by their handle along its arc, pushed open or closed with closed fingers."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from harness.policies.expert.libero.hand import TIP_HALF_WIDE_M, least_wrist, looking, travel
from harness.policies.expert.libero.handles import APPROACH_M, apart, find_handle, handle_poses
from harness.policies.expert.libero.joints import done, draw_back, let_go, moving_body, slide_to, up
from harness.policies.expert.libero.motion import close, move
from harness.policies.expert.libero.scene import CLOSE, OPEN, Command, Scene, Skill, SkillError
from harness.privileged import SceneJoint
from harness.types import Float64Array

# How far beyond where a predicate begins to hold a door is moved, at most to its stop.
_MARGIN_RAD = 0.06
# How far ahead of the door the hand's goal is put; how long one try may take; what counts as stuck.
_LEAD_RAD, _STEPS, _STUCK_STEPS, _STUCK_RAD = 0.2, 70, 10, 0.003
# A door that is open so far can be pushed open from inside.
_AJAR_RAD = 0.35
# Pushes touch the panel so far from the hinge, in shares of its width, and so far below its upper edge; the hand comes
# from so far above and before it.
_PUSH_SHARES, _BELOW_TOP_M, _ABOVE_M, _BEFORE_M = (0.72, 0.6, 0.82), 0.018, 0.08, 0.03
# How exactly the hand must be turned before it goes to the handle; how far it goes up at the end.
_TURNED_RAD, _UP_M = 0.08, 0.10


def open_door(scene: Scene, name: str, tried: int) -> Skill:
    """One try to open a door: pulled by its handle when it is closed, pushed from inside when it is ajar.

    Args:
        scene: What was seen last.
        name: Of its joint.
        tried: How often it was tried before.

    Raises:
        SkillError: The hand finds no room at the handle.
    """
    joint = scene.world.joints[name]
    if abs(joint.position - _end(joint, "close")) < _AJAR_RAD:
        scene = yield from _pull(scene, name, tried)
    if not done(scene.world.joints[name], "open", _MARGIN_RAD):
        scene = yield from _push(scene, name, "open", tried)
    return scene


def close_door(scene: Scene, name: str, tried: int) -> Skill:
    """One try to push a door closed; the arguments are those of `open_door`."""
    return (yield from _push(scene, name, "close", tried))


def _pull(scene: Scene, name: str, tried: int) -> Skill:
    """A hand that looks down follows the arc by turning its wrist alone; other poses come after."""
    joint = scene.world.joints[name]
    sign = _sign(joint, "open")
    handle = find_handle(scene, joint, _normal(scene, joint, sign))
    poses = apart(handle_poses(scene, joint, handle, tilts_rad=(np.pi / 2,)))
    poses += apart(handle_poses(scene, joint, handle))
    if not poses:
        raise SkillError(f"the hand finds no room at the handle of {name}")
    pose = poses[tried % len(poses)]
    rotation, _ = least_wrist(scene, pose.world_r_grip, sign * abs(_end(joint, "open") - joint.position) * joint.axis[2])
    scene = yield from travel(
        scene, pose.position_m - APPROACH_M * rotation[:, 2], rotation, OPEN, tolerance_rad=_TURNED_RAD
    )
    scene = yield from slide_to(scene, pose.position_m, rotation, OPEN)
    scene = yield from close(scene)
    scene = yield from _follow(scene, name, "open", scene.grip_position_m, scene.world_r_grip)
    scene = yield from let_go(scene)
    return (yield from draw_back(scene, up(_UP_M), OPEN))


def _push(scene: Scene, name: str, predicate: str, tried: int) -> Skill:
    joint = scene.world.joints[name]
    sign = _sign(joint, predicate)
    touch_m, across = _panel(scene, joint, sign, _PUSH_SHARES[tried % len(_PUSH_SHARES)])
    rotation = looking(np.array([0.0, 0.0, -1.0]), across)
    rotation, _ = least_wrist(scene, rotation, (_end(joint, predicate) - joint.position) * joint.axis[2])
    before = touch_m - _BEFORE_M * _normal(scene, joint, sign)
    scene = yield from travel(scene, before + up(_ABOVE_M), rotation, CLOSE, half_gap_m=0.0)
    scene = yield from move(scene, before, rotation, CLOSE, tolerance_m=0.012, steps=20)
    scene = yield from _follow(scene, name, predicate, touch_m, rotation)
    return (yield from draw_back(scene, up(_UP_M), CLOSE))


def _follow(scene: Scene, name: str, predicate: str, position_m: Float64Array, rotation: Float64Array) -> Skill:
    """Goes along the arc of a place (3,) and an orientation (3, 3) that turn with the door, a little ahead of it."""
    joint, stuck = scene.world.joints[name], 0
    for _ in range(_STEPS):
        now = scene.world.joints[name]
        if done(now, predicate, _MARGIN_RAD) or stuck == _STUCK_STEPS:
            break
        angle = now.position - joint.position
        ahead = angle + _LEAD_RAD * _sign(joint, predicate)
        there = joint.anchor_m + _about(joint, ahead) @ (position_m - joint.anchor_m)
        scene = yield Command(there, CLOSE, _about(joint, angle) @ rotation)
        stuck = stuck + 1 if abs(scene.world.joints[name].position - now.position) < _STUCK_RAD else 0
    return scene


def _end(joint: SceneJoint, predicate: str) -> float:
    """The position nearest to now at which a predicate holds."""
    return float(np.clip(joint.position, *joint.holds[predicate]))


def _sign(joint: SceneJoint, predicate: str) -> float:
    """Which way a joint moves towards a predicate."""
    return float(np.sign(np.mean(joint.holds[predicate]) - joint.position))


def _about(joint: SceneJoint, angle: float) -> Float64Array:
    return np.asarray(Rotation.from_rotvec(angle * joint.axis).as_matrix())


def _normal(scene: Scene, joint: SceneJoint, sign: float) -> Float64Array:
    """The direction (3,) in which the panel moves when the joint moves by a sign; square to the panel."""
    pose, half = _widest(scene, joint)
    across = np.cross(sign * joint.axis, pose[:3, 3] - joint.anchor_m)
    thin = pose[:3, int(np.argmin(half))]
    return np.asarray(thin * np.sign(thin @ across))


def _widest(scene: Scene, joint: SceneJoint) -> tuple[Float64Array, Float64Array]:
    """Pose (4, 4) and half sizes (3,) of the panel: the largest shape of what a joint moves."""
    body = moving_body(scene, joint)
    shape = max(body.shapes, key=lambda shape: float(np.prod(np.sort(shape.half_size_m)[1:])))
    return body.world_t_body @ shape.body_t_shape, shape.half_size_m


def _panel(scene: Scene, joint: SceneJoint, sign: float, share: float) -> tuple[Float64Array, Float64Array]:
    """Where the gripper touches the panel to move it by a sign, (3,), and the panel's level direction, (3,)."""
    pose, half = _widest(scene, joint)
    normal = _normal(scene, joint, sign)
    across = np.cross(joint.axis, normal)
    reach = (pose[:3, 3] - joint.anchor_m) @ across
    across = across * np.sign(reach)
    width = abs(reach) + float(np.abs(pose[:3, :3].T @ across) @ half)
    thick = float(np.abs(pose[:3, :3].T @ normal) @ half)
    middle = (pose[:3, 3] - joint.anchor_m) @ normal
    touch = joint.anchor_m + share * width * across + (middle - thick - TIP_HALF_WIDE_M) * normal
    top = pose[2, 3] + float(np.abs(pose[2, :3]) @ half)
    return np.array([touch[0], touch[1], top - _BELOW_TOP_M]), across
