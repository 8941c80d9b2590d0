"""What of the cuRobo back end works, or explains itself, where cuRobo is not installed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.kinematics._curobo_collision import CollisionCheck
from harness.kinematics._curobo_robot import default_robot_file, read_curobo_robot
from harness.kinematics._curobo_solutions import Candidates, nearest_first
from harness.kinematics._curobo_world import curobo_scene, distance_m
from harness.motion.world import Box, Cylinder, Sphere, World

ROOT = Path(__file__).resolve().parents[3]
LIMITS = np.array([[-3.0, 3.0]] * 6)


def message_of_loading(folder, *distributions):
    """What `CuroboKinematics()` says in a fresh interpreter where only `folder` may hold a package curobo."""
    for name, version in distributions:
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    # An installed cuRobo is hidden, so that the answer is the same in every environment.
    program = f"""
import sys, importlib.machinery, importlib.metadata
from harness.errors import UsageError
from harness.kinematics.curobo import CuroboKinematics
folder = {str(folder)!r}
class OnlyHere(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "torch":
            return importlib.machinery.ModuleSpec("torch", None)
        return importlib.machinery.PathFinder.find_spec(name, [folder]) if name == "curobo" else None
    @classmethod
    def find_distributions(cls, context=None):
        return importlib.metadata.MetadataPathFinder.find_distributions(
            importlib.metadata.DistributionFinder.Context(name=context.name, path=[folder]))
class Hidden(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "curobo" else importlib.machinery.PathFinder.find_spec(name, path, target)
sys.meta_path[:] = [f for f in sys.meta_path if f is not importlib.machinery.PathFinder]
sys.meta_path.extend([OnlyHere, Hidden])
try:
    CuroboKinematics()
except UsageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_missing_curobo_is_said_with_the_way_to_install_it(tmp_path):
    message = message_of_loading(tmp_path)
    assert message.startswith("cuRobo is not installed.")
    assert "github.com/NVlabs/curobo" in message
    assert "docs/curobo.md" in message


@pytest.mark.parametrize(("name", "version"), [("curobo", "0.2"), ("nvidia-curobo", "0.1")])
@pytest.mark.parametrize("has_package", [True, False])
def test_pypis_placeholders_are_recognised(tmp_path, name, version, has_package):
    if has_package:
        (tmp_path / "curobo").mkdir()
        (tmp_path / "curobo" / "__init__.py").touch()
    message = message_of_loading(tmp_path, (name, version))
    assert f"{name} {version} from PyPI is an empty placeholder" in message
    assert f"pip uninstall {name}" in message


def test_a_package_of_the_same_name_is_not_taken_for_curobo(tmp_path):
    (tmp_path / "curobo").mkdir()
    (tmp_path / "curobo" / "__init__.py").touch()
    assert "is not cuRobo: it has no inverse kinematics" in message_of_loading(tmp_path)


def test_loading_the_module_imports_neither_curobo_nor_torch():
    program = "import sys, harness.kinematics.curobo; print([m for m in ('curobo', 'torch', 'mujoco') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("generation", ["v2", "v0.7"])
def test_the_pipers_robot_files_leave_six_joints_and_name_the_frames(generation):
    robot = read_curobo_robot(default_robot_file(generation), {})
    assert robot.joint_names == ("joint1", "joint2", "joint3", "joint4", "joint5", "joint6")
    assert {"flange", "link6", "gripper_base", "tcp"} <= set(robot.frames)
    # 0.28503 + |(-0.02198, -0.25075)| + |(8.8259e-5, -0.091)| m, and the finger tips 0.1358 m ahead.
    assert robot.reach_m("link6") == pytest.approx(0.6277415, abs=1e-6)
    assert robot.reach_m("tcp") == pytest.approx(0.7635415, abs=1e-6)
    assert len(robot.joints_of("link3")) == 3


def test_a_written_robot_file_names_what_is_there_and_is_gone_afterwards():
    robot = read_curobo_robot(default_robot_file("v2"), {"camera": np.eye(4)})
    with robot.written(lambda kinematics: kinematics.update(tool_frames=["link6"])) as path:
        kinematics = yaml.safe_load(path.read_text())["robot_cfg"]["kinematics"]
        assert Path(kinematics["urdf_path"]).is_file()
        assert kinematics["tool_frames"] == ["link6"]
        assert kinematics["extra_links"][robot.link_of("camera")]["fixed_transform"] == [0, 0, 0, 1, 0, 0, 0]
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no cuRobo robot file"),
        ("robot_cfg: [", "cannot be read"),
        ("robot_cfg: {kinematics: {urdf_path: no.urdf, cspace: {joint_names: []}}}", "the URDF .*no.urdf cannot be read"),
    ],
)
def test_a_wrong_robot_file_is_refused(tmp_path, text, message):
    path = tmp_path / "robot.yml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_curobo_robot(path, {})


