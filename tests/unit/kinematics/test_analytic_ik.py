import dataclasses
import math

import numpy as np
import pytest

from harness.errors import UsageError
from harness.kinematics.analytic import AnalyticKinematics
from harness.kinematics.robot import load_robot
from scripts.bench_ik import errors_of, hard_joints, needless_jumps, poses_of, random_joints, random_paths, searched_branches


@pytest.fixture(scope="module", params=["current", "old-dh"])
def kinematics(request):
    return AnalyticKinematics(load_robot(request.param))


@pytest.fixture(scope="module")
def current():
    return AnalyticKinematics(load_robot())


def test_random_poses_are_all_solved_exactly(kinematics):
    targets = poses_of(kinematics.robot, random_joints(kinematics.robot, 5000, 1))
    position, rotation = errors_of(kinematics.robot, targets, kinematics.inverse(targets).joint_pos_rad[:, 0])
    assert position.max() < 2e-6
    assert rotation.max() < 2e-6


def test_poses_with_a_joint_on_a_limit_or_a_singular_wrist_are_solved(kinematics):
    targets = poses_of(kinematics.robot, hard_joints(kinematics.robot, 2000, 2))
    solutions = kinematics.inverse(targets)
    position, rotation = errors_of(kinematics.robot, targets, solutions.joint_pos_rad[:, 0])
    assert np.mean((position < 1e-3) & (rotation < 1e-2)) >= 0.999
    low, high = kinematics.robot.limits_rad.T
    joints = solutions.joint_pos_rad[~np.isnan(solutions.joint_pos_rad).any(axis=2)]
    assert ((low <= joints) & (joints <= high)).all()


@pytest.mark.parametrize(
    "joints",
    [
        [0.7, 0.3572, -0.1156, 0.5, 0.4, 1.2],  # the wrist centre nearly on axis 1
        [0.7, 1.0, -2.8339, 0.5, 0.4, 1.2],  # the elbow stretched
        [0.7, 1.0, -1.0, 0.5, 0.0, 1.2],  # the wrist straight
        [0.7, 1.0, -1.0, 0.5, 1e-4, 1.2],
        [-0.3, 1.0, -2.8339, -0.4, 0.0, 0.3],  # both
    ],
)
def test_singular_poses_are_solved_exactly_and_near_to_a_seed_that_solves_them(current, joints):
    joints = np.array(joints)
    target = poses_of(current.robot, joints[None])
    found, position, rotation, success = current.solve_one(target[0], joints)
    assert success
    assert position < 1e-6
    assert rotation < 1e-6
    assert np.abs(found - joints).max() < 1e-3


def test_no_branch_that_a_numerical_search_finds_is_missed(current):
    limits = current.robot.limits_rad
    searched = 0
    for n, target in enumerate(poses_of(current.robot, random_joints(current.robot, 30, 3))):
        own = current.inverse(target[None]).joint_pos_rad[0]
        others = searched_branches(current, limits, target, random_joints(current.robot, 100, 50 + n))
        searched += len(others)
        for other in others:
            assert np.nanmin(np.abs(own - other).max(axis=1)) < 1e-3, (n, other)
    assert searched >= 30


def test_branches_differ_and_the_nearest_to_the_seed_comes_first(current):
    joints = random_joints(current.robot, 300, 4)
    seeds = random_joints(current.robot, 300, 5)
    solutions = current.inverse(poses_of(current.robot, joints), seeds)
    assert solutions.count.max() >= 4
    for rows, count, seed in zip(solutions.joint_pos_rad, solutions.count, seeds, strict=True):
        distances = np.linalg.norm(rows[:count] - seed, axis=1)
        assert (np.diff(distances) >= 0).all()
        apart = np.abs(rows[:count, None] - rows[None, :count]).max(axis=2)
        assert (apart[~np.eye(count, dtype=bool)] > 1e-4).all()
        assert np.isnan(rows[count:]).all()


def test_one_pose_alone_gives_what_the_batch_puts_first(current):
    targets = poses_of(current.robot, random_joints(current.robot, 50, 6))
    seed = np.array([0.1, 1.0, -1.0, 0.0, 0.5, 0.0])
    batch = current.inverse(targets, seed)
    for n, target in enumerate(targets):
        joints, position, rotation, success = current.solve_one(target, seed)
        assert success
        assert np.array_equal(joints, batch.joint_pos_rad[n, 0])
        assert (position, rotation) == (batch.position_error_m[n, 0], batch.rotation_error_rad[n, 0])


