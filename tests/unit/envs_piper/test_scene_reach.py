from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness.envs.piper.tasks.reach import Reach
from harness.kinematics.registry import make_kinematics
from harness.kinematics.robot import load_robot

SCENE = Reach()
KINEMATICS = make_kinematics("analytic")
LIMITS_RAD = load_robot().limits_rad
SAMPLES = [SCENE.sample(np.random.default_rng(seed)) for seed in range(100)]


@pytest.fixture(scope="module")
def shared_table(make_table):
    return make_table(SCENE)


@pytest.fixture
def table(shared_table):
    shared_table.reset()
    shared_table.begin(SAMPLES[0])
    return shared_table


def put_target(table, move_m=(0.0, 0.0, 0.0), turn_rad=(0.0, 0.0, 0.0)):
    """The target beside the tcp."""
    tcp = table.simulation.site_pose("tcp")
    turned = Rotation.from_rotvec(turn_rad) * Rotation.from_matrix(tcp[:3, :3])
    table.simulation.place_fixed("target", tcp[:3, 3] + move_m, turned.as_quat(scalar_first=True))


def base_t_target(init):
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_quat(init[3:], scalar_first=True).as_matrix()
    pose[:3, 3] = init[:3]
    return pose


def test_the_start_pose_never_counts(shared_table):
    for init in SAMPLES[:50]:
        shared_table.reset()
        shared_table.begin(init)
        assert not any(shared_table.watch(12))


def test_the_target_counts_once_it_was_held_for_the_wanted_steps(table):
    put_target(table)
    assert table.watch(12) == [False] * 9 + [True] * 3


def test_to_come_by_does_not_count(table):
    put_target(table)
    table.watch(8)
    put_target(table, (0.05, 0, 0))
    assert not any(table.watch(2))
    put_target(table)
    assert not any(table.watch(8))


def test_who_leaves_the_target_is_no_longer_there(table):
    put_target(table)
    assert table.watch(12)[-1]
    put_target(table, (0, 0, 0.02))
    assert not any(table.watch(12))


@settings(max_examples=25, deadline=None)
@given(
    direction=st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.1, 1)),
    axis=st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.1, 1)),
    distance_m=st.floats(0.0, 0.02),
    angle_rad=st.floats(0.0, 0.3),
)
def test_what_counts_is_to_be_within_both_tolerances(shared_table, direction, axis, distance_m, angle_rad):
    shared_table.reset()
    shared_table.begin(SAMPLES[0])
    shared_table.watch(1)
    unit = lambda vector: np.array(vector) / np.linalg.norm(vector)  # noqa: E731
    put_target(shared_table, distance_m * unit(direction), angle_rad * unit(axis))
    counts = shared_table.watch(12)[-1]
    if abs(distance_m - 0.01) > 5e-4 and abs(angle_rad - 0.15) > 5e-3:
        assert counts == (distance_m < 0.01 and angle_rad < 0.15)


@pytest.mark.parametrize("init", SAMPLES[:30], ids=range(30))
def test_the_arm_gets_there_away_from_its_limits_and_touches_nothing(shared_table, init):
    found = KINEMATICS.inverse(base_t_target(init)[np.newaxis], load_robot().home_rad["ready"], "tcp")
    joints = found.joint_pos_rad[0, 0]
    assert found.success[0]
    assert (joints - LIMITS_RAD[:, 0]).min() > 0.09
    assert (LIMITS_RAD[:, 1] - joints).min() > 0.09
    shared_table.reset(joints, 0.05)
    shared_table.begin(init)
    assert shared_table.simulation.data.ncon == 0
    assert shared_table.watch(12)[-1]


def test_targets_are_all_over_the_workspace():
    places = np.array([init[:3] for init in SAMPLES])
    distances = np.hypot(places[:, 0], places[:, 1])
    assert np.ptp(distances) > 0.25
    assert np.ptp(places[:, 1]) > 0.5
    assert np.ptp(places[:, 2]) > 0.25
    assert places[:, 2].min() > 0.055


def test_every_target_is_in_the_front_camera_s_picture(shared_table):
    camera = shared_table.simulation.data.cam("front")
    half = np.tan(np.deg2rad(shared_table.simulation.model.cam("front").fovy[0]) / 2)
    for init in SAMPLES:
        x, y, z = camera.xmat.reshape(3, 3).T @ (init[:3] - camera.xpos)
        assert abs(x / -z) < half
        assert abs(y / -z) < half
