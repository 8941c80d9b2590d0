from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.policies.expert.grasps import TILTS_RAD, closing_angles, down, leaning, raised

PLACES = st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4), st.floats(0.0, 0.3))
ANGLES = st.floats(-np.pi, np.pi)


@given(place=PLACES, closing_rad=ANGLES, tilt_rad=st.floats(0.0, 1.0))
def test_a_gripper_that_looks_down_closes_level_and_leans_by_its_tilt(place, closing_rad, tilt_rad):
    pose = down(place, closing_rad, tilt_rad)
    assert pose[:3, :3].T @ pose[:3, :3] == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1.0)
    assert pose[:3, 3] == pytest.approx(place)
    assert pose[:3, 1] == pytest.approx([np.cos(closing_rad), np.sin(closing_rad), 0.0])
    assert pose[2, 2] == pytest.approx(-np.cos(tilt_rad))
    assert pose[:2, 2] @ np.array(place[:2]) >= -1e-12


def test_the_most_upright_grasps_come_first():
    groups = list(leaning((0.3, 0.0, 0.02), [0.0, 1.0]))
    assert [np.arccos(-group[0][2, 2]) for group in groups] == pytest.approx(TILTS_RAD)
    assert [len(group) for group in groups] == [2] * len(TILTS_RAD)


def test_closing_angles_turn_with_the_thing():
    thing = np.eye(4)
    thing[:2, :2] = [[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]]
    assert closing_angles(thing, (0.0, 0.5)) == pytest.approx([0.4, 0.9])


def test_raising_moves_up_and_leaves_the_original():
    pose = down((0.3, 0.1, 0.02), 0.3)
    higher = raised(pose, 0.05)
    assert higher[:3, 3] == pytest.approx([0.3, 0.1, 0.07])
    assert pose[2, 3] == 0.02
