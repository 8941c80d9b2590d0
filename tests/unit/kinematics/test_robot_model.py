import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from harness import paths
from harness.errors import UsageError
from harness.kinematics.robot import load_robot, parse_tcp_offset, transform

SHIPPED = Path(__file__).resolve().parents[3] / "robots" / "piper" / "robot.yaml"


@pytest.fixture
def content():
    return yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))


@pytest.fixture
def load(tmp_path):
    def write_and_load(content, variant="current"):
        path = tmp_path / "robot.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return load_robot(variant, path)

    return write_and_load


def test_the_arm_is_the_manufacturers():
    robot = load_robot()
    assert robot.joint_names == ("joint1", "joint2", "joint3", "joint4", "joint5", "joint6")
    assert robot.link_names[-1] == "link6"
    assert robot.limits_rad.tolist()[1] == [0.0, 3.1415926]
    assert robot.joint_origins[0].tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.123], [0, 0, 0, 1]]
    assert robot.gripper_opening_m == (0.0, 0.07)
    assert robot.home_rad["zero"].tolist() == [0.0] * 6
    assert robot.max_velocity_rad_s.tolist() == [5.0] * 6


def test_old_firmware_turns_joint_2_and_3_by_two_degrees():
    current, old = load_robot().joint_origins, load_robot("old-dh").joint_origins
    for joint in (1, 2):
        turn = current[joint, :3, :3].T @ old[joint, :3, :3]
        assert math.degrees(math.acos((np.trace(turn) - 1) / 2)) == pytest.approx(2.0, abs=1e-4)
    unchanged = [0, 3, 4, 5]
    assert np.array_equal(current[unchanged], old[unchanged])


def test_arrays_cannot_be_changed():
    robot = load_robot()
    for array in (robot.joint_origins, robot.limits_rad, robot.tool("tcp"), robot.home_rad["ready"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_frames_on_the_gripper_are_seen_from_link_6():
    robot = load_robot()
    assert robot.tool_frames == ("link6", "gripper_base", "flange", "tcp")
    assert robot.frame("tcp").link == "link6"
    assert robot.tool("tcp")[:3, 3].tolist() == [0.0, 0.0, 0.1358]


def test_an_unknown_frame_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="Did you mean 'flange'"):
        load_robot().frame("flansch")


def test_a_frame_on_an_earlier_link_is_no_tool():
    with pytest.raises(UsageError, match="link3, which not all joints move"):
        load_robot().tool("link3")


def test_a_tcp_offset_moves_the_tcp_alone():
    robot = load_robot()
    moved = robot.with_tcp_offset((0.01, 0.02, 0.145, 0.0, 0.0, math.pi / 2))
    assert moved.tool("tcp")[:3, 3].tolist() == [0.01, 0.02, 0.145]
    assert moved.tool("tcp")[:3, 0] == pytest.approx([0, 1, 0])
    assert np.array_equal(moved.tool("flange"), robot.tool("flange"))
    assert robot.tool("tcp")[2, 3] == 0.1358


@pytest.mark.parametrize("offset", [(), (1.0, 2.0), (0.0, 0.0, math.nan), (0.0,) * 7])
def test_a_wrong_tcp_offset_is_refused(offset):
    with pytest.raises(UsageError, match="tcp offset"):
        load_robot().with_tcp_offset(offset)


def test_a_tcp_offset_is_read_from_text():
    assert parse_tcp_offset("0,0,0.145") == (0.0, 0.0, 0.145)
    assert parse_tcp_offset("0 0 0.1, 1 2 3") == (0.0, 0.0, 0.1, 1.0, 2.0, 3.0)


@pytest.mark.parametrize("text", ["", "1,2", "a,b,c", "0,0,inf", "1,2,3,4"])
def test_a_text_that_is_no_tcp_offset_is_refused(text):
    with pytest.raises(UsageError, match="three or six numbers"):
        parse_tcp_offset(text)


def test_angles_are_about_fixed_axes_roll_first():
    pose = transform((1, 2, 3), (math.pi / 2, 0, math.pi / 2))
    assert pose[:3, 1] == pytest.approx([0, 0, 1])  # y goes to z by the roll, and stays there
    assert pose[:3, 2] == pytest.approx([1, 0, 0])  # z goes to -y by the roll, then to x by the yaw
    assert pose[:3, 3].tolist() == [1, 2, 3]


def test_an_unknown_variant_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="Did you mean 'old-dh'"):
        load_robot("old_dh")


