from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.envs.piper.tasks.lift import Lift

SCENE = Lift()
CUBE = "cube"
PLACE = (0.30, 0.05)
ON_TABLE_M = 0.02


@pytest.fixture(scope="module")
def shared_table(make_table):
    return make_table(SCENE)


@pytest.fixture
def table(shared_table):
    shared_table.reset()
    shared_table.begin((*PLACE, 0.2))
    return shared_table


def held_at(table, height_m):
    return lambda: table.simulation.place(CUBE, (*PLACE, ON_TABLE_M + height_m))


def test_nothing_is_reached_while_the_cube_stands_on_the_table(table):
    assert not any(table.watch(20))


def test_a_cube_held_in_the_air_counts_after_the_wanted_steps_and_no_sooner(table):
    table.watch(5)
    answers = table.watch(12, held_at(table, 0.10))
    assert answers == [False] * 9 + [True] * 3


def test_a_cube_set_down_again_no_longer_counts(table):
    assert table.watch(12, held_at(table, 0.10))[-1]
    assert not any(table.watch(12, held_at(table, 0.0)))


def test_a_cube_thrown_into_the_air_does_not_count(table):
    table.throw(CUBE, (*PLACE, ON_TABLE_M), (0, 0, 1.9))
    heights = []
    assert not any(table.watch(20, lambda: heights.append(table.simulation.pose(CUBE)[2, 3])))
    assert max(heights) > ON_TABLE_M + 0.1


@settings(max_examples=20, deadline=None)
@given(height_m=st.floats(0.0, 0.3))
def test_only_a_cube_that_rose_far_enough_counts(shared_table, height_m):
    shared_table.reset()
    shared_table.begin((*PLACE, 0.2))
    counts = shared_table.watch(12, held_at(shared_table, height_m))[-1]
    if abs(height_m - 0.08) > 1e-3:
        assert counts == (height_m > 0.08)


def test_what_falls_off_the_table_comes_to_rest_on_the_floor(make_table):
    table = make_table(Lift())
    table.begin((0.3, 0.0, 0.0))
    table.throw("cube", (0.3, 0.55, 0.05), (0.0, 1.0, 0.0))
    assert not any(table.watch(60))
    assert -0.75 < table.simulation.pose("cube")[2, 3] < -0.70
    assert table.simulation.speed("cube") < 0.01
    assert not table.simulation.unstable
