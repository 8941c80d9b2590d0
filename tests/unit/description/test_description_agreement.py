"""URDF, MJCF, USD and the manufacturer's URDF say the same."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from description_reference import (
    LINKS,
    MANUFACTURER,
    MOVING,
    PIPER,
    UrdfFile,
    UsdFile,
    mujoco_forward,
    needs_manufacturer,
    pose_error,
    random_positions,
)

from harness.description.external import load_urdf_description
from harness.description.mjcf import mjcf_text
from harness.description.model import load_description
from harness.description.urdf import urdf_text


@pytest.fixture(scope="module")
def urdf():
    return UrdfFile(PIPER / "piper.urdf")


@pytest.fixture(scope="module")
def model():
    return mujoco.MjModel.from_xml_path(str(PIPER / "piper.xml"))


def assert_same_poses(one, other, names):
    for name in names:
        distance, angle = pose_error(one[name], other[name])
        assert distance < 1e-6, name
        assert angle < 1e-6, name


def test_mjcf_puts_every_link_where_the_urdf_does(urdf, model):
    for positions in random_positions(50, 1, urdf):
        assert_same_poses(mujoco_forward(model, positions), urdf.forward(positions), (*LINKS, "flange", "tcp"))


def test_usd_puts_every_link_where_the_urdf_does(urdf):
    usd = UsdFile(PIPER / "piper.usda")
    for positions in random_positions(20, 2, urdf):
        assert_same_poses(usd.forward(positions), urdf.forward(positions), LINKS)


@needs_manufacturer
def test_the_manufacturers_urdf_puts_every_link_where_ours_does(urdf):
    theirs = UrdfFile(MANUFACTURER)
    for positions in random_positions(50, 3, urdf):
        assert_same_poses(theirs.forward(positions), urdf.forward(positions), LINKS)


@needs_manufacturer
def test_the_manufacturers_urdf_and_meshes_become_a_mujoco_model(urdf):
    model = load_urdf_description(MANUFACTURER).compile()
    assert model.nmesh == 10
    assert [model.joint(index).name for index in range(model.njnt)] == list(MOVING)
    positions = random_positions(1, 4, urdf)[0]
    assert_same_poses(mujoco_forward(model, positions), urdf.forward(positions), LINKS)


@needs_manufacturer
def test_limits_and_masses_are_the_manufacturers(urdf):
    theirs = UrdfFile(MANUFACTURER)
    assert urdf.limits == theirs.limits
    assert sorted(urdf.inertials) == sorted(theirs.inertials)
    for link in LINKS:
        for ours, given in zip(urdf.mass_properties(link), theirs.mass_properties(link), strict=True):
            np.testing.assert_allclose(ours, given, rtol=0, atol=1e-10)


def test_mjcf_has_the_urdfs_limits(urdf, model):
    speeds = model.numeric("joint_velocity_limits").data
    for index, name in enumerate(MOVING):
        lower, upper, effort, velocity = urdf.limits[name]
        np.testing.assert_allclose(model.joint(name).range, [lower, upper])
        np.testing.assert_allclose(model.jnt_actfrcrange[model.joint(name).id], [-effort, effort])
        assert speeds[index] == velocity


def test_mjcf_has_the_urdfs_masses(urdf, model):
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    for link in LINKS:
        mass, center, tensor = urdf.mass_properties(link)
        body = model.body(link)
        axes = np.zeros(9)
        mujoco.mju_quat2Mat(axes, body.iquat)
        axes = axes.reshape(3, 3)
        assert body.mass[0] == mass
        np.testing.assert_allclose(body.ipos, center, atol=1e-9)
        np.testing.assert_allclose(axes @ np.diag(body.inertia) @ axes.T, tensor, atol=1e-9)


def test_every_inertia_is_one_that_a_body_can_have(urdf):
    for link in LINKS:
        smallest, middle, largest = np.linalg.eigvalsh(urdf.mass_properties(link)[2])
        assert smallest > 0
        assert smallest + middle >= largest


def test_old_dh_moves_link6_by_a_constant_9_93_mm_and_turns_nothing(tmp_path, urdf):
    robot = load_description(PIPER / "robot.yaml", "old-dh")
    (tmp_path / "piper.urdf").write_text(urdf_text(robot), encoding="utf-8")
    (tmp_path / "piper.xml").write_text(mjcf_text(robot), encoding="utf-8")
    (tmp_path / "meshes").symlink_to(PIPER / "meshes")
    old = UrdfFile(tmp_path / "piper.urdf")
    old_model = mujoco.MjModel.from_xml_path(str(tmp_path / "piper.xml"))
    for positions in random_positions(20, 5, urdf):
        here = urdf.forward(positions)["link6"]
        there = old.forward(positions)["link6"]
        distance, angle = pose_error(here, there)
        assert distance == pytest.approx(9.93e-3, abs=0.05e-3)
        assert angle < 1e-6
        assert_same_poses(mujoco_forward(old_model, positions), old.forward(positions), LINKS)
