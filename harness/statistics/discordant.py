"""Paired rates from the counts of discordant episodes: McNemar's test and Tango's interval."""

from __future__ import annotations

import math

from harness.errors import HarnessError
from harness.statistics.checks import check_fraction
from harness.statistics.intervals import Interval


def mcnemar(only_a: int, only_b: int, *, mid_p: bool = False) -> float:
    """McNemar's exact test of equal success rates on shared episodes: two-sided p-value.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages", Psychometrika
    12 (1947), 153-157. Given the discordant episodes, each favours B with probability 1/2 where the rates are equal, so the
    p-value is that of a two-sided binomial test. It is conservative; its mid-p variant, which counts the observed result
    half, is nearer to the nominal level and rarely above it: M. W. Fagerland, S. Lydersen and P. Laake, "The McNemar test
    for binary matched-pairs data: mid-p and asymptotic are better than exact conditional", BMC Medical Research Methodology
    13 (2013), 91.

    Args:
        only_a: Episodes where A succeeds and B fails.
        only_b: Episodes where B succeeds and A fails.
        mid_p: The mid-p variant.

    Returns:
        From 0 to 1; 1 without discordant episodes.

    Raises:
        HarnessError: A negative count.
    """
    if only_a < 0 or only_b < 0:
        raise HarnessError(f"discordant episodes cannot be {only_a} and {only_b}: counts must be 0 or more")
    n = only_a + only_b
    if n == 0:
        return 1.0
    from scipy.stats import binom, binomtest

    exact = float(binomtest(only_b, n, 0.5).pvalue)
    if not mid_p:
        return exact
    observed = float(binom.pmf(only_b, n, 0.5))
    return exact - (observed / 2 if only_a == only_b else observed)


def tango(only_a: int, only_b: int, n: int, confidence: float = 0.95) -> Interval:
    """Tango's score interval of the difference of two paired rates, ``rate_b - rate_a``.

    T. Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample design",
    Statistics in Medicine 17 (1998), 891-908: all differences d with |only_b - only_a - n d| at most z standard deviations,
    the variance estimated under d. Recommended by M. W. Fagerland, S. Lydersen and P. Laake, "Recommended tests and
    confidence intervals for paired binomial proportions", Statistics in Medicine 33 (2014), 2850-2875. It does not shrink
    to a point where no episode is discordant.

    Args:
        only_a: Episodes where A succeeds and B fails.
        only_b: Episodes where B succeeds and A fails.
        n: All shared episodes. With none nothing is known, and the interval is (-1, 1).
        confidence: Nominal coverage, between 0 and 1.

    Returns:
        Lower and upper limit, within [-1, 1].

    Raises:
        HarnessError: Counts or confidence out of range.
    """
    if only_a < 0 or only_b < 0 or only_a + only_b > n:
        raise HarnessError(f"{only_a} and {only_b} discordant of {n} episodes: counts must be 0 or more, and at most n")
    check_fraction(confidence, "confidence", 0.95)
    if n == 0:
        return -1.0, 1.0
    # One limit mirrors the other with A and B exchanged.
    return _tango_lower(only_a, only_b, n, confidence), -_tango_lower(only_b, only_a, n, confidence)


def _tango_lower(only_a: int, only_b: int, n: int, confidence: float) -> float:
    from scipy.optimize import brentq
    from scipy.stats import norm

    if only_a == n:
        return -1.0
    z = float(norm.ppf((1 + confidence) / 2))

    def excess(d: float) -> float:
        """Tango's statistic at difference d, minus z; decreasing in d."""
        linear = (2 * n - only_b + only_a) * d - only_b - only_a
        # Likeliest P(only A succeeds) given d; the root's argument is 0 or more but for rounding.
        p_only_a = (math.sqrt(max(0.0, linear**2 + 8 * n * only_a * d * (1 - d))) - linear) / (4 * n)
        variance = n * (2 * p_only_a + d * (1 - d))
        return (only_b - only_a - n * d) / math.sqrt(variance) - z if variance > 0 else -z

    return float(brentq(excess, -1 + 1e-9, (only_b - only_a) / n, xtol=1e-12))
