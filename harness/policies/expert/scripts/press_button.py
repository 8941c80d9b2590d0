"""Press a button down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from harness.policies.expert.grasps import leaning, raised
from harness.policies.expert.pace import CAREFUL
from harness.policies.expert.skills import CLOSED_M, Route, Waypoint, choose, move
from harness.policies.expert.view import Script, View
from harness.types import Float64Array

_APPROACH_M = 0.04
# The button is round: the gripper may be turned in any way.
_CLOSING_RAD = tuple((np.arange(8) * np.pi / 4).tolist())


def press_button(view: View) -> Script:
    """Presses with the closed fingers, down to the button's stop, and stays there."""
    above, pressed = choose(view, _routes(view))
    view = yield from move(view, above, opening_m=CLOSED_M)
    yield from move(view, pressed, CAREFUL)


def _routes(view: View) -> Iterator[Sequence[Route]]:
    for poses in leaning(view.poses["button"][:3, 3], _CLOSING_RAD):
        yield [_route(pose, view.values["travel_m"]) for pose in poses]


def _route(touching: Float64Array, travel_m: float) -> Route:
    return Waypoint(raised(touching, _APPROACH_M), straight=False), Waypoint(raised(touching, -travel_m))
