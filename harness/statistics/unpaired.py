"""Two runs that share no episodes: Boschloo's test, a score test where it would take too long, Newcombe's interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.errors import HarnessError
from harness.statistics.checks import check_counts, check_fraction
from harness.statistics.intervals import Interval, mover_mean, wilson

Method = Literal["boschloo", "score", "fisher"]
Counts = tuple[int, int]

# Boschloo's test looks at every pair of counts. 200 x 200 episodes take a quarter of a second, 500 x 500 ten times that.
EXACT_UP_TO = 40_000
# The usual rule for the score (chi-squared) test: W. G. Cochran, "Some methods for strengthening the common chi-squared
# tests", Biometrics 10 (1954), 417-451.
_LEAST_EXPECTED = 5


@dataclass(frozen=True)
class UnpairedComparison:
    """B against A, where they share no episodes.

    Attributes:
        rate_a: Success rate of A; with several suites the unweighted mean of theirs.
        rate_b: The same of B.
        difference: ``rate_b - rate_a``: positive where B is better. NaN without episodes, as are the rates.
        interval: Newcombe's interval of the difference; with several suites `mover_mean` of theirs.
        p_value: Two-sided.
        method: The test that it comes from.
    """

    rate_a: float
    rate_b: float
    difference: float
    interval: Interval
    p_value: float
    method: Method


def newcombe(a: Counts, b: Counts, confidence: float = 0.95) -> Interval:
    """Newcombe's hybrid score interval of the difference of two independent rates, ``rate_b - rate_a``.

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of
    eleven methods", Statistics in Medicine 17 (1998), 873-890: Wilson's limits of both rates, square and add.

    Args:
        a: Successes and trials of A.
        b: Successes and trials of B.
        confidence: Nominal coverage, between 0 and 1.

    Returns:
        Lower and upper limit, within [-1, 1]; (-1, 1) where one has no trials.

    Raises:
        HarnessError: Counts or confidence out of range.
    """
    low_a, high_a = wilson(*a, confidence)
    low_b, high_b = wilson(*b, confidence)
    if a[1] == 0 or b[1] == 0:
        return -1.0, 1.0
    rate_a, rate_b = a[0] / a[1], b[0] / b[1]
    low = rate_b - rate_a - math.hypot(rate_b - low_b, high_a - rate_a)
    high = rate_b - rate_a + math.hypot(high_b - rate_b, rate_a - low_a)
    return max(-1.0, low), min(1.0, high)


def boschloo(a: Counts, b: Counts) -> float:
    """Boschloo's exact unconditional test of equal rates: two-sided p-value.

    R. D. Boschloo, "Raised conditional level of significance for the 2x2-table when testing the equality of two
    probabilities", Statistica Neerlandica 24 (1970), 1-35. Exact like Fisher's test and more powerful everywhere, because
    it does not condition on the total of successes; recommended by S. Lydersen, M. W. Fagerland and P. Laake, "Recommended
    tests for association in 2x2 tables", Statistics in Medicine 28 (2009), 1159-1175. The two-sided p-value is twice the
    smaller one-sided one. Computed by `scipy.stats`; time grows with the product of the trials.

    Args:
        a: Successes and trials of A.
        b: Successes and trials of B.

    Returns:
        From 0 to 1; 1 where all episodes succeed, all fail, or one run has none.

    Raises:
        HarnessError: Counts out of range.
    """
    if _no_information(a, b):
        return 1.0
    from scipy.stats import boschloo_exact

    return min(1.0, float(boschloo_exact(_table(a, b)).pvalue))


def score_test(a: Counts, b: Counts) -> float:
    """The score test of equal rates: two-sided p-value, from the normal distribution.

    (rate_b - rate_a) / sqrt(p (1 - p) (1/n_a + 1/n_b)) with p the pooled rate: the test of C. P. Farrington and G. Manning,
    "Test statistics and sample size formulae for comparative binomial trials with null hypothesis of non-zero risk
    difference or non-unity relative risk", Statistics in Medicine 9 (1990), 1447-1454, at difference 0, whose square is
    Pearson's chi-squared.

    Args:
        a: Successes and trials of A.
        b: Successes and trials of B.

    Returns:
        From 0 to 1; 1 where all episodes succeed, all fail, or one run has none.

    Raises:
        HarnessError: Counts out of range.
    """
    return _stratified_score_test([(a, b)])


def fisher(a: Counts, b: Counts) -> float:
    """Fisher's exact test of equal rates: two-sided p-value, computed by `scipy.stats`.

    R. A. Fisher, "The logic of inductive inference", Journal of the Royal Statistical Society 98 (1935), 39-82. Exact and
    quick, but conservative.

    Args:
        a: Successes and trials of A.
        b: Successes and trials of B.

    Returns:
        From 0 to 1; 1 where all episodes succeed, all fail, or one run has none.

    Raises:
        HarnessError: Counts out of range.
    """
    if _no_information(a, b):
        return 1.0
    from scipy.stats import fisher_exact

    return min(1.0, float(fisher_exact(_table(a, b)).pvalue))


def compare_unpaired(a: Counts, b: Counts, confidence: float = 0.95, exact_up_to: int = EXACT_UP_TO) -> UnpairedComparison:
    """Compares two runs that share no episodes.

    The test is Boschloo's up to `exact_up_to` pairs of counts; above that the score test where every cell of the table is
    expected to hold at least 5 episodes, and Fisher's exact test where not.

    Args:
        a: Successes and trials of A.
        b: Successes and trials of B.
        confidence: Nominal coverage of the interval, between 0 and 1.
        exact_up_to: Largest product of the trials for Boschloo's test.

    Returns:
        Rates, difference, interval, p-value and the name of its test.

    Raises:
        HarnessError: Counts or confidence out of range.
    """
    interval = newcombe(a, b, confidence)
    rates = [successes / n if n else math.nan for successes, n in (a, b)]
    successes, n = a[0] + b[0], a[1] + b[1]
    method: Method = "fisher"
    if a[1] * b[1] <= exact_up_to:
        method = "boschloo"
    elif min(a[1], b[1]) * min(successes, n - successes) / n >= _LEAST_EXPECTED:
        method = "score"
    test = {"boschloo": boschloo, "score": score_test, "fisher": fisher}[method]
    return UnpairedComparison(rates[0], rates[1], rates[1] - rates[0], interval, test(a, b), method)


def compare_unpaired_suites(a: Sequence[Counts], b: Sequence[Counts], confidence: float = 0.95) -> UnpairedComparison:
    """Compares the unweighted means over suites of two runs that share no episodes.

    The test is the score test of the mean of the suites' differences, with each suite's pooled rate in its variance.

    Args:
        a: Successes and trials of A, a pair a suite.
        b: The same of B, suites in the same order.
        confidence: Nominal coverage of the interval, between 0 and 1.

    Returns:
        Mean rates, their difference, interval and p-value.

    Raises:
        HarnessError: Counts or confidence out of range, or not the same number of suites.
    """
    if len(a) != len(b):
        raise HarnessError(f"{len(a)} suites of run A and {len(b)} of run B: each suite needs counts of both")
    check_fraction(confidence, "confidence", 0.95)
    suites = [compare_unpaired(first, second, confidence, exact_up_to=0) for first, second in zip(a, b, strict=True)]
    difference, low, high = mover_mean([suite.difference for suite in suites], [suite.interval for suite in suites])
    known = not math.isnan(difference)
    return UnpairedComparison(
        rate_a=math.fsum(suite.rate_a for suite in suites) / len(suites) if suites else math.nan,
        rate_b=math.fsum(suite.rate_b for suite in suites) / len(suites) if suites else math.nan,
        difference=difference,
        interval=(max(-1.0, low), min(1.0, high)) if known else (-1.0, 1.0),
        p_value=_stratified_score_test(list(zip(a, b, strict=True))) if known else 1.0,
        method="score",
    )


def _stratified_score_test(suites: Sequence[tuple[Counts, Counts]]) -> float:
    """Score test of the unweighted mean of the suites' differences."""
    difference = variance = 0.0
    for a, b in suites:
        if _no_information(a, b):
            continue
        pooled = (a[0] + b[0]) / (a[1] + b[1])
        difference += b[0] / b[1] - a[0] / a[1]
        variance += pooled * (1 - pooled) * (1 / a[1] + 1 / b[1])
    return math.erfc(abs(difference) / math.sqrt(2 * variance)) if variance > 0 else 1.0


def _table(a: Counts, b: Counts) -> list[list[int]]:
    """Successes and failures; sorted, so that a test is the same to the last digit whichever run is named first."""
    first, second = sorted([a, b])
    return [[first[0], second[0]], [first[1] - first[0], second[1] - second[0]]]


def _no_information(a: Counts, b: Counts) -> bool:
    """Whether no table with these totals says anything about a difference."""
    check_counts(*a)
    check_counts(*b)
    return a[1] == 0 or b[1] == 0 or a[0] + b[0] in (0, a[1] + b[1])
