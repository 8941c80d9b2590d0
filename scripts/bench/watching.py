"""A policy that looks at pictures and costs nothing."""

from __future__ import annotations

import numpy as np

from harness.types import Float64Array, Observation

CHUNK = 10


class Watching:
    """Asks for pictures before every tenth step; the arm holds still."""

    raw_actions = True

    def infer(self, observation: Observation) -> Float64Array:
        """A chunk of zeros."""
        return np.zeros((CHUNK, 7))
