"""The geometry behind the skills for drawers, doors and knobs, on scenes of a few boxes."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.policies.expert.libero.articulated import set_joints
from harness.policies.expert.libero.hand import boxes, hand_points, least_wrist, looking
from harness.policies.expert.libero.handles import find_handle, handle_poses
from harness.policies.expert.libero.joints import done
from harness.policies.expert.libero.motion import pointing_down
from harness.policies.expert.libero.scene import Scene, SkillError
from harness.privileged import Body, SceneJoint, ScenePrivileged, Shape, Thing

OUT = np.array([0.0, 1.0, 0.0])  # the drawer opens along +y, its joint's axis points the other way
HANDLE_M = np.array([0.0, -0.15, 1.05])
DRAWER = SceneJoint(
    name="drawer",
    thing="cabinet",
    body="drawer",
    kind="slide",
    position=0.0,
    low=-0.16,
    high=0.01,
    axis=-OUT,
    anchor_m=np.zeros(3),
    holds=MappingProxyType({"open": (-0.16, -0.14), "close": (0.0, 0.01)}),
)


def at(position):
    pose = np.eye(4)
    pose[:3, 3] = position
    return pose


def box(position, half_size):
    return Shape("", "box", np.array(half_size), at(position))


def scene_with(*more, joint=DRAWER):
    """A drawer with a handle of 9 cm, its cabinet 3 cm behind it, a table far below, and what else there is."""
    bar = box(HANDLE_M, (0.045, 0.008, 0.008))
    front = box(HANDLE_M - 0.028 * OUT, (0.10, 0.004, 0.03))
    cabinet = Thing("cabinet", "cabinet", False, np.eye(4), (Body("drawer", np.eye(4), (front, bar)),))
    table = Body("table", np.eye(4), (box((0.0, 0.0, 0.70), (1.0, 1.0, 0.1)), *more))
    things = {"cabinet": cabinet, "surroundings": Thing("surroundings", "surroundings", False, np.eye(4), (table,))}
    world = ScenePrivileged(
        task="libero",
        poses=MappingProxyType({}),
        values=MappingProxyType({}),
        goals=(),
        things=MappingProxyType(things),
        joints=MappingProxyType({joint.name: joint}),
        regions=MappingProxyType({}),
        contacts=frozenset(),
    )
    start = np.array([-0.2, 0.0, 1.2])
    return Scene(world, start, pointing_down(np.pi / 2), 0.08, 0.8, np.zeros(3), 0)


def test_the_handle_is_what_sticks_out_farthest():
    handle = find_handle(scene_with(), DRAWER, OUT)
    assert handle.middle_m == pytest.approx(HANDLE_M)
    assert np.abs(handle.along) == pytest.approx([1.0, 0.0, 0.0])
    assert (handle.half_length_m, handle.half_out_m) == pytest.approx((0.045, 0.008))


def test_the_fingers_stand_on_either_side_of_the_bar_and_nothing_is_in_the_way():
    scene = scene_with()
    best = handle_poses(scene, DRAWER, find_handle(scene, DRAWER, OUT))[0]
    assert abs(best.world_r_grip[:, 1] @ [1.0, 0.0, 0.0]) < 0.8  # they do not close along the bar
    assert np.linalg.norm(best.position_m[1:] - HANDLE_M[1:]) < 0.008
    assert best.clearance_m > 0.0


def test_an_obstacle_beside_the_handle_changes_the_pose_and_one_around_it_leaves_none():
    free = handle_poses(scene_with(), DRAWER, find_handle(scene_with(), DRAWER, OUT))[0]
    beneath = scene_with(box(HANDLE_M - (0.0, 0.0, 0.075), (0.2, 0.2, 0.02)))
    other = handle_poses(beneath, DRAWER, find_handle(beneath, DRAWER, OUT))
    ahead = scene_with(box(HANDLE_M + 0.05 * OUT, (0.3, 0.02, 0.3)))
    assert other
    assert not np.allclose(other[0].world_r_grip, free.world_r_grip)
    assert handle_poses(ahead, DRAWER, find_handle(ahead, DRAWER, OUT)) == []


def test_a_handle_that_cannot_be_reached_is_an_error():
    scene = scene_with(box(HANDLE_M + 0.05 * OUT, (0.3, 0.02, 0.3)))
    with pytest.raises(SkillError, match="no room at the handle of drawer"):
        next(set_joints(scene, "open", ("drawer",)))


def test_clearance_is_that_of_the_nearest_point():
    scene = scene_with()
    table = boxes(scene.world, HANDLE_M, lambda thing, _: thing == "surroundings")
    down = pointing_down(0.0)
    lowest = -hand_points()[:, 2].max()
    assert table.clearance_m(hand_points(), np.array([0.0, 0.0, 0.83]), down) == pytest.approx(0.03 + lowest)
    assert table.clearance_m(hand_points(), np.array([0.0, 0.0, 0.80]), down) < 0.0


def test_a_closed_hand_is_narrower_than_an_open_one():
    tips = {gap: hand_points(gap)[hand_points(gap)[:, 2] > 0.0] for gap in (0.0, 0.039)}
    assert np.ptp(tips[0.039][:, 1]) - np.ptp(tips[0.0][:, 1]) == pytest.approx(0.078)


@pytest.mark.parametrize(
    ("position", "predicate", "margin", "expected"),
    [
        (-0.141, "open", 0.0, True),
        (-0.141, "open", 0.006, False),
        (-0.149, "open", 0.006, True),
        (-0.161, "open", 0.006, True),  # a soft stop gives way
        (-0.001, "close", 0.0, False),
        (0.011, "close", 0.006, True),
    ],
)
def test_a_margin_is_asked_for_on_the_side_that_has_no_stop(position, predicate, margin, expected):
    assert done(replace(DRAWER, position=position), predicate, margin) is expected


@settings(max_examples=60, deadline=None)
@given(st.floats(-np.pi, np.pi), st.floats(-1.4, 1.4), st.floats(-1.5, 1.5))
def test_the_chosen_half_turn_keeps_the_fingers_places_and_never_turns_the_wrist_farther(closing, wrist, yaw):
    scene = replace(scene_with(), wrist_rad=wrist)
    rotation = pointing_down(closing)
    chosen, farthest = least_wrist(scene, rotation, yaw)
    other = chosen * (-1.0, -1.0, 1.0)
    assert any(np.allclose(rotation, turned) for turned in (chosen, other))
    assert chosen[:, 2] == pytest.approx(rotation[:, 2])
    assert farthest <= least_wrist(scene, other, yaw)[1] + 1e-9


@given(st.integers(0, 10_000))
def test_orientations_are_right_handed_and_look_ahead(seed):
    ahead, closing = np.random.default_rng(seed).standard_normal((2, 3))
    rotation = looking(ahead, closing)
    assert rotation.T @ rotation == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert rotation[:, 2] == pytest.approx(ahead / np.linalg.norm(ahead))
    assert rotation[:, 1] @ closing > 0
