"""Builders of geoms, against MuJoCo's own mathematics."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.envs.libero.lite.mjcf import Material
from harness.envs.libero.lite.shapes import UP_IS_Y, carton, drum, evenly, lathe, ring, rod, then, turn

GREY = Material("grey")
degrees = st.floats(-360, 360)
lengths = st.floats(-1, 1)


def turned(quat, vector):
    result = np.zeros(3)
    mujoco.mju_rotVecQuat(result, np.array(vector, dtype=float), np.array(quat, dtype=float))
    return result


def volume(mesh):
    """Signed: positive where the triangles are counter-clockwise from outside of a closed surface."""
    corners = np.array(mesh.vertices)[np.array(mesh.faces)]
    return float(np.sum(np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]) / 6)


@given(a=degrees, b=degrees, axes=st.permutations("xyz"), vector=st.tuples(lengths, lengths, lengths))
def test_then_turns_by_the_first_and_then_by_the_second(a, b, axes, vector):
    first, second = turn(axes[0], a), turn(axes[1], b)
    np.testing.assert_allclose(turned(then(second, first), vector), turned(second, turned(first, vector)), atol=1e-12)


def test_up_is_y():
    np.testing.assert_allclose(turned(UP_IS_Y, (0, 0, 1)), (0, 1, 0), atol=1e-12)


@given(start=st.tuples(lengths, lengths, lengths), end=st.tuples(lengths, lengths, lengths))
def test_a_rod_reaches_from_its_start_to_its_end(start, end):
    if math.dist(start, end) < 1e-3:
        return
    bar = rod(start, end, 0.01, GREY)
    half = max(z for x, y, z in bar.mesh.vertices if math.hypot(x, y) > 0.0099)  # its round ends go on from there
    along = turned(bar.quat, (0, 0, half))
    np.testing.assert_allclose(np.array(bar.pos) - along, start, atol=1e-5)
    np.testing.assert_allclose(np.array(bar.pos) + along, end, atol=1e-5)


@given(angle=degrees, tilt=st.floats(0, 80))
def test_a_rings_boxes_stand_at_their_angles_and_lean_outwards(angle, tilt):
    (part,) = ring((angle,), 0.05, 0.02, (0.001, 0.01, 0.02), tilt=tilt, centre=(0.3, 0.4))
    out = np.array((math.cos(math.radians(angle)), math.sin(math.radians(angle)), 0))
    np.testing.assert_allclose(part.pos, 0.05 * out + (0.3, 0.4, 0.02), atol=1e-12)
    up = turned(part.quat, (0, 0, 1))
    np.testing.assert_allclose(up, math.sin(math.radians(tilt)) * out + (0, 0, math.cos(math.radians(tilt))), atol=1e-9)
    assert part.contact is not None


def test_evenly_goes_once_around():
    assert evenly(4, 10) == (10, 100, 190, 280)


@pytest.mark.parametrize(("axis", "up"), [("y", 1), ("z", 2)])
def test_a_drum_is_as_round_at_every_corner(axis, up):
    parts = drum((0.0, 0.0, 0.0), 0.03, 0.05, axis, count=4)
    assert len(parts) == 4
    radii = set()
    for part in parts:
        assert part.size[up] == 0.05
        corner = turned(part.quat, [size if i != up else 0 for i, size in enumerate(part.size)])
        radii.add(round(float(np.linalg.norm(corner)), 9))
        assert corner[up] == pytest.approx(0, abs=1e-12)
    assert len(radii) == 1


def test_a_closed_lathe_encloses_its_volume_with_its_outside_outwards():
    cylinder = ((0.0, 0.0), (0.03, 0.0), (0.03, 0.1), (0.0, 0.1))
    made = lathe("can", cylinder, GREY, segments=200)
    assert volume(made.mesh) == pytest.approx(math.pi * 0.03**2 * 0.1, rel=1e-3)


def test_a_lathe_without_a_picture_has_no_texture_coordinates():
    assert lathe("can", ((0.03, 0.0), (0.03, 0.1)), GREY).mesh.texcoords == ()


def test_a_carton_is_closed_and_its_outside_is_outwards():
    made = carton("box", (0.0, 0.0, 0.0), (0.01, 0.02, 0.03), GREY)
    assert volume(made.mesh) == pytest.approx(8 * 0.01 * 0.02 * 0.03)
    assert len(made.mesh.texcoords) == len(made.mesh.vertices) == 24


def test_a_carton_may_lack_sides():
    assert len(carton("box", (0.0, 0.0, 0.0), (0.01, 0.02, 0.03), GREY, sides=("x", "y")).mesh.faces) == 4
