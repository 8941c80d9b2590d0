import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness.errors import UsageError
from harness.kinematics.poses import (
    axis_rotation,
    matrices_from_poses,
    matrix_from_quat,
    matrix_from_rpy,
    parse_pose,
    poses_from_matrices,
    quat_from_matrix,
    read_matrix,
    read_poses,
    rotation_angle,
    rpy_from_matrix,
)

ROTATIONS = Rotation.random(200, rng=np.random.default_rng(0))
WXYZ = ROTATIONS.as_quat(scalar_first=True)
# 90 degrees about z, wxyz.
QUARTER = [math.sqrt(0.5), 0, 0, math.sqrt(0.5)]

angles = st.floats(-math.pi, math.pi)


def same_rotation(first, second) -> None:
    np.testing.assert_allclose(np.abs(np.sum(first * second, axis=-1)), 1, atol=1e-12)


def test_matrices_of_quaternions_are_scipys() -> None:
    np.testing.assert_allclose(matrix_from_quat(WXYZ), ROTATIONS.as_matrix(), atol=1e-14)


def test_quaternions_of_matrices_are_scipys_and_have_a_positive_scalar_part() -> None:
    quat = quat_from_matrix(ROTATIONS.as_matrix())
    same_rotation(quat, WXYZ)
    assert (quat[:, 0] >= 0).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("degrees", [0, 90, 179.9999, 180, -180, 1e-7])
def test_quaternions_of_half_turns_and_tiny_turns_are_exact(axis, degrees) -> None:
    rotation = Rotation.from_euler("xyz"[axis], degrees, degrees=True)
    same_rotation(quat_from_matrix(rotation.as_matrix()), rotation.as_quat(scalar_first=True))


@given(st.tuples(angles, angles, angles))
def test_rpy_turns_about_fixed_axes_x_y_z(rpy) -> None:
    np.testing.assert_allclose(matrix_from_rpy(np.array(rpy)), Rotation.from_euler("xyz", rpy).as_matrix(), atol=1e-12)


@given(st.tuples(angles, st.floats(-1.5, 1.5), angles))
def test_rpy_of_a_matrix_gives_the_matrix_back(rpy) -> None:
    matrix = Rotation.from_euler("xyz", rpy).as_matrix()
    back = Rotation.from_euler("xyz", rpy_from_matrix(matrix)).as_matrix()
    np.testing.assert_allclose(back, matrix, atol=1e-9)


@pytest.mark.parametrize("pitch", [math.pi / 2, -math.pi / 2])
def test_rpy_at_gimbal_lock_gives_the_matrix_back_with_no_roll(pitch) -> None:
    matrix = Rotation.from_euler("xyz", [0.4, pitch, -0.9]).as_matrix()
    rpy = rpy_from_matrix(matrix)
    assert rpy[0] == 0
    np.testing.assert_allclose(Rotation.from_euler("xyz", rpy).as_matrix(), matrix, atol=1e-9)


def test_angles_between_rotations_are_exact_down_to_tiny_ones() -> None:
    for angle in (0.0, 1e-9, 1e-4, 1.0, math.pi):
        turned = ROTATIONS.as_matrix() @ axis_rotation(1, np.float64(angle))
        np.testing.assert_allclose(rotation_angle(ROTATIONS.as_matrix(), turned), angle, atol=1e-15, rtol=1e-6)


def test_poses_become_matrices_and_back() -> None:
    positions = np.random.default_rng(1).normal(size=(200, 3))
    matrices = matrices_from_poses(np.concatenate([positions, WXYZ], axis=1))
    np.testing.assert_allclose(matrices[:, :3, 3], positions)
    np.testing.assert_allclose(matrices[:, 3], np.tile([0, 0, 0, 1], (200, 1)))
    poses = poses_from_matrices(matrices)
    np.testing.assert_allclose(poses[:, :3], positions)
    same_rotation(poses[:, 3:], WXYZ)


@pytest.mark.parametrize(
    "text", ["0.1 -0.2 3e-1 1 0 0 0", "0.1,-0.2,0.3,1,0,0,0", "0.1, -0.2,  .3 1 0 0 0", "[0.1, -0.2, 0.3, 1, 0, 0, 0]"]
)
def test_seven_numbers_are_a_pose_with_spaces_commas_or_brackets(text) -> None:
    poses = parse_pose(text)
    np.testing.assert_allclose(poses.values, [[0.1, -0.2, 0.3, 1, 0, 0, 0]])
    assert poses.warnings == ()


def test_rpy_is_radians_unless_degrees_are_asked_for() -> None:
    np.testing.assert_allclose(parse_pose(f"1 2 3 0 0 {math.pi / 2}", rpy=True).values, [[1, 2, 3, *QUARTER]], atol=1e-12)
    np.testing.assert_allclose(parse_pose("1 2 3 0 0 90", rpy=True, degrees=True).values, [[1, 2, 3, *QUARTER]], atol=1e-12)


