"""From which side a box with a roof is open, and how things rest in it."""

from __future__ import annotations

import numpy as np
import pytest
from libero_scenes import pose, region, scene, thing

from harness.policies.expert.libero.hand import boxes
from harness.policies.expert.libero.openings import openings, places_inside
from harness.policies.expert.libero.solids import corners_of, gaps_m, moved, solid_of

OUT = np.array([0.0, -1.0, 0.0])
FLOOR, ROOF = ((0.15, 0.10, 0.005), (0.0, 0.0, 0.005)), ((0.15, 0.10, 0.005), (0.0, 0.0, 0.165))
BACK = ((0.15, 0.005, 0.08), (0.0, 0.105, 0.085))
FRONT = ((0.15, 0.005, 0.08), (0.0, -0.105, 0.085))
SIDES = (((0.005, 0.10, 0.08), (0.155, 0.0, 0.085)), ((0.005, 0.10, 0.08), (-0.155, 0.0, 0.085)))
GOAL = ("in", "can_1", "oven_1_region")


def kitchen(*parts, can=((0.02, 0.02, 0.05), (0.0, 0.0, 0.05))):
    """An oven 0.15 m high inside, its floor 0.01 m above the table, and something in front of it."""
    oven = thing("oven_1", pose(y=0.2), *parts, movable=False)
    inside = region("oven_1_region", pose(y=0.2, z=0.085), (0.12, 0.09, 0.08), "oven_1")
    return scene(oven, thing("can_1", pose(y=-0.2), can), regions=(inside,), goals=(GOAL,))


def test_a_box_is_open_where_it_has_no_wall():
    world = kitchen(FLOOR, ROOF, BACK, *SIDES)
    assert np.array(openings(world, world.world.goals[0])) == pytest.approx(np.array([OUT]))


def test_a_board_on_posts_is_open_on_all_sides():
    world = kitchen(FLOOR, ROOF)
    assert len(openings(world, world.world.goals[0])) == 4


@pytest.mark.parametrize(
    "parts",
    [pytest.param((FLOOR, BACK, *SIDES), id="open above"), pytest.param((FLOOR, ROOF, BACK, FRONT, *SIDES), id="closed")],
)
def test_what_is_open_above_or_closed_all_around_has_no_opening(parts):
    world = kitchen(*parts)
    assert openings(world, world.world.goals[0]) == []


def test_a_thing_stands_a_little_above_the_floor_inside_and_in_nothing_all_the_way_in():
    world = kitchen(FLOOR, ROOF, BACK, *SIDES)
    own = solid_of(world.world.things["can_1"])
    own = moved(own, np.linalg.inv(world.pose("can_1")))
    everything = boxes(world.world, np.array([0.0, 0.2, 0.085]), lambda name, _: name != "can_1")
    found = places_inside(world, world.world.goals[0], OUT)
    assert found
    for each in found:
        lowest = corners_of(moved(own, each.world_t_thing))[:, 2].min()
        out = np.eye(4)
        out[:3, 3] = 0.3 * OUT
        assert 0.0 < lowest - 0.01 < 0.045
        assert gaps_m(own, [each.world_t_thing, out @ each.world_t_thing], everything).min() > 0.0
        assert np.all(np.abs(each.world_t_thing[:2, 3] - [0.0, 0.2]) < [0.12, 0.09])


def test_what_is_too_tall_to_stand_inside_lies_there():
    world = kitchen(FLOOR, ROOF, BACK, *SIDES, can=((0.02, 0.02, 0.08), (0.0, 0.0, 0.08)))
    goal = world.world.goals[0]
    assert places_inside(world, goal, OUT) == []
    lying = places_inside(world, goal, OUT, np.pi / 2)
    assert lying
    for each in lying:
        assert each.world_t_thing[:3, 2] == pytest.approx(OUT)  # its lower side went in first
