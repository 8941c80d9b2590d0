"""In which order goals are brought about, and which skill is run for one."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from libero_scenes import pose, region, scene, thing

from harness.policies.expert.libero.clearing import blocker, clear
from harness.policies.expert.libero.planner import attempt, first_possible, in_order
from harness.policies.expert.libero.scene import Command, SkillError
from harness.privileged import Goal, SceneJoint, SceneRegion

HOLDS = MappingProxyType({"open": (-0.16, -0.14), "close": (0.0, 0.01)})


def with_drawers(*goals):
    """A cabinet of two drawers, ``top`` and ``bottom``, and a bowl."""
    made = scene(thing("bowl_1", pose(), ((0.05, 0.05, 0.02), (0.0, 0.0, 0.02))), goals=goals)
    joints = {
        name: SceneJoint(name, "cabinet_1", name, "slide", 0.0, -0.16, 0.01, np.array([0.0, 1.0, 0.0]), np.zeros(3), HOLDS)
        for name in ("top", "bottom")
    }
    regions = {
        f"{name}_region": SceneRegion(f"{name}_region", "cabinet_1", pose(y=0.5), np.full(3, 0.05), (name,))
        for name in joints
    }
    return replace(made, world=replace(made.world, joints=MappingProxyType(joints), regions=MappingProxyType(regions)))


def ordered(*goals):
    made = with_drawers(*goals)
    return [(goal.predicate, goal.arguments[-1]) for goal in in_order(made.world.goals, made)]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_drawer_into_which_nothing_goes_is_closed_before_another_is_opened(swapped):
    goals = [("close", "bottom_region"), ("open", "top_region")]
    assert ordered(*(goals[::-1] if swapped else goals)) == goals


@pytest.mark.parametrize("swapped", [False, True])
def test_a_drawer_is_closed_after_what_goes_into_it(swapped):
    goals = [("close", "bottom_region"), ("in", "bowl_1", "bottom_region")]
    assert ordered(*(goals[::-1] if swapped else goals)) == [("in", "bottom_region"), ("close", "bottom_region")]


def test_a_drawer_that_stays_empty_is_closed_before_one_is_filled_and_closed():
    goals = [("close", "top_region"), ("in", "bowl_1", "top_region"), ("close", "bottom_region")]
    assert ordered(*goals) == [("close", "bottom_region"), ("in", "top_region"), ("close", "top_region")]


def skill(made, commands, error=None):
    for command in commands:
        made = yield command
    if error:
        raise SkillError(error)
    return made


def played(generator, made):
    """The commands of a script, and what it gives back."""
    commands = []
    try:
        command = next(generator)
        while True:
            commands.append(command)
            command = generator.send(made)
    except StopIteration as end:
        return commands, end.value


def test_a_skill_that_cannot_begin_is_left_out_and_the_next_one_is_run_to_its_end():
    made = scene()
    one, other = (Command(np.full(3, value), 0.0, np.eye(3)) for value in (1.0, 2.0))
    skills = skill(made, [], "no grasp"), skill(made, [one, other]), skill(made, [other])
    commands, end = played(first_possible(made, *skills), made)
    assert [command is each for command, each in zip(commands, (one, other), strict=True)] == [True, True]
    assert end is made


def test_a_skill_that_gives_up_later_is_not_followed_by_another_one():
    made = scene()
    command = Command(np.zeros(3), 0.0, np.eye(3))
    commands, (_, error) = played(
        attempt(made, first_possible(made, skill(made, [command], "it slipped"), skill(made, [command]))), made
    )
    assert len(commands) == 1
    assert error == "it slipped"


def test_all_reasons_are_named_where_no_skill_can_begin():
    made = scene()
    with pytest.raises(SkillError, match="no grasp; no way"):
        next(first_possible(made, skill(made, [], "no grasp"), skill(made, [], "no way")))


def blocked(*goals, blocking=True):
    place = pose(x=0.3) if blocking else pose(x=0.6)
    made = scene(
        thing("mug_1", pose(), ((0.03, 0.03, 0.04), (0.0, 0.0, 0.04))),
        thing("can_1", place, ((0.03, 0.03, 0.06), (0.0, 0.0, 0.06))),
        regions=(region("target", pose(x=0.3), (0.02, 0.02, 0.005)),),
        goals=goals or (("on", "mug_1", "target"),),
    )
    poses = MappingProxyType({**made.world.poses, "base": pose(x=-0.4)})
    return replace(made, world=replace(made.world, poses=poses))


GOAL = Goal("on", ("mug_1", "target"))


def test_what_stands_where_a_thing_is_to_go_is_in_the_way_unless_a_goal_names_it():
    assert blocker(blocked(), GOAL) == "can_1"
    assert blocker(blocked(blocking=False), GOAL) is None
    assert blocker(blocked(("on", "mug_1", "target"), ("on", "can_1", "target")), GOAL) is None


def test_a_free_place_is_not_cleared():
    with pytest.raises(SkillError, match="nothing that can be moved"):
        next(clear(blocked(blocking=False), GOAL, 0))


def test_the_hand_goes_for_what_is_in_the_way():
    made = blocked()
    commands = []
    clearing = clear(made, GOAL, 0)
    command = next(clearing)
    for _ in range(3):
        commands.append(command.position_m)
        command = clearing.send(replace(made, grip_position_m=command.position_m))
    assert np.linalg.norm(commands[-1][:2] - (0.3, 0.0)) < 0.04
