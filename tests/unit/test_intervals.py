import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics.intervals import mean_of_proportions, wilson

counts = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_newcombes_table(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@settings(deadline=None)
@given(count=counts, confidence=st.floats(0.5, 0.999))
def test_wilsons_limits_solve_the_score_equation(count: tuple[int, int], confidence: float) -> None:
    # |p - limit| = z sqrt(limit (1 - limit) / n), with z from the error function: 2 Phi(z) - 1 = erf(z / sqrt(2)).
    successes, n = count
    for limit in wilson(successes, n, confidence):
        assume(1e-9 < limit < 1 - 1e-9)
        z = abs(successes / n - limit) / math.sqrt(limit * (1 - limit) / n)
        assert math.erf(z / math.sqrt(2)) == pytest.approx(confidence, abs=1e-7)


@settings(deadline=None)
@given(count=counts)
def test_wilsons_limits_enclose_the_rate_and_stay_within_0_and_1(count: tuple[int, int]) -> None:
    low, high = wilson(*count)
    assert 0 <= low <= count[0] / count[1] <= high <= 1
    assert low < high


@settings(deadline=None)
@given(count=counts)
def test_wilson_mirrors_when_successes_and_failures_are_exchanged(count: tuple[int, int]) -> None:
    low, high = wilson(*count)
    mirrored_low, mirrored_high = wilson(count[1] - count[0], count[1])
    assert (1 - mirrored_high, 1 - mirrored_low) == pytest.approx((low, high), abs=1e-12)


def test_without_trials_everything_is_possible() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10: intervals of p1 - p2 from Wilson's limits,
    # which is MOVER for two proportions. p1 - p2 = 2 mean(p1, 1 - p2) - 1.
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_the_mean_of_two_agrees_with_newcombes_differences(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    successes, n = second
    mean, mean_low, mean_high = mean_of_proportions([first, (n - successes, n)])
    assert (2 * mean_low - 1, 2 * mean_high - 1) == pytest.approx((low, high), abs=5.1e-5)
    assert 2 * mean - 1 == pytest.approx(first[0] / first[1] - successes / n)


@settings(deadline=None)
@given(count=counts, confidence=st.floats(0.5, 0.999))
def test_the_mean_of_one_proportion_is_that_proportion_with_wilsons_interval(
    count: tuple[int, int], confidence: float
) -> None:
    expected = (count[0] / count[1], *wilson(*count, confidence))
    assert mean_of_proportions([count], confidence) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(several=st.lists(counts, min_size=1, max_size=6))
def test_the_means_interval_encloses_it_and_lies_within_the_mean_of_the_limits(several: list[tuple[int, int]]) -> None:
    mean, low, high = mean_of_proportions(several)
    lows, highs = zip(*(wilson(*count) for count in several), strict=True)
    slack = 1e-12
    assert sum(lows) / len(lows) - slack <= low <= mean <= high <= sum(highs) / len(highs) + slack
    assert low >= 0
    assert high <= 1


@settings(deadline=None)
@given(several=st.lists(counts, min_size=2, max_size=6), data=st.data())
def test_the_order_of_the_proportions_does_not_matter(several: list[tuple[int, int]], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(several))
    assert mean_of_proportions(shuffled) == pytest.approx(mean_of_proportions(several), abs=1e-12)


@settings(deadline=None)
@given(count=counts, k=st.integers(1, 9))
def test_k_equal_proportions_narrow_the_interval_by_the_root_of_k(count: tuple[int, int], k: int) -> None:
    rate, low, high = mean_of_proportions([count])
    mean, mean_low, mean_high = mean_of_proportions([count] * k)
    assert mean == pytest.approx(rate)
    assert (mean - mean_low, mean_high - mean) == pytest.approx(
        ((rate - low) / math.sqrt(k), (high - rate) / math.sqrt(k)), abs=1e-12
    )


def test_suites_weigh_the_same_whatever_their_size() -> None:
    assert mean_of_proportions([(1000, 1000), (0, 1)])[0] == 0.5


@pytest.mark.parametrize("several", [[], [(0, 0)], [(3, 4), (0, 0)]])
def test_a_mean_that_would_leave_a_proportion_out_is_not_given(several: list[tuple[int, int]]) -> None:
    assert all(math.isnan(value) for value in mean_of_proportions(several))


@pytest.mark.parametrize(
    ("successes", "n", "confidence"), [(5, 4, 0.95), (-1, 4, 0.95), (1, 4, 0.0), (1, 4, 1.0), (1, 4, 95)]
)
def test_impossible_counts_and_confidences_are_refused(successes: int, n: int, confidence: float) -> None:
    with pytest.raises(HarnessError, match="between 0 and"):
        wilson(successes, n, confidence)
    with pytest.raises(HarnessError, match="between 0 and"):
        mean_of_proportions([(successes, n)], confidence)
