import numpy as np
import pytest
from libero_scenes import pose, region, scene, thing, tray

from harness.policies.expert.libero.goals import holds, may_hold
from harness.policies.expert.libero.placing import places, turns_into

BOX = thing("box_1", pose(-0.3, 0, 0.02), ((0.03, 0.02, 0.02), (0, 0, 0)))


def test_a_thing_on_the_table_rests_on_it():
    spot = region("spot", pose(0.2, 0.1, 0.0), (0.04, 0.04, 0.005))
    seen = scene(BOX, regions=[spot], goals=[("on", "box_1", "spot")])
    best = places(seen, seen.world.goals[0])[0]
    np.testing.assert_allclose(best.origin_m, (0.2, 0.1, 0.02), atol=0.001)


def test_a_thing_in_a_tray_rests_on_its_floor_between_its_walls():
    inside = region("inside", pose(0.1, 0.1, 0.03), (0.06, 0.06, 0.03), "tray_1")
    seen = scene(BOX, tray("tray_1", pose(0.1, 0.1)), regions=[inside], goals=[("in", "box_1", "inside")])
    found = places(seen, seen.world.goals[0])
    assert found[0].origin_m[2] == pytest.approx(0.026, abs=0.002)
    low = [place.origin_m[:2] - (0.1, 0.1) for place in found if place.origin_m[2] < 0.03]
    assert np.abs(low)[:, 0].max() <= 0.07 - 0.005 - 0.03 + 0.01


def test_what_is_covered_has_no_place():
    covered = region("covered", pose(0.1, 0.1, 0.05), (0.05, 0.05, 0.04))
    roof = thing("roof_1", pose(0.1, 0.1, 0.2), ((0.1, 0.1, 0.01), (0, 0, 0)))
    seen = scene(BOX, roof, regions=[covered], goals=[("in", "box_1", "covered")])
    assert places(seen, seen.world.goals[0]) == []


def test_a_long_thing_is_turned_where_it_fits_only_turned():
    slot = region("slot", pose(0.1, 0.0, 0.03), (0.01, 0.03, 0.03))
    left, right = (
        thing(f"wall_{i}", pose(0.1 + side, 0, 0.05), ((0.004, 0.1, 0.05), (0, 0, 0))) for i, side in ((1, -0.03), (2, 0.03))
    )
    seen = scene(BOX, left, right, regions=[slot], goals=[("in", "box_1", "slot")])
    best = places(seen, seen.world.goals[0], (0.0, np.pi / 2))[0]
    assert best.turn_rad == pytest.approx(np.pi / 2)
    assert best.origin_m[2] < 0.03


def test_on_a_thing_means_within_three_centimetres_of_its_origin_and_touching_it():
    plate = thing("plate_1", pose(0.2, 0, 0.005), ((0.06, 0.06, 0.005), (0, 0, 0)))
    goal = ("on", "box_1", "plate_1")
    for x, touching, expected in ((0.21, True, True), (0.21, False, False), (0.24, True, False)):
        box = thing("box_1", pose(x, 0, 0.03), ((0.03, 0.02, 0.02), (0, 0, 0)))
        seen = scene(box, plate, goals=[goal], contacts=[("box_1", "plate_1")] if touching else [])
        assert holds(seen, seen.world.goals[0]) is expected


def test_a_leaning_region_is_turned_as_upstream_turns_it():
    place = pose(0.0, 0.0, 0.3)
    place[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    seen = scene(BOX, regions=[region("lean", place, (0.1, 0.02, 0.002))], goals=[("on", "box_1", "lean")])
    there = place[:3, 3] + place[:3, :3].T @ np.array([0.0, 0.0, 0.05])
    elsewhere = place[:3, 3] + place[:3, :3] @ np.array([0.0, 0.0, 0.05])
    assert may_hold(seen, seen.world.goals[0], np.array([there, elsewhere])).tolist() == [True, False]


def test_a_long_thing_may_be_turned_to_lie_along_a_region_and_a_round_one_by_quarters_alone():
    spot = region("spot", pose(0.2, 0.1, 0.0, 0.3), (0.06, 0.02, 0.005))
    long, cube = (thing("box_1", pose(-0.3, 0, 0.02, 0.1), ((half, 0.02, 0.02), (0, 0, 0))) for half in (0.06, 0.02))
    goal = ("on", "box_1", "spot")
    turns = turns_into(scene(long, regions=[spot], goals=[goal]), scene(long, regions=[spot], goals=[goal]).world.goals[0])
    assert min(abs(turn - 0.2) for turn in turns) < 0.06
    seen = scene(cube, regions=[spot], goals=[goal])
    assert len(turns_into(seen, seen.world.goals[0])) == 4


def test_a_place_with_room_around_it_is_preferred_to_a_tight_one():
    walls = [thing(f"wall_{i}", pose(x, 0, 0.03), ((0.004, 0.1, 0.03), (0, 0, 0))) for i, x in enumerate((0.1, 0.2))]
    gap = region("gap", pose(0.12, 0.0, 0.03), (0.06, 0.005, 0.03))
    seen = scene(BOX, *walls, regions=[gap], goals=[("in", "box_1", "gap")])
    best = places(seen, seen.world.goals[0])[0]
    assert best.origin_m[2] == pytest.approx(0.02, abs=0.002)
    assert best.origin_m[0] == pytest.approx(0.15, abs=0.01)
    assert not best.tight
