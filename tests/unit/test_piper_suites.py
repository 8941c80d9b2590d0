import itertools
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.action_spaces import ACTION_SPACES, GRIPPER_OPENING_M
from harness.envs.families import family_of
from harness.envs.piper.task import init_state
from harness.errors import SuiteError, UsageError
from harness.kinematics.robot import load_robot
from harness.policies.expert.policy import ExpertPolicy
from harness.preparation import prepare, spec_of
from harness.request import Request
from harness.suites import load_suites, suite_names
from harness.types import PolicyInfo

NAMES = ("up_down", "reach", "lift", "pick_place", "stack", "press_button", "open_drawer", "peg")
ROBOT = load_robot()
OWN = {
    "schema": 1,
    "name": "mine",
    "environment": "piper",
    "protocol": {
        "max_steps": 50, "settle_steps": 1, "settle_action": [], "control_freq_hz": 20, "cameras": {"eye": "front"},
        "image_height_px": 32, "image_width_px": 32, "image_rotation_deg": 0, "state_layout": ["tcp_pos"],
        "gripper": "as_is", "replan_steps": None, "scene_seeding": "episode_key", "scene_seed": 0,
        "action_space": "eef_pose",
    },
    "tasks": [
        {
            "name": "up", "scene": {"kind": "lift", "height_m": 0.05}, "init_states": {"seed": 5, "count": 3},
            "instructions": {"en": "lift it", "zh": "拿起来"},
        }
    ],
}  # fmt: skip


def written(directory: Path, **changes) -> str:
    """The file of `OWN` with some fields of the suite, the protocol or the task changed."""
    content = yaml.safe_load(yaml.safe_dump(OWN))
    for name, value in changes.items():
        for part in (content, content["protocol"], content["tasks"][0]):
            if name in part:
                part[name] = value
                break
        else:
            content[name] = value
    path = directory / "mine.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return str(path)


def test_every_kind_of_task_has_a_suite_and_all_holds_them_all():
    assert set(suite_names("piper")) == {*(f"piper_{name}" for name in NAMES), "piper_all"}
    assert [suite.name for suite in load_suites("all", "piper")] == [f"piper_{name}" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_suite_is_found_with_hyphens_and_by_its_full_name(name):
    (suite,) = load_suites(name.replace("_", "-"), "piper")
    assert (suite,) == load_suites(f"piper_{name}")
    assert suite.environment == "piper"


@pytest.mark.parametrize("name", NAMES)
def test_a_suite_has_fifty_states_a_task_and_instructions_in_english_and_chinese(name):
    (suite,) = load_suites(f"piper_{name}")
    for task in suite.tasks:
        assert task.init_count == 50
        assert task.instruction.isascii()
        assert set(task.translations) == {"zh"}
        assert not task.translations["zh"].isascii()


@pytest.mark.parametrize("name", NAMES)
def test_initial_states_differ_and_begin_near_the_start_pose_within_the_limits(name):
    (suite,) = load_suites(f"piper_{name}")
    for task in suite.tasks:
        states = [init_state(task, ROBOT, index) for index in range(task.init_count)]
        joints = np.array([state.joint_pos_rad for state in states])
        assert len(np.unique(joints, axis=0)) == 50
        assert (joints >= ROBOT.limits_rad[:, 0]).all()
        assert (joints <= ROBOT.limits_rad[:, 1]).all()
        assert np.ptp(joints, axis=0).max() < 0.1
        assert all(np.isfinite(state.scene).all() for state in states)


def test_seeds_are_not_shared_between_tasks():
    seeds = [task.init_seed for suite in load_suites("piper_all") for task in suite.tasks]
    assert len(set(seeds)) == len(seeds)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 49), st.integers(1, 50))
