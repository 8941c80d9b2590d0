"""The exact engine changes not one bit: beside robosuite's own step, and beside upstream's own loop with its pictures."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import exact_episodes
import numpy as np
import pytest
from exact_episodes import Purpose

from harness.envs.libero.engine.clock import SamplingClock
from harness.envs.libero.installation import missing_packages
from harness.envs.libero.lite.generate import generate_lite

pytestmark = pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")

KNOB = "flat_stove_1_button"
# Two tasks of every suite: objects grasped and lifted, drawers pushed in, a stove's knob turned.
PURPOSES = {
    ("libero_spatial", 0): Purpose(grasped="akita_black_bowl_1_main", aside=(0, 0.055, 0.035)),
    ("libero_spatial", 4): Purpose(joint="wooden_cabinet_1_top_level", start=(0.089, 0.1, 1.07), end=(0.089, -0.12, 1.07)),
    ("libero_object", 0): Purpose(grasped="alphabet_soup_1_main", aside=(0, 0, 0)),
    ("libero_object", 7): Purpose(grasped="milk_1_main", aside=(0, 0, 0.03)),
    ("libero_goal", 0): Purpose(grasped="wine_bottle_1_main", aside=(0, 0, 0.1)),
    ("libero_goal", 7): Purpose(joint=KNOB, start=(0.04, -0.06, 0.03), end=(0.04, 0.06, 0.03)),
    ("libero_10", 2): Purpose(joint=KNOB, start=(-0.04, 0.05, 0.03), end=(-0.04, -0.06, 0.03)),
    ("libero_10", 3): Purpose(grasped="wine_bottle_1_main", aside=(0, 0, 0.1)),
    ("libero_90", 0): Purpose(joint="wooden_cabinet_1_top_level", start=(0, 0.1, 1.07), end=(0, -0.12, 1.07)),
    ("libero_90", 20): Purpose(joint=KNOB, start=(-0.04, 0.05, 0.03), end=(-0.04, -0.06, 0.03)),
}
# How far an action with a purpose moves something, at the least: m for objects and drawers, rad for knobs.
MOVED = 0.03


def pool_of(root):
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, spawn, initializer=exact_episodes.begin, initargs=(root,))


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    root = tmp_path_factory.mktemp("lite")
    generate_lite(root)
    with pool_of(root) as pool:
        yield pool


@pytest.fixture(scope="module")
def official(libero_assets):
    with pool_of(libero_assets.root) as pool:
        yield pool


def purposeful(pool, suite_task, k):
    actions, moved = pool.submit(exact_episodes.purposeful_actions, *suite_task, k, PURPOSES[suite_task]).result()
    assert moved > MOVED
    return actions


@pytest.mark.parametrize("suite_task", PURPOSES, ids=str)
def test_every_step_equals_robosuites_own_step(lite, suite_task):
    episodes = {0: purposeful(lite, suite_task, 0), 1: exact_episodes.walk(1, 60)}
    assert lite.submit(exact_episodes.compare_engines, *suite_task, episodes).result() == []


@pytest.mark.slow
@pytest.mark.assets
@pytest.mark.parametrize("suite_task", PURPOSES, ids=str)
def test_episodes_equal_upstreams_loop_bit_for_bit_with_their_pictures(official, suite_task):
    episodes = {0: purposeful(official, suite_task, 0), 1: exact_episodes.walk(2, 40)}
    assert official.submit(exact_episodes.compare_with_upstream, *suite_task, episodes).result() == []


@pytest.mark.slow
@pytest.mark.parametrize("suite_task", [("libero_spatial", 4), ("libero_10", 2)], ids=str)
def test_the_tenth_reset_equals_upstreams_as_the_first(lite, suite_task):
    episodes = {k: exact_episodes.walk(k, 20) for k in (0, 1, 9)}
    assert lite.submit(exact_episodes.compare_with_upstream, *suite_task, episodes).result() == []


def test_the_comparison_finds_a_difference(lite):
    """Two episodes that differ in one action by one part in a million are not equal."""
    walk = exact_episodes.walk(3, 6)
    assert lite.submit(exact_episodes.compare_unequal, "libero_object", 0, walk, 1e-6).result() != []


def test_observables_are_sampled_as_robosuite_samples_them():
    from robosuite.utils.observables import Observable, sensor

    samples = []

    @sensor(modality="test")
    def count(_cache):
        samples.append(None)
        return 0.0

    for substep_s, control_freq_hz in ((0.002, 20), (0.002, 10), (0.001, 20), (0.002, 30)):
        observable = Observable(name="count", sensor=count, sampling_rate=control_freq_hz)
        for _ in range(2):
            observable.update(substep_s, {}, force=True)
        clock = SamplingClock(substep_s=substep_s, control_freq_hz=control_freq_hz)
        substeps = int(1 / control_freq_hz / substep_s)
        for _ in range(300):
            last = -1
            for i in range(substeps):
                samples.clear()
                observable.update(substep_s, {})
                last = i if samples else last
            assert clock.advance(substeps) == last


def test_the_arms_block_of_the_mass_matrix_is_that_of_mujoco():
    import mujoco
    from robosuite.models.robots import Panda

    from harness.envs.libero.engine.osc import Arm, read_mass

    model = mujoco.MjModel.from_xml_string(Panda().get_xml())
    data = mujoco.MjData(model)
    data.qpos[:] = np.random.default_rng(0).uniform(-1, 1, model.nq)
    mujoco.mj_forward(model, data)
    whole, block = np.zeros((model.nv, model.nv)), np.zeros((7, 7), order="F")
    mujoco.mj_fullM(model, whole, data.qM)
    arm = Arm(*[None] * len(Arm._fields))._replace(
        qvel_index=np.arange(7),
        dof_madr=np.array(model.dof_Madr, np.int64),
        dof_parent=np.array(model.dof_parentid, np.int64),
    )
    read_mass(arm, data.qM, block)
    np.testing.assert_array_equal(block, whole[:7, :7])


@pytest.mark.parametrize(("change", "reason"), [("controller", "interpolates"), ("gripper", "not PandaGripper")])
def test_an_unusual_robot_falls_back_on_robosuite_and_says_so(lite, change, reason):
    note, reached = lite.submit(exact_episodes.unusual, change).result()
    assert "robosuite itself steps" in note
    assert reason in note
    assert reached == exact_episodes.STEPS_OF_UNUSUAL
