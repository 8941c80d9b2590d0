"""Goals are reached by hand, and left again: one task for every kind of goal; scripts/check_goals.py does all 130."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.suites import load_suites

pytestmark = [pytest.mark.assets, pytest.mark.slow]

CHECKOUT = Path(__file__).parents[2]


class Scene:
    """The first initial state of a task, settled, with what moves it."""

    def __init__(self, suite, task_id, goal=None):
        from harness.envs.libero.goal_states import GoalMover, goal_predicates
        from harness.envs.libero.init_states import load_init_states
        from harness.envs.libero.simulation import Simulation, numpy_global_state

        (loaded,) = load_suites(suite)
        task = loaded.tasks[task_id]
        self.simulation = Simulation(task.bddl, control_freq_hz=20)
        with numpy_global_state(0):
            self.simulation.reset(joint_opening_draws=1)
        self.simulation.set_init_state(load_init_states(task.init_states)[0])
        for _ in range(10):
            self.simulation.step(np.array(loaded.protocol.settle_action))
        self.goal = goal_predicates(task.bddl) if goal is None else goal
        self.mover = GoalMover(self.simulation, self.goal)

    def position(self, body):
        return np.array(self.simulation.data.body(body).xpos)

    def joint(self, name):
        return float(self.simulation.data.joint(name).qpos[0])


@pytest.fixture
def scene(simulator):
    made = []

    def make(*arguments, **options):
        made.append(Scene(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.simulation.close()


@pytest.mark.parametrize(
    ("suite", "task_id", "goal"),
    [
        ("libero_spatial", 0, ["on(akita_black_bowl_1, plate_1)"]),
        ("libero_object", 0, ["in(alphabet_soup_1, basket_1_contain_region)"]),
        ("libero_goal", 0, ["open(wooden_cabinet_1_middle_region)"]),
        ("libero_goal", 5, ["on(plate_1, main_table_stove_front_region)"]),
        ("libero_goal", 9, ["on(wine_bottle_1, wine_rack_1_top_region)"]),
        ("libero_10", 5, ["in(black_book_1, desk_caddy_1_back_contain_region)"]),
        (
            "libero_10",
            8,
            [
                "on(moka_pot_1, flat_stove_1_cook_region)",
                "on(moka_pot_2, flat_stove_1_cook_region)",
                "turnon(flat_stove_1)",
            ],
        ),
        ("libero_10", 9, ["in(white_yellow_mug_1, microwave_1_heating_region)", "close(microwave_1)"]),
        ("libero_90", 39, ["turnoff(flat_stove_1)"]),
        (
            "libero_90",
            63,
            ["on(akita_black_bowl_1, akita_black_bowl_2)", "in(akita_black_bowl_2, wooden_tray_1_contain_region)"],
        ),
    ],
)
def test_a_goal_is_false_at_the_start_true_when_reached_and_false_in_every_part_when_left(scene, suite, task_id, goal):
    task = scene(suite, task_id)
    assert [str(part) for part in task.goal] == goal
    assert not task.simulation.env._check_success()
    assert task.mover.reach() == ()
    assert task.simulation.env._check_success()
    assert task.mover.leave() == ()
    assert not any(map(task.mover.holds, task.goal))
    assert not task.simulation.env._check_success()


def test_a_bowl_comes_to_rest_on_its_plate_and_goes_back_to_where_it_lay(scene):
    task = scene("libero_spatial", 0)
    began = task.position("akita_black_bowl_1_main")
    task.mover.reach()
    offset = task.position("akita_black_bowl_1_main") - task.position("plate_1_main")
    assert np.linalg.norm(offset[:2]) < 0.03
    assert 0 < offset[2] < 0.05
    assert np.abs(task.simulation.data.joint("akita_black_bowl_1_joint0").qvel).max() < 0.05
    task.mover.leave()
    assert np.linalg.norm(task.position("akita_black_bowl_1_main") - began) < 0.01


def test_what_lies_in_a_drawer_goes_with_it(scene):
    task = scene("libero_10", 3)
    assert task.joint("white_cabinet_1_bottom_level") < -0.1
    task.mover.reach()
    assert task.joint("white_cabinet_1_bottom_level") > 0
    site = task.simulation.data.site("white_cabinet_1_bottom_region")
    assert np.linalg.norm((task.position("akita_black_bowl_1_main") - site.xpos)[:2]) < 0.1
    task.mover.leave()
    assert task.joint("white_cabinet_1_bottom_level") < -0.14
    assert np.linalg.norm((task.position("akita_black_bowl_1_main") - site.xpos)[:2]) > 0.1


def test_parts_of_a_goal_that_cannot_hold_together_are_named(scene):
    from harness.envs.libero.goal_states import Predicate

    drawer = ("wooden_cabinet_1_middle_region",)
    opened, closed = Predicate("open", drawer), Predicate("close", drawer)
    task = scene("libero_goal", 0, goal=(opened, closed))
    assert task.mover.reach() == (opened,)
    assert task.mover.leave() == (closed,)


def run_script(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, str(CHECKOUT / "scripts" / "check_goals.py"), "--workers", "1", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)


def test_the_script_writes_a_row_a_task(libero_assets, tmp_path):
    done = run_script("--suite", "spatial", "--tasks", "0", "--assets", libero_assets.root, "--out", tmp_path / "rows.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = csv.DictReader((tmp_path / "rows.csv").open())
    assert (row["suite"], row["task"], row["goal"]) == ("libero_spatial", "0", "on(akita_black_bowl_1, plate_1)")
    assert (row["false_at_start"], row["true_in_goal"], row["false_after"], row["why"]) == ("True", "True", "True", "")


def test_the_script_fails_and_says_why_where_a_task_cannot_be_built(tmp_path):
    for folder in ("scenes", "articulated_objects"):
        (tmp_path / folder).mkdir()
    done = run_script("--suite", "spatial", "--tasks", "0", "--assets", tmp_path)
    assert done.returncode == 1
    assert "FAILED libero_spatial 0" in done.stdout
    assert "No such file" in done.stdout
