"""Lift a cube off the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.policies.expert.grasps import closing_angles, leaning, raised
from harness.policies.expert.skills import Route, Waypoint, move, pick
from harness.policies.expert.view import Script, View
from harness.types import Float64Array

_APPROACH_M = 0.06
# How much farther than it must the cube is lifted, for what it slips and swings.
_SPARE_M = 0.015


def lift(view: View) -> Script:
    """Grasps the cube and raises it a little farther than it must go."""
    view, (up,) = yield from pick(view, _routes)
    yield from move(view, up)


def _routes(view: View) -> Iterator[Sequence[Route]]:
    cube = view.poses["cube"]
    for poses in leaning(cube[:3, 3], closing_angles(cube)):
        yield [_route(pose, view.values["height_m"] + _SPARE_M) for pose in poses]


def _route(grasp: Float64Array, height_m: float) -> Route:
    above = Waypoint(raised(grasp, _APPROACH_M), straight=False)
    return above, Waypoint(grasp), Waypoint(raised(grasp, height_m))
