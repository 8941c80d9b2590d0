from __future__ import annotations

import numpy as np
import pytest

from harness.envs.piper.tasks.reachable import gripper_pose, joints_for

HERE_M = np.array([0.3, 0.0, 0.15])


@pytest.mark.parametrize(
    ("azimuth_rad", "pitch_rad", "ahead", "across"),
    [
        (0, 0, (1, 0, 0), (0, 1, 0)),
        (np.pi / 2, 0, (0, 1, 0), (-1, 0, 0)),
        (0, np.pi / 2, (0, 0, -1), (0, 1, 0)),
        (0, np.pi / 6, (np.sqrt(3) / 2, 0, -0.5), (0, 1, 0)),
    ],
)
def test_a_gripper_pose_points_where_it_is_told_to(azimuth_rad, pitch_rad, ahead, across):
    pose = gripper_pose(HERE_M, azimuth_rad, pitch_rad)
    assert pose[:3, 2] == pytest.approx(ahead)
    assert pose[:3, 1] == pytest.approx(across)
    assert pose[:3, 3] == pytest.approx(HERE_M)


def test_roll_turns_the_fingers_about_where_they_point():
    pose = gripper_pose(HERE_M, 0, np.pi / 2, np.pi / 2)
    assert pose[:3, 2] == pytest.approx([0, 0, -1])
    assert pose[:3, 1] == pytest.approx([1, 0, 0])


def test_a_pose_in_front_of_the_arm_has_joints():
    assert joints_for(gripper_pose(HERE_M, 0, 1.0)) is not None


@pytest.mark.parametrize(
    ("position_m", "pitch_rad"),
    [((0.9, 0, 0.15), 1.0), ((0.3, 0, 0.02), 1.0), ((0.3, 0, 0.3), np.pi / 2)],
    ids=["out of reach", "too near to the table", "higher than the wrist can look straight down"],
)
def test_a_pose_that_is_not_well_within_reach_has_none(position_m, pitch_rad):
    assert joints_for(gripper_pose(np.array(position_m), 0, pitch_rad)) is None
