"""What the skills for drawers, doors and knobs share."""

from __future__ import annotations

import numpy as np

from harness.policies.expert.libero.motion import distance_m, move
from harness.policies.expert.libero.scene import OPEN, Command, Scene, Skill
from harness.privileged import Body, SceneJoint
from harness.types import Float64Array

# Going straight: the goal is so far ahead of the hand; how near is there; how long it may take.
_SLIDE_LEAD_M, _SLIDE_TOLERANCE_M, _SLIDE_STEPS = 0.025, 0.004, 25
# How long the fingers are given to open.
_LET_GO_STEPS = 6
# A hand has drawn back when it is this near to where it was to go; how long it may take.
_BACK_TOLERANCE_M, _BACK_STEPS = 0.025, 15


def moving_body(scene: Scene, joint: SceneJoint) -> Body:
    """The body that a joint moves."""
    return next(body for body in scene.world.things[joint.thing].bodies if body.name == joint.body)


def done(joint: SceneJoint, predicate: str, margin: float = 0.0) -> bool:
    """Whether a predicate holds of a joint, and so much farther still; beyond a stop is as good as at it.

    Args:
        joint: As it is now.
        predicate: One that `SceneJoint.holds` knows.
        margin: m or rad; no more than half the range in which the predicate holds is asked for.
    """
    low, high = joint.holds[predicate]
    margin = min(margin, (high - low) / 2)
    above = low <= joint.low or joint.position >= low + margin
    below = high >= joint.high or joint.position <= high - margin
    return bool(above and below)


def slide_to(scene: Scene, position_m: Float64Array, world_r_grip: Float64Array, gripper: float) -> Skill:
    """Goes to a near place (3,) on a straight line from here, however the controller would get there by itself."""
    way = position_m - scene.grip_position_m
    direction = way / max(float(np.linalg.norm(way)), 1e-9)
    for _ in range(_SLIDE_STEPS):
        left_m = float((position_m - scene.grip_position_m) @ direction)
        if left_m < _SLIDE_TOLERANCE_M and distance_m(scene, position_m) < 2 * _SLIDE_TOLERANCE_M:
            break
        scene = yield Command(position_m - max(0.0, left_m - _SLIDE_LEAD_M) * direction, gripper, world_r_grip)
    return scene


def let_go(scene: Scene) -> Skill:
    """Opens the fingers where they are."""
    position_m, rotation = scene.grip_position_m, scene.world_r_grip
    for _ in range(_LET_GO_STEPS):
        scene = yield Command(position_m, OPEN, rotation)
    return scene


def draw_back(scene: Scene, shift_m: Float64Array, gripper: float) -> Skill:
    """Moves the hand by a shift (3,), turned as it is."""
    there = scene.grip_position_m + shift_m
    return (yield from move(scene, there, scene.world_r_grip, gripper, tolerance_m=_BACK_TOLERANCE_M, steps=_BACK_STEPS))


def up(height_m: float) -> Float64Array:
    """A shift upwards, (3,)."""
    return np.array([0.0, 0.0, height_m])
