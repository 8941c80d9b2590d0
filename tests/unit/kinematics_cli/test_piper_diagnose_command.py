import csv
import io
import json

import arms
import numpy as np
import pytest
from piper_commands import run
from scipy.spatial.transform import Rotation

JOINTS = arms.random_joints(40, seed=11)


def quaternion_file(path, poses) -> str:
    quat = Rotation.from_matrix(poses[:, :3, :3]).as_quat(scalar_first=True)
    rows = np.hstack([JOINTS, poses[:, :3, 3], quat])
    np.savetxt(path, rows, delimiter=",", header="q1,q2,q3,q4,q5,q6,x,y,z,qw,qx,qy,qz", comments="")
    return str(path)


def sdk_file(path, poses) -> str:
    """As the SDK counts: degrees, millimetres with three digits, Euler angles in degrees with three digits."""
    euler = Rotation.from_matrix(poses[:, :3, :3]).as_euler("xyz", degrees=True)
    rows = np.hstack([np.degrees(JOINTS), poses[:, :3, 3] * 1e3, euler])
    np.savetxt(path, rows, delimiter=",", fmt="%.3f", header="q1,q2,q3,q4,q5,q6,x,y,z,rx,ry,rz", comments="")
    return str(path)


def test_the_sentences_name_the_variant_and_how_to_mend_it(tmp_path) -> None:
    path = quaternion_file(
        tmp_path / "m.csv", arms.chain(arms.OLD, JOINTS) @ arms.moved(Rotation.identity(), [0, 0, 0.1358])
    )
    ran = run("piper-diagnose", path)
    assert ran.code == 0
    assert "firmware before S-V1.6-3" in ran.output
    assert "Use --variant old-dh" in ran.output
    assert "The poses are of the finger tips (tcp)." in ran.output
    assert "Use --frame tcp." in ran.output


def test_poses_that_the_sdk_rounds_are_told_from_the_urdfs(tmp_path) -> None:
    ran = run("piper-diagnose", sdk_file(tmp_path / "m.csv", arms.sdk(JOINTS)), "--sdk-units", "--format", "json")
    data = json.loads(ran.output)
    assert (ran.code, data["arm"], data["variant"], data["frame"]) == (0, "sdk", "current", "link6")
    assert data["joint_unit"] == "deg"
    assert data["position_rms_mm"] < 0.02


def test_sdk_units_that_were_not_declared_are_found(tmp_path) -> None:
    ran = run("piper-diagnose", sdk_file(tmp_path / "m.csv", arms.chain(arms.CURRENT, JOINTS)), "--format", "json")
    data = json.loads(ran.output)
    assert (data["arm"], data["length_unit"], data["rotation"]) == ("current", "mm", "Euler xyz in deg")
    assert any("The positions are in mm" in sentence for sentence in data["explanation"])


def test_csv_has_a_row_for_each_of_the_best_explanations(tmp_path) -> None:
    path = quaternion_file(tmp_path / "m.csv", arms.chain(arms.CURRENT, JOINTS))
    rows = list(csv.DictReader(io.StringIO(run("piper-diagnose", path, "--format", "csv", "--top", "5").output)))
    assert len(rows) == 5
    assert rows[0]["arm"] == "current"
    assert float(rows[0]["position_rms_mm"]) < 1e-2


def test_what_piper_fk_says_is_explained() -> None:
    joints = json.dumps(JOINTS.tolist())
    poses = run("piper-fk", "--joints", "-", "--frame", "tcp", "--format", "json", given=joints).output
    ran = run("piper-diagnose", "-", "--format", "json", given=poses)
    data = json.loads(ran.output)
    assert (ran.code, data["arm"], data["tool"]) == (0, "current", "tcp")
    assert data["position_max_mm"] < 1e-6


def test_measurements_that_nothing_explains_are_code_1(tmp_path) -> None:
    poses = arms.chain(arms.CURRENT, JOINTS)
    ran = run("piper-diagnose", quaternion_file(tmp_path / "m.csv", poses[::-1].copy()))
    assert ran.code == 1
    assert "Nothing known explains these measurements" in ran.output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("q1,q2\n1,2\n", "missing; expected 13: q1,q2,q3,q4,q5,q6,x,y,z,qw,qx,qy,qz or 12: "),
        ("q1,q2,q3,q4,q5,q6,x,y,z,rx,ry,rz\n1,2,3,4,5,6,7,8,9,1,2,x\n", "line 2: 'x' is not a number"),
        ("q1,q2,q3,q4,q5,q6,x,y,z,rx,ry,rz\n1,2,3,4,5,6,7,8,9,1,2,3\n", "1 measurements; at least 3 are needed"),
    ],
)
def test_malformed_measurements_are_code_2(content, message, tmp_path) -> None:
    (tmp_path / "m.csv").write_text(content)
    ran = run("piper-diagnose", str(tmp_path / "m.csv"))
    assert (ran.code, ran.output) == (2, "")
    assert message in ran.errors


def test_a_missing_file_is_code_2() -> None:
    assert run("piper-diagnose", "nowhere.csv").code == 2
