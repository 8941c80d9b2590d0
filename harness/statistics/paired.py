"""Two runs on the same episodes: rates, their difference with two intervals, and the p-value of no difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.statistics.checks import as_pairs
from harness.statistics.discordant import tango
from harness.statistics.intervals import Interval, mover_mean
from harness.statistics.resampling import mean_difference, sign_flip, stratified_bootstrap


@dataclass(frozen=True)
class PairedCounts:
    """How many shared episodes ended how.

    Attributes:
        both: Successes of both runs.
        only_a: Successes of A where B fails.
        only_b: Successes of B where A fails.
        neither: Failures of both.
    """

    both: int
    only_a: int
    only_b: int
    neither: int

    @property
    def n(self) -> int:
        """Shared episodes."""
        return self.both + self.only_a + self.only_b + self.neither


@dataclass(frozen=True)
class PairedComparison:
    """B against A on shared episodes.

    Attributes:
        counts: Of all episodes together.
        rate_a: Success rate of A on the shared episodes; with several suites the unweighted mean of theirs.
        rate_b: The same of B.
        difference: ``rate_b - rate_a``: positive where B is better. NaN without episodes, as are the rates.
        interval: Tango's interval of the difference; with several suites `mover_mean` of theirs.
        bootstrap_interval: Of the same difference, resampled within tasks.
        p_value: Two-sided: McNemar's exact test, or its extension to suites of different sizes, `sign_flip`.
    """

    counts: PairedCounts
    rate_a: float
    rate_b: float
    difference: float
    interval: Interval
    bootstrap_interval: Interval
    p_value: float


def paired_counts(a: npt.ArrayLike, b: npt.ArrayLike) -> PairedCounts:
    """Counts how shared episodes ended.

    Args:
        a: (n,) outcomes of run A: True or 1 is a success.
        b: (n,) outcomes of run B on the same episodes in the same order.

    Returns:
        The four counts.

    Raises:
        HarnessError: Not the same number of outcomes, or something other than 0 and 1.
    """
    first, second = as_pairs(a, b)
    return PairedCounts(
        both=int((first & second).sum()),
        only_a=int((first & ~second).sum()),
        only_b=int((~first & second).sum()),
        neither=int((~first & ~second).sum()),
    )


def compare_paired(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    tasks: npt.ArrayLike | None = None,
    *,
    suites: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> PairedComparison:
    """Compares two runs on the episodes that they share.

    Args:
        a: (n,) outcomes of run A: True or 1 is a success.
        b: (n,) outcomes of run B on the same episodes in the same order.
        tasks: (n,) labels of tasks, within which the bootstrap resamples; None takes all episodes as one task.
        suites: (n,) labels; with them rates and difference are unweighted means over suites. Without, every episode weighs
            the same.
        confidence: Nominal coverage of both intervals, between 0 and 1.
        resamples: Of the bootstrap.
        seed: Of everything random.

    Returns:
        Rates, difference, intervals and p-value.

    Raises:
        HarnessError: Arrays of different lengths, outcomes other than 0 and 1, or options out of range.
    """
    first, second = as_pairs(a, b)
    differences = second.astype(np.int8) - first.astype(np.int8)
    labels = np.zeros(len(first)) if suites is None else np.asarray(suites)
    difference = mean_difference(differences, labels)
    by_suite = [paired_counts(first[labels == label], second[labels == label]) for label in np.unique(labels)]
    _, low, high = mover_mean(
        [(counts.only_b - counts.only_a) / counts.n for counts in by_suite],
        [tango(counts.only_a, counts.only_b, counts.n, confidence) for counts in by_suite],
    )
    return PairedComparison(
        counts=paired_counts(first, second),
        rate_a=mean_difference(first, labels),
        rate_b=mean_difference(second, labels),
        difference=difference,
        interval=(max(-1.0, low), min(1.0, high)) if by_suite else (-1.0, 1.0),
        bootstrap_interval=stratified_bootstrap(
            differences, tasks, suites=labels, confidence=confidence, resamples=resamples, seed=seed
        ),
        p_value=sign_flip(differences, labels, seed=seed),
    )
