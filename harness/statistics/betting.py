"""Capital of bets on a mean of scores: the e-processes and confidence sequences behind sequential tests.

A score x is 0, 1/2 or 1. To test that the mean score is at most m, one bets on every episode: with stake r > 0 the capital
is multiplied by (1 + r x) / (1 + r m), whose mean is at most 1 where the mean of x is at most m. However long one plays and
whenever one stops, the chance that a capital of 1 ever becomes c is then at most 1 / c (Ville's inequality). Several stakes
are played side by side, each with its part of the capital: a mixture martingale as in H. Robbins, "Statistical methods
related to the law of the iterated logarithm", Annals of Mathematical Statistics 41 (1970), 1397-1409; for means of bounded
variables and the confidence sequences that follow: I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random
variables by betting", Journal of the Royal Statistical Society B 86 (2024), 1-27. That the mean is at least m is tested by
betting on 1 - x against 1 - m.

The capital falls with m, so the means that are not refuted form an interval. It depends on how often each score came, not on
their order.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.types import Float64Array

# Stakes as shifts of the log odds: exp(h) - 1 is the best stake where the odds are exp(h) times those of m. From 0.1 (0.909
# against 0.90, 0.525 against 0.50) to 2 (0.985 against 0.90, 0.88 against 0.50), evenly in logarithm; other gaps are found
# too, only later. Whatever the set, the capital is a martingale under the hypothesis, as long as data do not change the set.
_LOG_ODDS = np.geomspace(0.1, 2.0, 16)


def log_capital(losses: npt.ArrayLike, ties: npt.ArrayLike, wins: npt.ArrayLike, mean: npt.ArrayLike) -> Float64Array:
    """Logarithm of the capital won by betting against a mean score of at most `mean`.

    Args:
        losses: How many scores are 0; any shape, as the three others, broadcast together.
        ties: How many are 1/2.
        wins: How many are 1.
        mean: From 0 to 1.

    Returns:
        Log capital, 0 without scores. Swap losses and wins and take 1 - mean to bet against a mean of at least `mean`.
    """
    stakes = np.expm1(_LOG_ODDS)
    tied, won = (np.asarray(count, dtype=np.float64)[..., None] for count in (ties, wins))
    n = np.asarray(losses, dtype=np.float64)[..., None] + tied + won
    logs = tied * np.log1p(stakes / 2) + won * np.log1p(stakes) - n * np.log1p(stakes * np.asarray(mean)[..., None])
    largest = logs.max(axis=-1, keepdims=True)
    mixture: Float64Array = largest[..., 0] + np.log(np.exp(logs - largest).mean(axis=-1))
    return mixture


def lower_limit(losses: int, ties: int, wins: int, threshold: float) -> float:
    """The largest mean that is refuted from above: all means below it have a capital of at least `threshold`.

    Args:
        losses: How many scores are 0.
        ties: How many are 1/2.
        wins: How many are 1.
        threshold: Capital that refutes a mean, such as 2 / alpha for one side of a two-sided interval.

    Returns:
        From 0 to the mean of the scores, to 1e-9, rounded away from it; 0 where nothing is refuted.
    """
    n = losses + ties + wins
    needed = math.log(threshold)
    low, high = 0.0, (wins + ties / 2) / n if n else 0.0
    if float(log_capital(losses, ties, wins, low)) < needed:
        return low
    while high - low > 1e-9:
        middle = (low + high) / 2
        refuted = float(log_capital(losses, ties, wins, middle)) >= needed
        low, high = (middle, high) if refuted else (low, middle)
    return low
