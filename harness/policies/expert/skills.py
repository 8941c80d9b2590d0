"""What scripts are put together from: moving, gripping, picking up, letting go.

A skill is a generator for ``yield from``; it takes the view that the script has and gives back the one after its last
control step.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.action_spaces import GRIPPER_OPENING_M
from harness.policies.expert.arm import Path, UnreachableError
from harness.policies.expert.pace import CAREFUL, CONTROL_FREQ_HZ, FREE, Pace, timed
from harness.policies.expert.view import Command, Skill, View
from harness.types import Float64Array

CLOSED_M, OPEN_M = GRIPPER_OPENING_M

# How fast the fingers are told to close and open, so that they meet a thing softly.
_GRIP_M_S = 0.15
# The fingers rest when the opening changes by less than this, for so many control steps in a row. They are waited for no
# longer than 2 s: the whole way takes 0.5 s.
_REST_M = 2e-4
_REST_STEPS = 3
_GRIP_STEPS = 40

# A gripper that was told to close and is still this wide holds something.
_EMPTY_M = 0.004


@dataclass(frozen=True)
class Waypoint:
    """Where the tcp is to come by.

    Attributes:
        base_t_tcp: (4, 4).
        straight: Whether the way there must be a straight line; otherwise it is one where the arm can follow it, and the
            joints turn evenly where it cannot.
    """

    base_t_tcp: Float64Array
    straight: bool = True


Route = Sequence[Waypoint]


def move(view: View, to: Waypoint, pace: Pace = FREE, *, opening_m: float | None = None) -> Skill:
    """Goes to a waypoint, starting and ending at rest.

    Args:
        view: What was seen last.
        to: Where to go.
        pace: How fast.
        opening_m: Of the gripper on the way; None leaves it as it was told.

    Raises:
        UnreachableError: The arm cannot get there that way; nothing has moved.
    """
    opening_m = view.told.opening_m if opening_m is None else opening_m
    for pose in timed(_path(view, view.told_rad, to), pace):
        view = yield Command(pose, opening_m)
    return view


def grip(view: View, opening_m: float) -> Skill:
    """Opens or closes the gripper, and waits until the fingers rest: where they were told to be, or against a thing."""
    told, rested, step_m = view.told.opening_m, 0, _GRIP_M_S / CONTROL_FREQ_HZ
    for _ in range(_GRIP_STEPS):
        told += float(np.clip(opening_m - told, -step_m, step_m))
        before = view.opening_m
        view = yield Command(view.told.base_t_tcp, told)
        rested = rested + 1 if abs(view.opening_m - before) < _REST_M and told == opening_m else 0
        if rested == _REST_STEPS:
            break
    return view


def choose(view: View, preferences: Iterable[Sequence[Route]]) -> Route:
    """The first of the preferred routes that the arm can follow from where it is.

    Args:
        view: What was seen last.
        preferences: Groups of routes, the best group first. Within a group, that on which the joints turn least is taken.

    Raises:
        UnreachableError: The arm can follow none.
    """
    tried, why = 0, ""
    for routes in preferences:
        possible: list[tuple[float, Route]] = []
        for route in routes:
            tried += 1
            try:
                possible.append((_joint_travel_rad(view, route), route))
            except UnreachableError as error:
                why = str(error)
        if possible:
            return min(possible, key=lambda found: found[0])[1]
    raise UnreachableError(f"the arm can follow none of {tried} ways to do this; of the last one: {why}")


def pick(
    view: View, routes: Callable[[View], Iterable[Sequence[Route]]], *, opening_m: float = OPEN_M
) -> Generator[Command, View, tuple[View, Route]]:
    """Grasps a thing, as often as it takes.

    Args:
        view: What was seen last.
        routes: Makes, of where things are now, groups of routes as `choose` takes them. To the first waypoint of a route the
            gripper goes with its fingers open, at the second they close; what comes after says where it must be able to go
            then, and is left to the caller.
        opening_m: How wide the gripper is opened.

    Returns:
        The view with the thing between the fingers, and the rest of the route.

    Raises:
        UnreachableError: The arm can follow none of the routes.
    """
    while True:
        above, at, *rest = choose(view, routes(view))
        view = yield from move(view, above, opening_m=opening_m)
        view = yield from move(view, at, CAREFUL)
        view = yield from grip(view, CLOSED_M)
        if view.opening_m > _EMPTY_M:
            return view, rest
        view = yield from grip(view, opening_m)
        view = yield from move(view, above)


def release(view: View, retreat: Waypoint, opening_m: float = OPEN_M) -> Skill:
    """Opens the gripper and goes away."""
    view = yield from grip(view, opening_m)
    return (yield from move(view, retreat, CAREFUL))


def _path(view: View, start_rad: Float64Array, to: Waypoint) -> Path:
    try:
        return view.arm.line(start_rad, to.base_t_tcp)
    except UnreachableError:
        if to.straight:
            raise
        return view.arm.sweep(start_rad, to.base_t_tcp)


def _joint_travel_rad(view: View, route: Route) -> float:
    """How far the joints turn on a route, on each leg the one that turns farthest."""
    joints, travel = view.told_rad, 0.0
    for waypoint in route:
        end = _path(view, joints, waypoint).end_rad
        travel += float(np.abs(end - joints).max())
        joints = end
    return travel