def test_a_rounded_quaternion_is_normalised_in_silence_and_another_with_a_warning() -> None:
    rounded = parse_pose("0 0 0 0.7071 0 0 0.7071")
    assert rounded.warnings == ()
    np.testing.assert_allclose(rounded.values[0, 3:], QUARTER, atol=1e-12)
    long = parse_pose("0 0 0 0 0 0 2")
    np.testing.assert_allclose(long.values[0, 3:], [0, 0, 0, 1])
    assert long.warnings == ("--target-pose: the quaternion has length 2; normalised",)


@pytest.mark.parametrize(
    ("text", "rpy", "message"),
    [
        ("0 0 0 1 0 0", False, "--target-pose: 6 numbers; expected 7: x,y,z,qw,qx,qy,qz. With --rpy six numbers are a pose"),
        ("0 0 0 1 0 0 0", True, "7 numbers; expected 6: x,y,z,roll,pitch,yaw"),
        ("", False, "'' is not a number|0 numbers; expected 7"),
        ("0 0 0 1 0 0 zero", False, "'zero' is not a number"),
        ("0 0,,0 1 0 0 0", False, "'' is not a number"),
        ("0 0 nan 1 0 0 0", False, "z is nan; every number must be finite"),
        ("0 0 0 1 inf 0 0", False, "qx is inf"),
        ("0 0 0 0 0 0 0", False, "the quaternion has length 0; expected 1"),
        ("0 0 0 1e-3 0 0 0", False, "has length 0.001"),
    ],
)
def test_malformed_poses_are_refused_with_what_was_expected(text, rpy, message) -> None:
    with pytest.raises(UsageError, match=message):
        parse_pose(text, rpy=rpy)


def test_degrees_without_rpy_are_refused() -> None:
    with pytest.raises(UsageError, match="use it with --rpy"):
        parse_pose("0 0 0 1 0 0 0", degrees=True)


POSES = [[0.1, 0.2, 0.3, 1, 0, 0, 0], [-0.1, 0, 0.5, *QUARTER]]


MATRICES = [
    [[1, 0, 0, 0.1], [0, 1, 0, 0.2], [0, 0, 1, 0.3], [0, 0, 0, 1]],
    [[0, -1, 0, -0.1], [1, 0, 0, 0], [0, 0, 1, 0.5], [0, 0, 0, 1]],
]
LINES = [",".join(str(float(number)) for number in pose) for pose in POSES]
SHUFFLED = [f'"a, b",{p[6]},{p[3]},{p[4]},{p[5]},{p[0]},{p[1]},{p[2]}' for p in POSES]
CONTENTS = {
    "header.csv": "\n".join(["# made by hand", "x,y,z,qw,qx,qy,qz", *LINES, ""]),
    "spreadsheet.csv": "\ufeff" + "\r\n".join(["note, qz, qw, qx, qy, x, y, z", *SHUFFLED]),
    "rpy.csv": f"x,y,z,roll,pitch,yaw\n0.1,0.2,0.3,0,0,0\n\n-0.1,0,0.5,0,0,{math.pi / 2}\n",
    "lines.txt": "\n".join(LINES),
    "lists.json": json.dumps(POSES),
    "flat.json": json.dumps([dict(zip(["x", "y", "z", "qw", "qx", "qy", "qz"], p, strict=True)) for p in POSES]),
    "grouped.json": json.dumps([{"position_m": p[:3], "quat_wxyz": p[3:], "frame": "tcp"} for p in POSES]),
    "targets.json": json.dumps([{"target": p, "success": True, "time_s": 0.1} for p in POSES]),
}


def written(folder, name: str) -> str:
    """The two poses, in the format that the file's name says."""
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, np.array(MATRICES if name == "matrices.npy" else POSES))
    else:
        path.write_bytes(CONTENTS[name].encode())
    return str(path)


FILES = [*CONTENTS, "seven.npy", "matrices.npy"]


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_poses(name, tmp_path) -> None:
    np.testing.assert_allclose(read_poses(written(tmp_path, name)).values, POSES, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in FILES if name in CONTENTS and name != "spreadsheet.csv"])
