"""``piper-ik --world``: obstacles are put where a solution's elbow is, which is computed from the published table."""

import functools
import json

import arms
import numpy as np
import pytest
from piper_commands import run
from scipy.spatial.transform import Rotation

pytest.importorskip("mujoco", reason="MuJoCo is not installed")

DOWN = "0.3 0 0.1 0 0 1 0"
TABLE = "{name: table, type: box, size_m: [1, 1, 0.04], xyz_m: [0.3, 0, -0.02]}"
WALL = "{name: wall, type: box, size_m: [0.3, 0.02, 0.5], xyz_m: [0.4, 0, 0.25]}"


@pytest.fixture
def world(tmp_path):
    def write(*obstacles: str) -> str:
        path = tmp_path / "world.yaml"
        path.write_text(f"schema: 1\nobstacles: [{', '.join(obstacles)}]\n")
        return str(path)

    return write


def ik(*arguments: str, code: int = 0, given: str | None = None) -> list[dict]:
    ran = run("piper-ik", *arguments, "--format", "json", given=given)
    assert ran.code == code, ran.errors
    return json.loads(ran.output)


def ball(name: str, centre, radius_m: float) -> str:
    return f"{{name: {name}, type: sphere, radius_m: {radius_m}, xyz_m: {np.asarray(centre).tolist()}}}"


def elbow(joints) -> np.ndarray:
    """Where link 3 begins, after joints 1 and 2."""
    return arms.chain(arms.CURRENT[:3], np.array([joints[:3]]))[0][:3, 3]


@functools.cache
def two_elbows() -> tuple[str, list[list[float]]]:
    """A pose whose solutions have elbows far apart, and which touch nothing by themselves."""
    poses = arms.chain(arms.CURRENT, arms.random_joints(300, seed=5))
    quat = Rotation.from_matrix(poses[:, :3, :3]).as_quat(scalar_first=True)
    rows = np.hstack([poses[:, :3, 3], quat])
    empty = ik("--poses", "-", "--all", given=json.dumps(rows.tolist()))
    for row, entry in zip(rows, empty, strict=True):
        solutions = [solution["joint_pos_rad"] for solution in entry["solutions"]]
        if len(solutions) == 2 and np.linalg.norm(elbow(solutions[0]) - elbow(solutions[1])) > 0.25 and row[2] > 0.2:
            return " ".join(map(repr, row.tolist())), solutions
    raise AssertionError("no such pose among 300")


def test_of_a_poses_solutions_those_that_touch_an_obstacle_are_left_out(world) -> None:
    pose, (first, second) = two_elbows()
    for blocked, free in ((first, second), (second, first)):
        path = world(ball("ball", elbow(blocked), 0.02))
        (entry,) = ik("--target-pose", pose, "--all", "--world", path)
        assert entry["backend"] == "analytic"
        assert [solution["joint_pos_rad"] for solution in entry["solutions"]] == [pytest.approx(free, abs=1e-9)]
        assert "reason" not in entry


def test_where_every_solution_touches_something_the_reason_is_collision_and_the_code_2(world) -> None:
    pose, solutions = two_elbows()
    path = world(*(ball(f"ball{i}", elbow(q), 0.02) for i, q in enumerate(solutions)))
    (entry,) = ik("--target-pose", pose, "--all", "--world", path, code=2)
    assert entry["success"] is False
    assert entry["reason"].startswith("collision: the arm touches something in every solution found (2); in the nearest ")
    assert "ball0 overlap by" in entry["reason"]
    assert [solution["joint_pos_rad"] for solution in entry["solutions"]] == [pytest.approx(solutions[0], abs=1e-9)]
    assert "pose 0 is not reached: collision" in run("piper-ik", "--target-pose", pose, "--world", path).output


def test_without_a_world_nothing_is_said_of_collisions(world) -> None:
    assert ik("--target-pose", DOWN, "--frame", "tcp")[0]["success"]
    assert not ik("--target-pose", DOWN, "--frame", "tcp", "--world", world(WALL), code=2)[0]["success"]
    assert ik("--target-pose", DOWN, "--frame", "tcp", "--world", world(TABLE))[0]["success"], "the arm stands on it"


def test_a_pose_out_of_reach_keeps_its_own_reason(world) -> None:
    (entry,) = ik("--target-pose", "-0.1 0.3 0.9 0 1 0 0", "--world", world(TABLE), code=2)
    assert entry["reason"].startswith("reach")


def test_many_poses_are_each_judged_for_themselves(world) -> None:
    poses = [[0.3, 0, 0.1, 0, 0, 1, 0], [0.0, 0.3, 0.1, 0, 0, 1, 0], [0.0, 0.0, 1.5, 0, 0, 1, 0]]
    entries = ik("--poses", "-", "--frame", "tcp", "--world", world(WALL), code=2, given=json.dumps(poses))
    assert [entry["success"] for entry in entries] == [False, True, False]
    assert [entry.get("reason", "").split(":")[0] for entry in entries] == ["collision", "", "reach"]


def test_another_back_ends_solutions_are_judged_too(world) -> None:
    (entry,) = ik("--target-pose", DOWN, "--frame", "tcp", "--backend", "mujoco", "--world", world(WALL), code=2)
    assert entry["backend"] == "mujoco"
    assert entry["reason"].startswith("collision")


def test_execution_meets_the_world_on_its_way(world) -> None:
    pytest.importorskip("ruckig", reason="ruckig is not installed")
    # From ready, in front of the wall, to a pose behind it: free at its end, not on the way.
    target = arms.chain(arms.CURRENT, np.array([[1.0, 1.2, -1.2, 0.0, 0.9, 0.0]]))[0]
    quat = Rotation.from_matrix(target[:3, :3]).as_quat(scalar_first=True)
    text = " ".join(map(repr, [*target[:3, 3].tolist(), *quat.tolist()]))
    post = "{name: post, type: cylinder, radius_m: 0.02, height_m: 0.6, xyz_m: [0.24, 0.13, 0.3]}"
    arguments = ["--target-pose", text, "--seed", "1 1.2 -1.2 0 0.9 0", "--execute", "--video", "none"]
    (entry,) = ik(*arguments, "--world", world(post), code=1)
    assert entry["success"]
    assert not entry["executed"]["arrived"]
    assert any("post" in touched for touched in entry["executed"]["touched"])


def test_a_wrong_world_is_refused(tmp_path) -> None:
    (tmp_path / "w.yaml").write_text("schema: 1\nobstacles: [{name: a, type: box, xyz_m: [0, 0, 0]}]\n")
    for path, message in ((tmp_path / "w.yaml", "size_m"), (tmp_path / "gone.yaml", "gone.yaml")):
        ran = run("piper-ik", "--target-pose", DOWN, "--world", str(path))
        assert (ran.code, ran.output) == (2, "")
        assert message in ran.errors
