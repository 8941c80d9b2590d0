"""Which numbers make a state vector, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from harness.errors import PolicyError
from harness.transforms.base import Invertible, Sample, value_at


@dataclass(frozen=True)
class Split(Invertible):
    """A vector's parts, each under a key of its own; undone, the vector of the parts.

    Attributes:
        source: Key of the vector (D,).
        parts: Key of each part and its length, in the vector's order.
    """

    source: str
    parts: tuple[tuple[str, int], ...]

    def __call__(self, sample: Sample) -> Sample:
        """See `harness.transforms.base.Transform`; the parts take the vector's place.

        Raises:
            PolicyError: The vector's length is not that of all parts.
        """
        vector = np.array(value_at(sample, self.source))
        ends = list(accumulate(length for _, length in self.parts))
        if vector.shape != (ends[-1],):
            raise PolicyError(f"{self.source!r} has shape {vector.shape}; its parts need ({ends[-1]},)")
        rest = {key: value for key, value in sample.items() if key != self.source}
        return {**rest, **dict(zip((key for key, _ in self.parts), np.split(vector, ends[:-1]), strict=True))}

    def undo(self, value: Sample) -> Sample:
        """See `harness.transforms.base.Transform`; the vector takes the parts' place."""
        keys = [key for key, _ in self.parts]
        rest = {key: kept for key, kept in value.items() if key not in keys}
        return {**rest, self.source: np.concatenate([np.atleast_1d(value_at(value, key)) for key in keys])}


@dataclass(frozen=True)
class AsType:
    """A copy of a vector in another type.

    Attributes:
        dtype: NumPy's name of it.
    """

    dtype: str

    def __call__(self, value: npt.ArrayLike) -> npt.NDArray[np.generic]:
        """The copy."""
        return np.array(value, dtype=self.dtype)


def join(into: str, parts: tuple[tuple[str, int], ...]) -> Invertible:
    """The step that makes a vector of parts.

    Args:
        into: Key of the vector.
        parts: Key of each part and its length, in the vector's order.
    """
    return Split(into, parts).inverse()
