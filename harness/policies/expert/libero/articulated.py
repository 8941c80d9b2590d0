"""Opening, closing and turning: skills for things with joints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.policies.expert.libero.doors import close_door, open_door
from harness.policies.expert.libero.drawers import close_drawer, open_drawer
from harness.policies.expert.libero.joints import done
from harness.policies.expert.libero.knobs import turn_knob
from harness.policies.expert.libero.motion import move, pointing_down
from harness.policies.expert.libero.scene import OPEN, Scene, Skill, SkillError

_TRIES = 3
# Predicates that must hold of all joints; of the others, one is enough.
_OF_ALL = frozenset({"close", "turnoff"})
# The hand ends at least so high, and looks down; it turns when it is up there, clear of what it has opened.
_FREE_HEIGHT_M, _RISE_M = 1.20, 0.10


def set_joints(scene: Scene, predicate: str, joints: Sequence[str]) -> Skill:
    """Moves joints until a predicate holds of them, and leaves the gripper free, open and above everything.

    Args:
        scene: What was seen last; the gripper holds nothing.
        predicate: ``open``, ``close``, ``turnon`` or ``turnoff``.
        joints: Names in ``scene.world.joints``: of all of them (close, turnoff) or of one (open, turnon) it must hold.

    Raises:
        SkillError: It could not be done.
    """
    wanted = list(joints) if predicate in _OF_ALL else list(joints)[:1]
    for name in wanted:
        for tried in range(_TRIES):
            if done(scene.world.joints[name], predicate):
                break
            scene = yield from _one_try(scene, name, predicate, tried)
    scene = yield from _end(scene)
    missing = [name for name in wanted if not done(scene.world.joints[name], predicate)]
    if missing:
        raise SkillError(f"{predicate}: {', '.join(missing)} did not get there in {_TRIES} tries")
    return scene


def _one_try(scene: Scene, name: str, predicate: str, tried: int) -> Skill:
    joint = scene.world.joints[name]
    if predicate in ("turnon", "turnoff"):
        return turn_knob(scene, name, predicate, tried)
    if joint.kind == "slide":
        return open_drawer(scene, name, tried) if predicate == "open" else close_drawer(scene, name, tried)
    return open_door(scene, name, tried) if predicate == "open" else close_door(scene, name, tried)


def _end(scene: Scene) -> Skill:
    """Up, open, looking down."""
    here = scene.grip_position_m
    up = np.array([here[0], here[1], max(here[2] + _RISE_M, _FREE_HEIGHT_M)])
    scene = yield from move(scene, up, scene.world_r_grip, OPEN, tolerance_m=0.025, tolerance_rad=1.0, steps=20)
    return (yield from move(scene, up, pointing_down(np.pi / 2), OPEN, tolerance_m=0.04, tolerance_rad=0.3, steps=25))
