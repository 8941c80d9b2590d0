"""The Panda's kinematics: against its data sheet, and going to poses and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.policies.expert.libero.panda import arm_solid, frames, joints_along, joints_at
from harness.policies.expert.libero.scene import HOME_RAD


def test_with_all_joints_at_zero_the_arm_stands_straight_up_and_the_gripper_looks_down():
    # The links' lengths of Franka's data sheet, and 0.2035 m from the last joint to the gripper's point.
    grip = frames(np.zeros(7))[-1]
    assert grip[:3, 3] == pytest.approx([0.088, 0.0, 0.333 + 0.316 + 0.384 - 0.2035], abs=1e-9)
    assert grip[:3, 2] == pytest.approx([0.0, 0.0, -1.0], abs=1e-9)


def test_at_home_the_gripper_looks_down_in_front_of_the_base_and_closes_aside():
    grip = frames(HOME_RAD)[-1]
    assert grip[:3, 2] == pytest.approx([0.0, 0.0, -1.0], abs=0.07)
    assert np.abs(grip[:3, 1]) == pytest.approx([0.0, 1.0, 0.0], abs=0.07)
    assert grip[0, 3] == pytest.approx(0.45, abs=0.03)


# Within what keeps joint 4, at -2.44 rad at home, clear of its stop.
@given(st.lists(st.floats(-0.4, 0.4), min_size=7, max_size=7))
@settings(max_examples=40, deadline=None)
def test_a_pose_that_the_arm_can_take_is_found_from_nearby(away):
    wanted = frames(HOME_RAD + np.array(away))[-1]
    found = joints_at(wanted, HOME_RAD)
    assert found is not None
    reached = frames(found)[-1]
    assert np.linalg.norm(reached[:3, 3] - wanted[:3, 3]) < 0.005
    assert np.trace(reached[:3, :3].T @ wanted[:3, :3]) > 1 + 2 * np.cos(0.04)


def test_what_is_farther_away_than_the_arm_is_long_is_not_reached():
    far = frames(HOME_RAD)[-1].copy()
    far[:3, 3] = 1.2, 0.0, 0.3
    assert joints_at(far, HOME_RAD) is None
    assert joints_along(np.eye(4), [frames(HOME_RAD)[-1], far], HOME_RAD) is None


def test_poses_are_followed_in_the_world_wherever_the_base_stands():
    base = np.eye(4)
    base[:3, 3] = -0.66, 0.0, 0.912
    home = frames(HOME_RAD)[-1]
    beside = home.copy()
    beside[:3, 3] += 0.0, 0.15, 0.0
    found = joints_along(base, [base @ home, base @ beside], HOME_RAD)
    assert found is not None
    assert frames(found[1])[-1][:3, 3] == pytest.approx(beside[:3, 3], abs=0.005)


def test_the_forearm_reaches_from_the_elbow_to_the_wrist():
    solid, found = arm_solid(HOME_RAD), frames(HOME_RAD)
    forearm = found[4][:3, 3] - found[3][:3, 3]
    assert solid.centres_m[0] == pytest.approx((found[4][:3, 3] + found[3][:3, 3]) / 2)
    assert solid.axes[0][:, 2] == pytest.approx(forearm / np.linalg.norm(forearm))
    assert 2 * solid.half_sizes_m[0, 2] == pytest.approx(np.hypot(0.384, 0.0825))  # the elbow's offset
