import numpy as np
import pytest
from libero_scenes import pose, region, scene, thing

from harness.policies.expert.libero.choosing import lowest_grip_m, plan
from harness.policies.expert.libero.geometry import height_map

BOX = thing("box_1", pose(-0.3, 0, 0.02), ((0.03, 0.02, 0.02), (0, 0, 0)))


@pytest.mark.parametrize(
    ("at", "lowest_m"),
    [
        pytest.param((0.0, 0.09), 0.072, id="under the palm"),
        pytest.param((0.0, 0.05), 0.115, id="under a finger"),
        pytest.param((0.0, 0.0), 0.072, id="between the fingers"),
        pytest.param((0.12, 0.0), -np.inf, id="beside the hand"),
    ],
)
def test_the_gripper_stays_above_what_its_palm_and_its_fingers_would_hit(at, lowest_m):
    top = height_map(np.array([[*at, 0.1]]), np.full(2, -0.2), np.full(2, 0.2), -np.inf)
    assert lowest_grip_m(top, np.zeros((1, 2)), np.pi / 2, 0.04)[0] == pytest.approx(lowest_m)


def test_a_plan_keeps_the_grasp_and_turns_no_farther_than_the_wrist():
    spot = region("spot", pose(0.2, 0.1, 0.0), (0.04, 0.04, 0.005))
    seen = scene(BOX, regions=[spot], goals=[("on", "box_1", "spot")])
    plans = plan(seen, seen.world.goals[0])
    assert plans
    for each in plans:
        azimuth = np.arctan2(each.place.origin_m[1], each.place.origin_m[0] + 0.6)
        wrist = 0.785 + azimuth - each.yaw_rad - each.place.turn_rad
        assert abs(wrist) < 2.897
        assert abs(np.sin(each.yaw_rad + np.pi / 2 - each.grasp.closing_rad)) < 1e-9


def test_there_is_no_plan_where_there_is_no_place():
    covered = region("covered", pose(0.1, 0.1, 0.05), (0.05, 0.05, 0.04))
    roof = thing("roof_1", pose(0.1, 0.1, 0.2), ((0.1, 0.1, 0.01), (0, 0, 0)))
    seen = scene(BOX, roof, regions=[covered], goals=[("in", "box_1", "covered")])
    assert plan(seen, seen.world.goals[0]) == []


def test_a_thing_is_grasped_at_the_side_that_the_arm_reaches():
    ring = thing(
        "ring_1",
        pose(0.18, 0.0, 0.03),
        *(((0.004, 0.05, 0.03), (x, 0, 0)) for x in (-0.05, 0.05)),
        *(((0.05, 0.004, 0.03), (0, y, 0)) for y in (-0.05, 0.05)),
    )
    spot = region("spot", pose(0.0, 0.2, 0.0), (0.04, 0.04, 0.005))
    seen = scene(ring, regions=[spot], goals=[("on", "ring_1", "spot")])
    assert plan(seen, seen.world.goals[0])[0].grasp.position_m[0] < 0.18
