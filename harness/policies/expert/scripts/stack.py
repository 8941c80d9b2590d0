"""Stack one cube onto another."""

from __future__ import annotations

from collections.abc import Sequence

from harness.policies.expert.grasps import raised
from harness.policies.expert.placing import put, quarter_turns
from harness.policies.expert.view import Script, View
from harness.types import Float64Array

_CLEAR_M = 0.025


def stack(view: View) -> Script:
    """Sets the red cube down on the green one, edge along edge."""
    yield from put(view, "red_cube", _goals, clear_m=_CLEAR_M)


def _goals(view: View) -> Sequence[Float64Array]:
    return quarter_turns(raised(view.poses["green_cube"], 2 * view.values["half_size_m"]))
