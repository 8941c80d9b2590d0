from __future__ import annotations

import numpy as np
import pytest

from harness.policies.expert.arm import UnreachableError
from harness.policies.expert.grasps import closing_angles, down, raised, told_for
from harness.policies.expert.skills import OPEN_M, Waypoint, choose, grip, move, pick, release

CUBE_M = 0.04


def routes_to(poses):
    """A route a grasp: above it, to it, and up again."""
    return [(Waypoint(raised(pose, 0.06), straight=False), Waypoint(pose), Waypoint(raised(pose, 0.08))) for pose in poses]


def grasps_at(position_m, view):
    return routes_to([down(position_m, angle) for angle in closing_angles(view.poses["cube"])])


def holding(bench, view):
    """The view with the cube in the gripper and lifted."""

    def lifting(view):
        view, (up,) = yield from pick(view, lambda view: [grasps_at(view.poses["cube"][:3, 3], view)])
        return (yield from move(view, up))

    return bench.follow(lifting(view), view)[0]


def test_a_move_ends_where_it_was_told_with_the_gripper_as_it_was(benches):
    bench = benches()
    view = bench.begin(0)
    goal = Waypoint(down((0.25, 0.0, 0.08), np.pi / 2))
    view, commands, _ = bench.follow(move(view, goal), view)
    assert view.told.base_t_tcp == pytest.approx(goal.base_t_tcp, abs=1e-6)
    assert np.linalg.norm(view.base_t_tcp[:3, 3] - goal.base_t_tcp[:3, 3]) < 1e-3
    assert {command.opening_m for command in commands} == {commands[0].opening_m}


def test_a_move_that_cannot_be_made_moves_nothing(benches):
    view = benches().begin(0)
    with pytest.raises(UnreachableError):
        next(move(view, Waypoint(down((0.9, 0.0, 0.1), 0.0))))


def test_gripping_nothing_closes_and_ends(benches):
    bench = benches()
    view = bench.begin(0)
    view, commands, _ = bench.follow(grip(view, 0.0), view)
    assert view.opening_m < 0.002
    assert len(commands) < 20


def test_the_fingers_move_gently_and_rest_on_the_cube(benches):
    bench = benches()
    view, commands, views = bench.follow(_grasp_only(bench.begin(0)), bench.begin(0))
    assert view.opening_m == pytest.approx(CUBE_M, abs=1e-3)
    assert abs(views[-1].opening_m - views[-2].opening_m) < 2e-4
    closing = -np.diff([command.opening_m for command in commands])
    assert closing.max() <= 0.15 / 20 + 1e-12


def _grasp_only(view):
    view, _ = yield from pick(view, lambda view: [grasps_at(view.poses["cube"][:3, 3], view)])
    return view


def test_a_gripper_that_closed_on_nothing_tries_again(benches):
    bench = benches()
    view = bench.begin(0)
    cube = view.poses["cube"][:3, 3]
    places = [cube * (1, 0, 1) + (0, -np.sign(cube[1]) * 0.08, 0), cube]
    asked = []

    def routes(view):
        asked.append(len(asked))
        return [grasps_at(places[asked[-1]], view)]

    (view, rest), _, _ = bench.follow(pick(view, routes), view)
    assert asked == [0, 1]
    assert view.opening_m == pytest.approx(CUBE_M, abs=1e-3)
    assert len(rest) == 1


def test_a_held_thing_can_be_told_where_to_go(benches):
    bench = benches()
    view = holding(bench, bench.begin(0))
    goal = view.poses["cube"].copy()
    goal[:3, 3] = 0.26, 0.02, 0.08
    view, _, _ = bench.follow(move(view, Waypoint(told_for(view, "cube", goal))), view)
    assert np.linalg.norm(view.poses["cube"][:3, 3] - goal[:3, 3]) < 1e-3


def test_releasing_lets_go_and_retreats(benches):
    bench = benches()
    view = holding(bench, bench.begin(0))
    low = Waypoint(raised(view.told.base_t_tcp, -0.079))
    view, _, _ = bench.follow(move(view, low), view)
    view, _, _ = bench.follow(release(view, Waypoint(raised(low.base_t_tcp, 0.06))), view)
    assert view.opening_m == pytest.approx(OPEN_M, abs=1e-3)
    assert view.poses["cube"][2, 3] == pytest.approx(CUBE_M / 2, abs=1e-3)
    assert view.base_t_tcp[2, 3] - view.poses["cube"][2, 3] > 0.05


def test_a_preferred_group_wins_and_in_it_the_nearest_route(benches):
    view = benches().begin(0)
    here = view.told.base_t_tcp
    near, far = raised(here, -0.01), raised(here, -0.05)
    out = down((0.9, 0.0, 0.1), 0.0)
    assert choose(view, [[[Waypoint(out)]], [[Waypoint(far)], [Waypoint(near)]], [[Waypoint(here)]]])[0].base_t_tcp is near


def test_no_possible_route_says_how_many_were_tried_and_why(benches):
    view = benches().begin(0)
    out = [Waypoint(down((0.9, 0.0, 0.1), 0.0))]
    with pytest.raises(UnreachableError, match=r"none of 2 ways.*reach"):
        choose(view, [[out], [out]])
