"""Whether boxes meet, and how much room they leave: of solids made of boxes, in poses that are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libero_scenes import pose, thing
from scipy.spatial.transform import Rotation

from harness.policies.expert.libero.hand import Boxes, hand_points
from harness.policies.expert.libero.solids import FAR_M, corners_of, gaps_m, hand_solid, joined, moved, solid_of


def one_box(half, rotation=None):
    return Boxes(np.zeros((1, 3)), np.eye(3)[np.newaxis] if rotation is None else rotation[np.newaxis], np.array([half]))


def placed(position, rotvec=(0.0, 0.0, 0.0)):
    made = np.eye(4)
    made[:3, :3], made[:3, 3] = Rotation.from_rotvec(rotvec).as_matrix(), position
    return made


def test_boxes_along_the_same_axes_are_as_far_apart_as_their_faces():
    cube = one_box((0.01, 0.01, 0.01))
    poses = [placed((0.03, 0.0, 0.0)), placed((0.0, 0.0, 0.015)), placed((0.5, 0.0, 0.0))]
    assert gaps_m(cube, poses, cube) == pytest.approx([0.01, -0.005, FAR_M])


def test_a_board_thinner_than_any_spacing_of_points_is_not_missed():
    board, finger = one_box((0.2, 0.2, 0.0005)), one_box((0.01, 0.01, 0.05))
    assert gaps_m(finger, [placed((0.03, 0.04, 0.02))], board)[0] < 0.0


def test_two_rods_that_cross_askew_are_told_apart_by_the_direction_across_both():
    rod = one_box((0.1, 0.002, 0.002))
    # Turned by 45 degrees about their own axes, edge stands against edge: half a diagonal each is 0.002 * sqrt(2).
    edged = one_box((0.1, 0.002, 0.002), Rotation.from_rotvec([np.pi / 4, 0.0, 0.0]).as_matrix())
    across = placed((0.0, 0.0, 0.007), (0.0, 0.0, np.pi / 2))
    assert gaps_m(edged, [across], edged)[0] == pytest.approx(0.007 - 2 * 0.002 * np.sqrt(2), abs=1e-9)
    assert gaps_m(rod, [across], rod)[0] == pytest.approx(0.003)


ANGLES = st.tuples(*[st.floats(-3.0, 3.0)] * 3)
PLACES = st.tuples(*[st.floats(-0.05, 0.05)] * 3)


@given(PLACES, ANGLES, PLACES, ANGLES)
@settings(max_examples=60, deadline=None)
def test_a_gap_does_not_depend_on_where_both_are_seen_from_nor_on_which_of_the_two_is_moved(at, turn, shift, spin):
    one, other = one_box((0.02, 0.01, 0.004)), one_box((0.005, 0.03, 0.01))
    pose_of_one, seen_from = placed(at, turn), placed(shift, spin)
    gap = gaps_m(one, [pose_of_one], other)[0]
    assert gaps_m(one, [seen_from @ pose_of_one], moved(other, seen_from))[0] == pytest.approx(gap, abs=1e-9)
    assert gaps_m(other, [np.eye(4)], moved(one, pose_of_one))[0] == pytest.approx(gap, abs=1e-9)


@given(PLACES, ANGLES)
@settings(max_examples=60, deadline=None)
def test_boxes_that_share_a_point_have_no_gap(at, turn):
    one, other = one_box((0.02, 0.01, 0.004)), one_box((0.005, 0.03, 0.01))
    corners = corners_of(moved(one, placed(at, turn)))
    if np.any(np.all(np.abs(corners) < other.half_sizes_m, axis=1)):
        assert gaps_m(one, [placed(at, turn)], other)[0] < 0.0


def test_many_poses_are_answered_like_each_alone():
    cube, poses = one_box((0.01, 0.01, 0.01)), [placed((0.0, 0.0, 0.01 + 0.0001 * i)) for i in range(600)]
    together = gaps_m(cube, poses, cube)
    assert together[[0, 255, 256, 599]] == pytest.approx([-0.01, 0.0155, 0.0156, FAR_M])


def test_nothing_is_far_from_nothing():
    cube = one_box((0.01, 0.01, 0.01))
    nothing = Boxes(np.zeros((0, 3)), np.zeros((0, 3, 3)), np.zeros((0, 3)))
    assert gaps_m(cube, [np.eye(4)], nothing) == pytest.approx([FAR_M])
    assert len(gaps_m(cube, [], cube)) == 0


def test_the_hand_of_boxes_fills_the_room_of_the_hand_of_points():
    for half_gap in (0.0, 0.039):
        corners, points = corners_of(hand_solid(half_gap)), hand_points(half_gap)
        assert corners.min(axis=0) == pytest.approx(points.min(axis=0))
        assert corners.max(axis=0) == pytest.approx(points.max(axis=0))


def test_a_thing_is_where_its_pose_says():
    slab = solid_of(thing("slab_1", pose(x=0.2, z=0.1, yaw=np.pi / 2), ((0.05, 0.01, 0.02), (0.1, 0.0, 0.0))))
    assert slab.centres_m == pytest.approx(np.array([[0.2, 0.1, 0.1]]))
    both = joined(slab, slab)
    assert np.ptp(corners_of(both), axis=0) == pytest.approx([0.02, 0.1, 0.04])
