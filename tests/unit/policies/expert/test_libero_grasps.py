import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libero_scenes import pose, scene, thing, tray

from harness.policies.expert.libero.grasps import HALF_GAP_M, TIP_BELOW_M, grasps


def closing_in_frame(grasp, yaw):
    """How far the closing direction is from the thing's own y axis, 0 to pi / 2."""
    return abs(np.arcsin(np.clip(np.sin(grasp.closing_rad - yaw - np.pi / 2), -1, 1)))


@settings(max_examples=4, deadline=None)
@given(yaw=st.floats(-0.5, 0.5), x=st.floats(-0.2, 0.2))
def test_a_long_box_is_grasped_across_its_narrow_side(yaw, x):
    seen = scene(thing("box_1", pose(x, 0.0, 0.03, yaw), ((0.06, 0.02, 0.03), (0, 0, 0))))
    best = grasps(seen, "box_1")[0]
    assert closing_in_frame(best, yaw) < 0.25
    assert np.linalg.norm(best.position_m[:2] - (x, 0.0)) < 0.02
    assert best.width_m < 0.06


def test_the_fingers_end_above_the_table_and_below_the_top():
    seen = scene(thing("can_1", pose(0, 0, 0.04), ((0.03, 0.03, 0.04), (0, 0, 0))))
    for grasp in grasps(seen, "can_1"):
        assert TIP_BELOW_M < grasp.position_m[2] < 0.08


def test_a_thing_wider_than_the_gripper_is_not_grasped_across_its_middle():
    for grasp in grasps(scene(thing("box_1", pose(0, 0, 0.05), ((0.06, 0.06, 0.05), (0, 0, 0)))), "box_1"):
        assert np.linalg.norm(grasp.position_m[:2]) > 0.04


def test_what_is_wide_and_hollow_is_grasped_by_its_rim():
    seen = scene(tray("tray_1", pose()))
    found = grasps(seen, "tray_1")
    assert found
    for grasp in found:
        assert grasp.width_m < 0.02
        assert np.abs(grasp.position_m[:2]).max() == pytest.approx(0.07, abs=0.012)


def test_a_neighbour_where_a_finger_would_go_is_not_hit():
    box = thing("box_1", pose(0, 0, 0.03), ((0.02, 0.02, 0.03), (0, 0, 0)))
    neighbour = thing("wall_1", pose(0, 0.05, 0.06), ((0.1, 0.012, 0.06), (0, 0, 0)))
    free = grasps(scene(box), "box_1")[0]
    assert abs(np.sin(free.closing_rad)) > 0.9
    for grasp in grasps(scene(box, neighbour), "box_1"):
        across = abs(np.sin(grasp.closing_rad))
        assert across * HALF_GAP_M + abs(grasp.position_m[1]) < 0.05


def test_grasps_are_sorted_and_the_same_every_time():
    seen = scene(tray("tray_1", pose(0.1, -0.1)))
    first, second = grasps(seen, "tray_1"), grasps(seen, "tray_1")
    assert [grasp.cost for grasp in first] == sorted(grasp.cost for grasp in first)
    assert [grasp.position_m.tobytes() for grasp in first] == [grasp.position_m.tobytes() for grasp in second]
