import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.recording.bits import FirstBit, first_bit, ulp_distance

DOUBLES = st.floats(allow_nan=False)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 40))
def test_the_distance_counts_the_neighbours_in_between(value: float, steps: int) -> None:
    other = value
    for _ in range(steps):
        other = math.nextafter(other, math.inf)
    if math.isfinite(other):
        assert ulp_distance(value, other) == ulp_distance(other, value) == steps


@given(DOUBLES, DOUBLES, DOUBLES)
def test_distances_on_a_line_add_up(a: float, b: float, c: float) -> None:
    low, middle, high = sorted((a, b, c))
    assert ulp_distance(low, middle) + ulp_distance(middle, high) == ulp_distance(low, high)


def test_the_zeros_are_one_place_and_nan_has_none() -> None:
    assert ulp_distance(0.0, -0.0) == 0
    assert ulp_distance(-5e-324, 5e-324) == 2
    assert ulp_distance(1.7976931348623157e308, math.inf) == 1
    assert ulp_distance(math.nan, 1.0) is None


def test_the_first_difference_is_found_with_both_values() -> None:
    recorded, replayed = np.arange(6.0), np.arange(6.0)
    replayed[[2, 4]] = np.nextafter(2.0, 3.0), 9.0
    assert first_bit(recorded, replayed) == FirstBit(2, 2.0, 2.0000000000000004, ulps=1)


def test_bits_decide_not_values() -> None:
    assert first_bit(np.array([math.nan]), np.array([math.nan])) is None
    assert first_bit(np.array([0.0]), np.array([-0.0])) == FirstBit(0, 0.0, -0.0, ulps=0)


def test_strided_arrays_are_compared_like_others() -> None:
    table = np.arange(12.0).reshape(4, 3)
    assert first_bit(table[:, 1], table[:, 1].copy()) is None


def test_different_shapes_are_no_difference_but_a_mistake() -> None:
    with pytest.raises(ValueError, match="shapes"):
        first_bit(np.zeros(2), np.zeros(3))
