"""The collision spheres, and the two cuRobo configurations that carry them."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import yaml
from description_reference import ARM, LINKS, MANUFACTURER, PIPER, UrdfFile, needs_manufacturer
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.description.model import Shape, load_description
from harness.description.spheres import distance_to_union, fit_spheres, signed_distance

ROBOT = load_description(PIPER / "robot.yaml")


@functools.cache
def kinematics(version):
    return yaml.safe_load((PIPER / f"piper_curobo_{version}.yml").read_text(encoding="utf-8"))["robot_cfg"]["kinematics"]


def spheres_of(link, version="v2"):
    return np.array([[*sphere["center"], sphere["radius"]] for sphere in kinematics(version)["collision_spheres"][link]])


def primitive(kind, size_m, xyz_m=(0.0, 0.0, 0.0), rpy_rad=(0.0, 0.0, 0.0)):
    return Shape("part", kind, size_m, (), xyz_m, rpy_rad, "", visual=False, collision=True)


def test_distances_to_primitives_are_those_of_geometry():
    half_turned = primitive("box", (0.2, 0.4, 0.6), xyz_m=(1.0, 0.0, 0.0), rpy_rad=(0.0, 0.0, np.pi / 2))
    points = np.array([[1.0, 0.0, 0.0], [1.3, 0.0, 0.0], [1.0, 0.2, 0.0], [1.0, 0.0, 0.4], [1.3, 0.5, 0.0]])
    np.testing.assert_allclose(signed_distance(points, half_turned), [-0.1, 0.1, 0.1, 0.1, np.hypot(0.1, 0.4)], atol=1e-12)
    cylinder = primitive("cylinder", (0.1, 0.5))
    points = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.3], [0.3, 0.0, 0.0], [0.4, 0.0, 0.65]])
    np.testing.assert_allclose(signed_distance(points, cylinder), [-0.1, 0.05, 0.2, 0.5], atol=1e-12)
    np.testing.assert_allclose(signed_distance(np.array([[0.0, 3.0, 4.0]]), primitive("sphere", (1.0,))), [4.0])


@settings(max_examples=5, deadline=None)
@given(sides=st.tuples(*[st.floats(0.02, 0.08)] * 3), turn=st.tuples(*[st.floats(-3.0, 3.0)] * 3))
def test_spheres_cover_a_box_and_stick_out_by_no_more_than_8_mm(sides, turn):
    box = primitive("box", sides, rpy_rad=turn)
    spheres = np.array(fit_spheres([box]))
    inside = np.random.default_rng(0).uniform(-0.15, 0.15, (40000, 3))
    inside = inside[signed_distance(inside, box) < 0]
    gaps = (np.linalg.norm(inside[:, np.newaxis] - spheres[:, :3], axis=2) - spheres[:, 3]).min(axis=1, initial=1.0)
    assert gaps.max(initial=0.0) < 0.008
    assert (spheres[:, 3] + signed_distance(spheres[:, :3], box)).max() < 0.0083


@pytest.mark.parametrize("link", LINKS)
def test_spheres_of_a_link_cover_its_collision_shapes(link):
    shapes = [shape for shape in next(item for item in ROBOT.links if item.name == link).shapes if shape.collision]
    spheres = spheres_of(link)
    points = np.random.default_rng(1).uniform(-0.4, 0.4, (150_000, 3))
    inside = points[distance_to_union(points, shapes) < 0]
    gaps = (np.linalg.norm(inside[:, np.newaxis] - spheres[:, :3], axis=2) - spheres[:, 3]).min(axis=1, initial=1.0)
    assert gaps.max(initial=0.0) < 0.008
    assert (spheres[:, 3] + distance_to_union(spheres[:, :3], shapes)).max() < 0.0085


@pytest.mark.parametrize("home", sorted(ROBOT.home_rad))
def test_spheres_of_links_that_are_not_ignored_are_apart_at_home(home):
    config = kinematics("v2")
    positions = {**dict(zip(ARM, ROBOT.home_rad[home], strict=True)), **config["lock_joints"]}
    poses = UrdfFile(PIPER / "piper.urdf").forward(positions)
    placed = {}
    for link in LINKS:
        spheres = spheres_of(link)
        placed[link] = spheres[:, :3] @ poses[link][:3, :3].T + poses[link][:3, 3], spheres[:, 3]
    for one, other in itertools.combinations(LINKS, 2):
        ignore = config["self_collision_ignore"]
        if other in ignore.get(one, []) or one in ignore.get(other, []):
            continue
        between = np.linalg.norm(placed[one][0][:, np.newaxis] - placed[other][0], axis=2)
        assert (between - placed[one][1][:, np.newaxis] - placed[other][1]).min() > 0, (one, other)


@pytest.mark.parametrize(
    ("version", "tool", "rest"), [("v2", ["tcp"], "default_joint_position"), ("v07", "tcp", "retract_config")]
)
def test_a_configuration_names_only_what_its_urdf_has(version, tool, rest):
    config = kinematics(version)
    urdf = UrdfFile(PIPER / config["urdf_path"])
    joints, links = set(urdf.limits), set(urdf.forward(dict.fromkeys(urdf.limits, 0.0)))
    assert config["base_link"] in links
    assert config.get("tool_frames", config.get("ee_link")) == tool
    assert {"tcp", *config["collision_link_names"], *config["mesh_link_names"]} <= links
    assert set(config["collision_spheres"]) == set(config["collision_link_names"]) == set(LINKS)
    assert set(config["cspace"]["joint_names"]) == joints
    assert len(config["cspace"][rest]) == len(config["cspace"]["joint_names"])
    assert set(config["lock_joints"]) == joints - set(ARM)
    for name, value in config["lock_joints"].items():
        assert urdf.limits[name][0] <= value <= urdf.limits[name][1]
        assert config["cspace"][rest][config["cspace"]["joint_names"].index(name)] == value


def test_both_configurations_carry_the_same_spheres_and_pairs():
    for key in ("collision_spheres", "self_collision_ignore", "self_collision_buffer", "lock_joints"):
        assert kinematics("v2")[key] == kinematics("v07")[key]


@needs_manufacturer
def test_v2_has_the_fields_of_a_working_configuration():
    known = yaml.safe_load((MANUFACTURER.parents[1] / "piper_curobo_v2.yml").read_text(encoding="utf-8"))
    expected = set(known["robot_cfg"]["kinematics"])
    # The tool frame is a link of the URDF here, so it needs no extra link.
    assert set(kinematics("v2")) == expected - {"extra_links"}
    assert set(kinematics("v2")["cspace"]) == set(known["robot_cfg"]["kinematics"]["cspace"])
