import csv
import io
import json
import os

import arms
import numpy as np
import pytest
from piper_commands import run
from scipy.spatial.transform import Rotation

DOWN = "0.3 0 0.1 0 0 1 0"  # the finger tips point down; reachable
FAR = "-0.1 0.3 0.9 0 1 0 0"  # out of reach


def ik(*arguments: str, code: int = 0, given: str | None = None) -> list[dict]:
    ran = run("piper-ik", *arguments, "--format", "json", given=given)
    assert ran.code == code, ran.errors
    return json.loads(ran.output)


def reachable(count: int, table=arms.CURRENT, tool=(0, 0, 0)) -> np.ndarray:
    """Poses (N, 7) of random joints."""
    poses = arms.chain(table, arms.random_joints(count)) @ arms.moved(Rotation.identity(), tool)
    return np.hstack([poses[:, :3, 3], Rotation.from_matrix(poses[:, :3, :3]).as_quat(scalar_first=True)])


def check(entry: dict, table=arms.CURRENT, tool=(0, 0, 0)) -> None:
    """Every solution reaches the target and is within the limits, by the published description."""
    target = np.array(entry["target"])
    for solution in entry["solutions"]:
        joints = np.array(solution["joint_pos_rad"])
        assert (joints >= arms.LOWER - 1e-9).all()
        assert (joints <= arms.UPPER + 1e-9).all()
        pose = arms.chain(table, joints[np.newaxis])[0] @ arms.moved(Rotation.identity(), tool)
        distance = np.linalg.norm(pose[:3, 3] - target[:3])
        angle = (Rotation.from_matrix(pose[:3, :3]).inv() * Rotation.from_quat(target[3:], scalar_first=True)).magnitude()
        assert distance == pytest.approx(solution["position_error_m"], abs=1e-6)
        assert angle == pytest.approx(solution["rotation_error_rad"], abs=1e-6)
        if entry["success"]:
            assert distance <= 1e-3
            assert angle <= 1e-2


def test_json_has_one_object_a_pose_with_the_documented_keys() -> None:
    (entry,) = ik("--target-pose", DOWN, "--frame", "tcp")
    assert set(entry) == {"target", "success", "solutions", "frame", "variant", "backend", "time_s"}
    assert entry["target"] == [0.3, 0, 0.1, 0, 0, 1, 0]
    assert entry["success"] is True
    assert (entry["frame"], entry["variant"], entry["backend"]) == ("tcp", "current", "analytic")
    assert len(entry["solutions"]) == 1
    assert {"joint_pos_rad", "position_error_m", "rotation_error_rad"} <= set(entry["solutions"][0])
    assert entry["time_s"] > 0
    check(entry, tool=(0, 0, 0.1358))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--target-pose", "-0.1 0.3 0.4 0.5 -0.5 0.5 0.5"],
        ["--target-pose=-0.1,0.3,0.4,0.5,-0.5,0.5,0.5"],
        ["--target-pose", "-0.1, 0.3, 0.4, 0, 90, 90", "--rpy", "--degrees"],
        ["--target-pose=-0.1,0.3,0.4,0,1.5707963267948966,1.5707963267948966", "--rpy"],
    ],
)
def test_negative_numbers_and_every_notation_mean_the_same_pose(arguments) -> None:
    (entry,) = ik(*arguments)
    np.testing.assert_allclose(entry["target"], [-0.1, 0.3, 0.4, 0.5, -0.5, 0.5, 0.5], atol=1e-12)
    check(entry)


@pytest.mark.parametrize("kind", ["csv", "npy", "json", "stdin"])
def test_files_of_poses_are_all_solved(kind, tmp_path) -> None:
    poses = reachable(30)
    path = tmp_path / f"poses.{kind}"
    given = "\n".join(["x,y,z,qw,qx,qy,qz", *(",".join(map(repr, map(float, pose))) for pose in poses)])
    if kind == "csv":
        path.write_text(given)
    elif kind == "npy":
        np.save(path, poses)
    elif kind == "json":
        path.write_text(json.dumps(poses.tolist()))
    entries = ik("--poses", "-" if kind == "stdin" else str(path), given=given if kind == "stdin" else None)
    assert len(entries) == 30
    for entry, pose in zip(entries, poses, strict=True):
        np.testing.assert_allclose(entry["target"], pose, atol=1e-12)
        check(entry)


