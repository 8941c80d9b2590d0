"""Where things can be slid, and how a hand pushes them, on scenes of boxes."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from libero_scenes import pose, region, scene, thing

from harness.policies.expert.libero.pushing import is_flat, plan_push
from harness.policies.expert.libero.sliding import ways

PLATE = ((0.07, 0.07, 0.01), (0.0, 0.0, 0.01))
TARGET = region("target", pose(x=0.3, z=-0.003), (0.04, 0.04, 0.005))


def world(*more, regions=(TARGET,), place=None):
    """A plate at the origin that is to be slid 0.3 m along x, and an arm that reaches both places."""
    made = scene(
        thing("plate_1", place if place is not None else pose(), PLATE),
        *more,
        regions=regions,
        goals=[("on", "plate_1", "target")],
    )
    poses = MappingProxyType({**made.world.poses, "base": pose(x=-0.4)})
    return replace(made, world=replace(made.world, poses=poses))


def goal_of(made):
    return made.world.goals[0]


def test_the_best_way_over_a_free_table_is_straight():
    made = world()
    best = ways(made, goal_of(made))[0]
    assert len(best.corners_m) == 2
    assert best.corners_m[0] == pytest.approx((0.0, 0.0), abs=1e-6)
    assert np.abs(best.corners_m[1] - (0.3, 0.0)).max() < 0.04


def test_a_way_goes_around_what_stands_on_the_line():
    made = world(thing("box_1", pose(x=0.15), ((0.015, 0.02, 0.05), (0.0, 0.0, 0.05))))
    best = ways(made, goal_of(made))[0]
    assert len(best.corners_m) == 3
    assert abs(best.corners_m[1][1]) > 0.07  # beside the box, as wide as the plate


def test_nothing_slides_where_a_wall_is_all_around_or_the_goal_is_higher():
    around = [((0.01, 0.2, 0.05), (sign * 0.12, 0.0, 0.05)) for sign in (-1, 1)]
    around += [((0.2, 0.01, 0.05), (0.0, sign * 0.12, 0.05)) for sign in (-1, 1)]
    walled = world(thing("wall_1", pose(), *around, movable=False))
    shelf = world(
        thing("shelf_1", pose(x=0.3), ((0.1, 0.1, 0.05), (0.0, 0.0, 0.05)), movable=False),
        regions=(region("target", pose(x=0.3, z=0.097), (0.04, 0.04, 0.005)),),
    )
    assert ways(walled, goal_of(walled)) == []
    assert ways(shelf, goal_of(shelf)) == []
    assert plan_push(shelf, goal_of(shelf)) is None


def test_closed_fingers_come_down_behind_the_thing_above_the_table():
    made = world()
    planned = plan_push(made, goal_of(made))
    along = planned.end_m - planned.start_m
    behind = (planned.hand_m[:2] - planned.start_m) @ along / np.linalg.norm(along)
    assert -0.11 < behind < -0.07  # the plate's half is 0.07 m, half a finger is 0.01 m thick
    assert 0.005 < planned.hand_m[2] < 0.03


def test_the_hand_leans_over_the_thing_where_a_wall_stands_behind_it():
    # straight down there is room for fingers, not for the hand above them
    made = world(thing("wall_1", pose(x=-0.16), ((0.04, 0.3, 0.15), (0.0, 0.0, 0.15)), movable=False))
    free, beside = (plan_push(each, goal_of(each)) for each in (world(), made))
    assert abs(free.world_r_grip[2, 2]) > abs(beside.world_r_grip[2, 2])


@pytest.mark.parametrize(
    ("half", "expected"), [((0.07, 0.07, 0.01), True), ((0.03, 0.07, 0.01), False), ((0.07, 0.07, 0.05), False)]
)
def test_flat_is_what_is_low_and_wider_than_the_fingers_open(half, expected):
    assert is_flat(thing("it_1", pose(), (half, (0.0, 0.0, half[2])))) is expected