def test_an_initial_state_depends_on_its_index_alone(index, count):
    (suite,) = load_suites("piper_lift")
    (task,) = suite.tasks
    shorter = type(task)(**{**vars(task), "init_count": count})
    first, second = init_state(task, ROBOT, index), init_state(shorter, ROBOT, index)
    np.testing.assert_array_equal(first.scene, second.scene)
    np.testing.assert_array_equal(first.joint_pos_rad, second.joint_pos_rad)


def test_an_own_suite_takes_its_scenes_fields(tmp_path):
    (suite,) = load_suites(written(tmp_path))
    (task,) = suite.tasks
    assert task.scene.height_m == 0.05
    assert (task.kind, task.init_seed, task.init_count) == ("lift", 5, 3)
    assert task.instruction == "lift it"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scene": {"kind": "lft"}}, r"tasks\.0\.scene: there is no kind 'lft'\. Did you mean 'lift'"),
        ({"scene": {}}, r"tasks\.0\.scene: there is no kind"),
        ({"scene": {"kind": "lift", "hight_m": 1}}, r"tasks\.0\.scene\.hight_m: no such field\. Did you mean 'height_m'"),
        ({"scene": {"kind": "lift", "height_m": -1}}, r"scene\.height_m: must be a finite number above 0"),
        ({"scene": {"kind": "lift", "height_m": float("nan")}}, r"height_m: must be a finite number above 0"),
        ({"scene": {"kind": "lift", "height_m": "high"}}, r"scene\.height_m: must be a finite number above 0, not 'high'"),
        ({"scene": {"kind": "lift", "height_m": "-0.02"}}, r"height_m: must be a finite number above 0, not '-0\.02'"),
        ({"scene": {"kind": "lift", "mass_kg": True}}, r"scene\.mass_kg: must be a finite number above 0, not True"),
        ({"scene": {"kind": ["lift"]}}, r"tasks\.0\.scene: there is no kind \['lift'\]"),
        ({"scene": {"kind": "up_down", "height_m": 0.4}}, r"scene: height_m: the arm cannot follow a line"),
        ({"scene": {"kind": "lift", "hold_steps": 2.5}}, r"scene\.hold_steps: must be a whole number above 0"),
        ({"scene": {"kind": "press_button", "pressed": 5}}, r"scene: pressed: 5 is more than the whole way"),
        ({"scene": {"kind": "open_drawer", "open_m": 0.2}}, r"scene: open_m: 0\.2 is more than travel_m"),
        ({"control_freq_hz": 30}, r"protocol\.control_freq_hz: .*20"),
        ({"gripper": "binarize"}, r"protocol\.gripper: .*as_is"),
        ({"cameras": {"eye": "font"}}, r"protocol\.cameras: there is no camera 'font'\. Did you mean 'front'"),
        ({"image_height_px": 2000}, r"protocol\.image_height_px: .*1280"),
        ({"instructions": {"zh": "拿"}}, r"tasks\.0\.instructions: an English instruction, en, is missing"),
        ({"init_states": {"seed": 1, "count": 0}}, r"tasks\.0\.init_states\.count: .*greater than or equal to 1"),
        ({"action_space": "eef"}, r"protocol\.action_space: 'eef' is no action space here\. Did you mean 'eef_"),
        ({"state_layout": ["eef_pos"]}, r"protocol\.state_layout: 'eef_pos' is no part of the state"),
        ({"settle_action": [0.0]}, r"protocol\.settle_action: must have 0 numbers, not 1"),
        ({"scene_seeding": "sequential"}, r"protocol\.scene_seeding: 'sequential' is not known here"),
        ({"name": "a/b"}, r"name: .*match pattern"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_reported_with_its_place(tmp_path, changes, message):
    with pytest.raises(SuiteError, match=message):
        load_suites(written(tmp_path, **changes))


def test_suites_of_two_environments_do_not_run_together(tmp_path):
    pytest.importorskip("libero", reason="hf-libero is not installed")
    path = tmp_path / "both.yaml"
    path.write_text("{schema: 1, name: both, suites: [libero_spatial, piper_lift]}")
    with pytest.raises(SuiteError, match="must be of one environment"):
        load_suites(str(path))


def test_another_environments_suite_is_refused_with_the_command_that_runs_it():
    with pytest.raises(SuiteError, match="evalharness piper --suite piper_lift"):
        load_suites("piper_lift", "libero")


@pytest.mark.parametrize("space", ACTION_SPACES)
def test_the_action_space_that_is_asked_for_reaches_the_protocol(space):
    spec = spec_of(Request("piper_lift", "zero", action_space=space))
    assert spec.action_space == space
    assert (spec.action_low, spec.action_high) == (ACTION_SPACES[space].low, ACTION_SPACES[space].high)


def test_the_policys_own_action_space_is_taken_and_not_overruled(tmp_path):
    policy = tmp_path / "mine.py"
    policy.write_text("class Model:\n    action_space = 'joint_delta'\n    def infer(self, o): return [0] * 7\n")
    uri = f"py:{policy}:Model"
    assert spec_of(Request("piper_lift", uri)).action_space == "joint_delta"
    with pytest.raises(UsageError, match=r"--action-space is eef_pose, and policy .* declares .* joint_delta"):
        spec_of(Request("piper_lift", uri, action_space="eef_pose"))


def test_a_policy_is_refused_for_another_environment_before_anything_is_built(monkeypatch):
    pytest.importorskip("libero", reason="hf-libero is not installed")
    made_for_piper = PolicyInfo(uri="expert", name="expert", fingerprint="0", environments=("piper",))
    monkeypatch.setattr(ExpertPolicy, "describe", lambda uri: made_for_piper)
    with pytest.raises(UsageError, match="policy 'expert' is made for piper suites, not for libero's"):
        prepare(Request("libero_spatial", "expert"))


def test_an_unknown_action_space_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match=r"'joint_deltas'.*'joint_delta'"):
        spec_of(Request("piper_lift", "zero", action_space="joint_deltas"))


