"""Paths are judged by a model of their own here: the arm's MJCF, the obstacles written as XML, and exact distances."""

import sys
from itertools import pairwise

import numpy as np
import pytest

from harness.errors import UsageError
from harness.kinematics.analytic import AnalyticKinematics
from harness.kinematics.robot import load_robot
from harness.motion.collision import CollisionChecker
from harness.motion.planner import EndError, JointPath, PlanningError, plan, plan_to_pose
from harness.motion.world import Box, Sphere, World
from harness.paths import robots_dir

MODEL = robots_dir() / "piper" / "piper.xml"
mujoco = pytest.importorskip("mujoco", reason="MuJoCo is not installed")
pytest.importorskip("ompl", reason="ompl is not installed")
pytestmark = pytest.mark.skipif(not MODEL.is_file(), reason="robots/piper/piper.xml is not there")

READY = np.array([0, 1.2, -1.2, 0, 0.9, 0])
LEFT, RIGHT = READY + np.eye(6)[0] * 0.6, READY - np.eye(6)[0] * 0.6
CLEARANCE_M = 0.005
WALLED = World(obstacles=(Box(name="wall", size_m=(0.3, 0.02, 0.5), xyz_m=(0.4, 0, 0.25)),), clearance_m=CLEARANCE_M)
WALL_XML = '<body name="wall" pos="0.4 0 0.25"><geom name="wall" type="box" size="0.15 0.01 0.25"/></body>'


@pytest.fixture(scope="module")
def checker() -> CollisionChecker:
    return CollisionChecker(load_robot(), WALLED)


def dense(path: JointPath, spacing_rad: float = 0.002) -> np.ndarray:
    rows = []
    for start, goal in pairwise(path.joint_pos_rad):
        count = int(np.ceil(np.abs(goal - start).max() / spacing_rad)) + 1
        rows.append(start + np.linspace(0, 1, count)[:, np.newaxis] * (goal - start))
    return np.concatenate(rows)


def least_distance_to_wall_m(joint_pos_rad: np.ndarray) -> float:
    text = MODEL.read_text().replace("<worldbody>", f"<worldbody>{WALL_XML}").replace("<worldbody />", "")
    model = mujoco.MjModel.from_xml_string(text.replace('meshdir="meshes"', f'meshdir="{MODEL.parent / "meshes"}"'))
    data, wall = mujoco.MjData(model), model.geom("wall").id
    arm = [g for g in range(model.ngeom) if model.geom_contype[g] and model.body_weldid[model.geom_bodyid[g]]]
    least = np.inf
    for joints in joint_pos_rad:
        data.qpos[:6] = joints
        mujoco.mj_kinematics(model, data)
        least = min(least, *(mujoco.mj_geomDistance(model, data, wall, geom, 0.05, None) for geom in arm))
    return least


def test_a_path_leads_around_a_wall_with_the_clearance_asked_for(checker: CollisionChecker) -> None:
    path = plan(LEFT, RIGHT, checker, seed=1)
    np.testing.assert_array_equal(path.joint_pos_rad[[0, -1]], [LEFT, RIGHT])
    assert least_distance_to_wall_m(dense(path)) >= CLEARANCE_M
    limits = load_robot().limits_rad
    assert (path.joint_pos_rad >= limits[:, 0]).all()
    assert (path.joint_pos_rad <= limits[:, 1]).all()


def test_the_independent_check_sees_the_wall_on_the_straight_way() -> None:
    straight = JointPath(np.stack([LEFT, RIGHT]), branch=0, branches=1, seed=0, time_s=0.0)
    assert least_distance_to_wall_m(dense(straight, 0.05)) < 0


def test_a_seed_gives_one_path_and_another_seed_another(checker: CollisionChecker) -> None:
    first, other, again = (plan(LEFT, RIGHT, checker, seed=seed).joint_pos_rad for seed in (1, 2, 1))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or np.abs(first - other).max() > 1e-3


def test_a_free_straight_line_is_the_path() -> None:
    path = plan(LEFT, RIGHT, CollisionChecker(load_robot()))
    np.testing.assert_array_equal(path.joint_pos_rad, [LEFT, RIGHT])
    assert path.length_rad == pytest.approx(1.2)


