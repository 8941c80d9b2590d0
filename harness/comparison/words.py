"""A comparison's results in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.comparison.types import PairResult
    from harness.statistics.intervals import Interval


def verdict_words(pair: PairResult) -> str:
    """The verdict in a sentence, such as ``B is better than A: +6.2 points [2.1, 10.3], p = 0.004``.

    The p-value is the adjusted one. Where no difference could be shown, it says how large one may be unseen.
    """
    if pair.verdict == "no_episodes":
        return f"nothing to compare: {pair.a} and {pair.b} lack episodes that both ended without an error"
    measured = f"{difference_text(pair.difference, pair.shown_interval)}, {p_text(pair.p_adjusted)}"
    if pair.verdict != "undecided":
        return f"{pair.b} is {pair.verdict} than {pair.a}: {measured}"
    return f"no difference between {pair.b} and {pair.a} could be shown: {measured}; {_hidden(pair)}"


def difference_text(difference: float, interval: Interval) -> str:
    """A difference of rates and its interval, such as ``+6.2 points [2.1, 10.3]``; ``n/a`` when there is none."""
    if math.isnan(difference):
        return "n/a"
    low, high = (_signless_zero(100 * limit) for limit in interval)
    return f"{_signless_zero(100 * difference):+.1f} points [{low:.1f}, {high:.1f}]"


def p_text(p_value: float) -> str:
    """A p-value with as many digits as mean something, such as ``p = 0.004``, ``p = 0.21`` or ``p < 0.0001``."""
    if p_value < 0.0001:
        return "p < 0.0001"
    digits = 4 if p_value < 0.001 else 3 if p_value < 0.1 else 2
    return f"p = {p_value:.{digits}f}"


def _hidden(pair: PairResult) -> str:
    n = f"{pair.n_b}" if pair.n_a == pair.n_b else f"{pair.n_a} and {pair.n_b}"
    if math.isnan(pair.detectable):
        return f"{n} {'episode is' if n == '1' else 'episodes are'} too few to show any difference"
    return f"with {n} episodes differences of less than {100 * pair.detectable:.1f} points mostly stay hidden"


def _signless_zero(value: float) -> float:
    """Without the minus that a value has that is rounded to zero."""
    return 0.0 if abs(value) < 0.05 else value
