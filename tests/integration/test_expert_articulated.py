"""Drawers, doors and knobs of LIBERO, moved by the expert's skills; in a process of their own for each set of assets."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from harness.envs.libero.installation import missing_packages

pytestmark = [
    pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed"),
    pytest.mark.xdist_group("expert_articulated"),
]

# What the issue asks for: a drawer in fewer than 120 control steps, a knob in fewer than 100; the doors have 120.
DRAWER_STEPS, KNOB_STEPS, DOOR_STEPS = 120, 100, 120

CABINET, WHITE_CABINET = "wooden_cabinet_1", "white_cabinet_1"
QUICK = [
    ("libero_goal", "open_the_middle_drawer_of_the_cabinet", "open", f"{CABINET}_middle_level", DRAWER_STEPS),
    ("libero_90", "KITCHEN_SCENE7_open_the_microwave", "open", "microwave_1_microjoint", DOOR_STEPS),
    ("libero_90", "KITCHEN_SCENE8_turn_off_the_stove", "turnoff", "flat_stove_1_button", KNOB_STEPS),
]
REST = [
    ("libero_90", "KITCHEN_SCENE1_open_the_bottom_drawer_of_the_cabinet", "open", f"{CABINET}_bottom_level", DRAWER_STEPS),
    ("libero_90", "KITCHEN_SCENE2_open_the_top_drawer_of_the_cabinet", "open", f"{CABINET}_top_level", DRAWER_STEPS),
    (
        "libero_90",
        "KITCHEN_SCENE4_close_the_bottom_drawer_of_the_cabinet",
        "close",
        f"{WHITE_CABINET}_bottom_level",
        DRAWER_STEPS,
    ),
    ("libero_90", "KITCHEN_SCENE10_close_the_top_drawer_of_the_cabinet", "close", f"{CABINET}_top_level", DRAWER_STEPS),
    ("libero_90", "KITCHEN_SCENE6_close_the_microwave", "close", "microwave_1_microjoint", DOOR_STEPS),
    ("libero_goal", "turn_on_the_stove", "turnon", "flat_stove_1_button", KNOB_STEPS),
]


def begin(assets):
    """Makes a process ready for one set of assets."""
    from harness.envs.gl import choose_gl, use_gl
    from harness.envs.libero.assets import find_assets
    from harness.envs.libero.installation import prepare

    use_gl(choose_gl())
    prepare(find_assets(assets).root)


def steps_to_success(suite_name, task_name, predicate, joint, most, init):
    """Control steps until upstream says that the goal holds, and whether it still holds when the skill has ended."""
    from harness.envs.libero.environment import LiberoEnvironment
    from harness.policies.expert.libero.articulated import set_joints
    from harness.policies.expert.libero.motion import Drive
    from harness.policies.expert.libero.scene import SkillError, look
    from harness.suites import load_suites, preset
    from harness.types import Episode

    (suite,) = load_suites(suite_name)
    (task,) = (task for task in suite.tasks if task.name == task_name)
    environment = LiberoEnvironment((suite,), {suite.name: preset(suite, "openpi")})
    environment.reset(Episode(task.suite, task.task_id, task.name, task.instruction, init=init, repeat=0, seed=0))
    scene, drive, succeeded, now = look(environment.observe(images=False, privileged=True), None), Drive(), None, False
    skill = set_joints(scene, predicate, (joint,))
    command = next(skill)
    for step in range(1, 2 * most):
        now = environment.step(drive.action(scene, command))
        succeeded = step if now and succeeded is None else succeeded
        scene = look(environment.observe(images=False, privileged=True), scene)
        try:
            command = skill.send(scene)
        except (StopIteration, SkillError):
            break
    environment.close()
    return succeeded, now, float(scene.grip_position_m[2])


@pytest.fixture(scope="module")
def official(libero_assets):
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=begin, initargs=("auto",)) as pool:
        yield pool


@pytest.fixture(scope="module")
def lite():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=begin, initargs=("lite",)) as pool:
        yield pool


# The hand ends above what stands on a table, whose top is at 0.9 m.
CLEAR_M = 1.05


def check(pool, case, init):
    most = case[-1]
    steps, still, height_m = pool.submit(steps_to_success, *case, init).result()
    assert steps is not None, f"not done in {2 * most} control steps"
    assert steps < most
    if case[2] != "turnoff":  # a knob is off within 0.005 rad of its stop, and fingers that let go move it farther
        assert still, "the goal held, and no longer does when the skill has ended"
        assert height_m > CLEAR_M


@pytest.mark.assets
@pytest.mark.parametrize("case", QUICK, ids=lambda case: case[1])
def test_the_goal_is_reached_in_time_and_stays(official, case):
    check(official, case, 3)


@pytest.mark.slow
@pytest.mark.assets
@pytest.mark.parametrize("init", [0, 2])
@pytest.mark.parametrize("case", REST, ids=lambda case: case[1])
def test_the_goal_is_reached_in_time_and_stays_everywhere(official, case, init):
    check(official, case, init)


@pytest.mark.slow
@pytest.mark.parametrize("case", QUICK + REST, ids=lambda case: case[1])
def test_the_same_skills_move_the_lite_set(lite, case):
    check(lite, case, 1)
