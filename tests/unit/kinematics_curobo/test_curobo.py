"""The cuRobo back end against plain NumPy kinematics; runs where cuRobo or curobo-metal is installed."""

import importlib.util
import math
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from harness.errors import UsageError
from harness.motion.world import Box, Sphere, World
from harness.paths import robots_dir

if importlib.util.find_spec("curobo") is None:
    pytest.skip("cuRobo is not installed (docs/curobo.md)", allow_module_level=True)

import torch

from harness.kinematics._curobo_install import is_portable
from harness.kinematics.curobo import CuroboKinematics

URDF = robots_dir() / "piper" / "piper.urdf"
MANUFACTURER = Path(__file__).resolve().parents[4] / "shared" / "piper_description" / "piper_curobo_v2.yml"

# The manufacturer's limits, written down again: tests must not read what the code under test reads.
LOW = np.array([-2.6179938, 0.0, -2.9670597, -1.7453292, -1.2217304, -2.0943951])
HIGH = np.array([2.6179938, 3.1415926, 0.0, 1.7453292, 1.2217304, 2.0943951])
READY = np.array([0.3, 1.2, -1.2, 0.0, 0.9, 0.0])
# To its left and right.
LEFT = np.array([0.9, 1.2, -1.2, 0.0, 0.9, 0.0])
RIGHT = np.array([-0.6, 1.2, -1.2, 0.0, 0.9, 0.0])

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def kinematics():
    return CuroboKinematics()


def random_joints(count, seed=0):
    return np.random.default_rng(seed).uniform(LOW, HIGH, (count, 6))


def about(axis, angle):
    i, j = (axis + 1) % 3, (axis + 2) % 3
    result = np.eye(4)
    result[i, i] = result[j, j] = math.cos(angle)
    result[j, i], result[i, j] = math.sin(angle), -math.sin(angle)
    return result


def urdf_chain(tip):
    joints = {joint.find("child").get("link"): joint for joint in ElementTree.parse(URDF).getroot().findall("joint")}
    chain = []
    while tip in joints:
        chain.insert(0, joints[tip])
        tip = joints[tip].find("parent").get("link")
    return chain


def urdf_pose(joint_pos, tip):
    """base_link_T_tip by a plain product of the URDF's transforms; prismatic joints are not among the tips asked for."""
    pose, turning = np.eye(4), iter(joint_pos)
    for joint in urdf_chain(tip):
        roll, pitch, yaw = map(float, joint.find("origin").get("rpy").split())
        shift = np.eye(4)
        shift[:3, 3] = [float(x) for x in joint.find("origin").get("xyz").split()]
        pose = pose @ shift @ about(2, yaw) @ about(1, pitch) @ about(0, roll)
        if joint.get("type") == "revolute":
            pose = pose @ about(2, next(turning))
    return pose


def angle_between(a, b):
    return 2 * math.asin(min(1.0, np.linalg.norm(a[:3, :3] - b[:3, :3]) / (2 * math.sqrt(2))))


def assert_solves(solutions, targets, tip, tolerance_m=1e-3, tolerance_rad=1e-2):
    """Every solution of every pose holds under the plain NumPy kinematics, and its reported errors are true."""
    assert solutions.success.all(), [reason for reason in solutions.reason if reason]
    for row, target in enumerate(targets):
        for column in range(solutions.count[row]):
            joints = solutions.joint_pos_rad[row, column]
            reached = urdf_pose(joints, tip)
            position, rotation = np.linalg.norm(reached[:3, 3] - target[:3, 3]), angle_between(reached, target)
            assert position < tolerance_m + 1e-6
            assert rotation < tolerance_rad + 1e-6
            assert solutions.position_error_m[row, column] == pytest.approx(position, abs=1e-6)
            assert solutions.rotation_error_rad[row, column] == pytest.approx(rotation, abs=2e-6)
            assert (joints >= LOW - 1e-6).all()
            assert (joints <= HIGH + 1e-6).all()