def test_fewer_solutions_can_be_asked_for(current):
    targets = poses_of(current.robot, random_joints(current.robot, 20, 7))
    everything, first = current.inverse(targets), current.inverse(targets, max_solutions=1)
    assert first.joint_pos_rad.shape == (20, 1, 6)
    assert np.array_equal(first.joint_pos_rad[:, 0], everything.joint_pos_rad[:, 0])
    with pytest.raises(UsageError, match="1 to"):
        current.inverse(targets, max_solutions=0)


def test_joints_do_not_jump_along_straight_and_circular_paths(current):
    followed = [needless_jumps(current, *path, searches=10) for path in random_paths(current.robot, 50, 8, steps=60)]
    reached, jumps = np.sum(followed, axis=0)
    assert reached > 1000
    assert jumps == 0


def test_a_singular_wrist_turns_joints_4_and_6_as_little_as_the_seed_allows(current):
    target = poses_of(current.robot, np.array([[0.2, 1.0, -1.0, 0.6, 0.0, -0.2]]))[0]
    seed = np.array([0.2, 1.0, -1.0, 0.6, 0.0, -0.2])
    joints, *_ = current.solve_one(target, seed + 1e-5)
    assert np.abs(joints - seed).max() < 1e-3


def test_a_pose_too_far_away_says_by_how_many_millimetres(current):
    # Stretched out, the wrist centre is as far as it gets; 50 mm along that line it is 50 mm out of reach.
    angles = np.linspace(-2.96, 0, 2961)
    tries = np.array([[0, 1, q3, 0, 0.5, 0] for q3 in angles])
    stretched = tries[[np.argmax([np.linalg.norm(_wrist_centre(current, q[None])) for q in tries])]]
    target = poses_of(current.robot, stretched)
    centre = _wrist_centre(current, stretched)
    target[0, :3, 3] += 0.05 * centre / np.linalg.norm(centre)
    reason = current.inverse(target).reason[0]
    assert reason.startswith("reach: ")
    assert "farther" in reason
    assert float(reason.split("would be ")[1].split(" mm")[0]) == pytest.approx(50.0, abs=0.2)


def _wrist_centre(kinematics, joints):
    """From the shoulder, 0.123 m above the base, to the point 0.091 m behind link 6."""
    pose = poses_of(kinematics.robot, joints)[0]
    return pose[:3, 3] - 0.091 * pose[:3, 2] - (0, 0, 0.123)


def test_a_pose_too_near_says_so(current):
    target = np.eye(4)[None].copy()
    target[0, :3, 3] = [0.0, 0.01, 0.123 + 0.091]  # the wrist centre 10 mm from the shoulder; 33 mm is the least
    reason = current.inverse(target).reason[0]
    assert reason.startswith("reach: ")
    assert "nearer" in reason


def test_a_pose_beyond_joint_1_says_which_joint_and_how_far(current):
    reason = current.inverse(poses_of(current.robot, np.array([[2.9, 1.0, -1.0, 0.3, 0.4, 0.5]]))).reason[0]
    assert reason.startswith("limits: ")
    assert "joint1" in reason
    assert f"{math.degrees(2.9 - 2.6179938):.2f} deg beyond" in reason


def test_an_orientation_that_the_wrist_cannot_turn_to_says_which_joint_and_how_far(current):
    reason = current.inverse(poses_of(current.robot, np.array([[0.3, 1.0, -1.0, 0.3, 1.6, 0.5]]))).reason[0]
    assert reason.startswith("orientation: ")
    assert "joint5" in reason
    assert f"{math.degrees(1.6 - 1.2217304):.2f} deg beyond" in reason


def test_tighter_tolerances_than_double_precision_fail_with_a_reason(current):
    target = poses_of(current.robot, random_joints(current.robot, 1, 9))
    solutions = current.inverse(target, position_tolerance_m=0.0, rotation_tolerance_rad=0.0)
    assert bool(solutions.reason[0]) is not bool(solutions.success[0])


def test_solve_one_refuses_what_is_no_pose_and_no_seed(current):
    good, seed = poses_of(current.robot, np.zeros((1, 6)))[0], np.zeros(6)
    for target, start, message in (
        (good * 2, seed, "last row"),
        (np.full((4, 4), np.nan), seed, "finite"),
        (good, np.full(6, np.nan), "seeds"),
        (good[:3], seed, "takes a pose"),
        ("pose", seed, "arrays of numbers"),
    ):
        with pytest.raises(UsageError, match=message):
            current.solve_one(target, start)


