from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.envs.piper.tasks.open_drawer import OpenDrawer

SCENE = OpenDrawer()
# On the left, opening to the right.
START = (0.28, 0.12, -np.pi / 2)


@pytest.fixture(scope="module")
def shared_table(make_table):
    return make_table(SCENE)


@pytest.fixture
def table(shared_table):
    shared_table.reset()
    shared_table.begin(START)
    return shared_table


def put(table, opening_m):
    table.simulation.data.joint("drawer").qpos[0] = opening_m
    table.simulation.data.joint("drawer").qvel[0] = 0.0


def pulled(table, force_n):
    table.simulation.data.body("drawer").xfrc_applied[:3] = force_n * table.simulation.pose("drawer")[:3, 0]


def opening_m(table):
    return table.simulation.joint_position("drawer")


def test_a_shut_drawer_stays_shut_and_does_not_count(table):
    assert not any(table.watch(40))
    assert opening_m(table) == pytest.approx(0, abs=1e-4)


def test_an_open_drawer_counts_once_it_has_stood_still_for_the_wanted_steps(table):
    table.watch(3)
    put(table, 0.09)
    assert table.watch(9) == [False] * 5 + [True] * 4


def test_a_drawer_pushed_shut_again_no_longer_counts(table):
    put(table, 0.09)
    assert table.watch(9)[-1]
    put(table, 0.02)
    assert not any(table.watch(9))


def test_a_moving_drawer_does_not_count_however_far_it_is_open(table):
    ways_m = iter(np.linspace(0.08, 0.11, 15))
    assert not any(table.watch(15, lambda: put(table, next(ways_m))))


def test_it_takes_a_little_force_to_open_it(table):
    pulled(table, 0.5)
    table.watch(10)
    assert opening_m(table) < 1e-3
    pulled(table, 4.0)
    assert table.watch(40)[-1]


def test_it_stays_where_it_is_left(table):
    put(table, 0.05)
    table.watch(20)
    assert opening_m(table) == pytest.approx(0.05, abs=1e-3)


def test_the_handle_moves_along_its_own_x_axis(table):
    before = SCENE.poses(table.simulation)["handle"]
    put(table, 0.07)
    table.simulation.forward()
    after = SCENE.poses(table.simulation)["handle"]
    assert before[:3, 3] == pytest.approx([0.28, 0.12, 0.05], abs=1e-3)
    assert after[:3, 3] == pytest.approx([0.28, 0.12 - 0.07, 0.05], abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(way_m=st.floats(0.0, 0.11))
def test_only_a_drawer_opened_far_enough_counts(shared_table, way_m):
    shared_table.reset()
    shared_table.begin(START)
    put(shared_table, way_m)
    counts = shared_table.watch(9)[-1]
    if abs(way_m - 0.08) > 1e-3:
        assert counts == (way_m > 0.08)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_handle_can_be_grasped_from_above_shut_and_open(seed):
    x_m, y_m, yaw_rad = SCENE.sample(np.random.default_rng(seed))
    for way_m in (0.0, 0.11):
        assert 0.15 < np.hypot(x_m + way_m * np.cos(yaw_rad), y_m + way_m * np.sin(yaw_rad)) < 0.38


@given(seed=st.integers(0, 2**32 - 1))
def test_it_opens_towards_the_middle(seed):
    _, y_m, yaw_rad = SCENE.sample(np.random.default_rng(seed))
    assert y_m * np.sin(yaw_rad) < 0