@pytest.mark.parametrize("frame", ["link3", "link6", "gripper_base", "flange", "tcp"])
def test_forward_agrees_with_the_urdf_to_a_micrometre(kinematics, frame):
    joints = random_joints(100)
    reached = kinematics.forward(joints, frame)
    expected = np.array([urdf_pose(q, "link6" if frame == "flange" else frame) for q in joints])
    assert np.linalg.norm(reached[:, :3, 3] - expected[:, :3, 3], axis=1).max() < 1e-6
    assert np.abs(reached[:, :3, :3] - expected[:, :3, :3]).max() < 2e-6


def test_the_limits_and_joints_are_the_arms(kinematics):
    assert kinematics.joint_names == ("joint1", "joint2", "joint3", "joint4", "joint5", "joint6")
    assert kinematics.limits_rad == pytest.approx(np.stack([LOW, HIGH], axis=1), abs=1e-6)


@pytest.mark.parametrize("frame", ["link6", "tcp"])
def test_jacobian_is_the_derivative_of_the_urdfs_pose(kinematics, frame):
    joints, step = random_joints(5, seed=3), 1e-6
    jacobians = kinematics.jacobian(joints, frame)
    for q, jacobian in zip(joints, jacobians, strict=True):
        for column in range(6):
            delta = step * np.eye(6)[column]
            ahead, behind = urdf_pose(q + delta, frame), urdf_pose(q - delta, frame)
            turn = (ahead[:3, :3] @ behind[:3, :3].T - np.eye(3)) / (2 * step)
            linear = (ahead[:3, 3] - behind[:3, 3]) / (2 * step)
            assert jacobian[:, column] == pytest.approx([*linear, turn[2, 1], turn[0, 2], turn[1, 0]], abs=2e-5)


def test_inverse_solves_a_hundred_random_poses_to_a_millimetre(kinematics, record_property):
    targets = np.array([urdf_pose(q, "link6") for q in random_joints(100, seed=1)])
    begin = time.perf_counter()
    solutions = kinematics.inverse(targets)
    record_property("seconds", time.perf_counter() - begin)
    assert_solves(solutions, targets, "link6")


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("frame", ["link6", "tcp"])
def test_inverse_takes_small_batches_in_any_frame(kinematics, count, frame):
    targets = np.array([urdf_pose(q, frame) for q in random_joints(count, seed=2)])
    solutions = kinematics.inverse(targets, frame=frame)
    assert solutions.joint_pos_rad.shape[0] == count
    assert_solves(solutions, targets, frame)


def test_a_batch_larger_than_the_largest_solver_is_taken_in_pieces(kinematics, monkeypatch):
    monkeypatch.setattr("harness.kinematics._curobo_v2._BATCH_SIZES", (1, 4))
    targets = np.array([urdf_pose(q, "link6") for q in random_joints(10, seed=5)])
    assert_solves(kinematics.inverse(targets), targets, "link6")


def test_what_the_first_seeds_miss_is_found_with_new_ones(kinematics, monkeypatch):
    targets = np.array([urdf_pose(q, "link6") for q in random_joints(32, seed=14)])
    tight = {"position_tolerance_m": 2e-4, "rotation_tolerance_rad": 2e-3}
    assert_solves(kinematics.inverse(targets, **tight), targets, "link6", 2e-4, 2e-3)
    monkeypatch.setattr("harness.kinematics.curobo._ATTEMPTS", 1)
    if is_portable():  # other builds' first seeds may miss nothing
        assert not kinematics.inverse(targets, **tight).success.all()


def test_no_poses_give_no_solutions(kinematics):
    solutions = kinematics.inverse(np.zeros((0, 4, 4)))
    assert solutions.success.shape == (0,)
    assert solutions.reason == ()
    assert kinematics.forward(np.zeros((0, 6))).shape == (0, 4, 4)


