import math

import arms
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from harness.errors import UsageError
from harness.kinematics.diagnose import Diagnosis, explanation, load_variants
from harness.kinematics.diagnose import diagnose as diagnose_with
from harness.kinematics.known_arms import KNOWN_ARMS
from harness.kinematics.measurements import Measurements, read_measurements

ROBOTS = load_variants()
COUNT = 60
JOINTS = arms.random_joints(COUNT, seed=3)
ARMS = {
    "current": lambda q: arms.chain(arms.CURRENT, q),
    "old-dh": lambda q: arms.chain(arms.OLD, q),
    "sdk": arms.sdk,
    "sdk-old-dh": arms.sdk_old,
    "export-2024-09": lambda q: arms.chain(arms.EXPORT, q),
}


def diagnose(measurements: Measurements) -> Diagnosis:
    return diagnose_with(measurements, ROBOTS)


def noisy(poses: np.ndarray, millimetres: float = 0.1, seed: int = 5) -> np.ndarray:
    """Poses with noise in position (each axis) and as much in orientation at the end of a 100 mm lever."""
    generator = np.random.default_rng(seed)
    result = poses.copy()
    result[:, :3, 3] += generator.normal(0, millimetres * 1e-3, (len(poses), 3))
    result[:, :3, :3] = (
        result[:, :3, :3] @ Rotation.from_rotvec(generator.normal(0, millimetres * 1e-2, (len(poses), 3))).as_matrix()
    )
    return result


def measured(poses: np.ndarray, joints: np.ndarray = JOINTS, scalar_first: bool = True) -> Measurements:
    quat = Rotation.from_matrix(poses[:, :3, :3]).as_quat(scalar_first=scalar_first)
    return Measurements(joints, poses[:, :3, 3], quat, sdk_units=False)


def with_tool(poses: np.ndarray, xyz=(0, 0, 0), yaw_deg: float = 0) -> np.ndarray:
    return poses @ arms.moved(Rotation.from_euler("z", yaw_deg, degrees=True), xyz)


@pytest.mark.parametrize("name", ARMS)
def test_each_description_is_named_from_noisy_poses(name) -> None:
    found = diagnose(measured(noisy(ARMS[name](JOINTS))))
    assert found.best.arm.name == name
    assert found.best.fits
    assert found.also == ()
    assert found.best.position_rms_mm == pytest.approx(0.1 * math.sqrt(3), rel=0.25)


@pytest.mark.parametrize("arm", [arm for arm in KNOWN_ARMS if arm.name in ARMS], ids=lambda arm: arm.name)
def test_known_descriptions_are_the_published_ones(arm) -> None:
    ours = arm.forward(ROBOTS[arm.variant], JOINTS)
    published = ARMS[arm.name](JOINTS)
    if arm.name == "export-2024-09":
        # Its link 6 is turned by 90 degrees against the current one, and its numbers have five digits.
        published = with_tool(published, yaw_deg=-90)
        np.testing.assert_allclose(ours, published, atol=1e-4)
    else:
        np.testing.assert_allclose(ours, published, atol=1e-6)


def test_the_export_of_2024_is_named_from_its_own_file() -> None:
    found = diagnose(measured(noisy(arms.export_from_its_file(JOINTS))))
    assert (found.best.arm.name, found.best.tool.name) == ("export-2024-09", "link6, yaw 90")
    assert found.best.fits


def test_piper_controls_model_is_named_from_its_own_file() -> None:
    pytest.importorskip("mujoco")
    found = diagnose(measured(noisy(arms.piper_control_from_its_file(JOINTS))))
    assert (found.best.arm.name, found.best.tool.name) == ("menagerie", "link6")
    assert found.best.fits


@pytest.mark.parametrize(
    ("z", "tool"),
    [
        (0, "link6"),
        (0.1358, "tcp"),
        (0.145, "tool at 0.145 m"),
        (0.135283, "tool at 0.135283 m"),
        (0.100, "tool at 0.100 m"),
        (0.008, "hand mount"),
    ],
)
@pytest.mark.parametrize("name", ["current", "old-dh"])
def test_each_known_tool_is_named(name, z, tool) -> None:
    found = diagnose(measured(noisy(with_tool(ARMS[name](JOINTS), (0, 0, z)))))
    assert (found.best.arm.name, found.best.tool.name) == (name, tool)
    assert not found.best.tool.fitted


@pytest.mark.parametrize("yaw", [90, -90, 180])
def test_a_constant_yaw_of_the_tool_is_named(yaw) -> None:
    found = diagnose(measured(noisy(with_tool(ARMS["current"](JOINTS), (0, 0, 0.1358), yaw))))
    assert (found.best.arm.name, found.best.tool.name) == ("current", f"tcp, yaw {yaw}")
    assert found.best.tool.offset == pytest.approx((0, 0, 0.1358, 0, 0, math.radians(yaw)), abs=1e-6)


def test_a_tool_of_the_users_own_is_fitted() -> None:
    tool = arms.moved(Rotation.from_euler("xyz", [0.3, -0.2, 0.5]), [0.02, -0.03, 0.18])
    found = diagnose(measured(noisy(ARMS["old-dh"](JOINTS) @ tool)))
    assert (found.best.arm.name, found.best.tool.name) == ("old-dh", "fitted, turned")
    assert found.best.tool.offset == pytest.approx((0.02, -0.03, 0.18, 0.3, -0.2, 0.5), abs=2e-3)
    assert any("--tcp-offset=0.0" in sentence for sentence in explanation(found))


