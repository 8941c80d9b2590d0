"""Bring the gripper to a pose."""

from __future__ import annotations

from harness.policies.expert.skills import Waypoint, move
from harness.policies.expert.view import Script, View


def reach(view: View) -> Script:
    """Goes to the target, and stays there."""
    yield from move(view, Waypoint(view.poses["target"], straight=False))
