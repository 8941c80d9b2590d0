"""Sequential tests: looked at as often as one likes, stopped as soon as they are decided, with the error rate kept.

`SequentialTest` holds counts and is told outcomes block by block. Every call of `update` is a look, and the chance that any
look, however many there are, decides wrongly is at most alpha. Two things must be right for that:

- Episodes come in an order that their outcomes do not influence: the plan's order, not the order in which they end.
  Failures take longer than successes, so the first to arrive are too good.
- Where tasks differ in difficulty, a block is a round: one episode of every task. A round multiplies the capital by at most
  1 in the mean if the mean of the tasks' rates is at most the one tested, because a product of terms with a given mean is
  largest where they are equal. Looked at within a round, an easy task that comes first would pass for a good run. Which
  episode of a task belongs to which round should be random.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy.typing as npt

from harness.statistics.betting import log_capital, lower_limit
from harness.statistics.checks import as_outcomes, as_pairs, check_fraction
from harness.statistics.intervals import Interval

Decision = Literal["better", "worse"]


class SequentialTest:
    """A two-sided test of a mean score against a fixed one, by betting in both directions with half the capital each.

    Use `RateTest` or `PairedTest`. See `harness.statistics.betting` for the method and its sources.

    Attributes:
        alpha: The chance that a decision, at any look, is wrong.
    """

    def __init__(self, null_score: float, alpha: float = 0.05) -> None:
        check_fraction(alpha, "alpha", 0.05)
        self.alpha = alpha
        self._null_score = null_score
        self._losses = self._ties = self._wins = 0
        self._decided: Decision | None = None

    @property
    def n(self) -> int:
        """Episodes so far."""
        return self._losses + self._ties + self._wins

    @property
    def e_value(self) -> float:
        """Evidence now: the larger of the two sides' capitals, of 1/2 each at the start. 1 / alpha decides the test."""
        return math.exp(min(700.0, max(self._log_capitals()) - math.log(2)))

    @property
    def decided(self) -> Decision | None:
        """What the first look with enough evidence found, or None. It stays, whatever comes later."""
        return self._decided

    def _log_capitals(self) -> tuple[float, float]:
        """Logarithms of what 1 became by betting on better and on worse."""
        better = float(log_capital(self._losses, self._ties, self._wins, self._null_score))
        worse = float(log_capital(self._wins, self._ties, self._losses, 1 - self._null_score))
        return better, worse

    def _score_interval(self) -> Interval:
        low = lower_limit(self._losses, self._ties, self._wins, 2 / self.alpha)
        high = 1 - lower_limit(self._wins, self._ties, self._losses, 2 / self.alpha)
        return low, high

    def _add(self, losses: int, ties: int, wins: int) -> None:
        self._losses += losses
        self._ties += ties
        self._wins += wins
        better, worse = self._log_capitals()
        if self._decided is None and max(better, worse) >= math.log(2 / self.alpha):
            self._decided = "better" if better > worse else "worse"


class RateTest(SequentialTest):
    """Is the success rate above or below a fixed one, such as a published rate?

    The fixed rate is taken as exact; where it is itself an estimate from few episodes, compare runs instead.

    Args:
        rate: The rate to test against, between 0 and 1. A rate of 1 would be refuted by the first failure.
        alpha: The chance that a decision, at any look, is wrong.

    Raises:
        HarnessError: A rate or alpha outside (0, 1).
    """

    def __init__(self, rate: float, alpha: float = 0.05) -> None:
        check_fraction(rate, "rate", 0.9)
        super().__init__(rate, alpha)
        self.rate = rate

    def update(self, outcomes: npt.ArrayLike) -> None:
        """Adds episodes and looks once, at the end of them.

        Args:
            outcomes: (n,) outcomes, True or 1 for a success, or a single one. A round where tasks differ; see above.

        Raises:
            HarnessError: Something other than 0 and 1.
        """
        successes = as_outcomes(outcomes, "outcomes")
        wins = int(successes.sum())
        self._add(len(successes) - wins, 0, wins)

    @property
    def estimate(self) -> float:
        """The success rate so far; NaN without episodes."""
        return self._wins / self.n if self.n else math.nan

    @property
    def interval(self) -> Interval:
        """Confidence sequence: with probability 1 - alpha the true rate is in all of these intervals, at every look."""
        return self._score_interval()


class PairedTest(SequentialTest):
    """Is the success rate above or below that of another run on the same episodes?

    A score is 1 where only this run succeeds, 0 where only the other does, else 1/2, and the mean tested is 1/2. An episode
    that ends alike in both changes no capital: the test is a mixture martingale on the discordant episodes, McNemar's test
    made sequential.

    Runs that share no episodes may be paired too, episode by episode within a task, in an order set before. The error rate
    is kept; more episodes are needed.

    Args:
        alpha: The chance that a decision, at any look, is wrong.

    Raises:
        HarnessError: An alpha outside (0, 1).
    """

    def __init__(self, alpha: float = 0.05) -> None:
        super().__init__(0.5, alpha)

    def update(self, outcomes: npt.ArrayLike, reference: npt.ArrayLike) -> None:
        """Adds episodes and looks once, at the end of them.

        Args:
            outcomes: (n,) outcomes of this run, True or 1 for a success, or a single one. A round where tasks differ.
            reference: (n,) outcomes of the other run on the same episodes.

        Raises:
            HarnessError: Not the same number of outcomes, or something other than 0 and 1.
        """
        other, this = as_pairs(reference, outcomes)
        wins, losses = int((this & ~other).sum()), int((other & ~this).sum())
        self._add(losses, len(this) - wins - losses, wins)

    @property
    def estimate(self) -> float:
        """This run's success rate minus the other's, so far; NaN without episodes."""
        return (self._wins - self._losses) / self.n if self.n else math.nan

    @property
    def interval(self) -> Interval:
        """Confidence sequence of the difference: with probability 1 - alpha the true one is in it at every look."""
        low, high = self._score_interval()
        return 2 * low - 1, 2 * high - 1
