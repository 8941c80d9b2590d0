"""Confidence intervals of success rates: one proportion, and the unweighted mean of several."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.errors import HarnessError
from harness.statistics.checks import check_counts, check_fraction

Interval = tuple[float, float]


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion, without continuity correction.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), 209-212;
    method 3 of R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17
    (1998), 857-872. Computed by `scipy.stats`.

    Args:
        successes: From 0 to n.
        n: Trials. With none nothing is known, and the interval is (0, 1).
        confidence: Nominal coverage, between 0 and 1.

    Returns:
        Lower and upper limit, within [0, 1].

    Raises:
        HarnessError: Counts or confidence out of range.
    """
    return _proportion_interval(successes, n, confidence, "wilson")


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Clopper and Pearson's exact interval of a proportion.

    Each limit is the rate at which a result at least as far away has probability (1 - confidence) / 2. The interval covers
    the true rate at least as often as stated, whatever the rate, and is wider than Wilson's for it.

    C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26 (1934), 404-413; method 5 of Newcombe (1998); advice on when to use which in L. D. Brown, T. T. Cai and
    A. DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16 (2001), 101-133. Computed by
    `scipy.stats`.

    Args:
        successes: From 0 to n.
        n: Trials. With none nothing is known, and the interval is (0, 1).
        confidence: Nominal coverage, between 0 and 1.

    Returns:
        Lower and upper limit, within [0, 1].

    Raises:
        HarnessError: Counts or confidence out of range.
    """
    return _proportion_interval(successes, n, confidence, "exact")


def _proportion_interval(successes: int, n: int, confidence: float, method: str) -> Interval:
    check_counts(successes, n)
    check_fraction(confidence, "confidence", 0.95)
    if n == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(confidence_level=confidence, method=method)
    return float(interval.low), float(interval.high)


def mean_of_proportions(counts: Sequence[tuple[int, int]], confidence: float = 0.95) -> tuple[float, float, float]:
    """The unweighted mean of independent proportions, with an interval: `mover_mean` of Wilson's intervals.

    For one proportion it is Wilson's interval.

    Args:
        counts: (successes, trials) of each proportion.
        confidence: Nominal coverage, between 0 and 1.

    Returns:
        Mean, lower and upper limit. All three are NaN when a proportion has no trials or there are no proportions: a mean
        that left one out would be the mean of something else.

    Raises:
        HarnessError: Counts or confidence out of range.
    """
    limits = [wilson(successes, n, confidence) for successes, n in counts]
    rates = [successes / n if n else math.nan for successes, n in counts]
    mean, low, high = mover_mean(rates, limits)
    return (mean, low, high) if math.isnan(mean) else (mean, max(0.0, low), min(1.0, high))


def mover_mean(estimates: Sequence[float], intervals: Sequence[Interval]) -> tuple[float, float, float]:
    """The unweighted mean of independent estimates, with an interval from theirs.

    MOVER, the method of variance estimates recovery: with k estimates e_i and their limits l_i and u_i, the interval reaches
    sqrt(sum (e_i - l_i)^2) / k below the mean and sqrt(sum (u_i - e_i)^2) / k above it. G. Y. Zou and A. Donner,
    "Construction of confidence limits about effect measures: a general approach", Statistics in Medicine 27 (2008),
    1693-1702; for linear functions of several proportions: G. Y. Zou, W. Huang and X. Zhang, Computational Statistics &
    Data Analysis 53 (2009), 1080-1085.

    Args:
        estimates: Rates, or differences of rates.
        intervals: Lower and upper limit of each, all with the same confidence.

    Returns:
        Mean, lower and upper limit. All three are NaN without estimates, or when one of them is NaN.

    Raises:
        HarnessError: Not as many intervals as estimates.
    """
    if len(estimates) != len(intervals):
        raise HarnessError(f"{len(estimates)} estimates and {len(intervals)} intervals: each estimate needs one")
    k = len(estimates)
    mean = math.fsum(estimates) / k if k else math.nan
    if math.isnan(mean):
        return math.nan, math.nan, math.nan
    below = math.hypot(*(estimate - low for estimate, (low, _) in zip(estimates, intervals, strict=True))) / k
    above = math.hypot(*(high - estimate for estimate, (_, high) in zip(estimates, intervals, strict=True))) / k
    return mean, mean - below, mean + above
