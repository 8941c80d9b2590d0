"""Statistics that policies normalise with: over states, actions and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from harness.types import Float64Array, UInt8Array

# Feature -> statistic -> values, as JSON has them.
Stats = Mapping[str, Mapping[str, list[object]]]

QUANTILES: Mapping[str, float] = {"q01": 0.01, "q99": 0.99}
LEVELS = 256


def vector_stats(rows: Float64Array) -> dict[str, Float64Array]:
    """Statistics of every column.

    Args:
        rows: (N, n), N >= 1.

    Returns:
        ``mean``, ``std`` (the population's, divided by N), ``min``, ``max``, ``q01`` and ``q99`` (numpy's linear
        interpolation), (n,) each, and ``count``, (1,).
    """
    return {
        "mean": rows.mean(axis=0),
        "std": rows.std(axis=0),
        "min": rows.min(axis=0),
        "max": rows.max(axis=0),
        **{name: np.quantile(rows, quantile, axis=0) for name, quantile in QUANTILES.items()},
        "count": np.array([len(rows)]),
    }


def picture_histogram(pictures: UInt8Array) -> npt.NDArray[np.int64]:
    """How often each level occurs in each channel.

    Args:
        pictures: (T, H, W, 3).

    Returns:
        (3, 256); histograms of several episodes can be added.
    """
    counts = np.zeros((3, LEVELS), dtype=np.int64)
    for picture in pictures:
        for channel in range(3):
            counts[channel] += np.bincount(picture[..., channel].ravel(), minlength=LEVELS)
    return counts


def picture_stats(histogram: npt.NDArray[np.int64], frames: int) -> dict[str, Float64Array]:
    """Statistics of every channel over all pixels, with levels from 0 to 1.

    Args:
        histogram: From `picture_histogram`, (3, 256).
        frames: How many pictures are in it; becomes ``count``, as LeRobot counts.

    Returns:
        As `vector_stats`, in LeRobot's shape (3, 1, 1). A quantile is the lowest level that at least so many pixels do
        not exceed.
    """
    levels = np.arange(LEVELS) / (LEVELS - 1)
    weights = histogram / histogram.sum(axis=1, keepdims=True)
    mean = weights @ levels
    variance = (weights * (levels - mean[:, np.newaxis]) ** 2).sum(axis=1)
    found = {
        "mean": mean,
        "std": np.sqrt(variance),
        "min": levels[(histogram > 0).argmax(axis=1)],
        "max": levels[LEVELS - 1 - (histogram[:, ::-1] > 0).argmax(axis=1)],
    }
    cumulated = np.cumsum(histogram, axis=1)
    for name, quantile in QUANTILES.items():
        found[name] = levels[(cumulated >= quantile * cumulated[:, -1:]).argmax(axis=1)]
    return {**{name: values.reshape(3, 1, 1) for name, values in found.items()}, "count": np.array([frames])}


def as_json(stats: Mapping[str, Mapping[str, Float64Array]], leave_out: Iterable[str] = ()) -> dict[str, dict[str, object]]:
    """Statistics as lists of numbers.

    Args:
        stats: Feature -> statistic -> array.
        leave_out: Names of statistics.
    """
    without = set(leave_out)
    return {
        feature: {name: values.tolist() for name, values in found.items() if name not in without}
        for feature, found in stats.items()
    }
