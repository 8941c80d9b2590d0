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
    """Largest speed and acceleration of the tcp (m) and largest speed of its turning (rad), from rest to rest."""
    still = [start, start], [poses[-1], poses[-1]]
    points = np.array([pose[:3, 3] for pose in (*still[0], *poses, *still[1])])
    rotations = Rotation.from_matrix(np.array([start, *poses])[:, :3, :3])
    speeds = np.diff(points, axis=0) / STEP_S
    turns = (rotations[1:] * rotations[:-1].inv()).magnitude() / STEP_S
    return (
        np.linalg.norm(speeds, axis=1).max(),
        np.linalg.norm(np.diff(speeds, axis=0) / STEP_S, axis=1).max(),
        turns.max(),
    )


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(0.20, 0.32),
    y=st.floats(-0.12, 0.12),
    z=st.floats(0.0, 0.09),
    closing_rad=st.floats(np.pi / 2 - 0.6, np.pi / 2 + 0.6),
    pace=st.sampled_from([FREE, CAREFUL]),
)
def test_a_line_is_straight_and_within_its_pace(arm, x, y, z, closing_rad, pace):
    start, goal = arm.pose(START_RAD), down((x, y, z), closing_rad)
    poses = timed(arm.line(START_RAD, goal), pace)
    assert poses[-1] == pytest.approx(goal, abs=1e-9)

    way = goal[:3, 3] - start[:3, 3]
    along = np.array([pose[:3, 3] - start[:3, 3] for pose in poses])
    assert np.abs(np.cross(along, way / np.linalg.norm(way))).max() < 1e-9
    assert (np.diff(along @ way) >= -1e-12).all()

    speed, acceleration, turning = derivatives(start, poses)
    assert speed <= pace.speed_m_s + 1e-9
    assert acceleration <= pace.acceleration_m_s2 + 1e-9
    assert turning <= pace.turn_rad_s + 1e-9


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