def test_quaternions_in_the_order_xyzw_are_named() -> None:
    found = diagnose(measured(noisy(ARMS["current"](JOINTS)), scalar_first=False))
    assert (found.best.arm.name, found.best.tool.name, found.best.reading.rotation) == (
        "current",
        "link6",
        "quaternion xyzw",
    )
    assert any("qw comes first" in sentence for sentence in explanation(found))


def test_degrees_and_millimetres_without_sdk_units_are_named() -> None:
    poses = noisy(ARMS["current"](JOINTS))
    data = measured(poses)
    found = diagnose(Measurements(np.degrees(JOINTS), data.positions * 1e3, data.orientations, sdk_units=False))
    assert (found.best.reading.joint_unit, found.best.reading.length_unit) == ("deg", "mm")
    assert found.best.arm.name == "current"
    assert len(found.best.reading.mends) == 2


def test_raw_thousandths_of_the_sdk_are_named() -> None:
    poses = noisy(with_tool(ARMS["old-dh"](JOINTS), (0, 0, 0.1358)))
    euler = Rotation.from_matrix(poses[:, :3, :3]).as_euler("xyz", degrees=True)
    found = diagnose(Measurements(np.degrees(JOINTS) * 1e3, poses[:, :3, 3] * 1e6, euler * 1e3, sdk_units=True))
    reading = found.best.reading
    assert (reading.joint_unit, reading.length_unit, reading.rotation) == ("0.001 deg", "0.001 mm", "Euler xyz in 0.001 deg")
    assert (found.best.arm.name, found.best.tool.name) == ("old-dh", "tcp")


@pytest.mark.parametrize("order", ["xyz", "xzy", "yxz", "yzx", "zxy", "zyx"])
def test_each_order_of_euler_angles_is_named(order) -> None:
    poses = noisy(ARMS["current"](JOINTS))
    by_axis = Rotation.from_matrix(poses[:, :3, :3]).as_euler(order, degrees=True)
    euler = by_axis[:, [order.index(letter) for letter in "xyz"]]
    found = diagnose(Measurements(JOINTS, poses[:, :3, 3] * 1e3, euler, sdk_units=True))
    assert found.best.reading.rotation == f"Euler {order} in deg"
    assert found.best.arm.name == "current"
    assert bool(found.best.reading.mends) is (order != "xyz")


def test_moving_axes_x_y_z_are_fixed_axes_z_y_x() -> None:
    poses = noisy(ARMS["current"](JOINTS))
    euler = Rotation.from_matrix(poses[:, :3, :3]).as_euler("XYZ")
    found = diagnose(Measurements(JOINTS, poses[:, :3, 3], euler, sdk_units=False))
    assert found.best.reading.rotation == "Euler zyx in rad"


def test_exact_poses_are_explained_exactly() -> None:
    found = diagnose(measured(ARMS["current"](JOINTS)))
    assert (found.best.arm.name, found.best.tool.name) == ("current", "link6")
    assert found.best.position_max_mm < 1e-3


def test_what_cannot_be_told_apart_is_said_and_the_simplest_is_named() -> None:
    still = np.zeros((COUNT, 6))
    still[:, 0] = JOINTS[:, 0]
    found = diagnose(measured(noisy(ARMS["current"](still)), joints=still))
    assert found.best.arm.name == "current"
    assert {"old-dh", "sdk-old-dh"} <= {h.arm.name for h in found.also}
    assert any("cannot tell it from" in sentence for sentence in explanation(found))


def test_poses_of_another_arm_are_not_explained() -> None:
    poses = ARMS["current"](JOINTS)
    poses[:, :3, 3] = poses[:, :3, 3] * 1.3
    found = diagnose(measured(poses))
    assert not found.best.fits
    assert "Nothing known explains these measurements" in explanation(found)[0]


def test_hypotheses_are_sorted_and_hold_every_arm_and_tool() -> None:
    found = diagnose(measured(noisy(ARMS["current"](JOINTS))))
    scores = [hypothesis.score_mm for hypothesis in found.hypotheses]
    assert found.hypotheses[0] is found.best
    assert scores == sorted(scores)
    assert {hypothesis.arm.name for hypothesis in found.hypotheses} == {arm.name for arm in KNOWN_ARMS}
    assert {"tcp", "hand mount", "tool at 0.145 m"} <= {h.tool.name for h in found.hypotheses if h.arm.name == "current"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["0,0,0,0,0,0,0,0,0,1,0,0,0"] * 2, "2 measurements; at least 3 are needed"),
        (["0,0,0,0,0,0,0,0,0,2,0,0,0"] * 3, "line 2: the quaternion has length 2; expected 1"),
        (["0,0,0,0,0,0,0,0,0,nan,0,0,0"] * 3, "line 2: qw is nan"),
    ],
)
def test_malformed_measurements_are_refused(rows, message, tmp_path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("\n".join(["q1,q2,q3,q4,q5,q6,x,y,z,qw,qx,qy,qz", *rows]))
    with pytest.raises(UsageError, match=message):
        read_measurements(str(path))
