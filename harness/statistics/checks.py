"""Checks of what the statistics are given: counts, fractions, outcomes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError

BoolArray = npt.NDArray[np.bool_]


def check_counts(successes: int, n: int) -> None:
    """Raises `HarnessError` unless 0 <= successes <= n."""
    if not 0 <= successes <= n:
        raise HarnessError(f"{successes} successes in {n} trials: successes must lie between 0 and the number of trials")


def check_fraction(value: float, name: str, example: float) -> None:
    """Raises `HarnessError` unless 0 < value < 1, which NaN is not.

    Args:
        value: The number to check.
        name: What the message calls it.
        example: A usual value, named in the message.
    """
    if not 0 < value < 1:
        raise HarnessError(f"{name} {value} must lie between 0 and 1, such as {example}")


def as_outcomes(values: npt.ArrayLike, name: str) -> BoolArray:
    """Outcomes of episodes as a boolean array.

    Args:
        values: (n,) booleans, or numbers that are 0 or 1. A single one is an array of one.
        name: What the message calls them.

    Returns:
        (n,) boolean array.

    Raises:
        HarnessError: More than one dimension, or something other than 0 and 1: NaN, say, for an error.
    """
    array = np.atleast_1d(np.asarray(values))
    if array.size == 0:
        return np.zeros(0, dtype=bool)
    if array.ndim != 1 or array.dtype.kind not in "buif" or not np.isin(array, (0, 1)).all():
        raise HarnessError(
            f"{name}: outcomes must be a list of True and False, or 1 and 0; episodes that ended in an error are left out"
        )
    return array.astype(bool)


def as_pairs(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[BoolArray, BoolArray]:
    """Outcomes of two runs on the same episodes, in the same order.

    Raises:
        HarnessError: Not the same number of outcomes, or something other than 0 and 1.
    """
    first, second = as_outcomes(a, "run A"), as_outcomes(b, "run B")
    if len(first) != len(second):
        raise HarnessError(f"{len(first)} outcomes of run A and {len(second)} of run B: pairs need one of each an episode")
    return first, second
