import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics.intervals import wilson
from harness.statistics.unpaired import (
    boschloo,
    compare_unpaired,
    compare_unpaired_suites,
    fisher,
    newcombe,
    score_test,
)

counts = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("b", "a", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10.
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((10, 10), (0, 20), 0.6791, 1.0),
        # High and standard dose of epinephrine: Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables
        # (2017), chapter 4.
        ((7, 34), (1, 34), 0.0189, 0.3404),
    ],
)
def test_newcombe_agrees_with_published_examples(b: tuple[int, int], a: tuple[int, int], low: float, high: float) -> None:
    assert newcombe(a, b) == pytest.approx((low, high), abs=5.1e-5)


@settings(deadline=None)
@given(a=counts, b=counts, confidence=st.floats(0.5, 0.999))
def test_newcombe_encloses_the_difference_and_mirrors(a: tuple[int, int], b: tuple[int, int], confidence: float) -> None:
    low, high = newcombe(a, b, confidence)
    assert -1 <= low <= b[0] / b[1] - a[0] / a[1] <= high <= 1
    mirrored_low, mirrored_high = newcombe(b, a, confidence)
    assert (-mirrored_high, -mirrored_low) == pytest.approx((low, high), abs=1e-12)


def test_newcombe_covers_the_difference_as_often_as_it_says() -> None:
    n, rate_a, rate_b = 60, 0.9, 0.8
    chance_a, chance_b = ([math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)] for p in (rate_a, rate_b))
    covered = 0.0
    for k_a in range(40, n + 1):
        for k_b in range(30, n + 1):
            low, high = newcombe((k_a, n), (k_b, n)) if chance_a[k_a] * chance_b[k_b] > 1e-5 else (1, 1)
            covered += chance_a[k_a] * chance_b[k_b] * (low <= rate_b - rate_a <= high)
    assert covered == pytest.approx(0.95, abs=0.02)


def test_boschloo_agrees_with_a_published_example() -> None:
    # Job satisfaction, scipy's documentation of boschloo_exact: one-sided p = 0.0356.
    assert boschloo((74, 117), (31, 63)) == pytest.approx(2 * 0.0356, abs=1e-4)


def test_boschloo_is_the_worst_case_over_the_common_rate() -> None:
    # Twice the smaller one-sided p-value, each the largest over the rate of the chance of a table with a Fisher p-value
    # as small: by going through all tables of 7 and 9 episodes.
    n_a, n_b, seen = 7, 9, (2, 8)

    def fisher_tail(k_a: int, k_b: int, sign: int) -> float:
        total = k_a + k_b
        possible = range(max(0, total - n_a), min(n_b, total) + 1)
        weights = {k: math.comb(n_b, k) * math.comb(n_a, total - k) for k in possible}
        return sum(w for k, w in weights.items() if sign * k >= sign * k_b) / sum(weights.values())

    p_values = []
    for sign in (1, -1):
        limit = fisher_tail(*seen, sign) * (1 + 1e-9)
        tables = [(x, y) for x in range(n_a + 1) for y in range(n_b + 1) if fisher_tail(x, y, sign) <= limit]
        rates = np.linspace(0, 1, 2001)
        chance = sum(
            math.comb(n_a, x) * math.comb(n_b, y) * rates ** (x + y) * (1 - rates) ** (n_a + n_b - x - y) for x, y in tables
        )
        p_values.append(float(np.max(chance)))
    assert boschloo((seen[0], n_a), (seen[1], n_b)) == pytest.approx(2 * min(p_values), abs=1e-4)


def test_boschloo_keeps_the_level_at_every_common_rate() -> None:
    n = 8
    rejected = np.array([[boschloo((x, n), (y, n)) <= 0.05 for y in range(n + 1)] for x in range(n + 1)])
    assert rejected.any()
    for rate in np.linspace(0.05, 0.95, 19):
        chance = np.array([math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)])
        assert chance @ rejected @ chance <= 0.05


@pytest.mark.parametrize(
    ("test", "a", "b", "p"),
    # Fagerland, Lydersen and Laake (2017), chapter 4: the lady tasting tea, Pearson's chi-squared; CHRNA4 and
    # exfoliation syndrome, Fisher's exact test.
    [(score_test, (1, 4), (3, 4), 0.1573), (fisher, (0, 16), (15, 72), 0.06287)],
)
def test_the_score_test_and_fishers_agree_with_published_examples(test, a, b, p) -> None:
    assert test(a, b) == pytest.approx(p, abs=6e-5)


