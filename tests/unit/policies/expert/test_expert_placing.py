from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness.policies.expert.arm import UnreachableError
from harness.policies.expert.placing import put, quarter_turns, turned

EDGE_M = 0.04
CLEAR_M = 0.03


def on_table(x, y, yaw_rad, z=EDGE_M / 2):
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("z", yaw_rad).as_matrix()
    pose[:3, 3] = x, y, z
    return pose


def corners(base_t_cube):
    """The cube's, (8, 3)."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    return signs * EDGE_M / 2 @ base_t_cube[:3, :3].T + base_t_cube[:3, 3]


def gap_mm(first, second):
    """How far the corners of one cube are from the other's nearest ones, at most."""
    apart = np.linalg.norm(corners(first)[:, np.newaxis] - corners(second), axis=2)
    return 1000 * apart.min(axis=1).max()


@given(yaw=st.floats(-3.2, 3.2), angle=st.floats(-3.2, 3.2))
def test_a_turn_adds_to_the_yaw_and_leaves_the_place(yaw, angle):
    pose = on_table(0.2, 0.1, yaw)
    assert np.allclose(turned(pose, angle), on_table(0.2, 0.1, yaw + angle))
    assert np.array_equal(pose, on_table(0.2, 0.1, yaw))


@given(yaw=st.floats(-3.2, 3.2), roll=st.floats(-3.2, 3.2))
def test_a_cube_fills_the_same_space_after_quarter_turns(yaw, roll):
    pose = on_table(0.2, 0.1, yaw)
    pose[:3, :3] = pose[:3, :3] @ Rotation.from_euler("x", roll).as_matrix()
    turns = quarter_turns(pose)
    assert all(gap_mm(turn, pose) < 0.01 for turn in turns)
    assert min(np.abs(first - second).max() for first, second in itertools.pairwise(turns)) > 0.1


@pytest.mark.parametrize("goal", [(0.22, 0.2, 0.3), (0.3, -0.1, 0.78), (0.2, -0.15, -0.6)])
def test_a_cube_comes_to_its_goal_and_is_let_go(benches, goal):
    bench, wanted = benches(), on_table(*goal)
    view = bench.begin(2)
    end, _, _ = bench.follow(put(view, "cube", lambda _: quarter_turns(wanted), clear_m=CLEAR_M), view)
    assert gap_mm(end.poses["cube"], wanted) < 2
    assert end.opening_m > EDGE_M + 0.02


def test_a_goal_that_moves_while_the_cube_is_carried_is_met(benches):
    bench, first, then = benches(), on_table(0.25, 0.15, 0.2), on_table(0.26, 0.14, 0.25)

    def goals(view):
        return quarter_turns(then if view.poses["cube"][2, 3] > EDGE_M / 2 + 0.01 else first)

    view = bench.begin(5)
    end, _, _ = bench.follow(put(view, "cube", goals, clear_m=CLEAR_M), view)
    assert gap_mm(end.poses["cube"], then) < 2


def test_on_the_way_the_cube_is_as_high_above_its_goal_as_was_asked(benches):
    bench, wanted = benches(), on_table(0.22, 0.2, 0.3)
    view = bench.begin(2)
    start = view.poses["cube"][:2, 3]
    _, _, views = bench.follow(put(view, "cube", lambda _: quarter_turns(wanted), clear_m=CLEAR_M), view)
    cubes = np.array([seen.poses["cube"][:3, 3] for seen in views])
    between = (np.linalg.norm(cubes[:, :2] - start, axis=1) > 0.02) & (
        np.linalg.norm(cubes[:, :2] - wanted[:2, 3], axis=1) > 0.02
    )
    assert between.sum() > 5
    assert cubes[between, 2].min() > EDGE_M / 2 + CLEAR_M - 0.002


def test_a_goal_out_of_reach_is_refused_before_anything_moves(benches):
    bench = benches()
    view = bench.begin(2)
    with pytest.raises(UnreachableError, match=r"none of \d+ ways"):
        next(put(view, "cube", lambda _: quarter_turns(on_table(0.9, 0.0, 0.0)), clear_m=CLEAR_M))
