"""What every kinematics back end must do, checked over those that run on any machine."""

import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.kinematics.registry import make_kinematics

URDF = Path(__file__).resolve().parents[3] / "shared" / "piper_description" / "urdf" / "piper_with_gripper.urdf"

# The manufacturer's URDF, written down again: the tests must not read what the code under test reads.
LOW = np.array([-2.6179938, 0.0, -2.9670597, -1.7453292, -1.2217304, -2.0943951])
HIGH = np.array([2.6179938, 3.1415926, 0.0, 1.7453292, 1.2217304, 2.0943951])


@pytest.fixture(scope="module", params=["analytic", "mujoco"])
def kinematics(request):
    return make_kinematics(request.param)


def random_joints(count, seed=0):
    return np.random.default_rng(seed).uniform(LOW, HIGH, (count, 6))


def rotation_angle(a, b):
    return math.acos(min(1.0, max(-1.0, (np.trace(a.T @ b) - 1) / 2)))


def urdf_pose(joints, tip):
    """base_link_T_tip by a plain product of the URDF's transforms."""
    elements = {e.find("child").get("link"): e for e in ElementTree.parse(URDF).getroot().findall("joint")}
    chain = []
    while tip in elements:
        chain.insert(0, elements[tip])
        tip = elements[tip].find("parent").get("link")
    pose, turning = np.eye(4), iter(joints)
    for joint in chain:
        origin = joint.find("origin")
        roll, pitch, yaw = map(float, origin.get("rpy").split())
        step = np.eye(4)
        step[:3, :3] = about(2, yaw) @ about(1, pitch) @ about(0, roll)
        step[:3, 3] = [float(x) for x in origin.get("xyz").split()]
        pose = pose @ step
        if joint.get("type") == "revolute":
            turn = np.eye(4)
            turn[:3, :3] = about(2, next(turning))
            pose = pose @ turn
    return pose


def about(axis, angle):
    i, j = (axis + 1) % 3, (axis + 2) % 3
    result = np.eye(3)
    result[i, i] = result[j, j] = math.cos(angle)
    result[j, i], result[i, j] = math.sin(angle), -math.sin(angle)
    return result


def test_the_zero_pose_is_where_the_manufacturer_says(kinematics):
    # Trigonometry in the plane of the arm; the SDK shows x = 56.1 mm, z = 213.2 mm, pitch = 85 deg.
    pose = kinematics.forward(np.zeros((1, 6)))[0]
    assert pose[:3, 3] == pytest.approx([0.0561352, 0.0, 0.2131783], abs=1e-7)
    assert pose[:3, 2] == pytest.approx([math.sin(math.radians(85)), 0.0, math.cos(math.radians(85))], abs=1e-6)
    assert pose[:3, 1] == pytest.approx([0, 1, 0], abs=1e-6)


@pytest.mark.skipif(not URDF.is_file(), reason=f"the manufacturer's URDF is not at {URDF}")
@pytest.mark.parametrize("frame", ["link6", "gripper_base"])
def test_forward_agrees_with_the_manufacturers_urdf(kinematics, frame):
    joints = random_joints(100)
    expected = np.array([urdf_pose(q, frame) for q in joints])
    assert np.abs(kinematics.forward(joints, frame) - expected).max() < 1e-12


def test_forward_agrees_with_pinocchio(kinematics):
    pinocchio = pytest.importorskip("pinocchio", reason="pinocchio (PyPI: pin) is not installed")
    if not URDF.is_file():
        pytest.skip(f"the manufacturer's URDF is not at {URDF}")
    model = pinocchio.buildModelFromUrdf(str(URDF))
    data, tip = model.createData(), model.getFrameId("link6")
    for q in random_joints(50, seed=1):
        full = np.concatenate([q, np.zeros(model.nq - 6)])
        pinocchio.framesForwardKinematics(model, data, full)
        assert np.abs(kinematics.forward(q[None])[0] - data.oMf[tip].homogeneous).max() < 1e-12
        jacobian = pinocchio.computeFrameJacobian(model, data, full, tip, pinocchio.ReferenceFrame.LOCAL_WORLD_ALIGNED)
        assert np.abs(kinematics.jacobian(q[None])[0] - jacobian[:, :6]).max() < 1e-12


def test_the_tcp_lies_between_the_finger_tips_ahead_of_the_flange(kinematics):
    joints = random_joints(20)
    flange, tcp = kinematics.forward(joints, "flange"), kinematics.forward(joints, "tcp")
    assert tcp[:, :3, 3] == pytest.approx(flange[:, :3, 3] + 0.1358 * flange[:, :3, 2], abs=1e-12)
    assert tcp[:, :3, :3] == pytest.approx(flange[:, :3, :3], abs=1e-12)


@pytest.mark.parametrize("frame", ["link6", "tcp"])
def test_the_jacobian_is_the_derivative_of_forward(kinematics, frame):
    step = 1e-6
    for q in random_joints(10):
        jacobian = kinematics.jacobian(q[None], frame)[0]
        for i in range(6):
            ahead, behind = kinematics.forward(q + step * np.outer([1, -1], np.eye(6)[i]), frame)
            linear = (ahead[:3, 3] - behind[:3, 3]) / (2 * step)
            spin = (ahead[:3, :3] - behind[:3, :3]) @ ((ahead[:3, :3] + behind[:3, :3]) / 2).T / (2 * step)
            assert jacobian[:3, i] == pytest.approx(linear, abs=1e-8)
            assert jacobian[3:, i] == pytest.approx([spin[2, 1], spin[0, 2], spin[1, 0]], abs=1e-8)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(shares=st.tuples(*[st.floats(0, 1)] * 6), frame=st.sampled_from(["link6", "tcp"]))
