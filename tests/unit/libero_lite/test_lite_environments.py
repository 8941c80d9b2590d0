"""Upstream's environments on the lite set. Built in another process, as LIBERO takes its assets' folder once a process."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from harness.envs.libero.installation import prepare
from harness.envs.libero.lite.generate import generate_lite
from harness.suites import load_suites

CHECKOUT = Path(__file__).resolve().parents[3]
# A floor, a table, drawers and a stove, a microwave.
FEW = (("libero_spatial", 5), ("libero_object", 3), ("libero_10", 9))


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    root = tmp_path_factory.mktemp("lite")
    generate_lite(root)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=prepare, initargs=(root,)) as made:
        yield made


def settle(suite_name, task_id, steps=10):
    """Builds a task and settles its first initial state; what came of it."""
    from harness.envs.libero.init_states import load_init_states
    from harness.envs.libero.simulation import Simulation, numpy_global_state

    task = load_suites(suite_name)[0].tasks[task_id]
    simulation = Simulation(task.bddl, control_freq_hz=20)
    with numpy_global_state(0):
        simulation.reset(joint_opening_draws=1)
    simulation.set_init_state(load_init_states(task.init_states)[0])
    succeeded = [simulation.step(np.array([0.0, 0, 0, 0, 0, 0, -1])) for _ in range(steps)]
    model, data = simulation.model, simulation.data
    objects = {name: data.body(f"{name}_main").xpos.tolist() for name in simulation.env.objects_dict}
    speed = float(np.abs(data.qvel).max())
    simulation.close()
    return {"succeeded": any(succeeded), "objects": objects, "speed": speed, "meshes": int(model.nmeshface)}


@pytest.mark.parametrize(("suite", "task"), FEW)
def test_init_states_fit_settle_and_do_not_succeed_by_themselves(pool, suite, task):
    settled = pool.submit(settle, suite, task).result()
    assert not settled["succeeded"]
    assert settled["speed"] < 0.1, settled
    assert all(abs(x) < 0.6 and abs(y) < 0.6 and -0.01 < z < 1.2 for x, y, z in settled["objects"].values())


def test_the_bowl_on_the_ramekin_stays_there(pool):
    objects = pool.submit(settle, "libero_spatial", 5).result()["objects"]
    bowl, ramekin = np.array(objects["akita_black_bowl_1"]), np.array(objects["glazed_rim_porcelain_ramekin_1"])
    assert 0.02 < bowl[2] - ramekin[2] < 0.05
    assert np.linalg.norm(bowl[:2] - ramekin[:2]) < 0.03


@pytest.mark.slow
def test_all_130_environments_build_and_step(pool):
    suites = (*load_suites("libero_all"), *load_suites("libero_90"))
    tasks = [(suite.name, task.task_id) for suite in suites for task in suite.tasks]
    assert len(tasks) == 130
    for name, task in tasks:
        assert not pool.submit(settle, name, task, 2).result()["succeeded"], (name, task)


@pytest.mark.assets
@pytest.mark.slow
@pytest.mark.parametrize(("suite", "tasks"), [("spatial", "0,5,8"), ("object", "4"), ("goal", "9"), ("10", "2,5")])
def test_objects_come_to_rest_where_the_official_set_lets_them(libero_assets, tmp_path, suite, tasks):
    found = tmp_path / "rows.json"
    command = [sys.executable, "scripts/compare_assets.py", "--official", str(libero_assets.root)]
    options = ["--suite", suite, "--tasks", tasks, "--inits", "5", "--json", str(found)]
    subprocess.run([*command, *options], cwd=CHECKOUT, check=True, capture_output=True)
    for row in json.loads(found.read_text()):
        assert row["near"] == row["states"] == 5, row
        assert row["success_official"] == row["success_lite"] == 0
