"""``--description``: URDF files that are written here from published tables, and the manufacturer's where it is there."""

import json
import math

import arms
import numpy as np
import pytest
from piper_commands import run
from scipy.spatial.transform import Rotation

MANUFACTURER = arms.SHARED.parent / "urdf" / "piper_with_gripper.urdf"
needs_manufacturer = pytest.mark.skipif(
    not MANUFACTURER.is_file(), reason="the manufacturer's description is not beside the checkout"
)
DOWN = "0.3 0 0.1 0 0 1 0"
JOINTS = arms.random_joints(20, seed=7)
TIPS_M = 0.1358
LIMITS = list(zip(arms.LOWER.tolist(), arms.UPPER.tolist(), strict=True))


def words(numbers) -> str:
    return " ".join(repr(float(number)) for number in numbers)


def urdf(table, *, limits=LIMITS, inertia: str = "") -> str:
    """An arm without any geometry."""
    links = ["base_link", *(f"link{i}" for i in range(1, 7))]
    text = "".join(f'<link name="{name}">{inertia if name == "link5" else ""}</link>' for name in links)
    for i, ((xyz, rpy, sign), (low, high)) in enumerate(zip(table, limits, strict=True), 1):
        text += (
            f'<joint name="joint{i}" type="revolute"><parent link="{links[i - 1]}"/><child link="{links[i]}"/>'
            f'<origin xyz="{words(xyz)}" rpy="{words(rpy)}"/><axis xyz="0 0 {sign}"/>'
            f'<limit lower="{low!r}" upper="{high!r}" effort="100" velocity="0"/></joint>'
        )
    return f'<robot name="piper">{text}</robot>'


@pytest.fixture
def written(tmp_path):
    def write(text: str, name: str = "arm.urdf") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def fk(joints: np.ndarray, *arguments: str) -> np.ndarray:
    """Poses (N, 4, 4)."""
    ran = run("piper-fk", "--joints", "-", "--format", "json", *arguments, given=json.dumps(joints.tolist()))
    assert ran.code == 0, ran.errors
    rows = json.loads(ran.output)
    return np.array([arms.moved(Rotation.from_quat(r["quat_wxyz"], scalar_first=True), r["position_m"]) for r in rows])


def ik(*arguments: str, code: int = 0) -> tuple[list[dict], str]:
    ran = run("piper-ik", *arguments, "--format", "json")
    assert ran.code == code, ran.errors
    return json.loads(ran.output), ran.errors


def pose_text(matrix: np.ndarray) -> str:
    quat = Rotation.from_matrix(matrix[:3, :3]).as_quat(scalar_first=True)
    return words([*matrix[:3, 3], *quat])


@pytest.mark.parametrize("table", [arms.CURRENT, arms.OLD, arms.EXPORT], ids=["current", "old", "axes that point back"])
def test_forward_kinematics_is_that_of_the_urdf_in_every_frame(table, written) -> None:
    path, link6 = written(urdf(table)), arms.chain(table, JOINTS)
    np.testing.assert_allclose(fk(JOINTS, "--description", path), link6, atol=1e-9)
    np.testing.assert_allclose(fk(JOINTS, "--description", path, "--frame", "flange"), link6, atol=1e-9)
    tips = link6 @ arms.moved(Rotation.identity(), [0, 0, TIPS_M])
    np.testing.assert_allclose(fk(JOINTS, "--description", path, "--frame", "tcp"), tips, atol=1e-9)
    tool = link6 @ arms.moved(Rotation.from_euler("xyz", [0.1, 0.2, 0.3]), [0.01, 0.02, 0.2])
    given = fk(JOINTS, "--description", path, "--tcp-offset", "0.01,0.02,0.2,0.1,0.2,0.3")
    np.testing.assert_allclose(given, tool, atol=1e-9)


