"""Knobs: pinched by their ridge and turned about their axis."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from harness.policies.expert.libero.hand import TIP_M, least_wrist, looking, travel
from harness.policies.expert.libero.joints import done, draw_back, let_go, moving_body, slide_to, up
from harness.policies.expert.libero.motion import close
from harness.policies.expert.libero.scene import CLOSE, OPEN, Command, Scene, Skill
from harness.privileged import SceneJoint
from harness.types import Float64Array

# How far beyond where the predicate begins to hold a knob is turned, or beyond its stop.
_MARGIN_RAD, _BEYOND_RAD = 0.1, 0.3
# How far ahead of the knob the hand turns: more, and the ridge slips out of the fingers. How long one try may take.
_LEAD_RAD, _TURN_STEPS = 0.7, 60
# From how far above it the hand comes; how far the finger tips stay above what is under the ridge; how far below the ridge's
# top the pads' middle goes at most; how near to the ridge's ends it is pinched. Other tries go this much less or more deep.
_ABOVE_M, _TIP_CLEARANCE_M, _DEEPEST_M, _FROM_END_M = 0.06, 0.004, 0.018, 0.010
_OTHER_DEPTHS_M = (0.0, 0.004, -0.004)


def turn_knob(scene: Scene, name: str, predicate: str, tried: int) -> Skill:
    """One try to turn a knob whose axis points up.

    Args:
        scene: What was seen last.
        name: Of its joint.
        predicate: ``turnon`` or ``turnoff``.
        tried: How often it was tried before.
    """
    joint = scene.world.joints[name]
    position_m, along = _ridge(scene, joint)
    position_m[2] += _OTHER_DEPTHS_M[tried % len(_OTHER_DEPTHS_M)]
    angle = _angle(joint, predicate)
    down = np.array([0.0, 0.0, -1.0])
    rotation, _ = least_wrist(scene, looking(down, np.cross(along, down)), angle * joint.axis[2])
    scene = yield from travel(scene, position_m + up(_ABOVE_M), rotation, OPEN)
    scene = yield from slide_to(scene, position_m, rotation, OPEN)
    scene = yield from close(scene, joint.thing)
    pinched_m, pinched = scene.grip_position_m, scene.world_r_grip
    for _ in range(_TURN_STEPS):
        now = scene.world.joints[name]
        if done(now, predicate, _MARGIN_RAD):
            break
        ahead = now.position - joint.position + np.sign(angle) * _LEAD_RAD
        turn = Rotation.from_rotvec(np.clip(ahead, -abs(angle), abs(angle)) * joint.axis)
        there = joint.anchor_m + turn.apply(pinched_m - joint.anchor_m)
        scene = yield Command(there, CLOSE, turn.as_matrix() @ pinched)
    scene = yield from let_go(scene)
    return (yield from draw_back(scene, up(_ABOVE_M), OPEN))


def _angle(joint: SceneJoint, predicate: str) -> float:
    """How far the hand turns, rad, by the joint's sign."""
    low, high = joint.holds[predicate]
    if joint.position < low:
        return low - joint.position + _MARGIN_RAD + _BEYOND_RAD
    return high - joint.position - _MARGIN_RAD - _BEYOND_RAD


def _ridge(scene: Scene, joint: SceneJoint) -> tuple[Float64Array, Float64Array]:
    """Where the pads' middle goes, (3,), and the level direction of the ridge, (3,)."""
    body = moving_body(scene, joint)
    shapes = [(body.world_t_body @ shape.body_t_shape, shape.half_size_m) for shape in body.shapes]
    tops = [float(pose[2, 3] + np.abs(pose[2, :3]) @ half) for pose, half in shapes]
    top = max(tops)
    pose, half = shapes[int(np.argmax(tops))]
    level = [axis for axis in range(3) if abs(pose[2, axis]) < 0.5]
    longest = max(level, key=lambda axis: half[axis])
    along = pose[:3, longest] * (1.0, 1.0, 0.0)
    along = along / np.linalg.norm(along)
    free = max(0.0, half[longest] - _FROM_END_M)
    share = float(np.clip((joint.anchor_m - pose[:3, 3]) @ along, -free, free))
    middle = pose[:3, 3] + share * along
    bottom = float(pose[2, 3] - np.abs(pose[2, :3]) @ half)
    under = max([height for height in tops if height < top - _DEEPEST_M], default=bottom)
    middle[2] = max(under + _TIP_CLEARANCE_M + TIP_M, top - _DEEPEST_M)
    return middle, along
