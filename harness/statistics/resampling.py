"""Resampling of paired differences: bootstrap within tasks, and random exchange of the two runs' outcomes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.statistics.checks import check_fraction
from harness.statistics.discordant import mcnemar
from harness.types import Float64Array

IntArray = npt.NDArray[np.intp]


def mean_difference(differences: npt.ArrayLike, suites: npt.ArrayLike | None = None) -> float:
    """The mean paired difference.

    Args:
        differences: (n,) of -1, 0 or 1 an episode: outcome of B minus outcome of A.
        suites: (n,) labels. With them it is the unweighted mean over suites; without, every episode weighs the same.

    Returns:
        From -1 to 1; NaN without episodes.

    Raises:
        HarnessError: Differences other than -1, 0 and 1, or not as many labels.
    """
    values = _as_differences(differences)
    if len(values) == 0:
        return math.nan
    suite = _codes(suites, len(values))
    means = np.bincount(suite, weights=values) / np.bincount(suite)
    return math.fsum(means) / len(means)


def stratified_bootstrap(
    differences: npt.ArrayLike,
    tasks: npt.ArrayLike | None = None,
    *,
    suites: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of the mean paired difference, resampled within tasks.

    The tasks are fixed: the answer is about these tasks and new episodes of them. Within a task of n episodes, n - 1 are
    drawn with replacement, so that the bootstrap's variance is the unbiased one however few episodes a task has:
    P. J. McCarthy and C. B. Snowden, "The bootstrap and finite population sampling", Vital and Health Statistics 2-95
    (1985); J. N. K. Rao and C. F. J. Wu, "Resampling inference with complex survey data", JASA 83 (1988), 231-241. A task
    with a single episode shows no spread; such tasks of a suite are drawn from together.

    Percentiles (B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13) rather than BCa: the
    statistic is a mean of bounded terms, linear and unbiased, whose bias correction is 0 up to ties and whose acceleration
    is of the order of skewness / (6 sqrt(n)); BCa would estimate both from counts that are mostly ties. Half of the
    resamples are drawn with A and B exchanged and mirrored back, so that exchanging the runs mirrors the interval exactly.

    Without discordant episodes every resample is 0, and so is the interval's width: `harness.statistics.discordant.tango`
    says how large the difference may still be.

    Args:
        differences: (n,) of -1, 0 or 1 an episode: outcome of B minus outcome of A.
        tasks: (n,) labels of tasks; None takes all episodes as one task.
        suites: (n,) labels; with them the statistic is the unweighted mean over suites. The same task label in two suites is
            two tasks.
        confidence: Nominal coverage, between 0 and 1.
        resamples: How many, at least 2.
        seed: The interval depends on it and the data alone, not on the order of episodes.

    Returns:
        Lower and upper limit, within [-1, 1]; (-1, 1) where a suite, or everything, has fewer than two episodes.

    Raises:
        HarnessError: Differences other than -1, 0 and 1, not as many labels, or options out of range.
    """
    values = _as_differences(differences)
    check_fraction(confidence, "confidence", 0.95)
    if resamples < 2:
        raise HarnessError(f"{resamples} resamples: at least 2 are needed, and 10000 are usual")
    suite = _codes(suites, len(values))
    if len(values) == 0 or np.bincount(suite).min() < 2:
        return -1.0, 1.0
    weights = _weights(suite)
    stratum = _strata(suite, _codes(tasks, len(values)))
    counts = np.stack([np.bincount(stratum[values == value], minlength=stratum.max() + 1) for value in (-1, 0, 1)], axis=1)
    stratum_weights = np.bincount(stratum, weights=weights).astype(np.float64)
    half = (resamples + 1) // 2
    drawn = _resampled(counts, stratum_weights, half, seed)
    mirrored = -_resampled(counts[:, ::-1], stratum_weights, half, seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate([drawn, mirrored]), [tail, 1 - tail])
    return max(-1.0, float(low)), min(1.0, float(high))


