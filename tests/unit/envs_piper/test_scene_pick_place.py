from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.envs.piper.tasks.pick_place import PickPlace

SCENE = PickPlace()
CUBE, BOWL = (0.2, -0.1), (0.28, 0.08)
START = (*CUBE, 0.3, *BOWL, 0.1)
IN_BOWL = (*BOWL, 0.3, *BOWL, 0.1)
RESTING_M = SCENE.half_size_m + 0.004


@pytest.fixture(scope="module")
def shared_table(make_table):
    return make_table(SCENE)


@pytest.fixture
def table(shared_table):
    shared_table.reset()
    return shared_table


def put_in_bowl(table, offset_m=(0, 0, RESTING_M), quat_wxyz=(1, 0, 0, 0), bowl=BOWL):
    table.simulation.place("cube", np.add((*bowl, 0), offset_m), quat_wxyz)


def test_nothing_is_reached_while_nothing_moves(table):
    table.begin(START)
    assert not any(table.watch(20))


def test_a_cube_lying_in_the_bowl_counts_after_the_wanted_steps_and_no_sooner(table):
    table.begin(START)
    table.watch(5)
    put_in_bowl(table)
    answers = table.watch(SCENE.hold_steps + 10)
    assert not any(answers[: SCENE.hold_steps - 1])
    assert answers[-1]


def test_a_cube_dropped_from_above_the_rim_comes_to_lie_in_the_bowl(table):
    table.begin(START)
    put_in_bowl(table, (0.01, -0.01, 0.08), (0.9, 0.3, 0.2, 0.1) / np.linalg.norm((0.9, 0.3, 0.2, 0.1)))
    assert table.watch(40)[-1]


def test_a_cube_taken_out_again_no_longer_counts(table):
    table.begin(START)
    put_in_bowl(table)
    assert table.watch(20)[-1]
    table.simulation.place("cube", (*CUBE, SCENE.half_size_m))
    assert not any(table.watch(20))


def test_a_cube_thrown_over_the_bowl_does_not_count(table):
    table.begin(START)
    table.throw("cube", (BOWL[0], BOWL[1] - 0.15, 0.1), (0, 1.8, 0.8))
    assert not any(table.watch(30))
    assert table.simulation.pose("cube")[1, 3] > BOWL[1] + 0.06


@pytest.mark.parametrize("radius_m", [0.044, 0.050, 0.055])
def test_a_cube_on_the_rim_does_not_count(table, radius_m):
    table.begin(START)
    on_rim_m = (radius_m, 0, SCENE.bowl_height_m + SCENE.half_size_m - 0.002)
    assert not any(table.watch(20, lambda: put_in_bowl(table, on_rim_m)))
    assert table.simulation.touching("cube", "bowl")


def test_a_cube_that_leans_against_the_bowl_from_outside_does_not_count(table):
    table.begin((*CUBE, 0, *BOWL, 0))
    assert not any(table.watch(20, lambda: put_in_bowl(table, (0.072, 0, SCENE.half_size_m))))
    assert table.simulation.touching("cube", "bowl")


def test_a_cube_under_the_foot_of_the_bowl_does_not_count(table):
    table.begin(START)

    def keep():
        table.simulation.place("bowl", (*BOWL, 2 * SCENE.half_size_m - 0.0002))
        put_in_bowl(table, (0, 0, SCENE.half_size_m))

    assert not any(table.watch(20, keep))
    assert table.simulation.touching("cube", "bowl")


def test_a_cube_under_the_overturned_bowl_does_not_count(table):
    table.begin(START)

    def keep():
        table.simulation.place("bowl", (*BOWL, 2 * SCENE.half_size_m + 0.0038), (0, 1, 0, 0))
        put_in_bowl(table, (0, 0, SCENE.half_size_m))

    assert not any(table.watch(20, keep))
    assert table.simulation.touching("cube", "bowl")