def test_arrays_that_are_not_contiguous_or_writable_are_taken(current):
    targets = poses_of(current.robot, random_joints(current.robot, 4, 10))
    frozen = np.asfortranarray(targets)
    frozen.setflags(write=False)
    expected = current.inverse(targets).joint_pos_rad
    assert np.array_equal(current.inverse(frozen).joint_pos_rad, expected)
    assert np.array_equal(
        current.solve_one(frozen[0], np.float32([0] * 6))[0], current.solve_one(targets[0], np.zeros(6))[0]
    )


def _with_origin(robot, joint, change):
    origins = robot.joint_origins.copy()
    change(origins[joint])
    return dataclasses.replace(robot, joint_origins=origins)


def test_an_arm_of_other_lengths_and_angles_is_solved(current):
    def bend(origin):
        origin[0, 3] += 0.05
        origin[2, 3] += 0.03  # out of the plane

    def raise_(origin):
        origin[2, 3] += 0.2

    robot = _with_origin(_with_origin(_with_origin(current.robot, 2, bend), 0, raise_), 3, bend)
    targets = poses_of(robot, random_joints(robot, 500, 11))
    position, rotation = errors_of(robot, targets, AnalyticKinematics(robot).inverse(targets).joint_pos_rad[:, 0])
    assert position.max() < 2e-6
    assert rotation.max() < 2e-6


def test_an_arm_without_the_structure_is_refused(current):
    def shift(origin):
        origin[:3, 3] += 0.01

    def flatten(origin):
        origin[:3, :3] = np.eye(3)

    with pytest.raises(UsageError, match="joint1 and joint2 pass each other by"):
        AnalyticKinematics(_with_origin(current.robot, 1, shift))
    with pytest.raises(UsageError, match="joint4 and joint5 are nearly parallel"):
        AnalyticKinematics(_with_origin(current.robot, 4, flatten))
    with pytest.raises(UsageError, match=r"axis 6 passes .* mm beside"):
        AnalyticKinematics(_with_origin(current.robot, 5, shift))


def test_optik_finds_no_pose_that_the_closed_form_does_not(current, tmp_path):
    optik = pytest.importorskip("optik", reason="OptIK (PyPI: optik-py) is not installed")
    path = tmp_path / "arm.urdf"
    path.write_text(_urdf(current.robot))
    arm, config = optik.Robot.from_urdf_file(str(path), "base_link", "link6"), optik.SolverConfig(tol_f=1e-16)
    compared = 0
    for joints in random_joints(current.robot, 50, 12):
        target = poses_of(current.robot, joints[None])
        assert np.array(arm.fk(joints.tolist())) == pytest.approx(target[0], abs=1e-6)
        found = arm.ik(config, target[0].tolist(), np.clip(joints + 0.2, *current.robot.limits_rad.T).tolist())
        if found is not None:
            own = current.inverse(target).joint_pos_rad[0]
            assert np.nanmin(np.abs(own - np.array(found[0])).max(axis=1)) < 1e-2
            compared += 1
    assert compared > 40


def _urdf(robot):
    """The arm's joints, with the origins' angles taken from their matrices."""
    links = "".join(f'<link name="{name}"/>' for name in (robot.base, *robot.link_names))
    joints, parent = "", robot.base
    for name, child, o, (low, high) in zip(
        robot.joint_names, robot.link_names, robot.joint_origins, robot.limits_rad, strict=True
    ):
        rpy = math.atan2(o[2, 1], o[2, 2]), -math.asin(o[2, 0]), math.atan2(o[1, 0], o[0, 0])
        xyz = f"{o[0, 3]} {o[1, 3]} {o[2, 3]}"
        joints += (
            f'<joint name="{name}" type="revolute"><origin xyz="{xyz}" rpy="{rpy[0]} {rpy[1]} {rpy[2]}"/>'
            f'<parent link="{parent}"/><child link="{child}"/><axis xyz="0 0 1"/>'
            f'<limit lower="{low}" upper="{high}" effort="1" velocity="1"/></joint>'
        )
        parent = child
    return f'<robot name="arm">{links}{joints}</robot>'