OBSTACLES = [
    Box(name="box", xyz_m=(0.3, 0.1, 0.2), size_m=(0.2, 0.4, 0.1), rpy_rad=(0.3, -0.2, 1.0)),
    Sphere(name="ball", xyz_m=(-0.2, 0.3, 0.5), radius_m=0.07),
    Cylinder(name="can", xyz_m=(0.1, -0.4, 0.3), radius_m=0.05, height_m=0.2, quat_wxyz=(0.6, 0.0, 0.8, 0.0)),
]


def rotation_of(quat_wxyz):
    from scipy.spatial.transform import Rotation

    return Rotation.from_quat(np.roll(quat_wxyz, -1)).as_matrix()


@pytest.mark.parametrize("obstacle", OBSTACLES, ids=lambda obstacle: obstacle.name)
@settings(max_examples=50, deadline=None)
@given(point=st.tuples(*[st.floats(-1, 1)] * 3))
def test_what_curobo_is_given_holds_the_obstacle_and_its_clearance(obstacle, point):
    """A point that is nearer to the obstacle than the clearance is inside the shape in cuRobo's scene."""
    world = World(obstacles=(obstacle,), clearance_m=0.01)
    kind, entries = next(iter(curobo_scene(world).items()))
    fields = entries[obstacle.name]
    # Points gather around the obstacle, or hardly any would be inside it.
    placed = np.array(obstacle.xyz_m) + 0.25 * np.array(point)
    local = (placed - np.array(fields["pose"][:3])) @ rotation_of(fields["pose"][3:])
    if kind == "cuboid":
        inside = (np.abs(local) <= np.array(fields["dims"]) / 2).all()
    else:
        corners = np.array(fields["vertices"])[np.array(fields["faces"])]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        inside = (np.einsum("ij,ij->i", normals, local - corners[:, 0]) <= 0).all()
    if distance_m(placed, obstacle) < 0.01:
        assert inside
    # The other way round there is a margin: corners of a box, and of the polyhedra, stick out.
    if distance_m(placed, obstacle) > 0.01 * 3**0.5 + 0.02:
        assert not inside


def test_distances_are_those_of_the_shapes():
    box = Box(name="box", xyz_m=(1.0, 0.0, 0.0), size_m=(0.2, 0.4, 0.6))
    can = Cylinder(name="can", xyz_m=(0.0, 0.0, 0.0), radius_m=0.1, height_m=0.4)
    ball = Sphere(name="ball", xyz_m=(0.0, 0.0, 1.0), radius_m=0.25)
    assert distance_m(np.array([1.5, 0.0, 0.0]), box) == pytest.approx(0.4)
    assert distance_m(np.array([1.0, 0.0, 0.25]), box) == pytest.approx(-0.05)
    assert distance_m(np.array([1.13, 0.24, 0.0]), box) == pytest.approx(0.05)
    assert distance_m(np.array([0.13, 0.0, 0.24]), can) == pytest.approx(0.05)
    assert distance_m(np.array([0.06, 0.0, 0.0]), can) == pytest.approx(-0.04)
    assert distance_m(np.array([0.0, 0.0, 0.0]), ball) == pytest.approx(0.75)


def test_an_empty_world_is_no_scene():
    assert curobo_scene(World()) is None


def stretched(joints, link):
    """A stand-in for forward kinematics: links in a row along x, one metre apart, the hand moved by the first joint."""
    pose = np.tile(np.eye(4), (len(joints), 1, 1))
    pose[:, 0, 3] = {"upper": 1.0, "hand": 2.0}[link] + (joints[:, 0] if link == "hand" else 0.0)
    return pose


@pytest.fixture
def arm(tmp_path):
    """Three links with a ball of 0.1 m each; the base and its neighbour ignore each other."""
    links = ["base", "upper", "hand"]
    joints = "".join(
        f'<joint name="j{i}" type="revolute"><parent link="l{i - 1}"/><child link="l{i}"/></joint>' for i in range(1, 7)
    )
    (tmp_path / "arm.urdf").write_text(f'<robot name="arm">{joints}</robot>')
    kinematics = {
        "urdf_path": "arm.urdf",
        "base_link": "base",
        "collision_link_names": links,
        "collision_spheres": {name: [{"center": [0, 0, 0], "radius": 0.1}] for name in links},
        "self_collision_ignore": {"base": ["upper"]},
        "cspace": {"joint_names": [f"j{i}" for i in range(1, 7)]},
    }
    (tmp_path / "arm.yml").write_text(yaml.safe_dump({"robot_cfg": {"kinematics": kinematics}}))
    return CollisionCheck(read_curobo_robot(tmp_path / "arm.yml", {}))