def test_a_cube_that_moves_in_the_bowl_does_not_count(table):
    table.begin(START)
    lying_m = (*BOWL, RESTING_M - 0.001)
    assert not any(table.watch(20, lambda: table.throw("cube", lying_m, (0.05, 0, 0))))
    assert table.simulation.touching("cube", "bowl")


def test_a_cube_that_hangs_in_the_air_above_the_foot_does_not_count(table):
    table.begin(START)
    assert not any(table.watch(20, lambda: put_in_bowl(table, (0, 0, RESTING_M + 0.004))))


def test_a_cube_between_the_fingers_counts_only_once_they_let_go(table):
    table.reset_with_tcp_at((*BOWL, RESTING_M + 0.01), 2 * SCENE.half_size_m + 0.002)
    table.begin(START)
    table.simulation.place("cube", (*BOWL, RESTING_M))
    table.simulation.drive.grip(0.0)
    assert not any(table.watch(30))
    table.simulation.drive.grip(0.06)
    assert table.watch(30)[-1]


@settings(max_examples=10, deadline=None)
@given(x=st.floats(0.15, 0.4), y=st.floats(-0.3, 0.3), yaw=st.floats(-3.2, 3.2))
def test_where_the_bowl_stands_and_how_it_is_turned_does_not_matter(shared_table, x, y, yaw):
    shared_table.reset()
    shared_table.begin((0.2, -0.4, 0, x, y, yaw))
    assert not any(shared_table.watch(12))
    put_in_bowl(shared_table, bowl=(x, y))
    assert shared_table.watch(SCENE.hold_steps + 5)[-1]


@settings(max_examples=15, deadline=None)
@given(angle=st.floats(-3.2, 3.2), beside_m=st.floats(0.0, 0.1))
def test_a_cube_beside_the_bowl_never_counts(shared_table, angle, beside_m):
    shared_table.reset()
    distance_m = SCENE.bowl_radius_m + SCENE.half_size_m * np.sqrt(2) + beside_m
    cube = BOWL + distance_m * np.array([np.cos(angle), np.sin(angle)])
    shared_table.begin((*cube, 0.0, *BOWL, 0.0))
    assert not any(shared_table.watch(SCENE.hold_steps + 5))


@given(seed=st.integers(0, 2**32 - 1))
def test_cube_and_bowl_stand_within_reach_with_room_for_a_finger_between_them(seed):
    init = SCENE.sample(np.random.default_rng(seed))
    cube, bowl = init[:2], init[3:5]
    assert 0.19 <= np.hypot(*cube) <= 0.33
    assert 0.19 <= np.hypot(*bowl) <= 0.33
    assert np.linalg.norm(cube - bowl) - SCENE.bowl_radius_m - SCENE.half_size_m * np.sqrt(2) > 0.05


def test_the_bowl_weighs_and_measures_what_the_scene_says(shared_table):
    model = shared_table.simulation.model
    assert model.body("bowl").mass[0] == pytest.approx(0.2)
    shared_table.reset()
    shared_table.begin((0.2, -0.1, 0, 0, 0.4, 0))
    shared_table.watch(10)
    corners = [shared_table.simulation.pose("bowl")[:3, 3] + corner for corner in panel_corners(shared_table.simulation)]
    heights = [corner[2] for corner in corners]
    radii = [np.hypot(corner[0], corner[1] - 0.4) for corner in corners]
    assert max(heights) == pytest.approx(SCENE.bowl_height_m, abs=0.002)
    assert min(heights) == pytest.approx(0.0, abs=0.001)
    assert max(radii) == pytest.approx(SCENE.bowl_radius_m, abs=0.003)


def panel_corners(simulation):
    """Corners of the bowl's boxes, relative to its origin."""
    model, data = simulation.model, simulation.data
    bowl = model.body("bowl").id
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    for geom in np.flatnonzero((model.geom_bodyid == bowl) & (model.geom_type == 6)):
        turned = (signs * model.geom_size[geom]) @ data.geom_xmat[geom].reshape(3, 3).T
        yield from turned + data.geom_xpos[geom] - data.xpos[bowl]