def test_the_output_of_fk_can_be_solved_again() -> None:
    joints = "0.1 1.2 -1.2 0.2 0.9 -0.3"
    poses = run("piper-fk", "--joints", joints, "--frame", "tcp", "--format", "json").output
    (entry,) = ik("--poses", "-", "--frame", "tcp", "--seed", joints, given=poses)
    np.testing.assert_allclose(entry["solutions"][0]["joint_pos_rad"], list(map(float, joints.split())), atol=1e-5)


def test_a_matrix_from_a_file_is_solved(tmp_path) -> None:
    pose = arms.chain(arms.CURRENT, arms.random_joints(1))[0]
    np.savetxt(tmp_path / "m.txt", pose)
    (entry,) = ik("--matrix", str(tmp_path / "m.txt"))
    np.testing.assert_allclose(entry["target"][:3], pose[:3, 3])
    check(entry)


def test_all_gives_every_solution_nearest_to_the_seed_first() -> None:
    entries = ik("--poses", "-", "--all", "--seed", "0 1.5 -1.5 0 0 0", given=json.dumps(reachable(30).tolist()))
    assert max(len(entry["solutions"]) for entry in entries) > 1
    for entry in entries:
        check(entry)
        distances = [np.linalg.norm(np.array(s["joint_pos_rad"]) - [0, 1.5, -1.5, 0, 0, 0]) for s in entry["solutions"]]
        assert distances == sorted(distances)


@pytest.mark.parametrize(("variant", "table"), [("current", arms.CURRENT), ("old-dh", arms.OLD)])
def test_variant_and_tool_are_those_that_were_asked_for(variant, table) -> None:
    poses = json.dumps(reachable(5, table, (0.01, 0, 0.145)).tolist())
    for entry in ik("--poses", "-", "--variant", variant, "--tcp-offset", "0.01,0,0.145", given=poses):
        assert (entry["frame"], entry["variant"]) == ("tcp", variant)
        check(entry, table, (0.01, 0, 0.145))


def test_a_pose_out_of_reach_is_code_2_with_nearest_pose_error_and_reason() -> None:
    entries = ik("--poses", "-", code=2, given=json.dumps([list(map(float, FAR.split())), reachable(1)[0].tolist()]))
    assert [entry["success"] for entry in entries] == [False, True]
    assert "reach" in entries[0]["reason"]
    assert "reason" not in entries[1]
    assert entries[0]["solutions"][0]["position_error_m"] > 0.1
    for entry in entries:
        check(entry)
    ran = run("piper-ik", "--target-pose", FAR)
    assert ran.code == 2
    assert "pose 0 is not reached: reach" in ran.output
    assert "0 of 1 poses reached" in ran.output


def test_tolerances_decide_what_is_reached() -> None:
    near = "0 0 0.86 0 1 0 0"
    (entry,) = ik("--target-pose", near, code=2)
    far_m, far_rad = (entry["solutions"][0][key] for key in ("position_error_m", "rotation_error_rad"))
    wide = ["--position-tolerance", str(far_m * 1.1), "--rotation-tolerance", str(far_rad * 1.1)]
    assert ik("--target-pose", near, *wide)[0]["success"] is True


def test_the_table_shows_solution_check_errors_frame_variant_back_end_and_time() -> None:
    output = run("piper-ik", "--target-pose", DOWN, "--frame", "tcp").output
    assert "forward kinematics of solution 0: x 0.300000 y 0.000000 z 0.100000" in output
    assert "error mm" in output
    assert "error deg" in output
    assert "1 of 1 poses reached; frame tcp, variant current, back end analytic," in output
    assert " ms a pose" in output


def test_csv_has_a_row_a_solution_under_the_documented_header() -> None:
    ran = run("piper-ik", "--target-pose", FAR, "--format", "csv")
    assert ran.code == 2
    (row,) = csv.DictReader(io.StringIO(ran.output))
    assert ",".join(row) == (
        "pose,solution,success,q1,q2,q3,q4,q5,q6,position_error_m,rotation_error_rad,x,y,z,qw,qx,qy,qz,"
        "frame,variant,backend,time_s,reason"
    )
    assert row["success"] == "false"
    assert "reach" in row["reason"]


