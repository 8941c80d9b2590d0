import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libero_scenes import pose, region, scene, thing

from harness.policies.expert.libero.choosing import plan
from harness.policies.expert.libero.tipping import TILT_RAD, leaning, tipped

# A bottle 0.16 m tall, and a shallow drawer that is 0.24 m long and 0.04 m deep.
BOTTLE = thing("bottle_1", pose(-0.2, 0, 0.08), ((0.02, 0.02, 0.08), (0, 0, 0)))
DRAWER = thing(
    "drawer_1",
    pose(0.0, 0.2, 0.1),
    ((0.12, 0.06, 0.005), (0, 0, -0.005)),
    *(((0.004, 0.06, 0.02), (x, 0, 0.02)) for x in (-0.116, 0.116)),
    *(((0.12, 0.004, 0.02), (0, y, 0.02)) for y in (-0.056, 0.056)),
    movable=False,
)
INSIDE = region("inside", pose(0.0, 0.2, 0.13), (0.11, 0.05, 0.02))
GOAL = ("in", "bottle_1", "inside")


@given(fall=st.floats(-4, 4), angle=st.floats(0, np.pi / 2))
def test_what_leans_leans_towards_where_it_falls(fall, angle):
    up = leaning(fall, angle) @ np.array([0.0, 0.0, 1.0])
    expected = [np.sin(angle) * np.cos(fall), np.sin(angle) * np.sin(fall), np.cos(angle)]
    np.testing.assert_allclose(up, expected, atol=1e-9)


def test_what_is_too_tall_to_stand_in_a_drawer_is_let_fall_along_it():
    seen = scene(BOTTLE, DRAWER, regions=[INSIDE], goals=[GOAL])
    assert plan(seen, seen.world.goals[0]) == []
    found = tipped(seen, seen.world.goals[0])
    assert found
    for each in found:
        along = np.array([np.cos(each.fall_rad), np.sin(each.fall_rad)])
        assert abs(along[0]) == pytest.approx(1.0)
        closing = each.grasp.closing_rad + each.place.turn_rad
        assert abs(along @ [np.cos(closing), np.sin(closing)]) < 1e-6
        foot = each.place.origin_m[:2] - along * (0.08 * np.sin(TILT_RAD) + 0.02 * np.cos(TILT_RAD))
        top = foot + along * 0.16
        assert np.abs([foot[0], top[0]]).max() < 0.12
        assert each.place.origin_m[2] == pytest.approx(0.1 + 0.08 * np.cos(TILT_RAD) + 0.02 * np.sin(TILT_RAD), abs=0.013)


def test_nothing_is_let_fall_where_it_does_not_fit_lying():
    small = region("inside", pose(0.0, 0.2, 0.13), (0.03, 0.03, 0.02))
    walls = [thing(f"wall_{i}", pose(x, 0.2, 0.1), ((0.004, 0.1, 0.06), (0, 0, 0))) for i, x in enumerate((-0.05, 0.05))]
    ends = [thing(f"end_{i}", pose(0, y, 0.1), ((0.05, 0.004, 0.06), (0, 0, 0))) for i, y in enumerate((0.15, 0.25))]
    seen = scene(BOTTLE, *walls, *ends, regions=[small], goals=[GOAL])
    assert tipped(seen, seen.world.goals[0]) == []
