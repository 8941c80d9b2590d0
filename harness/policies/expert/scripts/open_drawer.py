"""Open a drawer by its handle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from harness.policies.expert.grasps import closing_angles, leaning, raised
from harness.policies.expert.pace import CAREFUL
from harness.policies.expert.skills import Route, Waypoint, move, pick
from harness.policies.expert.view import Script, View
from harness.types import Float64Array

_APPROACH_M = 0.06
# How far below the bar's middle the finger tips go, and how wide they are on the way there: one fits behind the bar.
_BELOW_M = 0.010
_OPENING_M = 0.03
# The fingers close along the way that the drawer opens.
_CLOSING_RAD = (0.0, np.pi)
# How much farther than it must the drawer is pulled.
_SPARE_M = 0.015


def open_drawer(view: View) -> Script:
    """Takes the bar from above, one finger behind it, and pulls."""
    view, (pulled,) = yield from pick(view, _routes, opening_m=_OPENING_M)
    yield from move(view, pulled, CAREFUL)


def _routes(view: View) -> Iterator[Sequence[Route]]:
    handle = view.poses["handle"]
    way_m = (view.values["open_m"] + _SPARE_M) * handle[:3, 0]
    below_m = handle[:3, 3] - (0.0, 0.0, _BELOW_M)
    for poses in leaning(below_m, closing_angles(handle, _CLOSING_RAD)):
        yield [_route(pose, way_m) for pose in poses]


def _route(grasp: Float64Array, way_m: Float64Array) -> Route:
    pulled = grasp.copy()
    pulled[:3, 3] += way_m
    return Waypoint(raised(grasp, _APPROACH_M), straight=False), Waypoint(grasp), Waypoint(pulled)