def sign_flip(
    differences: npt.ArrayLike, suites: npt.ArrayLike | None = None, *, resamples: int = 100_000, seed: int = 0
) -> float:
    """Two-sided p-value of the mean paired difference, by random exchange of A's and B's outcome within episodes.

    Where the runs do not differ, a discordant episode favours either with probability 1/2, in any task. With every episode
    weighing the same the permutation distribution is the binomial of McNemar's exact test, which is then returned. Where
    suites of different sizes weigh the same, that distribution is sampled: p = (1 + k) / (1 + resamples), with k resamples
    at least as far from 0 (B. Phipson and G. K. Smyth, "Permutation p-values should never be zero", Statistical
    Applications in Genetics and Molecular Biology 9 (2010), article 39).

    Args:
        differences: (n,) of -1, 0 or 1 an episode: outcome of B minus outcome of A.
        suites: (n,) labels; with them the statistic is the unweighted mean over suites.
        resamples: How many, at least 1.
        seed: The p-value depends on it and the data alone.

    Returns:
        From above 0 to 1.

    Raises:
        HarnessError: Differences other than -1, 0 and 1, not as many labels, or no resamples.
    """
    values = _as_differences(differences)
    if resamples < 1:
        raise HarnessError(f"{resamples} resamples: at least 1 is needed, and 100000 are usual")
    suite = _codes(suites, len(values))
    sizes = np.bincount(suite)
    if len(set(sizes.tolist())) <= 1:
        return mcnemar(int((values < 0).sum()), int((values > 0).sum()))
    discordant = np.bincount(suite, weights=values != 0).astype(np.intp)
    favours_b = np.random.default_rng(seed).binomial(discordant, 0.5, size=(resamples, len(sizes)))
    flipped = (2 * favours_b - discordant) @ (1 / (len(sizes) * sizes))
    observed = abs(mean_difference(values, suite))
    as_far = int((np.abs(flipped) >= observed - 1e-12).sum())
    return (1 + as_far) / (1 + resamples)


def _resampled(counts: npt.NDArray[Any], weights: Float64Array, resamples: int, seed: int) -> Float64Array:
    """Means of resampled differences: counts (strata, 3) of -1, 0, 1 and weights (strata,) -> (resamples,)."""
    rng = np.random.default_rng(seed)
    means = np.zeros(resamples)
    for (minus, zero, plus), weight in zip(counts, weights, strict=True):
        n = int(minus + zero + plus)
        drawn = rng.multinomial(n - 1, np.array([minus, zero, plus]) / n, size=resamples)
        means += weight * (drawn[:, 2] - drawn[:, 0]) / (n - 1)
    return means


def _strata(suite: IntArray, task: IntArray) -> IntArray:
    """Numbers the strata: tasks within suites, each with at least two episodes. Every suite must have two."""
    _, stratum = np.unique(suite * (task.max() + 1) + task, return_inverse=True)
    single = np.bincount(stratum)[stratum] == 1
    for code in np.unique(suite[single]):
        here = suite == code
        alone = single & here
        if alone.sum() == 1:  # nothing else to be drawn with: it joins the suite's largest task
            stratum[alone] = np.bincount(stratum[here]).argmax()
        else:
            stratum[alone] = stratum[alone].min()
    return np.unique(stratum, return_inverse=True)[1]


def _weights(suite: IntArray) -> Float64Array:
    """Weights of episodes that add up to 1, and to the same in every suite."""
    sizes = np.bincount(suite)
    return 1 / (len(sizes) * sizes[suite])


def _codes(labels: npt.ArrayLike | None, n: int) -> IntArray:
    if labels is None:
        return np.zeros(n, dtype=np.intp)
    array = np.asarray(labels)
    if array.shape != (n,):
        raise HarnessError(f"{n} episodes and labels of shape {array.shape}: each episode needs one label")
    return np.unique(array, return_inverse=True)[1]


def _as_differences(differences: npt.ArrayLike) -> Float64Array:
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or not np.isin(values, (-1, 0, 1)).all():
        raise HarnessError("paired differences must be a list of -1, 0 and 1: the outcome of B minus the outcome of A")
    return values
