"""Normalising states and actions with the statistics of the training data, and back.

Every step works on the last axis, on as many dimensions as both the array and the statistics have and the mask lets it; all
others stay as they are. That is what openpi does with statistics that are padded, and OpenVLA with its mask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import PolicyUnavailableError
from harness.transforms.base import Invertible
from harness.transforms.statistics import Vector, VectorStatistics
from harness.types import Float64Array

# openpi's guard against a spread of 0 (``src/openpi/transforms.py``), and OpenVLA's for states (``normalize_proprio``).
_OPENPI_EPS, _OPENVLA_EPS = 1e-6, 1e-8


@dataclass(frozen=True)
class ZScore(Invertible):
    """openpi's z-score, (x - mean) / (std + 1e-6).

    Attributes:
        statistics: Of what is normalised.
    """

    statistics: VectorStatistics

    def __call__(self, value: npt.ArrayLike) -> Float64Array:
        """Normalised."""
        return _on_known(value, self.statistics, lambda x, of: (x - of(self.statistics.mean)) / self._spread(of))

    def undo(self, value: npt.ArrayLike) -> Float64Array:
        """Un-normalised."""
        return _on_known(value, self.statistics, lambda x, of: x * self._spread(of) + of(self.statistics.mean))

    def _spread(self, of: _Chosen) -> Float64Array:
        return of(self.statistics.std) + _OPENPI_EPS


@dataclass(frozen=True)
class _OfQuantiles(Invertible):
    """A normalisation by percentiles, which the statistics must have.

    Attributes:
        statistics: Of what is normalised.
    """

    statistics: VectorStatistics

    def __post_init__(self) -> None:
        _quantiles(self.statistics)


@dataclass(frozen=True)
class Quantile(_OfQuantiles):
    """openpi's quantiles, (x - q01) / (q99 - q01 + 1e-6) * 2 - 1: the middle 98 % in [-1, 1]."""

    def __call__(self, value: npt.ArrayLike) -> Float64Array:
        """Normalised."""
        q01, q99 = _quantiles(self.statistics)
        return _on_known(value, self.statistics, lambda x, of: (x - of(q01)) / (of(q99) - of(q01) + _OPENPI_EPS) * 2.0 - 1.0)

    def undo(self, value: npt.ArrayLike) -> Float64Array:
        """Un-normalised."""
        q01, q99 = _quantiles(self.statistics)
        return _on_known(value, self.statistics, lambda x, of: (x + 1.0) / 2.0 * (of(q99) - of(q01) + _OPENPI_EPS) + of(q01))


@dataclass(frozen=True)
class BoundsQ99(_OfQuantiles):
    """OpenVLA's ``BOUNDS_Q99``: the middle 98 % in [-1, 1], what lies outside cut off.

    Forwards 2 (x - q01) / (q99 - q01 + 1e-8) - 1, clipped (``normalize_proprio`` in ``experiments/robot/openvla_utils.py``
    of moojink/openvla-oft); backwards 0.5 (x + 1) (q99 - q01) + q01 (``predict_action`` in
    ``prismatic/extern/hf/modeling_prismatic.py`` of openvla/openvla). What was cut off does not come back.
    """

    def __call__(self, value: npt.ArrayLike) -> Float64Array:
        """Normalised."""
        q01, q99 = _quantiles(self.statistics)
        return _on_known(
            value,
            self.statistics,
            lambda x, of: np.clip(2.0 * (x - of(q01)) / (of(q99) - of(q01) + _OPENVLA_EPS) - 1.0, -1.0, 1.0),
        )

    def undo(self, value: npt.ArrayLike) -> Float64Array:
        """Un-normalised."""
        q01, q99 = _quantiles(self.statistics)
        return _on_known(value, self.statistics, lambda x, of: 0.5 * (x + 1.0) * (of(q99) - of(q01)) + of(q01))


# A vector of the statistics -> its numbers for the dimensions that are worked on.
_Chosen = Callable[[Vector], Float64Array]


def _on_known(
    value: npt.ArrayLike, statistics: VectorStatistics, formula: Callable[[Float64Array, _Chosen], Float64Array]
) -> Float64Array:
    """A copy of an array (..., D) with the formula applied to the dimensions that the statistics are about."""
    result = np.array(value, dtype=np.float64)
    known = min(result.shape[-1], len(statistics.mean))
    dims = [dim for dim in range(known) if statistics.mask is None or statistics.mask[dim]]
    result[..., dims] = formula(result[..., dims], lambda vector: np.asarray(vector, dtype=np.float64)[dims])
    return result


def _quantiles(statistics: VectorStatistics) -> tuple[Vector, Vector]:
    if statistics.q01 is None or statistics.q99 is None:
        raise PolicyUnavailableError("the statistics have no q01 and q99; only z-scores can be made of them")
    return statistics.q01, statistics.q99
