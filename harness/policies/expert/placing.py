"""Putting a thing where it belongs: grasped from above, carried over the place, lowered, and let go."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from harness.kinematics.poses import rotation_angle
from harness.policies.expert.grasps import closing_angles, leaning, raised, told_for
from harness.policies.expert.pace import CAREFUL
from harness.policies.expert.skills import Route, Waypoint, move, pick, release
from harness.policies.expert.view import Skill, View
from harness.types import Float64Array

# From how far above it the fingers go down to a thing.
_APPROACH_M = 0.05

# How much higher than it must a thing is carried, and how much farther than it must the gripper is able to turn over its
# goal: so what is made up for there stays within the arm's reach.
_SPARE_M = 0.004
_SPARE_RAD = 0.04


def put(
    view: View,
    thing: str,
    goals: Callable[[View], Sequence[Float64Array]],
    *,
    clear_m: float,
    drop_m: float = 0.001,
    grip_m: float = 0.0,
) -> Skill:
    """Puts an upright thing of square section to one of its goals.

    Over the goal, where the thing really is between the fingers is looked at once more, and made up for.

    Args:
        view: What was seen last.
        thing: Its name in `View.poses`.
        goals: Makes, of where things are now, the poses (4, 4) of which any is as good.
        clear_m: How far above its goal it is carried there.
        drop_m: How far above its goal it is let go.
        grip_m: How far above its origin the finger tips close on it.

    Raises:
        UnreachableError: The arm cannot bring the thing to any of the goals.
    """

    def routes(view: View) -> Iterator[Sequence[Route]]:
        base_t_thing, ends = view.poses[thing], goals(view)
        for grasps in leaning(base_t_thing[:3, 3] + (0.0, 0.0, grip_m), closing_angles(base_t_thing)):
            pairs = itertools.product(grasps, ends)
            yield [_route(grasp, end @ np.linalg.inv(base_t_thing) @ grasp, clear_m) for grasp, end in pairs]

    view, (up, over, *_) = yield from pick(view, routes)
    view = yield from move(view, up)
    view = yield from move(view, over)
    goal = min(goals(view), key=lambda goal: rotation_angle(view.poses[thing][:3, :3], goal[:3, :3]))
    view = yield from move(view, _told_for(view, thing, raised(goal, clear_m)), CAREFUL)
    back = Waypoint(view.told.base_t_tcp)
    view = yield from move(view, _told_for(view, thing, raised(goal, drop_m)), CAREFUL)
    return (yield from release(view, back))


def turned(base_t_thing: Float64Array, angle_rad: float) -> Float64Array:
    """The same pose (4, 4), turned about its own z axis."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    pose = base_t_thing.copy()
    pose[:3, :2] = base_t_thing[:3, :2] @ ((cos, -sin), (sin, cos))
    return pose


def quarter_turns(base_t_thing: Float64Array) -> list[Float64Array]:
    """The four poses (4, 4) in which a thing of square section looks the same."""
    return [turned(base_t_thing, quarter * np.pi / 2) for quarter in range(4)]


def _told_for(view: View, thing: str, base_t_goal: Float64Array) -> Waypoint:
    return Waypoint(told_for(view, thing, base_t_goal))


def _route(grasp: Float64Array, there: Float64Array, clear_m: float) -> Route:
    """Down to a grasp, up, over the place, and down to it, in it turned a little either way."""
    carry_m = clear_m + _SPARE_M
    return (
        Waypoint(raised(grasp, _APPROACH_M), straight=False),
        Waypoint(grasp),
        Waypoint(raised(grasp, there[2, 3] + carry_m - grasp[2, 3])),
        Waypoint(raised(there, carry_m), straight=False),
        *(Waypoint(turned(there, angle_rad)) for angle_rad in (_SPARE_RAD, -_SPARE_RAD)),
    )
