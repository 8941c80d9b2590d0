"""Where two recordings of the same numbers first differ, to the bit."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from harness.types import Float64Array


@dataclass(frozen=True)
class FirstBit:
    """The first element in which two arrays differ.

    Attributes:
        index: Of the element.
        recorded: What the first array has there.
        replayed: What the second has.
        ulps: How many doubles lie between them, plus one: neighbours are 1 apart. 0 for the two zeros, None with a NaN.
    """

    index: int
    recorded: float
    replayed: float
    ulps: int | None


def first_bit(recorded: Float64Array, replayed: Float64Array) -> FirstBit | None:
    """Compares two arrays (N,) of doubles by their bits, so that 0.0 and -0.0 differ and equal NaNs do not.

    Returns:
        The first difference; None when there is none.

    Raises:
        ValueError: The shapes differ.
    """
    if recorded.shape != replayed.shape or recorded.ndim != 1:
        raise ValueError(f"cannot compare shapes {recorded.shape} and {replayed.shape}")
    bits = (np.ascontiguousarray(array, dtype=np.float64).view(np.uint64) for array in (recorded, replayed))
    unequal = np.flatnonzero(np.not_equal(*bits))
    if not unequal.size:
        return None
    index = int(unequal[0])
    pair = float(recorded[index]), float(replayed[index])
    return FirstBit(index, *pair, ulps=ulp_distance(*pair))


def ulp_distance(first: float, second: float) -> int | None:
    """How many steps from one double to its neighbour lead from the first to the second; None when one is NaN.

    The largest double is one step from infinity, and both zeros are the same place.
    """
    if np.isnan(first) or np.isnan(second):
        return None
    return abs(_place(first) - _place(second))


def _place(value: float) -> int:
    """Where a double stands among all doubles, 0 at zero.

    IEEE 754 orders doubles of one sign like the integers that have their bits.
    """
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits if bits >= 0 else -(bits + 2**63)
