"""Actions as token ids and back: 256 bins between each dimension's 1st and 99th percentile.

The scheme of OpenVLA (Kim et al., "OpenVLA: An Open-Source Vision-Language-Action Model", 2024, section 3.2, and the class
ActionTokenizer of its code): 256 evenly spaced edges from -1 to 1 make 255 bins. Bin 255 begins at the last edge and holds
+1 alone; it decodes as bin 254 does, so that -1 and +1 decode to -254/255 and 254/255.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.transforms.normalization import BoundsQ99
from harness.transforms.statistics import VectorStatistics
from harness.types import Float64Array

Int64Array = npt.NDArray[np.int64]

BINS = 256

_EDGES = np.linspace(-1.0, 1.0, BINS)
_CENTRES = (_EDGES[:-1] + _EDGES[1:]) / 2


@dataclass(frozen=True)
class ActionTokenizer:
    """Actions as token ids, and token ids as actions.

    Attributes:
        statistics: Of the actions, with both percentiles; a dimension that the mask leaves out is in [-1, 1] already, such
            as a gripper.
        token_ids: The token id of each bin, `BINS` different ones.

    Raises:
        PolicyUnavailableError: The statistics have no percentiles.
        UsageError: There are not `BINS` different ids.
    """

    statistics: VectorStatistics
    token_ids: tuple[int, ...]

    def __post_init__(self) -> None:
        BoundsQ99(self.statistics)
        if len(self.token_ids) != BINS or len(set(self.token_ids)) != BINS or min(self.token_ids) < 0:
            raise UsageError(
                f"an action tokenizer needs {BINS} different token ids; it was given {len(self.token_ids)}, of which "
                f"{len(set(self.token_ids))} are different; harness.tokens.token_map.check_token_map says more"
            )

    @property
    def action_dim(self) -> int:
        """Numbers in one action."""
        return len(self.statistics.mean)

    def encode(self, actions: npt.ArrayLike) -> Int64Array:
        """The token ids (..., A) of actions (..., A); what lies outside of the percentiles is clipped.

        Raises:
            UsageError: The last axis is not A, or a number is not finite.
        """
        values = np.asarray(actions, dtype=np.float64)
        self._check_shape(values.shape)
        if not np.isfinite(values).all():
            raise UsageError("actions hold NaN or infinity")
        normalised = np.clip(BoundsQ99(self.statistics)(values), -1.0, 1.0)
        return np.asarray(self.token_ids, dtype=np.int64)[np.digitize(normalised, _EDGES) - 1]

    def decode(self, token_ids: npt.ArrayLike) -> Float64Array:
        """The actions (..., A) at the centres of the bins of token ids (..., A).

        Raises:
            UsageError: An id is no action token, or the last axis is not A.
        """
        ids = np.asarray(token_ids, dtype=np.int64)
        self._check_shape(ids.shape)
        order = np.argsort(self.token_ids)
        known = np.asarray(self.token_ids, dtype=np.int64)[order]
        position = np.searchsorted(known, ids).clip(max=BINS - 1)
        wrong = ids[known[position] != ids]
        if wrong.size:
            raise UsageError(f"token {wrong.flat[0]} is no action token; those are {BINS} from {known[0]} to {known[-1]}")
        return BoundsQ99(self.statistics).undo(_CENTRES[order[position].clip(max=BINS - 2)])

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        if not shape or shape[-1] != self.action_dim:
            raise UsageError(f"an array of shape {shape} holds no actions; expected (..., {self.action_dim})")
