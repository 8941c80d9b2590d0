import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness.transforms.rotations import AxisAngle, WxyzFromXyzw, axis_angle, shorter_way

HALF = math.sqrt(0.5)
COORDINATES = st.floats(min_value=-1, max_value=1, allow_subnormal=False)


@st.composite
def unit_quaternions(draw):
    """Unit quaternions xyzw that are clear of no rotation at all, where acos loses its digits."""
    raw = np.array([draw(COORDINATES) for _ in range(4)])
    norm = np.linalg.norm(raw)
    assume(norm > 1e-3)
    quat_xyzw = raw / norm
    assume(np.linalg.norm(quat_xyzw[:3]) > 1e-3)
    return quat_xyzw


@pytest.mark.parametrize(
    ("quat_xyzw", "expected"),
    [
        ((0, 0, 0, 1), (0, 0, 0)),
        ((0, 0, 0, -1), (0, 0, 0)),
        ((1, 0, 0, 0), (math.pi, 0, 0)),
        ((0, HALF, 0, HALF), (0, math.pi / 2, 0)),
        ((0, -HALF, 0, -HALF), (0, -1.5 * math.pi, 0)),
        ((0, 0, HALF, -HALF), (0, 0, 1.5 * math.pi)),
        ((0, 0, 0, 1.0000001), (0, 0, 0)),
    ],
)
def test_known_rotations(quat_xyzw, expected) -> None:
    assert axis_angle(np.array(quat_xyzw, dtype=np.float64)) == pytest.approx(expected, abs=1e-12)


def test_a_gripper_that_points_down_has_the_numbers_of_the_training_data() -> None:
    # 3.08, 0.06, 0.03 rad: the mean orientation in LIBERO's demonstrations.
    rotvec = np.array([3.08, 0.06, 0.03])
    angle = np.linalg.norm(rotvec)
    quat_xyzw = np.append(np.sin(angle / 2) * rotvec / angle, np.cos(angle / 2))
    assert axis_angle(quat_xyzw) == pytest.approx(rotvec)


@given(unit_quaternions())
def test_axis_and_angle_describe_the_quaternions_rotation(quat_xyzw) -> None:
    found = Rotation.from_rotvec(axis_angle(quat_xyzw)).as_matrix()
    assert found == pytest.approx(Rotation.from_quat(quat_xyzw).as_matrix(), abs=1e-6)


@given(unit_quaternions())
def test_the_angle_is_between_zero_and_a_full_turn_along_the_quaternions_own_axis(quat_xyzw) -> None:
    vector = axis_angle(quat_xyzw)
    assert np.linalg.norm(vector) <= 2 * math.pi + 1e-6
    assert np.dot(vector, quat_xyzw[:3]) > 0


@given(unit_quaternions())
def test_a_quaternion_and_its_negative_give_the_two_ways_round(quat_xyzw) -> None:
    ways = np.linalg.norm(axis_angle(quat_xyzw)) + np.linalg.norm(axis_angle(-quat_xyzw))
    assert ways == pytest.approx(2 * math.pi, abs=1e-6)


@given(unit_quaternions())
def test_the_shorter_way_has_the_shortest_vector_of_the_rotation(quat_xyzw) -> None:
    vector = AxisAngle(shortest=True)(quat_xyzw)
    assert vector == pytest.approx(AxisAngle(shortest=True)(-quat_xyzw), abs=1e-6) or quat_xyzw[3] == 0
    assert np.linalg.norm(vector) == pytest.approx(Rotation.from_quat(quat_xyzw).magnitude(), abs=1e-6)


@given(unit_quaternions())
def test_an_axis_angle_gives_its_quaternion_back(quat_xyzw) -> None:
    full, shortest = AxisAngle(), AxisAngle(shortest=True)
    assert full.inverse()(full(quat_xyzw)) == pytest.approx(quat_xyzw, abs=1e-6)
    assert shortest.inverse()(shortest(quat_xyzw)) == pytest.approx(shorter_way(quat_xyzw), abs=1e-6)


def test_no_rotation_is_the_unit_quaternion_and_back() -> None:
    assert AxisAngle().inverse()(np.zeros(3)).tolist() == [0, 0, 0, 1]


@given(unit_quaternions())
def test_the_order_of_a_quaternions_numbers_is_changed_and_changed_back(quat_xyzw) -> None:
    before = quat_xyzw.copy()
    x, y, z, w = quat_xyzw
    assert WxyzFromXyzw()(quat_xyzw).tolist() == [w, x, y, z]
    assert WxyzFromXyzw().inverse()(np.array([w, x, y, z])).tolist() == [x, y, z, w]
    assert np.array_equal(quat_xyzw, before)


def test_a_quaternion_in_the_wrong_order_is_far_from_the_training_data() -> None:
    # The two orders of one downward gripper, as LIBERO's users found them.
    rotvec = np.array([3.08, 0.06, 0.03])
    quat_xyzw = AxisAngle().inverse()(rotvec)
    assert AxisAngle()(quat_xyzw) == pytest.approx(rotvec)
    assert np.linalg.norm(AxisAngle()(WxyzFromXyzw()(quat_xyzw)) - rotvec) > 1