def test_solutions_are_different_and_sorted_by_distance_to_the_seed(kinematics):
    joints = random_joints(20, seed=4)
    seed = np.array([0.5, 1.0, -1.0, 0.2, -0.3, 0.4])
    solutions = kinematics.inverse(np.array([urdf_pose(q, "link6") for q in joints]), seed_rad=seed)
    for row in range(20):
        found = solutions.joint_pos_rad[row, : solutions.count[row]]
        distances = np.linalg.norm(found - seed, axis=1)
        assert (np.diff(distances) >= 0).all()
        assert all(np.abs(a - b).max() > 0.05 for i, a in enumerate(found) for b in found[:i])
        assert np.isnan(solutions.joint_pos_rad[row, solutions.count[row] :]).all()
    assert (solutions.count > 1).any()


def test_a_seed_near_a_solution_comes_back_first(kinematics):
    target = urdf_pose(READY, "link6")[np.newaxis]
    first = kinematics.inverse(target, seed_rad=READY + 0.01).joint_pos_rad[0, 0]
    assert first == pytest.approx(READY, abs=0.02)


def test_equal_calls_give_equal_answers(kinematics):
    targets = np.array([urdf_pose(q, "link6") for q in random_joints(5, seed=6)])
    first, second = kinematics.inverse(targets), kinematics.inverse(targets)
    assert np.array_equal(first.joint_pos_rad, second.joint_pos_rad, equal_nan=True)


def test_an_unreachable_pose_gives_the_nearest_joints_their_error_and_the_reason(kinematics):
    target = urdf_pose(READY, "link6")
    target[:3, 3] = [2.0, 0.0, 0.123]
    solutions = kinematics.inverse(target[np.newaxis])
    assert not solutions.success[0]
    assert solutions.count[0] == 1
    assert solutions.reason[0].startswith("reach: the target is 2.000 m from the first joint, the arm ends at 0.628 m")
    reached = urdf_pose(solutions.joint_pos_rad[0, 0], "link6")
    error = np.linalg.norm(reached[:3, 3] - target[:3, 3])
    assert solutions.position_error_m[0, 0] == pytest.approx(error, abs=1e-6)
    # The arm is 0.628 m long: the best possible is 1.372 m, and another joint vector must not be much nearer.
    assert 1.372 < error < 1.45


def test_an_added_tool_frame_replaces_the_files(kinematics):
    offset = about(2, 0.5)
    offset[:3, 3] = [0.01, -0.02, 0.2]
    tool = CuroboKinematics(tool_frames={"tcp": offset, "camera": np.eye(4)})
    joints = random_joints(10, seed=7)
    expected = np.array([urdf_pose(q, "link6") @ offset for q in joints])
    assert np.abs(tool.forward(joints, "tcp") - expected).max() < 2e-6
    assert "camera" in tool.frames
    solutions = tool.inverse(expected[:1], frame="tcp")
    assert solutions.success.all()
    reached = urdf_pose(solutions.joint_pos_rad[0, 0], "link6") @ offset
    assert np.linalg.norm(reached[:3, 3] - expected[0, :3, 3]) < 1e-3


@pytest.mark.skipif(not MANUFACTURER.is_file(), reason=f"the manufacturer's description is not at {MANUFACTURER}")
def test_the_manufacturers_robot_file_gives_the_same_kinematics(kinematics):
    joints = random_joints(20, seed=8)
    theirs = CuroboKinematics(MANUFACTURER)
    assert np.abs(theirs.forward(joints, "tcp") - kinematics.forward(joints, "tcp")).max() < 2e-6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: k.forward(np.zeros((1, 6)), "tool"), "no frame 'tool'.*Known"),
        (lambda k: k.forward(np.zeros((1, 7))), "shape"),
        (lambda k: k.forward(np.full((1, 6), np.nan)), "finite"),
        (lambda k: k.inverse(np.eye(4)), "shape"),
        (lambda k: k.inverse(2 * np.eye(4)[np.newaxis]), "target pose 0"),
        (lambda k: k.inverse(np.eye(4)[np.newaxis], frame="link3"), "fewer than six joints"),
        (lambda k: k.inverse(np.eye(4)[np.newaxis], seed_rad=np.zeros((2, 6))), "seeds"),
        (lambda k: k.inverse(np.eye(4)[np.newaxis], position_tolerance_m=0.0), "tolerances must be above 0"),
    ],
)
def test_wrong_input_is_refused_with_a_reason(kinematics, call, message):
    with pytest.raises(UsageError, match=message):
        call(kinematics)


