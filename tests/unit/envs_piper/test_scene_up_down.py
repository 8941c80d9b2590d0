from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness.envs.piper.tasks.up_down import UpDown
from harness.kinematics.registry import make_kinematics

SCENE = UpDown()
HEIGHT_M = 0.12
KINEMATICS = make_kinematics("analytic")
UP = np.linspace(0, HEIGHT_M, 7)
UP_AND_DOWN = [*UP, *UP[::-1]]


@pytest.fixture(scope="module")
def shared_table(make_table):
    return make_table(SCENE)


@pytest.fixture
def table(shared_table):
    return begin(shared_table)


def begin(table):
    table.reset()
    table.begin(SCENE.sample(np.random.default_rng(5)))
    table.first = table.simulation.site_pose("tcp")
    return table


def answers(table, heights_m, aside_m=(0.0, 0.0), turn_rad=0.0):
    """What the goal says with the tcp at these heights, beside the line and turned about it."""
    said = []
    for height_m in heights_m:
        goal = table.first.copy()
        goal[:3, 3] += (*aside_m, height_m)
        goal[:3, :3] = Rotation.from_rotvec((0, 0, turn_rad)).as_matrix() @ goal[:3, :3]
        found = KINEMATICS.inverse(goal[np.newaxis], table.simulation.drive.joint_pos_rad, "tcp")
        assert found.success[0]
        table.simulation.drive.put(found.joint_pos_rad[0, 0])
        table.simulation.forward()
        said.append(table.goal.reached(table.simulation))
    return said


def test_a_gripper_that_stays_does_not_count(table):
    assert not any(table.watch(20))


def test_up_and_down_again_counts_when_it_is_back_and_no_sooner(table):
    said = answers(table, UP_AND_DOWN)
    assert said[-1]
    assert not any(said[:-1])


def test_up_alone_does_not_count(table):
    assert not any(answers(table, UP))


def test_half_the_way_up_and_down_does_not_count(table):
    assert not any(answers(table, [0, 0.05, 0.1, 0.05, 0]))


def test_who_goes_up_again_is_no_longer_there(table):
    assert answers(table, UP_AND_DOWN)[-1]
    assert not answers(table, [0.06])[-1]


def test_once_off_the_line_no_perfect_way_helps(table):
    answers(table, [0.06], aside_m=(0.012, 0))
    assert not any(answers(table, UP_AND_DOWN))


def test_once_turned_away_no_perfect_way_helps(table):
    answers(table, [0.06], turn_rad=0.12)
    assert not any(answers(table, UP_AND_DOWN))


@pytest.mark.parametrize("height_m", [-0.012, HEIGHT_M + 0.012])
def test_who_overshoots_an_end_has_left_the_line(table, height_m):
    answers(table, [height_m])
    assert not any(answers(table, UP_AND_DOWN))


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(-3.2, 3.2), distance_m=st.floats(0.0, 0.02), turn_rad=st.floats(-0.15, 0.15))
def test_what_counts_is_to_have_stayed_within_both_tolerances(shared_table, angle, distance_m, turn_rad):
    begin(shared_table)
    aside_m = (distance_m * np.cos(angle), distance_m * np.sin(angle))
    counts = answers(shared_table, [0, 0.06, HEIGHT_M, 0.06, 0.002], aside_m, turn_rad)[-1]
    if abs(distance_m - 0.01) > 3e-4 and abs(abs(turn_rad) - 0.1) > 3e-3:
        assert counts == (distance_m < 0.01 and abs(turn_rad) < 0.1)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_arm_follows_the_whole_line_without_turning_its_wrist_round(seed):
    joints = SCENE.sample(np.random.default_rng(seed))
    goal = KINEMATICS.forward(joints[np.newaxis], "tcp")[0]
    assert 0.05 < goal[2, 3] < 0.1
    for _ in range(12):
        goal[2, 3] += HEIGHT_M / 12
        found = KINEMATICS.inverse(goal[np.newaxis], joints, "tcp")
        assert found.success[0]
        assert np.abs(found.joint_pos_rad[0, 0] - joints).max() < 0.2
        joints = found.joint_pos_rad[0, 0]


def test_the_line_begins_at_the_tcp_and_touches_nothing(table):
    assert table.simulation.pose("path")[:3, 3] == pytest.approx(table.first[:3, 3], abs=1e-9)
    assert table.simulation.data.ncon == 0
