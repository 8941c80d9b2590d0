from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness.envs.piper.tasks.peg import Peg

SCENE = Peg()
PEG, BLOCK = (0.2, -0.1), (0.28, 0.08)
START = (*PEG, 0.3, *BLOCK, 0.0)
MIDDLE_M = SCENE.length_m / 2


@pytest.fixture(scope="module")
def shared_table(make_table):
    return make_table(SCENE)


@pytest.fixture
def table(shared_table):
    shared_table.reset()
    return shared_table


def put_in_hole(table, share=1.0, offset_m=(0.0, 0.0), quat_wxyz=(1, 0, 0, 0)):
    """The peg upright over the hole's middle, its tip at a share of the hole's depth."""
    tip_m = SCENE.depth_m * (1 - share)
    table.simulation.place("peg", (BLOCK[0] + offset_m[0], BLOCK[1] + offset_m[1], tip_m + MIDDLE_M), quat_wxyz)


def test_nothing_is_reached_while_nothing_moves(table):
    table.begin(START)
    assert not any(table.watch(20))


def test_a_peg_standing_in_the_hole_counts_after_the_wanted_steps_and_no_sooner(table):
    table.begin(START)
    table.watch(5)
    put_in_hole(table)
    answers = table.watch(SCENE.hold_steps + 10)
    assert not any(answers[: SCENE.hold_steps - 1])
    assert answers[-1]


def test_a_peg_taken_out_again_no_longer_counts(table):
    table.begin(START)
    put_in_hole(table)
    assert table.watch(20)[-1]
    table.simulation.place("peg", (*PEG, MIDDLE_M))
    assert not any(table.watch(20))


def test_a_peg_on_top_of_the_block_does_not_count(table):
    table.begin(START)
    put_in_hole(table, 0.0, offset_m=(0.01, 0.01))
    assert not any(table.watch(20))
    assert table.simulation.pose("peg")[2, 3] > SCENE.depth_m


def test_a_peg_thrown_over_the_hole_does_not_count(table):
    table.begin(START)
    table.throw("peg", (BLOCK[0], BLOCK[1] - 0.15, 0.1), (0, 1.5, 0.3))
    assert not any(table.watch(30))
    assert table.simulation.pose("peg")[1, 3] > BLOCK[1]


def test_a_peg_counts_either_way_up_since_its_ends_look_alike(table):
    table.begin(START)
    put_in_hole(table, quat_wxyz=(0, 1, 0, 0))
    assert table.watch(20)[-1]


def test_a_peg_counts_only_once_the_fingers_let_go(table):
    table.reset_with_tcp_at((*BLOCK, 0.05), 2 * SCENE.half_width_m + 0.002)
    table.begin((*PEG, 0, *BLOCK, 0))
    put_in_hole(table)
    table.simulation.drive.grip(0.0)
    assert not any(table.watch(30))
    table.simulation.drive.grip(0.06)
    assert table.watch(30)[-1]


@given(share=st.floats(0.0, 1.0).filter(lambda share: abs(share - 0.8) > 1e-6))
@settings(max_examples=20, deadline=None)
def test_four_fifths_of_the_depth_are_enough_and_needed(shared_table, share):
    shared_table.reset()
    shared_table.begin(START)
    answers = shared_table.watch(SCENE.hold_steps, lambda: put_in_hole(shared_table, share))
    assert answers[-1] == (share > 0.8)


@given(tilt_deg=st.floats(0, 40).filter(lambda tilt: abs(tilt - 10) > 0.1), around=st.floats(-3.2, 3.2))
@settings(max_examples=20, deadline=None)
def test_a_leaning_peg_does_not_count(shared_table, tilt_deg, around):
    shared_table.reset()
    shared_table.begin(START)
    lean = Rotation.from_rotvec(np.deg2rad(tilt_deg) * np.array([np.cos(around), np.sin(around), 0]))
    above_tip_m = lean.apply((0, 0, MIDDLE_M))

    def keep():
        shared_table.simulation.place("peg", np.add((*BLOCK, 0), above_tip_m), lean.as_quat(scalar_first=True))

    assert shared_table.watch(SCENE.hold_steps, keep)[-1] == (tilt_deg < 10)


@pytest.mark.parametrize("clearance_m", [0.004, 0.002, 0.001, 0.0005])
@pytest.mark.parametrize("side", [(1, 0), (0, 1), (-1, 0), (0, -1)])
def test_a_peg_meets_the_walls_half_of_the_clearance_from_the_middle(make_table, clearance_m, side):
    table = make_table(Peg(clearance_m=clearance_m))
    table.begin((*PEG, 0, *BLOCK, 0))
    for share, meets in ((0.9, False), (1.1, True)):
        put_in_hole(table, offset_m=np.multiply(side, share * clearance_m / 2))
        table.simulation.forward()
        assert table.simulation.touching("peg", "block") == meets


@given(x=st.floats(0.15, 0.4), y=st.floats(-0.3, 0.3), yaw=st.floats(-3.2, 3.2), quarter=st.integers(0, 3))
@settings(max_examples=10, deadline=None)
def test_where_the_block_stands_and_which_side_of_the_peg_is_where_does_not_matter(shared_table, x, y, yaw, quarter):
    shared_table.reset()
    shared_table.begin((x, y, yaw + quarter * np.pi / 2, x, y, yaw))
    assert shared_table.watch(SCENE.hold_steps + 5)[-1]


@given(seed=st.integers(0, 2**32 - 1))
def test_peg_and_block_stand_within_reach_with_room_for_a_finger_between_them(seed):
    init = SCENE.sample(np.random.default_rng(seed))
    peg, block = init[:2], init[3:5]
    assert 0.19 <= np.hypot(*peg) <= 0.33
    assert 0.19 <= np.hypot(*block) <= 0.33
    corners_m = (SCENE.half_width_m + SCENE.hole_half_width_m + 0.022) * np.sqrt(2)
    assert np.linalg.norm(peg - block) - corners_m > 0.05
