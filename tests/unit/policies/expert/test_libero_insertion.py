"""Ways under a roof: what hand and thing pass on them, and what is said when there are none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from libero_scenes import pose, region, scene, thing

from harness.policies.expert.libero.hand import boxes
from harness.policies.expert.libero.insertion import insert
from harness.policies.expert.libero.insertion_plans import insertions
from harness.policies.expert.libero.pick_place import put
from harness.policies.expert.libero.scene import SkillError
from harness.policies.expert.libero.solids import gaps_m, hand_solid

# A shelf that is open towards -y, 0.14 m high inside, and a book that stands before it; the arm's base is at x = -0.6.
ROOF = ((0.15, 0.10, 0.003), (0.0, 0.0, 0.143))
WALLS = (
    ((0.15, 0.003, 0.07), (0.0, 0.097, 0.07)),
    ((0.003, 0.10, 0.07), (0.147, 0.0, 0.07)),
    ((0.003, 0.10, 0.07), (-0.147, 0.0, 0.07)),
)
FRONT = ((0.15, 0.003, 0.07), (0.0, -0.103, 0.07))


def room(*parts, height=0.10):
    shelf = thing("shelf_1", pose(x=-0.1, y=0.25), *parts, movable=False)
    book = thing("book_1", pose(x=-0.1, y=-0.1), ((0.012, 0.04, height / 2), (0.0, 0.0, height / 2)))
    inside = region("shelf_1_region", pose(x=-0.1, y=0.25, z=0.06), (0.13, 0.09, 0.065), "shelf_1")
    made = scene(shelf, book, regions=(inside,), goals=(("in", "book_1", "shelf_1_region"),))
    return made, made.world.goals[0]


def test_at_the_place_and_before_it_the_hand_is_in_nothing_and_the_goal_would_hold():
    world, goal = room(ROOF, *WALLS)
    shelf = boxes(world.world, np.array([-0.1, 0.25, 0.06]), lambda name, _: name != "book_1")
    found = list(itertools.islice(insertions(world, goal), 2))
    assert found
    for way in found:
        end = way.inside.world_t_thing
        place = end @ np.linalg.inv(world.pose("book_1")) @ way.pick
        before = place.copy()
        before[:3, 3] += way.stand_off_m * way.inside.out
        assert place[:3, :3] == pytest.approx(way.world_r_grip)
        assert gaps_m(hand_solid(0.012), [place, before], shelf).min() > 0.0
        assert way.inside.out == pytest.approx([0.0, -1.0, 0.0])
        assert np.all(np.abs(end[:3, 3] - [-0.1, 0.25, 0.06]) < [0.13, 0.09, 0.075])


def test_what_has_room_stays_upright_and_what_is_too_tall_is_tipped():
    for height, upright in ((0.10, True), (0.16, False)):
        world, goal = room(ROOF, *WALLS, height=height)
        way = next(insertions(world, goal))
        assert bool(way.inside.world_t_thing[2, 2] > 0.99) is upright


def test_a_closed_shelf_and_one_without_a_roof_have_no_way_in_from_aside():
    for parts in ((ROOF, *WALLS, FRONT), WALLS):
        world, goal = room(*parts)
        assert next(insertions(world, goal), None) is None
        with pytest.raises(SkillError, match="no way to bring book_1 in shelf_1_region, from above or from aside"):
            next(insert(world, goal))


def test_where_nothing_can_be_put_from_above_the_thing_is_brought_in_from_aside():
    world, goal = room(ROOF, *WALLS)
    first = next(put(world, goal))
    assert first.position_m == pytest.approx(next(insert(world, goal)).position_m)
