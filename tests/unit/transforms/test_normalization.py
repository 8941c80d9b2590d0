from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from harness.errors import PolicyUnavailableError
from harness.transforms.normalization import BoundsQ99, Quantile, ZScore
from harness.transforms.statistics import VectorStatistics

NUMBERS = st.floats(-100, 100, allow_subnormal=False)
SPREADS = st.floats(0.01, 100)


@st.composite
def statistics(draw: Any, mask: bool = True) -> VectorStatistics:
    length = draw(st.integers(1, 9))
    vector = st.lists(NUMBERS, min_size=length, max_size=length).map(tuple)
    spread = st.lists(SPREADS, min_size=length, max_size=length).map(tuple)
    q01 = draw(vector)
    q99 = tuple(low + width for low, width in zip(q01, draw(spread), strict=True))
    masks = st.none() | st.lists(st.booleans(), min_size=length, max_size=length).map(tuple)
    return VectorStatistics(draw(vector), draw(spread), q01, q99, draw(masks) if mask else None)


CHUNKS = st.tuples(st.integers(1, 4), st.integers(1, 9)).flatmap(
    lambda shape: npst.arrays(np.float64, shape, elements=NUMBERS)
)

SEVEN = VectorStatistics(
    mean=(1.0, 2.0, 3.0), std=(0.5, 1.0, 2.0), q01=(-1.0, 0.0, 2.0), q99=(1.0, 4.0, 3.0), mask=(True, True, False)
)


def test_a_z_score_is_the_distance_from_the_mean_in_standard_deviations() -> None:
    # (2 - 1) / (0.5 + 1e-6), (2 - 2) / (1 + 1e-6); the third dimension is masked.
    assert ZScore(SEVEN)([2.0, 2.0, 5.0]).tolist() == [1 / 0.500001, 0.0, 5.0]
    assert ZScore(SEVEN).inverse()([2.0, 0.0, 5.0]).tolist() == [2 * 0.500001 + 1, 2.0, 5.0]


def test_quantiles_are_at_minus_one_and_one() -> None:
    assert Quantile(SEVEN)([-1.0, 4.0, 5.0]) == pytest.approx([-1, 1, 5], abs=1e-5)
    # (0 + 1) / (2 + 1e-6) * 2 - 1
    assert Quantile(SEVEN)([0.0, 0.0, 0.0])[0] == 1 / 2.000001 * 2 - 1
    # (1 + 1) / 2 * (2 + 1e-6) - 1
    assert Quantile(SEVEN).inverse()([1.0, -1.0, 5.0]).tolist() == [2.000001 - 1, 0.0, 5.0]


def test_openvlas_bounds_are_undone_exactly_between_the_percentiles_and_leave_the_gripper() -> None:
    # 0.5 (x + 1) (q99 - q01) + q01
    assert BoundsQ99(SEVEN).inverse()([[-1.0, 1.0, 0.3], [0.0, 0.5, 1.0]]).tolist() == [[-1.0, 4.0, 0.3], [0.0, 3.0, 1.0]]


def test_openvlas_bounds_cut_off_what_lies_outside() -> None:
    assert BoundsQ99(SEVEN)([-7.0, 9.0, 9.0]).tolist() == [-1.0, 1.0, 9.0]
    assert BoundsQ99(SEVEN)([0.5, 1.0, 0.0]) == pytest.approx([0.5, -0.5, 0.0], abs=1e-7)


@pytest.mark.parametrize("kind", [ZScore, Quantile])
@given(of=statistics(), chunk=CHUNKS)
def test_normalising_and_un_normalising_are_each_others_inverse(kind: Any, of: VectorStatistics, chunk: np.ndarray) -> None:
    step = kind(of)
    assert step.inverse()(step(chunk)) == pytest.approx(chunk, abs=1e-9, rel=1e-9)
    assert step(step.inverse()(chunk)) == pytest.approx(chunk, abs=1e-6, rel=1e-6)
    assert step.inverse().inverse()(chunk).tolist() == step(chunk).tolist()


@given(of=statistics(), chunk=CHUNKS)
def test_openvlas_bounds_come_back_between_the_percentiles(of: VectorStatistics, chunk: np.ndarray) -> None:
    step = BoundsQ99(of)
    inside = np.clip(chunk / 100, -1, 1)
    # The forward formula has 1e-8 in its denominator; the smallest spread here is 0.01.
    assert step(step.inverse()(inside)) == pytest.approx(inside, abs=1e-5)


@pytest.mark.parametrize("kind", [ZScore, Quantile, BoundsQ99])
@given(of=statistics(), chunk=CHUNKS)
def test_dimensions_that_are_masked_or_unknown_stay_and_the_input_is_not_written_into(
    kind: Any, of: VectorStatistics, chunk: np.ndarray
) -> None:
    before = chunk.copy()
    chunk.flags.writeable = False
    for step in (kind(of), kind(of).inverse()):
        result = step(chunk)
        result_again = step(chunk)
        for dim in range(chunk.shape[1]):
            if dim >= len(of.mean) or (of.mask is not None and not of.mask[dim]):
                assert np.array_equal(result[:, dim], before[:, dim])
        assert np.array_equal(result, result_again)
        assert not np.shares_memory(result, chunk)
    assert np.array_equal(chunk, before)


def test_statistics_that_are_padded_to_32_fit_actions_of_7() -> None:
    padded = VectorStatistics(mean=(1.0,) * 7 + (0.0,) * 25, std=(2.0,) * 7 + (1.0,) * 25)
    assert ZScore(padded).inverse()(np.ones((5, 7))) == pytest.approx(np.full((5, 7), 3.0), abs=1e-5)


@pytest.mark.parametrize("kind", [Quantile, BoundsQ99])
def test_statistics_without_quantiles_are_refused_when_the_step_is_made(kind: Any) -> None:
    with pytest.raises(PolicyUnavailableError, match="no q01 and q99"):
        kind(VectorStatistics(mean=(0.0,), std=(1.0,)))