def test_a_path_to_a_pose_brings_the_frame_there(checker: CollisionChecker) -> None:
    kinematics = AnalyticKinematics(load_robot())
    target = kinematics.forward(RIGHT[np.newaxis], "tcp")[0]
    path = plan_to_pose(LEFT, target, checker, kinematics, frame="tcp")
    np.testing.assert_allclose(kinematics.forward(path.joint_pos_rad[-1:], "tcp")[0], target, atol=1e-6)
    assert least_distance_to_wall_m(dense(path)) >= CLEARANCE_M


def test_the_nearest_free_solution_of_a_pose_is_taken_and_a_colliding_one_passed_over() -> None:
    robot = load_robot()
    kinematics = AnalyticKinematics(robot)
    generator = np.random.default_rng(2)
    free = CollisionChecker(robot)
    while True:
        joints = generator.uniform(*robot.limits_rad.T)
        target = kinematics.forward(joints[np.newaxis], "tcp")
        found = kinematics.inverse(target, READY, "tcp")
        solutions = found.joint_pos_rad[0, : found.count[0]]
        if len(solutions) > 1 and free.collision_free(solutions).all() and np.linalg.norm(solutions[0] - solutions[1]) > 1.5:
            break
    assert plan_to_pose(READY, target[0], free, kinematics).branch == 0
    # A ball around the elbow of the nearest solution, which is the origin of link3.
    elbow = _elbow(solutions[0])
    ball = Sphere(name="ball", radius_m=0.03, xyz_m=tuple(elbow.tolist()))
    blocked = CollisionChecker(robot, World(obstacles=(ball,)))
    expected = next(s for s in solutions if blocked.collision_free(s[np.newaxis])[0])
    path = plan_to_pose(READY, target[0], blocked, kinematics)
    np.testing.assert_allclose(path.joint_pos_rad[-1], expected, atol=1e-9)


def _elbow(joints: np.ndarray) -> np.ndarray:
    model = mujoco.MjModel.from_xml_path(str(MODEL))
    data = mujoco.MjData(model)
    data.qpos[:6] = joints
    mujoco.mj_kinematics(model, data)
    return data.body("link3").xpos.copy()


def test_ends_in_collision_are_refused_and_what_collides_is_named(checker: CollisionChecker) -> None:
    with pytest.raises(EndError, match="the goal is in collision: gripper_base and wall overlap by"):
        plan(LEFT, READY, checker)
    with pytest.raises(EndError, match="the start is in collision: gripper_base and wall overlap by"):
        plan(READY, LEFT, checker)
    kinematics = AnalyticKinematics(load_robot())
    with pytest.raises(EndError, match=r"with each of its 1 joint vectors:\n  \[.*\]: gripper_base and wall"):
        plan_to_pose(LEFT, kinematics.forward(READY[np.newaxis], "tcp")[0], checker, kinematics)


def test_ends_that_the_arm_cannot_take_are_refused(checker: CollisionChecker) -> None:
    with pytest.raises(EndError, match=r"the goal is outside the limits: joint2 is 4\.0000 rad"):
        plan(LEFT, [0, 4, 0, 0, 0, 0], checker)
    far = np.eye(4)
    far[0, 3] = 2
    with pytest.raises(EndError, match="the goal cannot be reached: reach"):
        plan_to_pose(LEFT, far, checker, AnalyticKinematics(load_robot()))


def test_a_search_that_runs_out_of_time_says_so(checker: CollisionChecker) -> None:
    """A millisecond is enough for some tens of the thousands of checks that a way around the wall takes."""
    with pytest.raises(PlanningError, match=r"no path to the goal was found within 0\.001 s") as raised:
        plan(LEFT, RIGHT, checker, time_limit_s=0.001)
    assert not isinstance(raised.value, UsageError)


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"time_limit_s": 0}, {"time_limit_s": float("nan")}])
def test_senseless_options_are_refused(checker: CollisionChecker, wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        plan(LEFT, RIGHT, checker, **wrong)


def test_a_missing_package_is_named(checker: CollisionChecker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ompl", None)
    with pytest.raises(UsageError, match="pip install ompl"):
        plan(LEFT, RIGHT, checker)
