from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from harness.envs.piper.rendering import Pictures
from harness.envs.piper.tasks.lift import Lift
from harness.suites import load_suites


@pytest.fixture(scope="module")
def table(make_table):
    made = make_table(Lift())
    made.begin((0.3, 0.0, 0.0))
    return made


@pytest.fixture(scope="module")
def pictures(table):
    (suite,) = load_suites("piper_lift")
    made = Pictures(table.simulation.model, dataclasses.replace(suite.protocol, image_height_px=128, image_width_px=128))
    yield made.now(table.simulation.data)
    made.close()


def in_front_picture(table, point_m):
    """Where a point is in the front camera's picture: 0 is the middle, -1 and 1 are the edges."""
    camera = table.simulation.data.cam("front")
    x, y, z = camera.xmat.reshape(3, 3).T @ (np.array(point_m) - camera.xpos)
    half = np.tan(np.deg2rad(table.simulation.model.cam("front").fovy[0]) / 2)
    return np.array([x, y]) / -z / half


def test_the_front_camera_sees_the_whole_arm_at_its_start(table):
    model, data = table.simulation.model, table.simulation.data
    arm = [geom for geom in range(model.ngeom) if model.geom_group[geom] == 2]
    assert len(arm) > 50
    for geom in arm:
        assert np.abs(in_front_picture(table, data.geom_xpos[geom])).max() < 0.95


@pytest.mark.parametrize("corner", [(0.15, -0.25), (0.15, 0.25), (0.45, -0.25), (0.45, 0.25)])
@pytest.mark.parametrize("height_m", [0.0, 0.3])
def test_the_front_camera_sees_the_whole_workspace(table, corner, height_m):
    assert np.abs(in_front_picture(table, (*corner, height_m))).max() < 1.0


@pytest.mark.parametrize("camera", ["front", "wrist"])
def test_nothing_is_burnt_out_and_nothing_drowns(pictures, camera):
    picture = pictures[camera].astype(np.int64)
    assert (picture.min(axis=2) >= 250).mean() < 0.02
    assert (picture.max(axis=2) <= 8).mean() < 0.02
    assert 90 < picture.mean() < 170


@pytest.mark.parametrize("camera", ["front", "wrist"])
def test_a_red_cube_looks_red(pictures, camera):
    red, green, blue = pictures[camera].astype(np.int64).transpose(2, 0, 1)
    assert ((red > 2 * green) & (red > 2 * blue) & (red > 90)).sum() > 20
