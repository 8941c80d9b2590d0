"""What of the adapter for cuRobo's planner works where cuRobo is not installed."""

import importlib.util
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.errors import UsageError
from harness.kinematics.robot import load_robot
from harness.motion.collision import CollisionChecker
from harness.motion.curobo_planner import free_corners, searches
from harness.motion.planner import OmplSearch, plan
from harness.motion.world import Box, World

for package in ("mujoco", "ompl", "ruckig"):
    pytest.importorskip(package, reason=f"{package} is not installed")

READY = np.array([0, 1.2, -1.2, 0, 0.9, 0])
LEFT, RIGHT = READY + np.eye(6)[0] * 0.6, READY - np.eye(6)[0] * 0.6
WALL = World(obstacles=(Box(name="wall", size_m=(0.3, 0.02, 0.5), xyz_m=(0.4, 0, 0.25)),))


class NeverFinds:
    """A search that gives up, as cuRobo does where it finds no way."""

    name = "curobo"

    def __call__(self, start, goal, checker, seed, limit_s):
        return None

    def advice(self, limit_s):
        return "by this one"


def dense(corners: np.ndarray) -> np.ndarray:
    return np.concatenate([a + np.linspace(0, 1, 25)[:, np.newaxis] * (b - a) for a, b in pairwise(corners)])


def test_a_dense_motion_around_a_wall_becomes_few_free_lines() -> None:
    checker = CollisionChecker(load_robot(), WALL)
    rows = dense(plan(LEFT, RIGHT, checker).joint_pos_rad)
    corners, stuck = free_corners(rows, checker)
    assert stuck is None
    assert 2 < len(corners) < 10 < len(rows)
    np.testing.assert_array_equal(corners[[0, -1]], rows[[0, -1]])
    assert checker.path_is_free(corners)


def test_a_motion_through_a_wall_is_stopped_where_it_meets_it() -> None:
    checker = CollisionChecker(load_robot(), WALL)
    rows = dense(np.array([LEFT, RIGHT]))
    free = checker.collision_free(rows)
    _, stuck = free_corners(rows, checker)
    assert stuck is not None
    assert free[: stuck + 1].all()
    assert not free[stuck + 1 : stuck + 4].all()


def test_ompl_plans_where_there_is_no_cuda() -> None:
    if importlib.util.find_spec("torch") is not None:
        pytest.skip("torch is installed here, and may find a device")
    (search,) = searches("auto", load_robot())
    assert isinstance(search, OmplSearch)


def test_an_unknown_planner_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="Did you mean 'ompl'"):
        searches("opml", load_robot())


@pytest.mark.skipif(importlib.util.find_spec("curobo") is not None, reason="cuRobo is installed here")
def test_curobo_says_that_it_is_not_installed_and_what_is_there_instead() -> None:
    with pytest.raises(UsageError, match=r"--planner ompl can\. cuRobo is not installed"):
        searches("curobo", load_robot())


def test_curobo_is_refused_for_a_variant_that_it_has_no_file_for() -> None:
    with pytest.raises(UsageError, match="variant 'current' alone, not 'old-dh'"):
        searches("curobo", load_robot("old-dh"))


def test_the_output_names_the_planner_that_really_planned(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["piper-plan", "--to-joints", "zero", "--planner", "ompl", "--format", "json"])
    assert json.loads(result.stdout)[0]["backend"] == "ompl"
    assert "planned by ompl in" in CliRunner().invoke(cli, ["piper-plan", "--to-joints", "zero"]).stdout


def test_what_the_preferred_planner_cannot_do_the_next_one_does_with_a_warning(monkeypatch) -> None:
    monkeypatch.setattr("harness.motion.curobo_planner.searches", lambda name, robot: (NeverFinds(), OmplSearch()))
    result = CliRunner().invoke(cli, ["piper-plan", "--to-joints", "zero", "--format", "json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["backend"] == "ompl"
    assert "warning: ompl plans, because curobo did not: no path to the goal was found by this one" in result.stderr
