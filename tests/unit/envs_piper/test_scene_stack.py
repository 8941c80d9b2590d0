from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.envs.piper.tasks.stack import Stack

SCENE = Stack()
EDGE_M = 2 * SCENE.half_size_m
RED, GREEN = (0.2, -0.1), (0.28, 0.08)
START = (*RED, 0.3, *GREEN, 0.1)


@pytest.fixture(scope="module")
def shared_table(make_table):
    return make_table(SCENE)


@pytest.fixture
def table(shared_table):
    shared_table.reset()
    return shared_table


def put_on_green(table, offset_m=(0.0, 0.0)):
    table.simulation.place("red_cube", (GREEN[0] + offset_m[0], GREEN[1] + offset_m[1], 1.5 * EDGE_M))


def test_nothing_is_reached_while_nothing_moves(table):
    table.begin(START)
    assert not any(table.watch(20))


def test_a_standing_stack_counts_after_the_wanted_steps_and_no_sooner(table):
    table.begin(START)
    table.watch(5)
    put_on_green(table)
    answers = table.watch(SCENE.hold_steps + 10)
    assert not any(answers[: SCENE.hold_steps - 1])
    assert answers[-1]


def test_a_stack_taken_down_again_no_longer_counts(table):
    table.begin(START)
    put_on_green(table)
    assert table.watch(20)[-1]
    table.simulation.place("red_cube", (*RED, EDGE_M / 2))
    assert not any(table.watch(20))


def test_green_on_red_does_not_count(table):
    table.begin(START)
    table.simulation.place("green_cube", (*RED, 1.5 * EDGE_M))
    assert not any(table.watch(20))


def test_a_cube_thrown_over_the_other_does_not_count(table):
    table.begin(START)
    table.throw("red_cube", (GREEN[0], GREEN[1] - 0.15, 1.5 * EDGE_M + 0.01), (0, 1.5, 0.4))
    assert not any(table.watch(30))
    assert table.simulation.pose("red_cube")[1, 3] > GREEN[1]


def test_a_cube_that_hangs_in_the_air_over_the_other_does_not_count(table):
    table.begin(START)
    keep = lambda: table.simulation.place("red_cube", (*GREEN, 1.5 * EDGE_M + 0.002))  # noqa: E731
    assert not any(table.watch(20, keep))


def test_cubes_side_by_side_do_not_count(table):
    table.begin(START)
    table.simulation.place("red_cube", (GREEN[0], GREEN[1] + EDGE_M, EDGE_M / 2))
    assert not any(table.watch(20))


def test_the_upper_cube_counts_only_once_the_fingers_let_go(table):
    table.reset_with_tcp_at((*GREEN, 1.6 * EDGE_M), EDGE_M + 0.002)
    table.begin((*RED, 0, *GREEN, 0))
    put_on_green(table)
    table.simulation.drive.grip(0.0)
    assert not any(table.watch(30))
    table.simulation.drive.grip(0.06)
    assert table.watch(30)[-1]


def test_the_lower_cube_must_not_be_touched_either(table):
    """A closed gripper touches the green cube from behind; the red one stands farther ahead, out of its way."""
    finger_half_width_m = 0.009
    behind_m = GREEN[0] - EDGE_M / 2 - finger_half_width_m + 0.0005
    table.reset_with_tcp_at((behind_m, GREEN[1], 0.004), 0.0)
    table.begin((*RED, 0, *GREEN, 0))

    def keep():
        table.simulation.place("green_cube", (*GREEN, EDGE_M / 2))
        table.simulation.place("red_cube", (GREEN[0] + 0.019, GREEN[1], 1.5 * EDGE_M - 0.0002))

    answers = table.watch(SCENE.hold_steps + 5, keep)
    assert table.simulation.touched_by_fingers("green_cube")
    assert not table.simulation.touched_by_fingers("red_cube")
    assert not any(answers)
    table.reset()
    assert table.watch(SCENE.hold_steps + 5, keep)[-1]


def test_a_cube_that_moves_on_top_of_the_other_does_not_count(table):
    table.begin(START)
    assert not any(table.watch(20, lambda: table.throw("red_cube", (*GREEN, 1.5 * EDGE_M - 0.001), (0.05, 0, 0))))
    assert table.simulation.touching("red_cube", "green_cube")


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(-3.2, 3.2), distance_m=st.floats(0.0, 0.015))
def test_a_stack_less_than_half_an_edge_off_counts(shared_table, angle, distance_m):
    shared_table.reset()
    shared_table.begin((*RED, 0, *GREEN, 0))
    put_on_green(shared_table, (distance_m * np.cos(angle), distance_m * np.sin(angle)))
    assert shared_table.watch(SCENE.hold_steps + 5)[-1]


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(-3.2, 3.2), distance_m=st.floats(0.0205, 0.08))
def test_a_stack_more_than_half_an_edge_off_never_counts(shared_table, angle, distance_m):
    shared_table.reset()
    shared_table.begin((*RED, 0, *GREEN, 0))
    put_on_green(shared_table, (distance_m * np.cos(angle), distance_m * np.sin(angle)))
    assert not any(shared_table.watch(SCENE.hold_steps + 5))


@given(seed=st.integers(0, 2**32 - 1))
def test_the_cubes_stand_within_reach_with_room_for_a_finger_between_them(seed):
    init = SCENE.sample(np.random.default_rng(seed))
    red, green = init[:2], init[3:5]
    assert 0.19 <= np.hypot(*red) <= 0.33
    assert 0.19 <= np.hypot(*green) <= 0.33
    assert np.linalg.norm(red - green) - EDGE_M * np.sqrt(2) > 0.05
