"""Put a square peg into a square hole."""

from __future__ import annotations

from collections.abc import Sequence

from harness.policies.expert.grasps import raised
from harness.policies.expert.placing import put, quarter_turns
from harness.policies.expert.view import Script, View
from harness.types import Float64Array

# Between the peg's tip and the block's top on the way, and between the block's top and the finger tips at the end.
_SPARE_M = 0.008
_FINGERS_M = 0.012


def peg(view: View) -> Script:
    """Takes the peg so high up that the fingers stay above the block, and stands it in the hole."""
    depth_m = view.values["depth_m"]
    grip_m = depth_m + _FINGERS_M - view.values["length_m"] / 2
    yield from put(view, "peg", _goals, clear_m=depth_m + _SPARE_M, grip_m=grip_m)


def _goals(view: View) -> Sequence[Float64Array]:
    """The peg's poses when it stands in the hole."""
    return quarter_turns(raised(view.poses["hole"], view.values["length_m"] / 2 - view.values["depth_m"]))
