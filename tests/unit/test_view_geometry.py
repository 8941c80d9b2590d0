"""Nothing that a camera sees, directly or in a mirror, is taken for unseen."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.envs.libero.view_geometry import mirror_cone, outside, rectangle, view_cone

HEIGHT_PX, WIDTH_PX = 240, 320


def rotation_of(rng):
    """A random rotation matrix: a random basis made orthonormal and right-handed."""
    basis, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return basis * np.sign(np.linalg.det(basis))


def camera_of(position, rotation, tangent):
    """A camera that looks along the third axis of a rotation; tangent of half its vertical field of view."""
    near = 0.01
    return SimpleNamespace(
        pos=position,
        forward=rotation[:, 2],
        up=rotation[:, 1],
        frustum_near=near,
        frustum_bottom=-near * tangent,
        frustum_top=near * tangent,
        frustum_width=0.0,
        frustum_center=0.0,
    )


def seen_ray(rng, camera, tangent):
    """A direction through a random place of the picture, with a depth of 1."""
    right = np.cross(camera.forward, camera.up)
    across, upwards = rng.uniform(-1, 1, 2) * (tangent * WIDTH_PX / HEIGHT_PX, tangent)
    return camera.forward + across * right + upwards * camera.up


def box_around(rng, point):
    """A random box that holds a point, as the arguments of `outside` that describe one thing with one box."""
    half, rotation, centre = rng.uniform(0.001, 0.5, 3), rotation_of(rng), rng.normal(size=3)
    position = point - rotation @ (centre + rng.uniform(-1, 1, 3) * half)
    return np.array([0]), centre[None], half[None], position[None], rotation.reshape(1, 9)


@settings(deadline=None)  # the first example compiles
@given(seed=st.integers(0, 2**32 - 1), tangent=st.floats(0.1, 1.5), depth=st.floats(0.01, 50.0))
def test_a_box_that_holds_a_visible_point_is_never_outside(seed, tangent, depth):
    rng = np.random.default_rng(seed)
    camera = camera_of(rng.uniform(-3, 3, 3), rotation_of(rng), tangent)
    point = camera.pos + depth * seen_ray(rng, camera, tangent)
    cone = view_cone(camera, height_px=HEIGHT_PX, width_px=WIDTH_PX)
    assert not outside(*box_around(rng, point), cone)[0]


@settings(deadline=None)  # the first example compiles
@given(seed=st.integers(0, 2**32 - 1), tangent=st.floats(0.1, 1.5), away=st.floats(0.0, 20.0), endless=st.booleans())
def test_a_box_that_holds_a_point_seen_in_a_mirror_is_never_outside_of_the_reflection(seed, tangent, away, endless):
    rng = np.random.default_rng(seed)
    camera = camera_of(rng.uniform(-3, 3, 3), rotation_of(rng), tangent)
    ray = seen_ray(rng, camera, tangent)
    hit = camera.pos + rng.uniform(0.05, 10) * ray
    along_x, along_y, normal = rotation_of(rng).T
    if ray @ normal > 0:
        normal = -normal
    x, y = rng.uniform(0.01, 2.0, 2)
    middle = hit + rng.uniform(-1, 1) * x * along_x + rng.uniform(-1, 1) * y * along_y
    reflected = ray - 2 * (ray @ normal) * normal
    view = view_cone(camera, height_px=HEIGHT_PX, width_px=WIDTH_PX)
    corners = np.empty((0, 3)) if endless else rectangle(middle, x * along_x, y * along_y)
    cone = mirror_cone(view, middle, normal, corners)
    assert not outside(*box_around(rng, hit + away * reflected), cone)[0]


def placed_at(*points):
    """Small upright cubes at points."""
    n = len(points)
    return np.arange(n), np.zeros((n, 3)), np.full((n, 3), 0.05), np.array(points), np.tile(np.eye(3).ravel(), (n, 1))


def test_what_is_beside_above_and_behind_a_camera_is_outside():
    # Looks along x; z is up; 45 degrees to either side of its axis upwards, 53 degrees sideways (4 : 3).
    camera = camera_of(np.zeros(3), np.array([[0.0, 0, 1], [-1, 0, 0], [0, 1, 0]]), 1.0)
    cone = view_cone(camera, height_px=HEIGHT_PX, width_px=WIDTH_PX)
    points = [(1.0, 0, 0), (1, 1.2, 0), (1, 1.6, 0), (1, -1.6, 0), (1, 0, 1.2), (1, 0, -1.2), (-1, 0, 0)]
    assert outside(*placed_at(*points), cone).tolist() == [False, False, True, True, True, True, True]


def test_a_thing_is_seen_with_any_of_its_boxes_and_without_boxes():
    camera = camera_of(np.zeros(3), np.array([[0.0, 0, 1], [-1, 0, 0], [0, 1, 0]]), 1.0)
    cone = view_cone(camera, height_px=HEIGHT_PX, width_px=WIDTH_PX)
    owner, centre = np.array([0, 0, 1]), np.array([[0.0, 0, 0], [2, 0, 0], [0, 0, 0]])
    poses = np.array([[-1.0, 0, 0], [-1, 0, 0], [-1, 0, 0]]), np.tile(np.eye(3).ravel(), (3, 1))
    assert outside(owner, centre, np.full((3, 3), 0.05), *poses, cone).tolist() == [False, True, False]


def test_a_mirror_shows_only_what_its_outline_lets_through():
    # The camera looks down at a small mirror on the floor, half a metre before it.
    forward, up = np.array([1.0, 0, -1]) / np.sqrt(2), np.array([1.0, 0, 1]) / np.sqrt(2)
    camera = camera_of(np.array([0.0, 0, 1]), np.stack([np.cross(up, forward), up, forward], axis=1), 1.0)
    view = view_cone(camera, height_px=HEIGHT_PX, width_px=WIDTH_PX)
    middle, normal = np.array([1.0, 0, 0]), np.array([0.0, 0, 1])
    small = mirror_cone(view, middle, normal, rectangle(middle, np.array([0.1, 0, 0]), np.array([0, 0.1, 0])))
    endless = mirror_cone(view, middle, normal, np.empty((0, 3)))
    over_it, beside = (2.0, 0, 1.0), (2.0, 0.8, 1.0)
    assert outside(*placed_at(over_it, beside), small).tolist() == [False, True]
    assert outside(*placed_at(over_it, beside), endless).tolist() == [False, False]
