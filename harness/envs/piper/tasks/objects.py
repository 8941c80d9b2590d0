"""What tasks that put one thing onto or into another share: where things may stand, and when one has been let go."""

from __future__ import annotations

import numpy as np

from harness.envs.piper.simulation import Simulation
from harness.envs.piper.tasks.base import MANY_DRAWS
from harness.types import Float64Array

# Where the gripper reaches straight down with room to lift things: a ring about the base, in front of it.
_RADIUS_M = (0.19, 0.33)
_AZIMUTH_RAD = (-0.9, 0.9)

# Slower than this is at rest: things that lie still move at less than 1 mm/s, thrown ones much faster.
_AT_REST_M_S = 0.01


def two_places(generator: np.random.Generator, apart_m: float) -> Float64Array:
    """Two places within reach, drawn again until they are far enough apart.

    Args:
        generator: Where chance comes from.
        apart_m: The smallest distance between the two.

    Returns:
        x, y (m) of the first and of the second, (2, 2).
    """
    for _ in range(MANY_DRAWS):
        radius_m = generator.uniform(*_RADIUS_M, 2)
        azimuth_rad = generator.uniform(*_AZIMUTH_RAD, 2)
        places = np.column_stack([radius_m * np.cos(azimuth_rad), radius_m * np.sin(azimuth_rad)])
        if np.linalg.norm(places[0] - places[1]) >= apart_m:
            return places
    raise ValueError(f"there are no two places {apart_m:.2f} m apart within reach: the things are too large")


def let_go(simulation: Simulation, body: str) -> bool:
    """Whether a free body is at rest and no finger touches it."""
    return simulation.speed(body) < _AT_REST_M_S and not simulation.touched_by_fingers(body)
