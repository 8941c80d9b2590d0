"""Confidence intervals of success rates: one proportion, and the unweighted mean of several."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.errors import HarnessError


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
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
    if not 0 <= successes <= n:
        raise HarnessError(f"{successes} successes in {n} trials: successes must lie between 0 and the number of trials")
    if not 0 < confidence < 1:
        raise HarnessError(f"confidence {confidence} must lie between 0 and 1, such as 0.95")
    if n == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(confidence_level=confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mean_of_proportions(counts: Sequence[tuple[int, int]], confidence: float = 0.95) -> tuple[float, float, float]:
    """The unweighted mean of independent proportions, with an interval.

    The interval is MOVER, the method of variance estimates recovery: with rates p_i, their Wilson limits l_i and u_i, and
    k proportions, it reaches sqrt(sum (p_i - l_i)^2) / k below the mean and sqrt(sum (u_i - p_i)^2) / k above it.
    G. Y. Zou and A. Donner, "Construction of confidence limits about effect measures: a general approach", Statistics in
    Medicine 27 (2008), 1693-1702; for linear functions of several proportions: G. Y. Zou, W. Huang and X. Zhang,
    Computational Statistics & Data Analysis 53 (2009), 1080-1085. For one proportion it is Wilson's interval.

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
    if not counts or any(n == 0 for _, n in counts):
        return math.nan, math.nan, math.nan
    rates = [successes / n for successes, n in counts]
    mean = math.fsum(rates) / len(rates)
    below = math.hypot(*(rate - low for rate, (low, _) in zip(rates, limits, strict=True))) / len(rates)
    above = math.hypot(*(high - rate for rate, (_, high) in zip(rates, limits, strict=True))) / len(rates)
    return mean, max(0.0, mean - below), min(1.0, mean + above)