def test_errors_have_the_path_of_the_field(load, content):
    content["joints"]["joint3"]["lower"] = "low"
    with pytest.raises(UsageError, match=r"robot\.yaml: joints\.joint3\.lower: .*, not 'low'"):
        load(content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["joints"]["joint1"].update(uper=1.0), r"joints\.joint1\.uper: no such field\. Did you mean 'upper'"),
        (lambda c: c["links"]["link1"].pop("mass_kg"), r"links\.link1\.mass_kg: Field required"),
        (lambda c: c["links"]["link1"].update(mass_kg=-1.0), r"links\.link1\.mass_kg"),
        (lambda c: c["joints"]["joint1"].update(upper=-3.0), r"joints\.joint1: lower .* must be below upper"),
        (lambda c: c["joints"]["joint1"].pop("velocity"), r"joints\.joint1: a revolute joint needs 'velocity'"),
        (lambda c: c["joints"]["joint4"].update(axis=[0, 1, 0]), r"joints\.joint4: .* axis \[0, 0, 1\]"),
        (lambda c: c["joints"]["joint4"].update(parent="link2"), r"joints\.joint4\.parent: must be 'link3'"),
        (lambda c: c["frames"]["tcp"].update(link="griper_base"), r"frames\.tcp\.link: .*Did you mean 'gripper_base'"),
        (lambda c: c["arm_joints"].pop(), r"arm_joints"),
        (lambda c: c["variants"]["old-dh"].update(joint9={}), r"variants\.old-dh\.joint9: there is no 'joint9'"),
        (lambda c: c["variants"]["old-dh"]["joint2"].update(rpy=[0, 0, 0]), r"variants\.old-dh\.joint2\.rpy: no such field"),
        (lambda c: c.update(schema=2), r"schema"),
        (lambda c: c["joints"]["joint1"].update(xyz_m=[0, 0, math.inf]), r"joints\.joint1\.xyz_m\.2"),
    ],
)
def test_a_wrong_file_is_refused(load, content, change, message):
    change(content)
    with pytest.raises(UsageError, match=message):
        load(content, "old-dh")


@pytest.mark.parametrize(("text", "message"), [("a: [", "is not YAML"), ("- 1", "mapping"), ("\x00", "is not YAML")])
def test_what_is_no_mapping_is_refused(tmp_path, text, message):
    path = tmp_path / "robot.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        load_robot(path=path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read robot file .*nothing"):
        load_robot(path=tmp_path / "nothing")


def test_robots_come_from_the_environment_first(monkeypatch, tmp_path):
    (tmp_path / "piper").mkdir()
    shutil.copy(SHIPPED, tmp_path / "piper" / "robot.yaml")
    monkeypatch.setenv("EVALHARNESS_ROBOTS", str(tmp_path))
    assert paths.robots_dir() == tmp_path
    assert load_robot().name == "piper"


def test_robots_of_the_checkout_are_used_when_it_runs_from_one(monkeypatch):
    monkeypatch.delenv("EVALHARNESS_ROBOTS", raising=False)
    assert paths.robots_dir() == SHIPPED.parents[1]


def test_robots_of_the_wheel_are_used_outside_a_checkout(monkeypatch, tmp_path):
    monkeypatch.delenv("EVALHARNESS_ROBOTS", raising=False)
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "harness")
    assert paths.robots_dir() == tmp_path / "harness" / "_data" / "robots"