@settings(deadline=None, max_examples=25)
@given(
    a=st.integers(1, 25).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    b=st.integers(1, 25).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
)
def test_no_test_cares_which_run_is_named_first_or_what_a_success_is(a: tuple[int, int], b: tuple[int, int]) -> None:
    for test in (boschloo, score_test, fisher):
        p = test(a, b)
        assert 0 <= p <= 1
        assert test(b, a) == pytest.approx(p, abs=1e-9)
        assert test((a[1] - a[0], a[1]), (b[1] - b[0], b[1])) == pytest.approx(p, abs=2e-3)


@pytest.mark.parametrize(
    ("a", "b", "method"),
    [
        ((180, 200), (190, 200), "boschloo"),
        ((450, 500), (465, 500), "score"),
        ((498, 500), (500, 500), "fisher"),
        ((4500, 5000), (9, 10), "fisher"),
    ],
)
def test_the_test_is_boschloos_then_the_score_test_or_fishers_where_counts_are_small(a, b, method: str) -> None:
    found = compare_unpaired(a, b)
    assert found.method == method
    assert found.p_value == {"boschloo": boschloo, "score": score_test, "fisher": fisher}[method](a, b)
    assert found.difference == pytest.approx(b[0] / b[1] - a[0] / a[1])
    assert found.interval == newcombe(a, b)


@pytest.mark.parametrize("rate", [0.95, 0.98, 0.992])
def test_what_stands_in_for_boschloos_test_keeps_the_level_too(rate: float) -> None:
    n, likely = 500, range(455, 501)
    chance = {k: math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in likely}
    false_positive = sum(
        chance[a] * chance[b] for a in likely for b in likely
        if abs(a - b) > 5 and chance[a] * chance[b] > 1e-7 and compare_unpaired((a, n), (b, n)).p_value <= 0.05
    )  # fmt: skip
    assert 0.01 < false_positive < 0.055


def test_one_suite_compared_as_a_mean_is_that_suite() -> None:
    one = compare_unpaired((450, 500), (465, 500))
    mean = compare_unpaired_suites([(450, 500)], [(465, 500)])
    assert (mean.rate_a, mean.rate_b, mean.difference, mean.p_value) == pytest.approx((0.9, 0.93, 0.03, one.p_value))
    assert mean.interval == pytest.approx(one.interval)


def test_suites_weigh_the_same_and_more_of_them_find_smaller_differences() -> None:
    a, b = [(450, 500), (90, 100)], [(465, 500), (93, 100)]
    found = compare_unpaired_suites(a, b)
    assert found.difference == pytest.approx(0.03)
    assert found.interval[0] == pytest.approx(
        0.03 - math.hypot(0.03 - newcombe(a[0], b[0])[0], 0.03 - newcombe(a[1], b[1])[0]) / 2
    )
    four = compare_unpaired_suites([a[0]] * 4, [b[0]] * 4)
    assert four.p_value < compare_unpaired(a[0], b[0]).p_value
    mirrored = compare_unpaired_suites(b, a)
    assert mirrored.p_value == pytest.approx(found.p_value)
    assert mirrored.difference == pytest.approx(-found.difference)


def test_runs_without_episodes_are_not_compared() -> None:
    found = compare_unpaired((0, 0), (5, 10))
    assert math.isnan(found.difference)
    assert (found.interval, found.p_value) == ((-1.0, 1.0), 1.0)
    mean = compare_unpaired_suites([(0, 0), (1, 2)], [(5, 10), (2, 2)])
    assert math.isnan(mean.difference)
    assert (mean.interval, mean.p_value) == ((-1.0, 1.0), 1.0)
    assert math.isnan(compare_unpaired_suites([], []).difference)


def test_runs_that_all_succeed_do_not_differ() -> None:
    for test in (boschloo, score_test, fisher):
        assert test((10, 10), (20, 20)) == 1.0
    assert newcombe((10, 10), (10, 10)) == pytest.approx((wilson(10, 10)[0] - 1, 1 - wilson(10, 10)[0]))


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(HarnessError, match="6 successes in 5 trials"):
        compare_unpaired((6, 5), (1, 5))
    with pytest.raises(HarnessError, match="1 suites of run A and 2 of run B"):
        compare_unpaired_suites([(1, 5)], [(1, 5), (2, 5)])
