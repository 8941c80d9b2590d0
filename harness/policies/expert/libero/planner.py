"""From a goal's predicates to skills: what is not so yet is brought about, in an order that works, as often as it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

import numpy as np

from harness.policies.expert.libero.articulated import set_joints
from harness.policies.expert.libero.clearing import clear, covered
from harness.policies.expert.libero.goals import holds, is_place, joints_are, joints_of
from harness.policies.expert.libero.motion import hold
from harness.policies.expert.libero.pick_place import put
from harness.policies.expert.libero.placing import places
from harness.policies.expert.libero.pushing import is_flat, push
from harness.policies.expert.libero.scene import OPEN, Command, Scene, Skill, SkillError
from harness.privileged import Goal

# What is brought about before what: drawers are opened before anything is put in, and closed afterwards. What is closed with
# nothing to be put in is closed first: the push may move what is open beside it.
_ORDER = {"open": 0, "turnon": 1, "in": 2, "on": 2, "turnoff": 3, "close": 4}
_CLOSED_FIRST = -1
# Every so many tries what is not flat is pushed before it is grasped, and what is flat grasped before it is pushed.
_PUSHED_EVERY = 4


def script(scene: Scene) -> Generator[Command, Scene, None]:
    """Brings about all goals; never ends by itself."""
    failures: Counter[Goal] = Counter()
    while True:
        missing = [goal for goal in in_order(scene.world.goals, scene) if not holds(scene, goal)]
        if not missing:
            scene = yield from hold(scene, OPEN, 1)
            continue
        goal = min(missing, key=lambda goal: failures[goal])
        scene, error = yield from attempt(scene, achieve(scene, goal, failures[goal]))
        if error is not None or not holds(scene, goal):
            failures[goal] += 1
        if error is not None:
            scene = yield from recover(scene)


def in_order(goals: tuple[Goal, ...], scene: Scene) -> list[Goal]:
    """Goals in the order in which they are brought about; what carries other things goes to its place first."""
    moved = {goal.arguments[0] for goal in goals if is_place(goal)}
    filled = {joint for goal in goals if goal.predicate == "in" for joint in joints_of(scene, goal.arguments[-1])}

    def rank(goal: Goal) -> tuple[int, bool]:
        target = goal.arguments[-1]
        region = scene.world.regions.get(target)
        if goal.predicate == "close" and filled.isdisjoint(joints_of(scene, target)):
            return _CLOSED_FIRST, False
        return _ORDER[goal.predicate], is_place(goal) and ((region.parent if region else target) in moved)

    return sorted(goals, key=rank)


def achieve(scene: Scene, goal: Goal, tried: int) -> Skill:
    """Brings about one goal."""
    target = goal.arguments[-1]
    if not is_place(goal):
        return (yield from set_joints(scene, goal.predicate, joints_of(scene, target)))
    joints = joints_of(scene, target) if goal.predicate == "in" else ()
    if joints and not joints_are(scene, "open", joints) and not places(scene, goal):
        scene = yield from set_joints(scene, "open", joints)
    return (yield from first_possible(scene, *_skills(scene, goal, tried)))


def _skills(scene: Scene, goal: Goal, tried: int) -> list[Skill]:
    """The skills that may bring a thing to its place, in the order in which they are tried; another one after failures."""
    grasped, pushed, cleared = put(scene, goal, tried), push(scene, goal), clear(scene, goal, tried)
    pushed_first = (tried % _PUSHED_EVERY == _PUSHED_EVERY - 1) != is_flat(scene.world.things[goal.arguments[0]])
    moved = [pushed, grasped] if pushed_first else [grasped, pushed]
    return [cleared, *moved] if tried or covered(scene, goal) else [*moved, cleared]


def first_possible(scene: Scene, *skills: Skill) -> Skill:
    """Runs the first of some skills that does not give up before its first command.

    Raises:
        SkillError: They all do, or the one that is run gives up later.
    """
    reasons = []
    for skill in skills:
        try:
            command = next(skill)
        except StopIteration as end:
            scene = end.value
            return scene
        except SkillError as error:
            reasons.append(str(error))
            continue
        return (yield from _go_on(skill, command))
    raise SkillError("; ".join(reasons))


def _go_on(skill: Skill, command: Command) -> Skill:
    """The rest of a skill whose first command is known."""
    try:
        while True:
            command = skill.send((yield command))
    except StopIteration as end:
        scene: Scene = end.value
        return scene


def attempt(scene: Scene, skill: Skill) -> Generator[Command, Scene, tuple[Scene, str | None]]:
    """Runs a skill; gives back what was seen last, and why it gave up where it did."""
    try:
        command = next(skill)
        while True:
            scene = yield command
            command = skill.send(scene)
    except StopIteration as end:
        return end.value, None
    except SkillError as error:
        return scene, str(error)


def recover(scene: Scene) -> Skill:
    """Opens the gripper and goes up, whatever went wrong."""
    up = scene.grip_position_m + np.array([0.0, 0.0, 0.12])
    rotation = scene.world_r_grip
    for i in range(14):
        scene = yield Command(up if i > 4 else scene.grip_position_m, OPEN, rotation)
    return scene
