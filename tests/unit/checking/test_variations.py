"""The same moment under other conventions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checking.agreement import similarity
from harness.checking.variations import channels_first, orientations, place_of, variations
from harness.transforms.rotations import axis_angle
from harness.types import Observation

quaternions = (
    st.lists(st.floats(-1, 1), min_size=4, max_size=4)
    .map(np.array)
    .filter(lambda q: np.linalg.norm(q) > 0.1)
    .map(lambda q: q / np.linalg.norm(q))
)


def observed(quaternion, picture=None):
    orientation = axis_angle(quaternion)
    images = {} if picture is None else {"agentview": picture}
    vector = np.array([7.0, 8.0, 9.0, *orientation, 5.0, 6.0])
    return Observation(images, {"eef_quat_xyzw": quaternion, "eef_axis_angle": orientation, "vector": vector}, "", 0)


def named(name):
    return next(one.of_observation for one in variations() if name in one.name)


@given(quaternions)
def test_a_policy_that_reads_xyzw_as_wxyz_reads_the_variation_right(quaternion) -> None:
    shown = named("wxyz")(observed(quaternion)).state["eef_quat_xyzw"]
    # Its mistake: the first number is taken for the real part.
    w, x, y, z = shown
    assert np.array_equal([x, y, z, w], quaternion)


@given(quaternions)
def test_orientation_variations_change_the_vector_where_the_orientation_stands_and_nowhere_else(quaternion) -> None:
    shown = named("other sign")(observed(quaternion)).state
    assert shown["vector"][[0, 1, 2, 6, 7]].tolist() == [7, 8, 9, 5, 6]
    assert np.array_equal(shown["vector"][3:6], shown["eef_axis_angle"])
    assert np.array_equal(shown["eef_quat_xyzw"], -quaternion)


@pytest.mark.parametrize("name", ["rotated", "upside down", "mirrored", "BGR"])
def test_picture_variations_undo_themselves_and_leave_the_picture_alone(name) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    before = picture.copy()
    once = named(name)(observed(np.array([1.0, 0, 0, 0]), picture))
    assert not np.array_equal(once.images["agentview"], before)
    assert np.array_equal(named(name)(once).images["agentview"], before)
    assert np.array_equal(picture, before)


def test_a_policy_that_takes_rows_for_channels_sees_the_right_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)
    misread = channels_first(picture).reshape(3, 6, 4)
    assert np.array_equal(misread, np.moveaxis(picture, -1, 0))


def test_an_orientation_is_found_in_a_vector_only_where_it_stands() -> None:
    assert place_of(np.array([3.0, 4.0]), np.array([1.0, 3.0, 4.0])) == 1
    assert place_of(np.array([4.0, 3.0]), np.array([1.0, 3.0, 4.0])) is None


def test_an_observation_without_a_quaternion_has_no_orientations_and_stays_as_it_is() -> None:
    bare = Observation({}, {"vector": np.zeros(3)}, "", 0)
    assert orientations(bare) == {}
    assert named("wxyz")(bare) is bare


def test_similarity_is_that_of_directions_and_leaves_the_gripper_out() -> None:
    way = np.array([[1.0, 0.0, -1.0], [0.0, 2.0, 1.0]])
    assert similarity(3 * way, way) == pytest.approx(1.0)
    assert similarity(way * [-1, -1, 1], way) == pytest.approx(-1.0)
    assert similarity(way * [1, 1, -5], way) == pytest.approx(1.0)
    assert similarity(np.zeros((2, 3)), way) == 0.0