def test_a_link_that_is_fixed_to_the_last_one_is_a_frame(written) -> None:
    hand = (
        '<link name="hand"/><link name="tcp"/><joint name="b" type="fixed"><parent link="hand"/><child link="tcp"/>'
        '<origin xyz="0 0 0.1"/></joint><joint name="a" type="fixed"><parent link="link6"/><child link="hand"/>'
        '<origin xyz="0 0.02 0" rpy="0 0 1.5"/></joint></robot>'
    )
    path = written(urdf(arms.EXPORT).replace("</robot>", hand))
    expected = arms.chain(arms.EXPORT, JOINTS) @ arms.moved(Rotation.from_euler("z", 1.5), [0, 0.02, 0])
    np.testing.assert_allclose(fk(JOINTS, "--description", path, "--frame", "hand"), expected, atol=1e-9)
    expected = expected @ arms.moved(Rotation.identity(), [0, 0, 0.1])
    np.testing.assert_allclose(fk(JOINTS, "--description", path, "--frame", "tcp"), expected, atol=1e-9)


def test_inverse_kinematics_is_that_of_the_urdf_and_the_description_is_named(written) -> None:
    path = written(urdf(arms.OLD))
    target = arms.chain(arms.OLD, JOINTS[:1])[0]
    ((entry,), errors) = ik("--target-pose", pose_text(target), "--description", path, "--all")
    assert (entry["variant"], entry["description"], entry["backend"], errors) == ("description", path, "analytic", "")
    for solution in entry["solutions"]:
        reached = arms.chain(arms.OLD, np.array([solution["joint_pos_rad"]]))[0]
        np.testing.assert_allclose(reached, target, atol=1e-6)
    assert (
        f"description {path}, back end analytic"
        in run("piper-ik", "--target-pose", pose_text(target), "--description", path).output
    )


def test_the_limits_are_the_urdfs(written) -> None:
    target = pose_text(arms.chain(arms.CURRENT, np.array([[0.5, 1.2, -1.2, 0.0, 0.9, 0.0]]))[0])
    ik("--target-pose", target, "--description", written(urdf(arms.CURRENT)))
    narrow = [(-0.1, 0.1), *LIMITS[1:]]
    ((entry,), _) = ik("--target-pose", target, "--description", written(urdf(arms.CURRENT, limits=narrow)), code=2)
    assert entry["reason"].startswith("limits")
    assert abs(entry["solutions"][0]["joint_pos_rad"][0]) <= 0.1 + 1e-9


def test_an_arm_that_the_closed_form_does_not_fit_is_solved_by_mujoco_and_that_is_said(written) -> None:
    path = written(urdf(arms.EXPORT))
    target = arms.chain(arms.EXPORT, np.array([[0.3, 1.2, -1.2, 0.2, 0.5, 0.4]]))[0]
    ((entry,), errors) = ik("--target-pose", pose_text(target), "--description", path)
    assert entry["backend"] == "mujoco"
    assert "the back end is mujoco" in errors
    assert "axis 6 passes 1.417 mm beside the wrist centre" in errors
    reached = arms.chain(arms.EXPORT, np.array([entry["solutions"][0]["joint_pos_rad"]]))[0]
    assert np.linalg.norm(reached[:3, 3] - target[:3, 3]) < 1e-3
    ran = run("piper-ik", "--target-pose", DOWN, "--description", path, "--backend", "analytic")
    assert (ran.code, ran.output) == (2, "")
    assert "Use the mujoco back end" in ran.errors


def without_a_limit(text: str) -> str:
    begin = text.index("<limit", text.index('name="joint4"'))
    return text[:begin] + text[text.index("/>", begin) + 2 :]


