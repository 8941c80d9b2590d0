"""Several tests at once: p-values that keep the chance of any false positive."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.types import Float64Array


def holm(p_values: npt.ArrayLike) -> Float64Array:
    """Holm's adjusted p-values: the smallest family-wise error at which each hypothesis is rejected.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979), 65-70;
    adjusted p-values as in S. P. Wright, "Adjusted p-values for simultaneous inference", Biometrics 48 (1992), 1005-1013.
    The k-th smallest of m p-values is multiplied by m - k + 1, raised to the ones before it, and cut at 1. Nothing is
    assumed about how the tests depend on each other.

    Args:
        p_values: (m,) p-values in any order, of one family: the suites of a comparison, or all checkpoints of a sweep.

    Returns:
        (m,) adjusted p-values in the same order. Those of at most alpha are the rejections at family-wise error alpha.

    Raises:
        HarnessError: A value outside [0, 1], or more than one dimension.
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise HarnessError(f"p-values must be a list of numbers from 0 to 1, not {values.tolist()}")
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    return adjusted