def test_out_is_written_in_the_format_of_its_name_and_leaves_nothing_else(tmp_path) -> None:
    for name in ("joints.json", "joints.csv"):
        ran = run("piper-ik", "--target-pose", DOWN, "--frame", "tcp", "--out", str(tmp_path / name))
        assert (ran.code, ran.output) == (0, "")
    assert sorted(os.listdir(tmp_path)) == ["joints.csv", "joints.json"]
    assert json.loads((tmp_path / "joints.json").read_text())[0]["success"] is True
    again = run("piper-fk", "--joints", str(tmp_path / "joints.csv"), "--frame", "tcp", "--format", "json")
    np.testing.assert_allclose(json.loads(again.output)[0]["position_m"], [0.3, 0, 0.1], atol=1e-6)


def test_a_quaternion_that_is_not_unit_is_normalised_with_a_warning() -> None:
    ran = run("piper-ik", "--target-pose", "0.3 0 0.1 0 0 2 0", "--frame", "tcp")
    assert ran.code == 0
    assert "has length 2; normalised" in ran.errors


def test_the_back_end_can_be_chosen() -> None:
    pytest.importorskip("mujoco")
    (entry,) = ik("--target-pose", DOWN, "--frame", "tcp", "--backend", "mujoco")
    assert entry["backend"] == "mujoco"
    check(entry, tool=(0, 0, 0.1358))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say which poses: one of --target-pose, --poses and --matrix"),
        (["--target-pose", DOWN, "--poses", "-"], "say which poses"),
        (["--target-pose", "0 0 0"], "--target-pose: 3 numbers; expected 7"),
        (["--target-pose", "0 0 nan 1 0 0 0"], "z is nan"),
        (["--target-pose", "0 0 0 0 0 0 0"], "the quaternion has length 0"),
        (["--target-pose", DOWN, "--frame", "tpc"], "there is no frame 'tpc'. Did you mean 'tcp'?"),
        (["--target-pose", DOWN, "--variant", "new"], "new"),
        (["--target-pose", DOWN, "--backend", "analitic"], "Did you mean 'analytic'?"),
        (["--target-pose", DOWN, "--seed", "0 0"], "--seed: 2 numbers; expected 6"),
        (["--target-pose", DOWN, "--degrees"], "use it with --rpy"),
        (["--target-pose", DOWN, "--position-tolerance", "0"], "--position-tolerance must be a positive number"),
        (["--target-pose", DOWN, "--rotation-tolerance", "nan"], "--rotation-tolerance must be a positive number"),
        (["--target-pose", DOWN, "--tcp-offset", "0,0,0.1", "--frame", "flange"], "--tcp-offset moves the frame tcp"),
        (["--poses", "nowhere.csv"], "nowhere.csv cannot be read"),
        (["--matrix", "nowhere.npy"], "nowhere.npy cannot be read"),
        (["--matrix", "m.txt", "--rpy"], "a matrix has none"),
        (["--target-pose", DOWN, "--format", "xml"], "xml"),
    ],
)
def test_wrong_input_is_refused_with_code_2_and_nothing_is_written(arguments, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("piper-ik", *arguments, "--out", "out.json")
    assert ran.code == 2
    assert message in ran.errors
    assert ran.output == ""
    assert os.listdir(tmp_path) == []


def test_a_wrong_row_in_a_file_is_named_and_nothing_is_solved(tmp_path) -> None:
    (tmp_path / "p.csv").write_text("x,y,z,qw,qx,qy,qz\n0.3,0,0.1,0,0,1,0\n0.3,0,zero,0,0,1,0\n")
    ran = run("piper-ik", "--poses", str(tmp_path / "p.csv"))
    assert (ran.code, ran.output) == (2, "")
    assert "p.csv, line 3: 'zero' is not a number" in ran.errors


def test_a_reached_pose_is_executed_in_the_simulated_arm_and_measured_there() -> None:
    pytest.importorskip("mujoco", reason="mujoco is not installed")
    pytest.importorskip("ruckig", reason="ruckig is not installed")
    target = reachable(1)[0]
    first, second = ik("--poses", "-", "--execute", "--video", "none", code=2, given=json.dumps(
        [target.tolist(), list(map(float, FAR.split()))]
    ))  # fmt: skip
    executed = first["executed"]
    assert executed["arrived"] is True
    assert executed["touched"] == []
    np.testing.assert_allclose(executed["reached"][:3], target[:3], atol=1e-3)
    assert executed["duration_s"] > 0
    assert "executed" not in second, "a pose that is not reached is not driven to"


def test_a_video_that_is_no_mp4_is_refused_before_anything_is_solved() -> None:
    ran = run("piper-ik", "--target-pose", "0.3 0 0.1 0 0 1 0", "--execute", "--video", "motion.gif")
    assert ran.code == 2
    assert ".mp4" in ran.errors
