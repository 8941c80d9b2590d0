"""The adapter for cuRobo's motion planner, judged by our own checker; runs where cuRobo or curobo-metal is installed."""

import importlib.util
from itertools import pairwise

import numpy as np
import pytest

if missing := [package for package in ("curobo", "torch", "mujoco") if importlib.util.find_spec(package) is None]:
    pytest.skip(f"not installed: {', '.join(missing)} (docs/curobo.md)", allow_module_level=True)

import torch

from harness.errors import UsageError
from harness.kinematics._curobo_install import is_portable
from harness.kinematics.curobo import CuroboKinematics
from harness.kinematics.registry import choose_kinematics
from harness.kinematics.robot import load_robot
from harness.motion.collision import CollisionChecker
from harness.motion.curobo_planner import CuroboSearch, searches
from harness.motion.free_kinematics import CollisionFreeKinematics
from harness.motion.planner import OmplSearch, PlanningError, plan, plan_to_pose
from harness.motion.world import Box, World

READY = np.array([0, 1.2, -1.2, 0, 0.9, 0])
LEFT, RIGHT = READY + np.eye(6)[0] * 0.6, READY - np.eye(6)[0] * 0.6
ASIDE = Box(name="aside", size_m=(0.1, 0.1, 0.1), xyz_m=(0.0, -0.6, 0.3))
WALL = Box(name="wall", size_m=(0.3, 0.02, 0.5), xyz_m=(0.4, 0, 0.25))
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def kinematics():
    return CuroboKinematics()


@pytest.mark.parametrize("world", [None, World(obstacles=(ASIDE,))])
def test_a_simple_motion_to_joints_becomes_a_checked_path_from_exact_end_to_exact_end(kinematics, world):
    checker = CollisionChecker(load_robot(), world)
    path = plan(RIGHT, LEFT, checker, search=CuroboSearch(kinematics))
    assert path.planner == "curobo"
    np.testing.assert_array_equal(path.joint_pos_rad[[0, -1]], [RIGHT, LEFT])
    assert len(path.joint_pos_rad) < 10, "a dense motion would stop at each of its rows"
    for start, goal in pairwise(path.joint_pos_rad):
        between = start + np.linspace(0, 1, 200)[:, np.newaxis] * (goal - start)
        assert checker.collision_free(between).all()


def test_a_path_to_a_pose_ends_at_one_of_its_solutions(kinematics):
    robot = load_robot()
    arm = choose_kinematics(robot).kinematics
    target = arm.forward(LEFT[np.newaxis], "tcp")[0]
    path = plan_to_pose(RIGHT, target, CollisionChecker(robot), arm, frame="tcp", search=CuroboSearch(kinematics))
    assert path.planner == "curobo"
    np.testing.assert_allclose(arm.forward(path.joint_pos_rad[-1:], "tcp")[0], target, atol=1e-6)


@pytest.mark.skipif(not is_portable(), reason="NVIDIA's planner goes around the wall")
def test_a_motion_through_an_obstacle_is_refused_whatever_curobo_says_of_it(kinematics):
    checker = CollisionChecker(load_robot(), World(obstacles=(WALL,)))
    with pytest.raises(PlanningError, match="by cuRobo: cuRobo's way is no good: it touches the arm itself or an obstacle"):
        plan(RIGHT, LEFT, checker, search=CuroboSearch(kinematics))


def test_a_time_limit_that_is_over_begins_no_search(kinematics):
    search = CuroboSearch(kinematics)
    assert search(RIGHT, LEFT, CollisionChecker(load_robot()), 0, 0.0) is None
    assert "no time left" in search.advice(0.0)


def test_an_obstacle_in_the_base_is_refused(kinematics):
    table = Box(name="table", size_m=(1.0, 1.0, 0.04), xyz_m=(0.3, 0, -0.02))
    with pytest.raises(UsageError, match="'table'"):
        plan(RIGHT, LEFT, CollisionChecker(load_robot(), World(obstacles=(table,))), search=CuroboSearch(kinematics))


def test_the_planner_that_is_asked_for_is_the_one_that_is_used():
    (search,) = searches("curobo", load_robot())
    assert isinstance(search, CuroboSearch)


@pytest.mark.skipif(not is_portable(), reason="NVIDIA's cuRobo is installed")
def test_curobo_metal_is_never_chosen_of_itself():
    (search,) = searches("auto", load_robot())
    assert isinstance(search, OmplSearch)
    assert choose_kinematics(load_robot(), world=World()).kinematics.name == "analytic"


def test_where_curobo_has_cuda_it_is_chosen_first_and_for_worlds_alone(monkeypatch):
    monkeypatch.setattr("harness.kinematics._curobo_install.has_cuda_curobo", lambda: True)
    first, second = searches("auto", load_robot())
    assert (first.name, second.name) == ("curobo", "ompl")
    assert [search.name for search in searches("auto", load_robot("old-dh"))] == ["ompl"]
    assert choose_kinematics(load_robot(), world=World()).kinematics.name == "curobo"
    assert choose_kinematics(load_robot()).kinematics.name == "analytic"
    assert choose_kinematics(load_robot("old-dh"), world=World()).kinematics.name == "analytic"


def test_a_world_that_curobo_refuses_is_left_to_the_closed_form_with_a_note(monkeypatch):
    monkeypatch.setattr("harness.kinematics._curobo_install.has_cuda_curobo", lambda: True)
    table = World(obstacles=(Box(name="table", size_m=(1.0, 1.0, 0.04), xyz_m=(0.3, 0, -0.02)),))
    choice = choose_kinematics(load_robot(), world=table)
    assert choice.kinematics.name == "analytic"
    assert "'table'" in choice.note


def test_solutions_of_curobo_are_checked_against_the_world(kinematics):
    robot = load_robot()
    target = choose_kinematics(robot).kinematics.forward(READY[np.newaxis], "tcp")
    around = CollisionFreeKinematics(kinematics, CollisionChecker(robot, World(obstacles=(WALL,))))
    refused = around.inverse(target, READY, "tcp")
    assert not refused.success[0]
    assert refused.reason[0].startswith("collision")
    free = CollisionFreeKinematics(kinematics, CollisionChecker(robot, World(obstacles=(ASIDE,)))).inverse(
        target, READY, "tcp"
    )
    assert free.success[0]


@pytest.mark.gpu
@needs_cuda
def test_on_a_gpu_a_path_leads_around_a_wall(kinematics):
    checker = CollisionChecker(load_robot(), World(obstacles=(WALL,)))
    path = plan(RIGHT, LEFT, checker, search=CuroboSearch(kinematics), time_limit_s=60)
    assert path.planner == "curobo"
    assert len(path.joint_pos_rad) > 2