def test_links_that_meet_are_a_collision(arm):
    # The hand stands at 2 + q, the upper link at 1, the base at 0; they touch when nearer than 0.2.
    joints = np.zeros((5, 6))
    joints[:, 0] = [0.0, -0.79, -0.81, -1.79, -1.81]
    assert arm.touches(joints, World(), stretched).tolist() == [False, False, True, False, True]


def test_links_that_ignore_each_other_may_meet(arm):
    def collapsed(joints, link):
        pose = stretched(joints, link)
        pose[:, 0, 3] = {"upper": 0.05, "hand": 2.0}[link]
        return pose

    assert arm.touches(np.zeros((1, 6)), World(), collapsed).tolist() == [False]


def test_an_obstacle_is_touched_up_to_its_clearance(arm):
    joints = np.zeros((1, 6))
    for gap, expected in ((0.006, False), (0.004, True)):
        ball = Sphere(name="ball", xyz_m=(2.0, 0.0, 0.2 + 0.1 + gap), radius_m=0.2)
        assert arm.touches(joints, World(obstacles=(ball,), clearance_m=0.005), stretched).tolist() == [expected]


def test_an_obstacle_in_the_base_is_refused_by_name(arm):
    ball = Sphere(name="ball", xyz_m=(0.0, 0.0, 0.25), radius_m=0.16)
    with pytest.raises(UsageError, match=r"'ball'.* 10\.0 mm inside the spheres of 'base'"):
        arm.require_free_base(World(obstacles=(ball,), clearance_m=0.0))
    arm.require_free_base(World(obstacles=(ball.model_copy(update={"radius_m": 0.14}),), clearance_m=0.0))


def candidates_of(joints, position_m, rotation_rad, free):
    rows = np.arange(len(joints))
    none = Candidates.none(len(joints))
    return none.with_more(rows, *(np.asarray(x, dtype=float) for x in (joints, position_m, rotation_rad)), np.asarray(free))


def row(*first_joints):
    return [[value, 0.5, -0.5, 0.0, 0.0, 0.0] for value in first_joints]


def test_solutions_are_sorted_and_of_duplicates_the_most_precise_stays():
    found = candidates_of(
        [row(2.0, 1.0, 1.02, 0.0)], [[1e-4, 9e-4, 1e-5, 5e-2]], [[1e-3, 1e-3, 1e-4, 0.0]], [[True, True, True, True]]
    )
    solutions = nearest_first(found, np.zeros((1, 6)), (1e-3, 1e-2), LIMITS, np.array([0.3]), 0.6)
    assert solutions.success.tolist() == [True]
    assert solutions.reason == ("",)
    assert solutions.count.tolist() == [2]
    assert solutions.joint_pos_rad[0, :, 0].tolist() == [1.02, 2.0]
    assert solutions.position_error_m[0].tolist() == [1e-5, 1e-4]


@pytest.mark.parametrize(
    ("position_m", "rotation_rad", "free", "joint", "distance_m", "reason"),
    [
        (0.5, 0.0, True, 0.0, 0.9, "reach: the target is 0.900 m"),
        (0.1, 0.0, True, 2.999, 0.3, "limits: joint 1 at its limit"),
        (5e-4, 0.2, True, 0.0, 0.3, "orientation: "),
        (0.1, 0.0, True, 0.0, 0.3, "reach: no joints"),
        (5e-4, 1e-3, False, 0.0, 0.3, "collision: "),
    ],
)
def test_a_failure_says_why(position_m, rotation_rad, free, joint, distance_m, reason):
    found = candidates_of([row(joint)], [[position_m]], [[rotation_rad]], [[free]])
    solutions = nearest_first(found, np.zeros((1, 6)), (1e-3, 1e-2), LIMITS, np.array([distance_m]), 0.6)
    assert solutions.success.tolist() == [False]
    assert solutions.count.tolist() == [1]
    assert solutions.reason[0].startswith(reason)


def test_poses_that_were_not_asked_again_keep_what_was_found_first():
    found = candidates_of([row(1.0), row(2.0)], [[1e-4], [0.5]], [[0.0], [0.0]], [[True], [True]])
    more = found.with_more(np.array([1]), np.array([row(0.5)]), np.array([[1e-4]]), np.array([[0.0]]), np.array([[True]]))
    solutions = nearest_first(more, np.zeros((2, 6)), (1e-3, 1e-2), LIMITS, np.array([0.3, 0.3]), 0.6)
    assert solutions.success.tolist() == [True, True]
    assert solutions.count.tolist() == [1, 1]
    assert solutions.joint_pos_rad[:, 0, 0].tolist() == [1.0, 0.5]