def test_instructions_are_in_the_language_that_was_asked_for(tmp_path):
    prepared = prepare(Request(written(tmp_path), "zero", language="zh"))
    assert {episode.instruction for episode in prepared.episodes} == {"拿起来"}
    with pytest.raises(UsageError, match=r"--language 'de': mine: up has no instruction in it.*en, zh"):
        prepare(Request(written(tmp_path), "zero", language="de"))


def test_what_is_not_the_pipers_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--assets names LIBERO's meshes"):
        prepare(Request(written(tmp_path), "zero", assets=str(tmp_path)))
    with pytest.raises(SuiteError, match="protocol 'openpi' says nothing about suite 'mine'"):
        prepare(Request(written(tmp_path), "zero", protocol="openpi"))


def test_fingerprints_change_with_the_scene_and_with_the_initial_states(tmp_path):
    family = family_of("piper")
    prints = []
    for changes in ({}, {"scene": {"kind": "lift", "height_m": 0.06}}, {"init_states": {"seed": 6, "count": 3}}):
        (suite,) = load_suites(written(tmp_path, **changes))
        prints.append(family.fingerprints(suite.tasks[0]))
    assert prints[0]["init_states_sha256"] == prints[1]["init_states_sha256"] != prints[2]["init_states_sha256"]
    assert prints[0]["definition_sha256"] == prints[2]["definition_sha256"] != prints[1]["definition_sha256"]


def test_action_spaces_have_the_limits_of_the_arms_description():
    low, high = np.array(ACTION_SPACES["joint_position"].low), np.array(ACTION_SPACES["joint_position"].high)
    np.testing.assert_allclose(np.stack([low[:6], high[:6]], axis=1), ROBOT.limits_rad, atol=1e-9)
    assert ROBOT.gripper_opening_m == GRIPPER_OPENING_M
    for first, second in itertools.pairwise(ACTION_SPACES.values()):
        assert len(first.low) == len(second.low) == len(first.high) == 7
