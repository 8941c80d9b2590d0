"""Put a cube into a bowl."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.policies.expert.placing import put, turned
from harness.policies.expert.view import Script, View
from harness.types import Float64Array

# Where the cube's middle is when it is let go, below the rim, and how far above the rim its lower side is carried.
_BELOW_RIM_M = 0.005
_SPARE_M = 0.02


def pick_place(view: View) -> Script:
    """Lowers the cube into the bowl's middle, as far as the fingers have room to open, and lets it fall."""
    yield from put(view, "cube", _goals, clear_m=_BELOW_RIM_M + view.values["half_size_m"] + _SPARE_M)


def _goals(view: View) -> Sequence[Float64Array]:
    """Where the arm gets to by turning about its base, the cube turning with it: so the wrist stays as it is."""
    cube, bowl = view.poses["cube"], view.poses["bowl"]
    goal = turned(cube, _azimuth_rad(bowl) - _azimuth_rad(cube))
    goal[:3, 3] = *bowl[:2, 3], view.values["bowl_height_m"] - _BELOW_RIM_M
    return [goal]


def _azimuth_rad(base_t_thing: Float64Array) -> float:
    return float(np.arctan2(base_t_thing[1, 3], base_t_thing[0, 3]))
