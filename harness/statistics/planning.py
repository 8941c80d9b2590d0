"""How many episodes a comparison needs, and how small a difference the episodes at hand can show."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.statistics.checks import check_fraction


@dataclass(frozen=True)
class UnpairedDesign:
    """Two runs of n episodes each that share none, compared by a two-sided test of equal rates.

    Power is the usual normal approximation with the pooled rate under equality: J. L. Fleiss, B. Levin and M. C. Paik,
    Statistical Methods for Rates and Proportions, 3rd edition (2003), chapter 4, without continuity correction. It holds
    for the score test, and within a few percent of n for Boschloo's.

    Attributes:
        baseline: Success rate of A, between 0 and 1.
        alpha: Chance of a false positive, between 0 and 1.
    """

    baseline: float
    alpha: float = 0.05

    def __post_init__(self) -> None:
        """Raises `HarnessError` when a rate is out of range."""
        check_fraction(self.baseline, "baseline", 0.9)
        check_fraction(self.alpha, "alpha", 0.05)

    def power(self, detect: float, n: int) -> float:
        """The chance to find a difference.

        Args:
            detect: Rate of B minus rate of A, not 0.
            n: Episodes of each run.

        Returns:
            From 0 to 1.

        Raises:
            HarnessError: A rate of B outside [0, 1], no difference, or no episodes.
        """
        _check_n(n)
        other = _other_rate(self.baseline, detect)
        from scipy.stats import norm

        mean = (self.baseline + other) / 2
        under_equality = math.sqrt(2 * mean * (1 - mean))
        spread = math.sqrt(self.baseline * (1 - self.baseline) + other * (1 - other))
        z = float(norm.ppf(1 - self.alpha / 2))
        return float(norm.cdf((math.sqrt(n) * abs(detect) - z * under_equality) / spread))

    def episodes(self, detect: float, power: float = 0.8) -> int:
        """The episodes that each run needs.

        Args:
            detect: Rate of B minus rate of A, not 0.
            power: Wanted chance to find it.

        Returns:
            The smallest n with that power.

        Raises:
            HarnessError: A rate of B outside [0, 1], no difference, or a power outside (0, 1).
        """
        check_fraction(power, "power", 0.8)
        return _smallest_n(lambda n: self.power(detect, n), power)

    def detectable(self, n: int, power: float = 0.8, *, worse: bool = False) -> float:
        """The smallest difference that n episodes of each run find.

        Args:
            n: Episodes of each run.
            power: Wanted chance to find it.
            worse: Whether B is worse than A; it then takes another difference to be found.

        Returns:
            Its size, above 0; NaN where even the largest possible difference is not found.

        Raises:
            HarnessError: No episodes, or a power outside (0, 1).
        """
        check_fraction(power, "power", 0.8)
        return _smallest_difference(lambda detect: self.power(detect, n), self.baseline, power, worse)


@dataclass(frozen=True)
class PairedDesign:
    """Two runs on the same n episodes, compared by McNemar's exact test.

    Power is exact: the number of discordant episodes is binomial, and given it so is the number that favours B. It counts
    rejections on either side, as the test does. Without `discordance`, the chance that exactly one of the runs succeeds in
    an episode follows from the correlation of the outcomes: p_a + p_b - 2 (p_a p_b + correlation s_a s_b), with
    s = sqrt(p (1 - p)), as far as the two rates allow.

    Attributes:
        baseline: Success rate of A, between 0 and 1.
        correlation: Of the two outcomes over episodes, from -1 to 1. 0 is the cautious assumption: it needs as many episodes
            as runs that share none, about.
        discordance: Share of episodes that exactly one run solves, as measured, or None. At least the difference's size.
        alpha: Chance of a false positive, between 0 and 1.
    """

    baseline: float
    correlation: float = 0.0
    discordance: float | None = None
    alpha: float = 0.05

    def __post_init__(self) -> None:
        """Raises `HarnessError` when a number is out of range."""
        check_fraction(self.baseline, "baseline", 0.9)
        check_fraction(self.alpha, "alpha", 0.05)
        if not -1 <= self.correlation <= 1:
            raise HarnessError(f"correlation {self.correlation} must lie from -1 to 1; 0 is the cautious assumption")
        if self.discordance is not None and not 0 < self.discordance <= 1:
            raise HarnessError(f"discordance {self.discordance} must be above 0 and at most 1: a share of episodes")

    def discordant(self, detect: float) -> float:
        """The share of episodes that exactly one run solves.

        Args:
            detect: Rate of B minus rate of A.

        Returns:
            From the size of the difference to 1.

        Raises:
            HarnessError: A rate of B outside [0, 1], or a stated `discordance` that the two rates cannot have.
        """
        a, b = self.baseline, _other_rate(self.baseline, detect)
        most = min(a + b, 2 - a - b)
        if self.discordance is None:
            wanted = a + b - 2 * (a * b + self.correlation * math.sqrt(a * (1 - a) * b * (1 - b)))
            return min(max(wanted, abs(detect)), most)
        if not abs(detect) - 1e-12 <= self.discordance <= most + 1e-12:
            raise HarnessError(
                f"discordance {self.discordance:g}: rates of {a:g} and {b:g} allow {abs(detect):g} to {most:g}"
            )
        return self.discordance

    def power(self, detect: float, n: int) -> float:
        """The chance to find a difference.

        Args:
            detect: Rate of B minus rate of A, not 0.
            n: Shared episodes.

        Returns:
            From 0 to 1.

        Raises:
            HarnessError: A rate of B outside [0, 1], no difference, no episodes, or an impossible `discordance`.
        """
        _check_n(n)
        return _mcnemar_power(self.discordant(detect), abs(detect), n, self.alpha)

    def episodes(self, detect: float, power: float = 0.8) -> int:
        """The shared episodes that are needed.

        The power of an exact test goes up and down by a little from n to n + 1, so it may be met at a slightly smaller n.

        Args:
            detect: Rate of B minus rate of A, not 0.
            power: Wanted chance to find it.

        Returns:
            An n with that power, where one episode less is short of it.

        Raises:
            HarnessError: A rate of B outside [0, 1], no difference, a power outside (0, 1), or an impossible `discordance`.
        """
        check_fraction(power, "power", 0.8)
        return _smallest_n(lambda n: self.power(detect, n), power)

    def detectable(self, n: int, power: float = 0.8, *, worse: bool = False) -> float:
        """The smallest difference that n shared episodes find.

        A stated `discordance` is raised or lowered where a difference asks for it.

        Args:
            n: Shared episodes.
            power: Wanted chance to find it.
            worse: Whether B is worse than A.

        Returns:
            Its size, above 0; NaN where even the largest possible difference is not found.

        Raises:
            HarnessError: No episodes, or a power outside (0, 1).
        """
        check_fraction(power, "power", 0.8)
        _check_n(n)

        def power_at(detect: float) -> float:
            a, b = self.baseline, self.baseline + detect
            share = self.discordant(detect) if self.discordance is None else min(self.discordance, a + b, 2 - a - b)
            return _mcnemar_power(max(share, abs(detect)), abs(detect), n, self.alpha)

        return _smallest_difference(power_at, self.baseline, power, worse)


def _mcnemar_power(discordance: float, difference: float, n: int, alpha: float) -> float:
    """Exact power of the exact McNemar test; difference from 0 to discordance."""
    from scipy.stats import binom

    # All numbers of discordant episodes but those with a probability of 1e-10 together.
    m = np.arange(binom.ppf(5e-11, n, discordance), binom.isf(5e-11, n, discordance) + 1)
    critical = binom.ppf(alpha / 2, m, 0.5)
    critical -= binom.cdf(critical, m, 0.5) > alpha / 2  # the largest count whose tail has at most alpha / 2; -1: none
    favours = min(1.0, (1 + difference / discordance) / 2)  # rounding must not take it above 1
    rejected = binom.cdf(critical, m, favours) + binom.cdf(critical, m, 1 - favours)
    return min(1.0, float(binom.pmf(m, n, discordance) @ rejected))


def _smallest_n(power_at: Callable[[int], float], power: float) -> int:
    high = 1
    while power_at(high) < power:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_at(middle) >= power else (middle, high)
    return high


def _smallest_difference(power_at: Callable[[float], float], baseline: float, power: float, worse: bool) -> float:
    sign, limit = (-1, baseline) if worse else (1, 1 - baseline)
    low, high = 0.0, limit
    if power_at(sign * high) < power:
        return math.nan
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if power_at(sign * middle) >= power else (middle, high)
    return high


def _other_rate(baseline: float, detect: float) -> float:
    other = baseline + detect
    if not -1e-12 <= other <= 1 + 1e-12 or detect == 0:
        raise HarnessError(
            f"a difference of {detect:g} from a baseline of {baseline:g} cannot be planned for: it must not be 0, and both "
            f"rates must lie from 0 to 1; from {-baseline:g} to {1 - baseline:g} is possible"
        )
    return min(1.0, max(0.0, other))


def _check_n(n: int) -> None:
    if n < 1:
        raise HarnessError(f"{n} episodes: at least 1 is needed")
