"""Pictures of LIBERO's scenes are the same bytes with and without the geoms that cannot show, in whatever state."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from harness.envs.libero.installation import missing_packages, prepare
from harness.envs.libero.lite.generate import generate_lite
from harness.suites import load_suites

pytestmark = pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")

# A task of every arena: a table with a stove that mirrors and drawers, the floor, the kitchen, the living room, the study.
TASKS = [("libero_spatial", 0), ("libero_object", 0), ("libero_10", 2), ("libero_10", 4), ("libero_10", 5)]
CAMERAS = ("agentview", "robot0_eye_in_hand", "sideview")
STATES = 3


@pytest.fixture(scope="module")
def lite_pool(tmp_path_factory):
    root = tmp_path_factory.mktemp("lite")
    generate_lite(root)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=prepare, initargs=(root,)) as pool:
        yield pool


@pytest.fixture(scope="module")
def official_pool(libero_assets):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=prepare, initargs=(libero_assets.root,)) as pool:
        yield pool


def scattered(model, qpos, rng):
    """The arm bent at random, drawers, doors and knobs anywhere in their range, objects thrown about."""
    import mujoco

    result = np.array(qpos)
    for joint in range(model.njnt):
        start = model.jnt_qposadr[joint]
        if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE:
            result[start : start + 3] += rng.uniform((-0.3, -0.4, 0.0), (0.3, 0.4, 0.3))
            result[start + 3 : start + 7] = rng.normal(size=4)
        elif model.jnt_limited[joint]:
            low, high = model.jnt_range[joint]
            near = result[start] + rng.uniform(-0.7, 0.7) if "robot0" in model.joint(joint).name else rng.uniform(low, high)
            result[start] = np.clip(near, low, high)
    return result


def compare(suite_name, task_id):
    """Draws one task in random states; how many bytes differ, how many geoms the last pictures left out, what is drawn."""
    import mujoco

    from harness.envs.libero.init_states import load_init_states
    from harness.envs.libero.rendering import Renderer, Snapshot
    from harness.envs.libero.simulation import Simulation, numpy_global_state

    task = load_suites(suite_name)[0].tasks[task_id]
    simulation = Simulation(task.bddl, control_freq_hz=20)
    with numpy_global_state(0):
        simulation.reset(joint_opening_draws=1)
    simulation.set_init_state(load_init_states(task.init_states)[0])
    model, data = simulation.model, mujoco.MjData(simulation.model)
    whole, culled, snapshot = Renderer(model, cull=False), Renderer(model), Snapshot(model)
    rng = np.random.default_rng(task_id)
    differing, hidden, shades = 0, {}, []
    for state in range(STATES):
        start = np.array(simulation.data.qpos)
        data.qpos[:] = scattered(model, start, rng) if state else start
        mujoco.mj_forward(model, data)
        snapshot.take(model, data)
        for camera in CAMERAS:
            size = {"height_px": 256, "width_px": 256 + 64 * state}
            one, other = (drawn.picture(snapshot, model.camera(camera).id, **size) for drawn in (whole, culled))
            differing += int((one != other).sum())
            shades.append(float(one.std()))
            geoms = culled._scene.geoms[: culled._scene.ngeom]
            hidden[camera] = sum(geom.type == int(mujoco.mjtGeom.mjGEOM_NONE) for geom in geoms)
    whole.close()
    culled.close()
    simulation.close()
    return differing, hidden, min(shades)


def assert_equal(compared):
    differing, hidden, shades = compared
    assert differing == 0
    assert min(hidden.values()) > 0, "something was left out of every camera's scene"
    assert shades > 5, "every picture shows something"


@pytest.mark.parametrize(("suite", "task"), TASKS)
def test_pictures_of_the_lite_set_are_the_same_with_unseen_geoms_left_out(lite_pool, suite, task):
    assert_equal(lite_pool.submit(compare, suite, task).result())


@pytest.mark.assets
@pytest.mark.slow
@pytest.mark.parametrize(("suite", "task"), TASKS)
def test_pictures_of_the_official_set_are_the_same_with_unseen_geoms_left_out(official_pool, suite, task):
    assert_equal(official_pool.submit(compare, suite, task).result())