def test_forward_undoes_inverse_for_every_solution(kinematics, shares, frame):
    posed = LOW + np.array(shares) * (HIGH - LOW)
    target = kinematics.forward(posed[None], frame)
    solutions = kinematics.inverse(target, (3 * posed + (LOW + HIGH) / 2) / 4, frame)
    assert solutions.success.all()
    assert solutions.reason == ("",)
    for k in range(solutions.count[0]):
        joints = solutions.joint_pos_rad[0, k]
        reached = kinematics.forward(joints[None], frame)[0]
        off = np.linalg.norm(reached[:3, 3] - target[0, :3, 3])
        assert np.array_equal(joints, np.clip(joints, LOW, HIGH))
        assert off < 1e-3
        assert solutions.position_error_m[0, k] == pytest.approx(off, abs=1e-9)
        assert rotation_angle(reached[:3, :3], target[0, :3, :3]) < 1e-2


def test_poses_in_a_batch_do_not_depend_on_each_other(kinematics):
    targets = kinematics.forward(random_joints(5))
    together = kinematics.inverse(targets)
    for n in range(5):
        alone = kinematics.inverse(targets[n : n + 1])
        assert together.count[n] == alone.count[0]
        assert np.array_equal(together.joint_pos_rad[n, : alone.count[0]], alone.joint_pos_rad[0])


def test_a_seed_that_solves_the_pose_is_returned(kinematics):
    joints = random_joints(20, seed=2)
    solutions = kinematics.inverse(kinematics.forward(joints), joints)
    assert solutions.joint_pos_rad[:, 0] == pytest.approx(joints, abs=1e-5)


def test_an_unreachable_pose_gets_the_nearest_joints_their_errors_and_a_reason(kinematics):
    target = kinematics.forward(np.array([[0.3, 1.0, -1.0, 0.0, 0.0, 0.0]]))
    target[0, :3, 3] += 2.0 * target[0, :3, 2]
    solutions = kinematics.inverse(target)
    reached = kinematics.forward(solutions.joint_pos_rad[0, :1])[0]
    assert not solutions.success[0]
    assert solutions.count[0] == 1
    assert solutions.reason[0].startswith(("reach:", "limits:", "orientation:"))
    assert " mm" in solutions.reason[0]
    assert solutions.position_error_m[0, 0] == pytest.approx(np.linalg.norm(reached[:3, 3] - target[0, :3, 3]))
    assert solutions.rotation_error_rad[0, 0] == pytest.approx(rotation_angle(reached[:3, :3], target[0, :3, :3]), abs=1e-6)
    assert np.array_equal(solutions.joint_pos_rad[0, 0], np.clip(solutions.joint_pos_rad[0, 0], LOW, HIGH))


def test_no_poses_give_no_solutions(kinematics):
    solutions = kinematics.inverse(np.empty((0, 4, 4)))
    assert solutions.joint_pos_rad.shape[0] == 0
    assert solutions.reason == ()
    assert kinematics.forward(np.empty((0, 6))).shape == (0, 4, 4)


def test_a_rotation_of_rounded_numbers_is_taken(kinematics):
    target = np.round(kinematics.forward(random_joints(1)), 4)
    assert kinematics.inverse(target).success.all()


def changed(index, value):
    pose = np.eye(4)
    pose[:3, 3] = [0.2, 0.0, 0.3]
    pose[index] = value
    return pose[None]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (changed((0, 3), math.nan), "finite"),
        (changed((1, 1), math.inf), "finite"),
        (changed((0, 0), 1.1), "not a rotation"),
        (changed((0, 0), -1.0), "reflection"),
        (changed((3, 3), 2.0), "last row"),
        (np.eye(4), r"shape \(N, 4, 4\)"),
        ("pose", "array of numbers"),
    ],
)
def test_what_is_no_pose_is_refused(kinematics, target, message):
    with pytest.raises(UsageError, match=message):
        kinematics.inverse(target)


@pytest.mark.parametrize("seed", [np.full(6, math.nan), np.zeros(5), np.zeros((3, 6))])
def test_a_wrong_seed_is_refused(kinematics, seed):
    with pytest.raises(UsageError, match="seed"):
        kinematics.inverse(kinematics.forward(np.zeros((2, 6))), seed)


@pytest.mark.parametrize("joints", [np.zeros(6), np.zeros((1, 7)), np.full((1, 6), math.nan)])
def test_wrong_joints_are_refused(kinematics, joints):
    with pytest.raises(UsageError, match="joint positions"):
        kinematics.forward(joints)
    with pytest.raises(UsageError, match="joint positions"):
        kinematics.jacobian(joints)


def test_an_unknown_frame_is_refused_with_the_nearest_name(kinematics):
    for call in (kinematics.forward, kinematics.jacobian):
        with pytest.raises(UsageError, match="Did you mean 'flange'"):
            call(np.zeros((1, 6)), "flang")
    with pytest.raises(UsageError, match="Did you mean 'tcp'"):
        kinematics.inverse(np.eye(4)[None], frame="tpc")
