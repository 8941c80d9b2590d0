import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libero_scenes import pose, scene, thing

from harness.policies.expert.libero.arm import arm_limits_m, azimuths_rad, lean, looking_down, wrist_turns, yaws
from harness.policies.expert.libero.geometry import height_map

EMPTY = scene(thing("box_1", pose(), ((0.01, 0.01, 0.01), (0, 0, 0))))


def shoulder_to_joint_6_m(position, rotation):
    """The distance in a pose of the gripper, from the frames of robosuite's panda/robot.xml, with joint 7 at 0.785."""
    joint_6 = position + rotation @ np.array([-0.088, 0.0, -0.204])
    return np.linalg.norm(joint_6 - np.array([-0.6, 0.0, 0.333]))


def test_the_gripper_stands_upright_where_the_arm_reaches_easily():
    assert lean(EMPTY, np.array([[0.0, 0.1, 0.1], [-0.1, -0.2, 0.2]])).angle_rad.tolist() == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize(("x", "z", "sign"), [(0.17, 0.02, 1), (-0.365, 0.14, -1)])
def test_the_gripper_leans_outwards_far_from_the_base_and_inwards_near_it(x, z, sign):
    position = np.array([x, 0.0, z])
    angle = lean(EMPTY, position[np.newaxis]).angle_rad[0]
    assert angle * sign > 0
    upright, leaning = (looking_down(EMPTY, position, np.pi / 2, each) for each in (0.0, angle))
    assert np.sign(leaning[0, 2]) == sign
    assert (shoulder_to_joint_6_m(position, leaning) - shoulder_to_joint_6_m(position, upright)) * sign < 0


@given(closing=st.floats(-7, 7), azimuth=st.floats(-1, 1), angle=st.floats(-0.4, 0.4))
def test_a_lean_keeps_a_rotation_and_lies_in_the_arms_plane(closing, azimuth, angle):
    position = np.array([-0.6 + 0.5 * np.cos(azimuth), 0.5 * np.sin(azimuth), 0.1])
    rotation = looking_down(EMPTY, position, closing, angle)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    expected = [np.sin(angle) * np.cos(azimuth), np.sin(angle) * np.sin(azimuth), -np.cos(angle)]
    np.testing.assert_allclose(rotation[:, 2], expected, atol=1e-9)


@given(closing=st.floats(-7, 7))
def test_the_fingers_close_along_a_direction_in_each_of_its_turns(closing):
    for yaw in yaws(closing):
        assert abs(np.sin(yaw + np.pi / 2 - closing)) < 1e-6


def test_what_the_wrist_can_turn_depends_on_where_the_arm_points():
    ahead, left = azimuths_rad(EMPTY, np.array([[0.0, 0.0, 0.1], [-0.6, 0.5, 0.1]]))
    assert (ahead, left) == pytest.approx((0.0, np.pi / 2))
    assert wrist_turns(ahead, -1.5)
    assert not wrist_turns(left, -1.5)
    assert wrist_turns(left, 3.5)
    assert not wrist_turns(ahead, 3.5)


@pytest.mark.parametrize(
    ("at", "free"),
    [
        pytest.param((-0.1, 0.0), False, id="under the forearm"),
        pytest.param((0.03, 0.0), False, id="under the flange"),
        pytest.param((0.1, 0.0), True, id="ahead"),
        pytest.param((0.0, -0.1), True, id="on the right"),
    ],
)
def test_the_arm_above_the_gripper_needs_room(at, free):
    top = height_map(np.array([[*at, 0.4]]), np.full(2, -0.3), np.full(2, 0.3), 0.0)
    limit = arm_limits_m(EMPTY, top, np.zeros((1, 2)))[0]
    assert limit == pytest.approx(-0.151 if free else 0.249)
