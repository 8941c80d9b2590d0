from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.envs.piper.tasks.press_button import PressButton

SCENE = PressButton()
START = (0.32, 0.1, 0.3)


@pytest.fixture(scope="module")
def shared_table(make_table):
    return make_table(SCENE)


@pytest.fixture
def table(shared_table):
    shared_table.reset()
    shared_table.begin(START)
    return shared_table


def held_down(table, share):
    def keep():
        table.simulation.data.joint("button").qpos[0] = share * SCENE.travel_m
        table.simulation.data.joint("button").qvel[0] = 0.0

    return keep


def pushed_down(table, force_n):
    table.simulation.data.body("button").xfrc_applied[2] = -force_n


def pressed_share(table):
    return table.simulation.joint_position("button") / SCENE.travel_m


def test_nothing_is_reached_while_nobody_presses(table):
    assert not any(table.watch(20))
    assert abs(pressed_share(table)) < 0.02


def test_a_button_held_down_counts_after_the_wanted_steps_and_no_sooner(table):
    assert table.watch(7, held_down(table, 0.9)) == [False] * 4 + [True] * 3


def test_a_tap_does_not_count(table):
    assert not any(table.watch(4, held_down(table, 1.0)))
    assert not any(table.watch(10))


def test_a_button_let_go_springs_back_and_no_longer_counts(table):
    assert table.watch(7, held_down(table, 1.0))[-1]
    assert not any(table.watch(10))
    assert abs(pressed_share(table)) < 0.02


def test_a_hand_presses_it_and_something_light_does_not(table):
    pushed_down(table, 2.5)
    assert not any(table.watch(20))
    assert pressed_share(table) < 0.1
    pushed_down(table, 8.0)
    assert table.watch(20)[-1]


def test_it_stops_at_the_end_of_its_way(table):
    pushed_down(table, 60.0)
    table.watch(20)
    assert pressed_share(table) < 1.15


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0.0, 1.0))
def test_only_a_button_pressed_far_enough_counts(shared_table, share):
    shared_table.reset()
    shared_table.begin(START)
    counts = shared_table.watch(7, held_down(shared_table, share))[-1]
    if abs(share - 0.8) > 0.01:
        assert counts == (share > 0.8)


@given(seed=st.integers(0, 2**32 - 1))
def test_it_stands_where_the_gripper_can_come_from_above(seed):
    x_m, y_m, _ = SCENE.sample(np.random.default_rng(seed))
    assert 0.19 < np.hypot(x_m, y_m) < 0.41


def test_the_cap_comes_out_of_the_top_of_its_base(table):
    assert table.simulation.pose("button")[:3, 3] == pytest.approx([0.32, 0.1, 0.03 + SCENE.travel_m], abs=1e-3)
