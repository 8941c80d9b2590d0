from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness.policies.expert.arm import UnreachableError
from harness.policies.expert.grasps import down
from harness.policies.expert.pace import CAREFUL, FREE, Pace, minimum_jerk, timed

START_RAD = np.array((0.0, 1.0, -0.9, 0.0, 1.1, 0.0))
STEP_S = 1 / 20


def derivatives(start, poses):
    """Largest speed and acceleration of the tcp (m), and of its turning (rad), about one axis and from rest to rest."""
    padded = np.array([start, start, *poses, poses[-1], poses[-1]])
    rotations = Rotation.from_matrix(padded[:, :3, :3])
    speeds = np.diff(padded[:, :3, 3], axis=0) / STEP_S
    turns = (rotations[1:] * rotations[:-1].inv()).magnitude() / STEP_S
    return (
        np.linalg.norm(speeds, axis=1).max(),
        np.linalg.norm(np.diff(speeds, axis=0) / STEP_S, axis=1).max(),
        turns.max(),
        np.abs(np.diff(turns) / STEP_S).max(),
    )


@settings(max_examples=60, deadline=None)
@given(
    place=st.tuples(st.floats(-0.05, 0.05), st.floats(-0.1, 0.1), st.floats(-0.04, 0.04)),
    closing_rad=st.floats(-0.6, 0.6),
    share=st.sampled_from([0.0, 0.03, 0.3, 1.0]),
    pace=st.sampled_from([FREE, CAREFUL]),
)
def test_a_line_is_straight_and_within_its_pace(arm, place, closing_rad, share, pace):
    start = down((0.26, 0.0, 0.045), np.pi / 2)
    goal = down(start[:3, 3] + share * np.array(place), np.pi / 2 + closing_rad)
    poses = timed(arm.line(arm.joints(start, START_RAD), goal), pace)
    assert poses[-1] == pytest.approx(goal, abs=1e-6)

    way = goal[:3, 3] - start[:3, 3]
    along = np.array([pose[:3, 3] - start[:3, 3] for pose in poses])
    assert np.linalg.norm(np.cross(along, way), axis=1).max() <= 1e-6 * np.linalg.norm(way)
    assert (np.diff(along @ way) >= -1e-9).all()

    speed, acceleration, turning, turning_faster = derivatives(start, poses)
    assert speed <= pace.speed_m_s + 1e-6
    assert acceleration <= pace.acceleration_m_s2 + 1e-4
    assert turning <= pace.turn_rad_s + 1e-6
    assert turning_faster <= pace.turn_rad_s2 + 1e-4


@pytest.mark.parametrize(
    ("pace", "limited"),
    [
        (Pace(0.1, 9.0, 9.0, 99.0, 9.0), 0),
        (Pace(9.0, 0.2, 9.0, 99.0, 9.0), 1),
        (Pace(9.0, 9.0, 0.5, 99.0, 9.0), 2),
        (Pace(9.0, 9.0, 9.0, 1.0, 9.0), 3),
    ],
)
def test_each_limit_slows_a_line_as_far_as_it_must_and_no_farther(arm, pace, limited):
    start, goal = down((0.26, -0.1, 0.045), np.pi / 2), down((0.26, 0.1, 0.045), np.pi / 2 + 0.6)
    reached = derivatives(start, timed(arm.line(arm.joints(start, START_RAD), goal), pace))[limited]
    limit = (pace.speed_m_s, pace.acceleration_m_s2, pace.turn_rad_s, pace.turn_rad_s2)[limited]
    assert 0.9 * limit < reached <= limit * 1.0001


def test_a_joint_that_would_turn_too_fast_slows_the_motion(arm):
    turned = START_RAD + np.array((0.0, 0.0, 0.0, 0.0, 0.0, 1.5))
    hurried = Pace(10.0, 100.0, turn_rad_s=50.0, turn_rad_s2=500.0, joint_rad_s=2.0)
    poses = timed(arm.sweep(START_RAD, arm.pose(turned)), hurried)
    turns = Rotation.from_matrix(np.array([arm.pose(START_RAD), *poses])[:, :3, :3])
    fastest = (turns[1:] * turns[:-1].inv()).magnitude().max() / STEP_S
    assert 0.9 * 2.0 < fastest <= 2.0 + 1e-6


def test_a_motion_to_where_the_arm_is_takes_one_step(arm):
    pose = arm.pose(START_RAD)
    assert timed(arm.line(START_RAD, pose), FREE) == pytest.approx(pose[np.newaxis], abs=1e-9)


def test_minimum_jerk_begins_and_ends_at_rest():
    ends = minimum_jerk(np.array([0.0, 1e-4, 0.5, 1 - 1e-4, 1.0]))
    assert ends == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.0], abs=1e-10)


def test_a_sweep_ends_at_the_pose_with_every_joint_turning_evenly(arm):
    goal = arm.pose(START_RAD + np.array((1.5, 0.3, -0.2, 0.4, -0.3, 0.5)))
    path = arm.sweep(START_RAD, goal)
    assert path.poses(np.array([0.0, 1.0])) == pytest.approx(np.array([arm.pose(START_RAD), goal]), abs=1e-6)
    assert np.ptp(np.diff(path.joint_pos_rad, axis=0), axis=0) == pytest.approx(np.zeros(6), abs=1e-9)


@pytest.mark.parametrize("way", ["line", "sweep"])
def test_a_pose_out_of_reach_is_refused_with_its_reason(arm, way):
    with pytest.raises(UnreachableError, match=r"\(0\.900, 0\.000, 0\.100\) m, looking 90 deg down: reach: "):
        getattr(arm, way)(START_RAD, down((0.9, 0.0, 0.1), np.pi / 2))


def test_a_line_through_the_base_is_refused_and_a_sweep_goes_round_it(arm):
    left, right = arm.joints(down((0.0, 0.3, 0.05), np.pi), START_RAD), down((0.0, -0.3, 0.05), 0.0)
    with pytest.raises(UnreachableError):
        arm.line(left, right)
    assert arm.pose(arm.sweep(left, right).end_rad) == pytest.approx(right, abs=1e-4)


def test_a_line_on_which_the_wrist_would_turn_round_is_refused_and_a_sweep_gets_there(arm):
    goal = np.eye(4)
    goal[:3, :3], goal[:3, 3] = Rotation.from_euler("ZYZ", (0.0, np.pi / 2, -1.0)).as_matrix(), (0.3, 0.1, 0.25)
    with pytest.raises(UnreachableError, match="turn its wrist round"):
        arm.line(START_RAD, goal)
    assert arm.pose(arm.sweep(START_RAD, goal).end_rad) == pytest.approx(goal, abs=1e-4)
