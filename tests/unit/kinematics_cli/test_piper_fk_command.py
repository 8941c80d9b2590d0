import csv
import io
import json

import arms
import numpy as np
import pytest
from piper_commands import run
from scipy.spatial.transform import Rotation

READY = [0.0, 1.2, -1.2, 0.0, 0.9, 0.0]


def fk(*arguments: str, given: str | None = None) -> list[dict]:
    ran = run("piper-fk", *arguments, "--format", "json", given=given)
    assert ran.code == 0, ran.errors
    return json.loads(ran.output)


def check(entry: dict, base_t_frame: np.ndarray) -> None:
    np.testing.assert_allclose(entry["position_m"], base_t_frame[:3, 3], atol=1e-6)
    rotation = Rotation.from_quat(entry["quat_wxyz"], scalar_first=True).as_matrix()
    np.testing.assert_allclose(rotation, base_t_frame[:3, :3], atol=1e-6)


@pytest.mark.parametrize(("variant", "table"), [("current", arms.CURRENT), ("old-dh", arms.OLD)])
@pytest.mark.parametrize(("frame", "ahead"), [("link6", 0), ("flange", 0), ("gripper_base", 0), ("tcp", 0.1358)])
def test_frames_and_variants_are_the_published_ones(variant, table, frame, ahead) -> None:
    (entry,) = fk("--joints", " ".join(map(str, READY)), "--variant", variant, "--frame", frame)
    assert entry["joint_pos_rad"] == READY
    assert entry["frame"] == frame
    check(entry, arms.chain(table, np.array([READY]))[0] @ arms.moved(Rotation.identity(), [0, 0, ahead]))


def test_a_tcp_offset_moves_and_turns_the_frame_tcp() -> None:
    (entry,) = fk("--joints", ",".join(map(str, READY)), "--tcp-offset", "-0.01,0.02,0.1,0.1,-0.2,0.3")
    tool = arms.moved(Rotation.from_euler("xyz", [0.1, -0.2, 0.3]), [-0.01, 0.02, 0.1])
    assert entry["frame"] == "tcp"
    check(entry, arms.chain(arms.CURRENT, np.array([READY]))[0] @ tool)


def test_degrees_and_negative_joints_are_understood() -> None:
    (entry,) = fk("--joints", "-10 70 -70 0 -50 0", "--degrees")
    joints = np.radians([-10, 70, -70, 0, -50, 0])
    np.testing.assert_allclose(entry["joint_pos_rad"], joints)
    check(entry, arms.chain(arms.CURRENT, joints[np.newaxis])[0])


def test_joints_of_a_file_or_standard_input_give_a_pose_each(tmp_path) -> None:
    joints = arms.random_joints(5)
    np.save(tmp_path / "q.npy", joints)
    lines = "\n".join(["q1,q2,q3,q4,q5,q6", *(",".join(map(repr, map(float, row))) for row in joints)])
    (tmp_path / "q.csv").write_text(lines)
    expected = arms.chain(arms.CURRENT, joints)
    for entries in (
        fk("--joints", str(tmp_path / "q.npy")),
        fk("--joints", str(tmp_path / "q.csv")),
        fk("--joints", "-", given=lines),
    ):
        for entry, pose in zip(entries, expected, strict=True):
            check(entry, pose)


def test_csv_holds_joints_pose_and_frame() -> None:
    ran = run("piper-fk", "--joints", " ".join(map(str, READY)), "--format", "csv", "--frame", "tcp")
    (row,) = csv.DictReader(io.StringIO(ran.output))
    assert list(row) == [*(f"q{j}" for j in range(1, 7)), "x", "y", "z", "qw", "qx", "qy", "qz", "frame"]
    assert row["frame"] == "tcp"
    assert float(row["q2"]) == 1.2


def test_the_table_names_frame_and_position() -> None:
    output = run("piper-fk", "--joints", " ".join(map(str, READY)), "--frame", "tcp").output
    assert "tcp" in output
    assert "0.337375" in output


def test_joints_outside_their_limits_are_computed_with_a_warning_that_names_them() -> None:
    ran = run("piper-fk", "--joints", "0 -0.5 -1.2 0 1.5 0")
    assert ran.code == 0
    assert "joint2 is -0.5 rad" in ran.errors
    assert "joint5 is 1.5 rad" in ran.errors
    assert "joint1" not in ran.errors


def test_joints_on_their_limits_give_no_warning() -> None:
    for joints in (arms.LOWER, arms.UPPER):
        assert run("piper-fk", "--joints", " ".join(f"{q:.6f}" for q in joints)).errors == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--joints", "0 0 0"], "--joints: 3 numbers; expected 6: q1 q2 q3 q4 q5 q6"),
        (["--joints", "0 0 0 0 0 nan"], "q6 is nan"),
        (["--joints", "0 0 0 0 0 x"], "'x' is not a number"),
        (["--joints", "nowhere.csv"], "nowhere.csv cannot be read"),
        (["--joints", "0 0 0 0 0 0", "--frame", "tpc"], "there is no frame 'tpc'. Did you mean 'tcp'?"),
        (["--joints", "0 0 0 0 0 0", "--variant", "old"], "old-dh"),
        (["--joints", "0 0 0 0 0 0", "--tcp-offset", "1,2"], "tcp offset '1,2' must be"),
        (["--joints", "0 0 0 0 0 0", "--tcp-offset", "0,0,1", "--frame", "link6"], "--tcp-offset moves the frame tcp"),
        ([], "--joints"),
    ],
)
def test_wrong_input_is_refused_with_code_2(arguments, message) -> None:
    ran = run("piper-fk", *arguments)
    assert ran.code == 2
    assert message in ran.errors
    assert ran.output == ""