def test_obstacles_far_away_change_nothing(kinematics):
    target = urdf_pose(READY, "link6")[np.newaxis]
    box, ball = (
        Box(name="box", xyz_m=(0.0, -2.0, 0.5), size_m=(0.1, 0.1, 0.1)),
        Sphere(name="ball", xyz_m=(0, 2, 0), radius_m=0.1),
    )
    assert_solves(kinematics.inverse(target, world=World(obstacles=(box, ball))), target, "link6")


def test_joints_inside_an_obstacle_are_no_solution(kinematics):
    target = urdf_pose(READY, "link6")
    inside = World(obstacles=(Box(name="box", xyz_m=tuple(target[:3, 3]), size_m=(0.1, 0.1, 0.1)),))
    solutions = kinematics.inverse(target[np.newaxis], world=inside)
    assert not solutions.success[0]
    assert solutions.reason[0].startswith("collision")
    assert kinematics.inverse(target[np.newaxis]).success[0]


def test_an_obstacle_in_the_base_is_refused(kinematics):
    world = World(obstacles=(Sphere(name="ball", xyz_m=(0.0, 0.0, 0.0), radius_m=0.1),))
    with pytest.raises(UsageError, match=r"'ball'.*base_link"):
        kinematics.inverse(urdf_pose(READY, "link6")[np.newaxis], world=world)


def test_a_plan_is_sound_or_refused_with_a_reason(kinematics):
    target = urdf_pose(LEFT, "link6")
    plan = kinematics.plan(READY, target)
    if not plan.success:
        assert plan.reason
        assert plan.joint_pos_rad.shape == (0, 6)
        return
    assert plan.dt_s > 0
    assert plan.joint_pos_rad[0] == pytest.approx(READY, abs=1e-3)
    assert np.linalg.norm(urdf_pose(plan.joint_pos_rad[-1], "link6")[:3, 3] - target[:3, 3]) < 1e-3 + 1e-6


def test_a_plan_into_an_obstacle_is_refused(kinematics):
    target = urdf_pose(LEFT, "link6")
    world = World(obstacles=(Box(name="box", xyz_m=tuple(target[:3, 3]), size_m=(0.1, 0.1, 0.1)),))
    plan = kinematics.plan(READY, target, world)
    assert not plan.success
    assert plan.reason.startswith("cuRobo")


@pytest.mark.gpu
@needs_cuda
def test_on_a_gpu_a_plan_goes_around_a_wall(kinematics):
    # Turning joint 1 alone runs into the wall; with joints 2, 3 and 5 at 0.96, -2.12 and -1.10 rad on the way it does not.
    world = World(obstacles=(Box(name="wall", xyz_m=(0.25, 0.0, 0.2), size_m=(0.15, 0.05, 0.3)),))
    target = urdf_pose(LEFT, "link6")
    plan = kinematics.plan(RIGHT, target, world)
    assert plan.success, plan.reason
    assert np.linalg.norm(urdf_pose(plan.joint_pos_rad[-1], "link6")[:3, 3] - target[:3, 3]) < 1e-3 + 1e-6


@pytest.mark.gpu
@needs_cuda
def test_on_a_gpu_two_thousand_poses_are_solved(kinematics):
    targets = np.array([urdf_pose(q, "link6") for q in random_joints(2000, seed=9)])
    assert kinematics.inverse(targets).success.mean() >= 0.999
