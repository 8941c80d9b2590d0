"""Go straight up and down again."""

from __future__ import annotations

from harness.policies.expert.grasps import raised
from harness.policies.expert.skills import Waypoint, move
from harness.policies.expert.view import Script, View


def up_down(view: View) -> Script:
    """Goes up to the line's end and back to where it was."""
    low = view.told.base_t_tcp
    view = yield from move(view, Waypoint(raised(low, view.values["height_m"])))
    yield from move(view, Waypoint(low))