def test_standard_input_takes_csv_json_and_lines(name, tmp_path, monkeypatch) -> None:
    with open(written(tmp_path, name)) as file:
        monkeypatch.setattr("sys.stdin", file)
        np.testing.assert_allclose(read_poses("-").values, POSES, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "x,y,z,qw,qx,qy,qz\n0,0,0,1,0,0,0\n0,0,0,1,0,0\n", "a.csv, line 3: 6 values under a header of 7"),
        ("a.csv", "x,y,z,qw,qx,qy,qz\n\n0,0,0,1,0,0,a\n", "a.csv, line 3: 'a' is not a number"),
        ("a.csv", "x,y,z,qw,qx,qy,qz\n0,0,0,1,0,0,\n", "a.csv, line 2: '' is not a number"),
        ("a.csv", "x,y,z,qw,qx,qy,qz\n0,0,nan,1,0,0,0\n", "a.csv, line 2: z is nan"),
        ("a.csv", "x,y,z,qw,qx,qy,qz\n0,0,0,1,0,0,0\n0,0,0,0,0,0,0\n", "a.csv, line 3: the quaternion has length 0"),
        ("a.csv", "x,y,z,w,qx,qy,qz\n0,0,0,1,0,0,0\n", "a.csv, line 1: qw missing; .* Did you mean"),
        ("a.csv", "0,0,0,1,0,0,0\n", "the first line must be a header: 7: x,y,z,qw,qx,qy,qz"),
        ("a.csv", "x,y,z,qw,qx,qy,qz\n", "no rows were given"),
        ("a.csv", "", "must be a header"),
        ("a.txt", "0 0 0 1 0 0 0\n0 0 0 1 0 0\n", "a.txt, line 2: 6 numbers; expected 7"),
        ("a.txt", "0 0 0 1 0 0\n", "a.txt, line 1: 6 numbers; .* With --rpy"),
        ("a.json", "[[0,0,0,1,0,0,0],[0,0,0,1,0,0]]", "a.json, entry 1: 6 numbers"),
        ("a.json", "[[0,0,0,1,0,0,true]]", "a.json, entry 0: expected a list of numbers"),
        ("a.json", "[[0,0,0,1,0,0,NaN]]", "a.json, entry 0: qz is nan"),
        ("a.json", '[{"position_m": [0,0], "quat_wxyz": [1,0,0,0]}]', "entry 0: position_m has 2 numbers; expected 3"),
        ("a.json", '[{"position_m": [0,0,0]}]', "entry 0: roll, pitch, yaw missing; expected 7: x,y,z,qw"),
        ("a.json", "[[0,0,0,1,0,0,0], {}]", "entry 0: lists and objects must not be mixed"),
        ("a.json", "[0,0,", "a.json is not json"),
        ("a.json", "7", "expected a list of rows, not int"),
        ("a.xlsx", "", ".xlsx is not understood; use .csv, .json, .npy or .txt"),
    ],
)
def test_malformed_files_are_refused_with_line_and_expectation(name, content, message, tmp_path) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        read_poses(str(path))


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(UsageError, match=r"nowhere\.csv cannot be read"):
        read_poses("nowhere.csv")


def test_nothing_is_unpickled(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match=r"cannot be read as an \.npy file"):
        read_poses(str(tmp_path / "a.npy"))


@pytest.mark.parametrize("array", [np.zeros((2, 5)), np.zeros((2, 3, 7)), np.array(["a"]), np.zeros(7, dtype=complex)])
def test_arrays_of_another_shape_or_kind_are_refused(array, tmp_path) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UsageError, match=r"a\.npy"):
        read_poses(str(tmp_path / "a.npy"))


def test_many_quaternions_that_are_not_unit_give_one_warning(tmp_path) -> None:
    poses = np.tile([0.0, 0, 0, 1, 0, 0, 0], (1000, 1))
    poses[[3, 5, 7], 3] = 1.1
    np.save(tmp_path / "a.npy", poses)
    (warning,) = read_poses(str(tmp_path / "a.npy")).warnings
    assert warning.endswith("a.npy, row 3: the quaternion has length 1.1; normalised (and 2 more rows like it)")


def test_a_matrix_comes_from_text_or_npy(tmp_path) -> None:
    (tmp_path / "m.txt").write_text("0 -1 0 -0.1\n1 0 0 0\n0 0 1 0.5\n0 0 0 1\n")
    np.testing.assert_allclose(read_matrix(str(tmp_path / "m.txt")).values, [POSES[1]], atol=1e-12)
    np.testing.assert_allclose(read_matrix(written(tmp_path, "matrices.npy")).values, POSES, atol=1e-12)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(4).T + np.array([[0] * 4] * 3 + [[0.1, 0, 0, 0]]), "the last row is"),
        (np.diag([1.0, 1, -1, 1]), "mirrors"),
        (np.diag([2.0, 2, 2, 1]), "is off a rotation by 1"),
        (np.zeros((4, 4)), "the last row is"),
        (np.full((4, 4), np.nan), "NaN or infinity"),
        (np.zeros((3, 4)), r"expected \(4, 4\) or \(N, 4, 4\)"),
        (np.zeros((0, 4, 4)), "no matrices"),
    ],
)
def test_what_is_no_homogeneous_matrix_is_refused(matrix, message, tmp_path) -> None:
    np.save(tmp_path / "m.npy", matrix)
    with pytest.raises(UsageError, match=message):
        read_matrix(str(tmp_path / "m.npy"))


def test_a_matrix_that_is_a_little_off_is_mended_with_a_warning(tmp_path) -> None:
    matrix = np.eye(4)
    matrix[0, 0] = 1.01
    np.save(tmp_path / "m.npy", matrix)
    poses = read_matrix(str(tmp_path / "m.npy"))
    np.testing.assert_allclose(poses.values, [[0, 0, 0, 1, 0, 0, 0]], atol=1e-12)
    assert "the nearest rotation is used" in poses.warnings[0]