GOOD = urdf(arms.CURRENT)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("no markup", "cannot be read"),
        ("<mujoco/>", "is no URDF: its root element is <mujoco>"),
        ('<robot xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:macro name="a"/></robot>', "is a xacro file"),
        (GOOD.replace("joint3", "jiont3"), "lacks joint3. Did you mean 'jiont3'?"),
        (GOOD.replace("joint", "panda_joint"), "is no description of the piper: it lacks joint1, joint2"),
        (GOOD.replace('"base_link"', '"link_base"'), "expected revolute from 'base_link' to 'link1'"),
        (GOOD.replace('"joint2" type="revolute"', '"joint2" type="continuous"'), "joint2 is continuous from 'link1'"),
        (GOOD.replace("0.28503", "0.425"), "describes another robot than the piper: joint3 is 425 mm"),
        (GOOD.replace("0.28503", "long"), "joint 'joint3': xyz is 'long 0.0 0.0'; expected 3 finite numbers"),
        (GOOD.replace("0.28503", "nan"), "expected 3 finite numbers"),
        (without_a_limit(GOOD), "joint 'joint4' has no limits"),
        (urdf(arms.CURRENT, limits=[(1.0, -1.0), *LIMITS[1:]]), "its lower limit, 1, must be below the upper one, -1"),
        (GOOD.replace('axis xyz="0 0 1"', 'axis xyz="0 0 0"', 1), "its axis is 0 0 0"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_code_2_and_a_reason(text, message, written, tmp_path) -> None:
    path = str(tmp_path / "gone.urdf") if text is None else written(text)
    ran = run("piper-fk", "--joints", "0 1.2 -1.2 0 0.9 0", "--description", path)
    assert (ran.code, ran.output) == (2, "")
    assert message in ran.errors
    assert path in ran.errors


@pytest.mark.parametrize("command", [["piper-ik", "--target-pose", DOWN], ["piper-plan", "--to-joints", "zero"]])
def test_every_command_refuses_a_wrong_file(command, written) -> None:
    ran = run(*command, "--description", written(GOOD.replace("0.28503", "0.425")))
    assert (ran.code, ran.output) == (2, "")
    assert "describes another robot than the piper" in ran.errors


def test_another_files_name_is_refused(written) -> None:
    ran = run("piper-fk", "--joints", "0 0 0 0 0 0", "--description", written(GOOD, "arm.xml"))
    assert ran.code == 2
    assert "rename it, so that it ends in .urdf" in ran.errors


@pytest.mark.parametrize("variant", ["current", "old-dh"])
def test_a_variant_and_a_description_together_are_refused(variant, written) -> None:
    ran = run("piper-fk", "--joints", "0 0 0 0 0 0", "--description", written(GOOD), "--variant", variant)
    assert (ran.code, ran.output) == (2, "")
    assert "--variant" in ran.errors
    assert "not both" in ran.errors


def test_curobo_is_refused_for_a_description(written) -> None:
    path = written(GOOD)
    for command in (
        ["piper-ik", "--target-pose", DOWN, "--backend"],
        ["piper-plan", "--to-joints", "zero", "--planner"],
    ):
        ran = run(*command, "curobo", "--description", path)
        assert ran.code == 2
        assert "knows the variant 'current' alone, not 'description'" in ran.errors


def test_the_known_typo_in_a_limit_is_warned_of_and_the_limit_kept(written) -> None:
    path = written(urdf(arms.CURRENT, limits=[(-2.618, 2.168), *LIMITS[1:]]))
    ran = run("piper-fk", "--joints", "2.4 1.2 -1.2 0 0.9 0", "--description", path)
    assert ran.code == 0
    assert "warning" in ran.errors
    assert "2.168 is a known typo for 2.618" in ran.errors
    assert "joint1 is 2.4 rad" in ran.errors, "outside the limits as they stand"


def test_a_negative_inertia_is_warned_of_and_does_not_matter_for_kinematics(written) -> None:
    inertia = '<inertial><mass value="0.1"/><inertia ixx="-1e-5" iyy="1e-5" izz="1e-5" ixy="0" ixz="0" iyz="0"/></inertial>'
    path = written(urdf(arms.CURRENT, inertia=inertia))
    ran = run("piper-fk", "--joints", "0 1.2 -1.2 0 0.9 0", "--description", path)
    assert ran.code == 0
    assert "link 'link5' has a negative moment of inertia (-1e-05 kg m^2)" in ran.errors
    ((entry,), errors) = ik("--target-pose", DOWN, "--frame", "tcp", "--description", path)
    assert entry["success"]
    assert "negative moment of inertia" in errors


def test_an_arm_without_shapes_is_executed_with_ours_which_is_said(written) -> None:
    pytest.importorskip("ruckig", reason="ruckig is not installed")
    path = written(urdf(arms.OLD))
    arguments = ["--target-pose", DOWN, "--frame", "tcp", "--description", path, "--execute", "--video", "none"]
    ((entry,), errors) = ik(*arguments)
    assert "use our own shapes and drives on the joints of" in errors
    assert entry["executed"]["arrived"]
    # What was reached is measured on the URDF's joints, 9.9 mm from where our own description would be.
    np.testing.assert_allclose(entry["executed"]["reached"][:3], [0.3, 0, 0.1], atol=1e-3)


def test_an_arm_that_neither_its_own_nor_our_shapes_fit_is_not_simulated(written) -> None:
    ran = run("piper-plan", "--to-joints", "zero", "--description", written(urdf(arms.EXPORT)))
    assert (ran.code, ran.output) == (2, "")
    assert "joint4 and joint6 turn about another axis than 0 0 1" in ran.errors
    turned = [(xyz, [rpy[0], rpy[1], rpy[2] + 0.3 * (i == 2)], sign) for i, (xyz, rpy, sign) in enumerate(arms.CURRENT)]
    ran = run("piper-plan", "--to-joints", "zero", "--description", written(urdf(turned)))
    assert (ran.code, ran.output) == (2, "")
    assert "its links are too different for our own shapes" in ran.errors


@needs_manufacturer
@pytest.mark.parametrize("frame", ["link6", "gripper_base", "tcp"])
def test_the_manufacturers_urdf_gives_our_poses(frame) -> None:
    theirs = fk(JOINTS, "--description", str(MANUFACTURER), "--frame", frame)
    np.testing.assert_allclose(theirs, fk(JOINTS, "--frame", frame), atol=1e-6)


@needs_manufacturer
def test_the_manufacturers_urdf_and_meshes_are_planned_with_and_executed(tmp_path) -> None:
    pytest.importorskip("ruckig", reason="ruckig is not installed")
    pytest.importorskip("ompl", reason="ompl is not installed")
    (tmp_path / "wall.yaml").write_text(
        "schema: 1\nobstacles: [{name: wall, type: box, size_m: [0.3, 0.02, 0.5], xyz_m: [0.4, 0, 0.25]}]\n"
    )
    ends = ["--from", "-0.6 1.2 -1.2 0 0.9 0", "--to-joints", "0.6 1.2 -1.2 0 0.9 0", "--world", str(tmp_path / "wall.yaml")]
    ran = run("piper-plan", *ends, "--description", str(MANUFACTURER), "--execute", "--format", "json")
    assert ran.code == 0, ran.errors
    assert ran.errors == "", "its own shapes are used"
    (answer,) = json.loads(ran.output)
    assert (answer["variant"], answer["description"], answer["backend"]) == ("description", str(MANUFACTURER), "ompl")
    assert len(answer["waypoints_rad"]) > 2
    assert answer["executed"]["arrived"]


@needs_manufacturer
def test_a_description_whose_links_have_no_collision_shapes_is_not_taken_for_free_of_collisions(tmp_path) -> None:
    text = MANUFACTURER.read_text().replace("../meshes", str(MANUFACTURER.parents[1] / "meshes"))
    while "<collision>" in text:
        text = text[: text.index("<collision>")] + text[text.index("</collision>") + len("</collision>") :]
    (tmp_path / "bare.urdf").write_text(text)
    ran = run(
        "piper-ik", "--target-pose", DOWN, "--description", str(tmp_path / "bare.urdf"), "--execute", "--video", "none"
    )
    assert "has no collision geometry of base_link, link1" in ran.errors
    assert "our own shapes" in ran.errors


@needs_manufacturer
def test_a_negative_finger_inertia_which_mujoco_refuses_is_no_obstacle_to_execution(tmp_path) -> None:
    pytest.importorskip("ruckig", reason="ruckig is not installed")
    text = MANUFACTURER.read_text().replace("../meshes", str(MANUFACTURER.parents[1] / "meshes"))
    begin = text.index('ixx="', text.index('<link name="gripper_link1">')) + len('ixx="')
    (tmp_path / "negative.urdf").write_text(f"{text[:begin]}-{text[begin:]}")
    arguments = ["--target-pose", DOWN, "--frame", "tcp", "--description", str(tmp_path / "negative.urdf")]
    ((entry,), errors) = ik(*arguments, "--execute", "--video", "none")
    assert entry["executed"]["arrived"]
    assert "link 'gripper_link1' has a negative moment of inertia" in errors
    assert "use our own shapes and drives on the joints of" in errors


def test_diagnose_tries_the_description_too(tmp_path, written) -> None:
    # Joint 4 moved by 6 mm: near to no published description.
    table = [(xyz if i != 3 else [-0.02198, -0.25675, 0], rpy, sign) for i, (xyz, rpy, sign) in enumerate(arms.CURRENT)]
    poses = arms.chain(table, JOINTS)
    quat = Rotation.from_matrix(poses[:, :3, :3]).as_quat(scalar_first=True)
    rows = np.hstack([JOINTS, poses[:, :3, 3], quat])
    measured = tmp_path / "m.csv"
    np.savetxt(measured, rows, delimiter=",", header="q1,q2,q3,q4,q5,q6,x,y,z,qw,qx,qy,qz", comments="")
    path = written(urdf(table))
    assert run("piper-diagnose", str(measured)).code == 1
    ran = run("piper-diagnose", str(measured), "--description", path, "--format", "json")
    data = json.loads(ran.output)
    assert (ran.code, data["arm"], data["frame"]) == (0, "description", "link6")
    assert data["position_rms_mm"] < 1e-3
    assert f"Use --description {path}." in data["explanation"]


def test_diagnose_finds_the_tool_of_a_description_whose_last_axis_points_back(tmp_path, written) -> None:
    poses = arms.chain(arms.EXPORT, JOINTS) @ arms.moved(Rotation.identity(), [0, 0, TIPS_M])
    quat = Rotation.from_matrix(poses[:, :3, :3]).as_quat(scalar_first=True)
    measured = tmp_path / "m.csv"
    header = "q1,q2,q3,q4,q5,q6,x,y,z,qw,qx,qy,qz"
    np.savetxt(measured, np.hstack([JOINTS, poses[:, :3, 3], quat]), delimiter=",", header=header, comments="")
    ran = run("piper-diagnose", str(measured), "--description", written(urdf(arms.EXPORT)), "--format", "json")
    data = json.loads(ran.output)
    assert (data["arm"], data["tool"]) == ("description", "tcp")
    assert data["position_rms_mm"] < 1e-3


def test_diagnose_refuses_a_wrong_description(tmp_path, written) -> None:
    measured = tmp_path / "m.csv"
    measured.write_text("q1,q2,q3,q4,q5,q6,x,y,z,qw,qx,qy,qz\n0,1,-1,0,0,0,0.3,0,0.2,1,0,0,0\n")
    ran = run("piper-diagnose", str(measured), "--description", written("<robot/>"))
    assert (ran.code, ran.output) == (2, "")
    assert "lacks joint1" in ran.errors


def test_an_axis_in_any_direction_is_followed(written) -> None:
    # Joint 2 as the same motion written about x: its frame is turned so that its own x is the old z.
    xyz, rpy, sign = arms.CURRENT[1]
    turn = Rotation.from_euler("y", 90, degrees=True)
    second = (Rotation.from_euler("xyz", rpy) * turn).as_euler("xyz").tolist()
    xyz3, rpy3, _ = arms.CURRENT[2]
    third = (turn.inv() * Rotation.from_euler("xyz", rpy3)).as_euler("xyz").tolist()
    table = [arms.CURRENT[0], (xyz, second, sign), (turn.inv().apply(xyz3).tolist(), third, 1), *arms.CURRENT[3:]]
    text = urdf(table)
    begin = text.index('axis xyz="', text.index('name="joint2"'))
    axis = turn.inv().apply([0, 0, 1])
    assert math.isclose(np.abs(axis).max(), 1)
    text = text[:begin] + f'axis xyz="{words(axis)}"/>' + text[text.index("/>", begin) + 2 :]
    result = fk(JOINTS, "--description", written(text))
    np.testing.assert_allclose(result, arms.chain(arms.CURRENT, JOINTS), atol=1e-6)


def test_help_shows_how_a_description_is_given() -> None:
    for command in ("piper-ik", "piper-fk", "piper-plan", "piper-diagnose"):
        assert "--description" in run(command, "--help").output
