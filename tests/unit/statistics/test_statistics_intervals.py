import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics.intervals import clopper_pearson, mover_mean, wilson

counts = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 5.
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_pearson_agrees_with_newcombes_table(successes: int, n: int, low: float, high: float) -> None:
    assert clopper_pearson(successes, n) == pytest.approx((low, high), abs=5.1e-5)


@settings(deadline=None)
@given(n=st.integers(1, 2000), confidence=st.floats(0.5, 0.999))
def test_without_failures_clopper_pearson_is_a_root_of_the_tail(n: int, confidence: float) -> None:
    # The rate at which n successes of n have probability (1 - confidence) / 2.
    assert clopper_pearson(n, n, confidence) == pytest.approx((((1 - confidence) / 2) ** (1 / n), 1.0), abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(count=st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearsons_limits_leave_half_of_alpha_in_each_tail(count: tuple[int, int]) -> None:
    successes, n = count
    low, high = clopper_pearson(successes, n)

    def tail(rate: float, ks: range) -> float:
        return math.fsum(math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in ks)

    assert low == 0 if successes == 0 else tail(low, range(successes, n + 1)) == pytest.approx(0.025, abs=1e-9)
    assert high == 1 if successes == n else tail(high, range(successes + 1)) == pytest.approx(0.025, abs=1e-9)


@settings(deadline=None)
@given(count=counts)
def test_clopper_pearson_encloses_the_rate_and_mirrors(count: tuple[int, int]) -> None:
    successes, n = count
    low, high = clopper_pearson(successes, n)
    mirrored_low, mirrored_high = clopper_pearson(n - successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert (1 - mirrored_high, 1 - mirrored_low) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.97, 0.995])
def test_clopper_pearson_covers_at_least_as_often_as_it_says_and_wilson_about(rate: float) -> None:
    n = 200
    chances = [math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)]

    def coverage(interval) -> float:
        limits = [interval(k, n) for k in range(n + 1)]
        return math.fsum(chance for chance, (low, high) in zip(chances, limits, strict=True) if low <= rate <= high)

    assert coverage(clopper_pearson) >= 0.95
    # Wilson's dips a little near 0 and 1: Brown, Cai and DasGupta, Statistical Science 16 (2001).
    assert coverage(wilson) == pytest.approx(0.95, abs=0.035)


def test_without_trials_clopper_pearson_says_nothing() -> None:
    assert clopper_pearson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("successes", "n", "confidence"), [(5, 4, 0.95), (-1, 4, 0.95), (1, 4, 1.0), (1, 4, math.nan)])
def test_clopper_pearson_refuses_what_cannot_be(successes: int, n: int, confidence: float) -> None:
    with pytest.raises(HarnessError, match="between 0 and"):
        clopper_pearson(successes, n, confidence)


def test_the_mean_of_two_differences_adds_their_reaches_in_squares() -> None:
    mean, low, high = mover_mean([0.1, -0.3], [(0.07, 0.13), (-0.34, -0.22)])
    assert (mean, low, high) == pytest.approx((-0.1, -0.1 - 0.05 / 2, -0.1 + math.sqrt(0.0009 + 0.0064) / 2))


def test_each_estimate_needs_an_interval() -> None:
    with pytest.raises(HarnessError, match="2 estimates and 1 intervals"):
        mover_mean([0.1, 0.2], [(0.0, 1.0)])
