import ast
import importlib.util
import shutil
from pathlib import Path

import pytest
import yaml

from harness.envs.libero.init_states import count_init_states
from harness.envs.libero.installation import libero_root, missing_packages
from harness.envs.libero.suite_file import instruction_of
from harness.errors import SuiteError
from harness.suites import load_suites, preset, preset_names, suite_names

pytestmark = pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")

NAMES = ("libero_spatial", "libero_object", "libero_goal", "libero_10", "libero_90")
# What is sent to the simulator and shown to the policy in all published protocols (openpi 15a9616, openvla c8f03f4).
COMMON = {
    "settle_steps": 10,
    "settle_action": (0, 0, 0, 0, 0, 0, -1),
    "control_freq_hz": 20,
    "cameras": {"agentview": "agentview", "wrist": "robot0_eye_in_hand"},
    "image_height_px": 256,
    "image_width_px": 256,
    "image_rotation_deg": 180,
}
STEPS = {"libero_spatial": 220, "libero_object": 280, "libero_goal": 300, "libero_10": 520, "libero_90": 400}
LONGEST_DEMONSTRATION = {"libero_spatial": 193, "libero_object": 254, "libero_goal": 270, "libero_10": 505, "libero_90": 373}
ROBOSUITES_STATE = ("eef_pos", "eef_axis_angle", "gripper_qpos")
PRESETS = {
    "standard": {"gripper": "as_is", "replan_steps": None, "scene_seeding": "episode_key"},
    "openpi": {"gripper": "as_is", "replan_steps": 5, "scene_seeding": "sequential", "scene_seed": 7},
    "openvla": {"gripper": "rlds_sign", "replan_steps": 1, "scene_seeding": "sequential", "scene_seed": 0},
    "lerobot": {"gripper": "as_is", "replan_steps": None, "scene_seeding": "per_episode", "scene_seed": 1000},
    "vla-eval": {"gripper": "binarize", "replan_steps": 1, "scene_seeding": "sequential", "scene_seed": 7},
}
TASK = "KITCHEN_SCENE4_put_the_black_bowl_in_the_bottom_drawer_of_the_cabinet"
OWN = {
    "schema": 1,
    "name": "mine",
    "environment": "libero",
    "protocol": {
        **COMMON, "settle_action": [0, 0, 0, 0, 0, 0, -1], "max_steps": 50, "state_layout": ["eef_pos", "joint_pos"],
        "gripper": "as_is", "replan_steps": None, "scene_seeding": "episode_key", "scene_seed": 0,
        "action_space": "eef_delta",
    },
    "bddl": "libero_90",
    "init_states": "libero_90",
    "tasks": [TASK],
}  # fmt: skip


def one(name):
    (suite,) = load_suites(str(name))
    return suite


def written(directory: Path, changes=(), protocol=(), without=(), name="mine.yaml") -> Path:
    """A suite's file: `OWN` with changes."""
    content = {**OWN, **dict(changes), "protocol": {**OWN["protocol"], **dict(protocol)}}
    for field in without:
        part, _, last = field.rpartition(".")
        del (content[part] if part else content)[last]
    path = directory / name
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def upstream_tasks():
    path = libero_root() / "benchmark" / "libero_suite_task_map.py"
    spec = importlib.util.spec_from_file_location("upstream_task_map", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.libero_task_map


@pytest.fixture(scope="module")
def upstream_instruction():
    """Upstream's own function, taken out of a module whose import needs torch."""
    tree = ast.parse((libero_root() / "benchmark" / "__init__.py").read_text())
    tree.body = [node for node in tree.body if getattr(node, "name", "") == "grab_language_from_filename"]
    names = {}
    exec(compile(tree, "upstream", "exec"), names)
    return lambda task: names["grab_language_from_filename"](f"{task}.bddl")


@pytest.mark.parametrize("name", NAMES)
def test_tasks_and_their_order_are_upstreams(name, upstream_tasks) -> None:
    suite = one(name)
    assert [task.name for task in suite.tasks] == upstream_tasks[name]
    assert [task.task_id for task in suite.tasks] == list(range(90 if name == "libero_90" else 10))
    assert {task.suite for task in suite.tasks} == {name}


@pytest.mark.parametrize("name", NAMES)
def test_instructions_are_upstreams(name, upstream_instruction) -> None:
    for task in one(name).tasks:
        assert task.instruction == upstream_instruction(task.name) == instruction_of(task.name)


@pytest.mark.parametrize(
    ("task", "instruction"),
    [
        ("open_the_middle_drawer_of_the_cabinet", "open the middle drawer of the cabinet"),
        ("KITCHEN_SCENE10_close_the_top_drawer_of_the_cabinet", "close the top drawer of the cabinet"),
        ("LIVING_ROOM_SCENE2_pick_up_the_butter", "pick up the butter"),
        ("STUDY_SCENE1_pick_up_the_book", "pick up the book"),
    ],
)
def test_an_instruction_leaves_the_scene_out(task, instruction) -> None:
    assert instruction_of(task) == instruction


@pytest.mark.parametrize("name", NAMES)
def test_every_task_has_its_files_and_fifty_initial_states(name) -> None:
    for task in one(name).tasks:
        assert task.bddl == libero_root() / "bddl_files" / name / f"{task.name}.bddl"
        assert task.bddl.is_file()
        assert count_init_states(task.init_states) == 50


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("spatial", "libero_spatial"),
        ("object", "libero_object"),
        ("goal", "libero_goal"),
        ("10", "libero_10"),
        ("long", "libero_10"),
        ("90", "libero_90"),
    ],
)
def test_aliases_name_the_same_suite(alias, name) -> None:
    assert one(alias) == one(name)
    assert alias in suite_names()[name]


@pytest.mark.parametrize("name", ["all", "libero_all"])
def test_all_is_the_headline_four(name) -> None:
    assert [suite.name for suite in load_suites(name)] == ["libero_spatial", "libero_object", "libero_goal", "libero_10"]


def test_names_of_suites_and_presets_are_complete() -> None:
    assert set(suite_names("libero")) == {*NAMES, "libero_all"}
    assert set(preset_names()) == set(PRESETS)
    assert preset_names()[0] == "standard"


@pytest.mark.parametrize("name", NAMES)
def test_the_standard_budget_is_the_published_one_and_longer_than_any_demonstration(name) -> None:
    assert one(name).protocol.max_steps == STEPS[name]
    assert STEPS[name] > LONGEST_DEMONSTRATION[name]


@pytest.mark.parametrize("suite", NAMES)
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_exactly_the_published_protocol(name, suite) -> None:
    protocol = preset(one(suite), name)
    steps = 280 if (name, suite) == ("lerobot", "libero_spatial") else STEPS[suite]
    shortest = name == "vla-eval"
    layout = ("eef_pos", "eef_axis_angle_shortest", "gripper_qpos") if shortest else ROBOSUITES_STATE
    expected = {"name": name, "max_steps": steps, "state_layout": layout, **COMMON, **PRESETS[name]}
    assert {field: getattr(protocol, field) for field in expected} == expected


def test_the_standard_preset_is_the_suites_own_protocol() -> None:
    assert preset(one("goal"), "standard") == one("goal").protocol


def test_an_unknown_suite_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(SuiteError, match=r"unknown suite 'libero_spacial'. Did you mean 'libero_spatial'.*PATH.yaml"):
        load_suites("libero_spacial")


def test_an_unknown_preset_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(SuiteError, match=r"unknown protocol 'openvl'. Did you mean 'openvla'"):
        preset(one("goal"), "openvl")


def test_a_preset_cannot_be_a_path_out_of_the_folder() -> None:
    with pytest.raises(SuiteError, match="unknown protocol"):
        preset(one("goal"), "../libero_goal")


def test_a_preset_that_says_nothing_about_a_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"'openpi' says nothing about suite 'mine'.*--protocol standard"):
        preset(one(written(tmp_path)), "openpi")


def test_a_suite_of_ones_own_brings_its_files(tmp_path: Path) -> None:
    for folder, ending in (("bddl_files", "bddl"), ("init_files", "pruned_init")):
        shutil.copy(libero_root() / folder / "libero_90" / f"{TASK}.{ending}", tmp_path / f"drawer.{ending}")
    (tmp_path / "inits").mkdir()
    shutil.copy(tmp_path / "drawer.pruned_init", tmp_path / "inits" / "other.pruned_init")
    named = {"name": "other", "instruction": "Put it away!", "bddl": "drawer.bddl", "init_states": "inits/other.pruned_init"}
    suite = one(written(tmp_path, {"tasks": ["drawer", named], "bddl": ".", "init_states": "."}))
    drawer, other = suite.tasks
    assert (drawer.bddl, drawer.init_states) == (tmp_path / "drawer.bddl", tmp_path / "drawer.pruned_init")
    assert (drawer.name, drawer.instruction, drawer.suite) == ("drawer", "drawer", "mine")
    assert (other.bddl, other.init_states) == (tmp_path / "drawer.bddl", tmp_path / "inits" / "other.pruned_init")
    assert (other.name, other.instruction, other.task_id) == ("other", "Put it away!", 1)
    assert suite.protocol.state_layout == ("eef_pos", "joint_pos")
    assert suite.protocol.max_steps == 50


def test_a_suite_of_ones_own_may_use_upstreams_files(tmp_path: Path) -> None:
    (task,) = one(written(tmp_path)).tasks
    assert task.bddl == libero_root() / "bddl_files" / "libero_90" / f"{TASK}.bddl"


def test_ones_own_files_come_before_upstreams(tmp_path: Path) -> None:
    (tmp_path / "libero_90").mkdir()
    own = tmp_path / "libero_90" / f"{TASK}.bddl"
    own.write_text("")
    (task,) = one(written(tmp_path)).tasks
    assert task.bddl == own


@pytest.mark.parametrize(
    ("changes", "protocol", "message"),
    [
        ({}, {"max_steps": 0}, r"protocol\.max_steps: .*greater than or equal to 1, not 0"),
        ({}, {"max_steps": "many"}, r"protocol\.max_steps: .*integer.*'many'"),
        ({}, {"max_step": 3}, r"protocol\.max_step: no such field\. Did you mean 'max_steps'"),
        ({}, {"gripper": "open"}, r"protocol\.gripper: .*'as_is', 'binarize' or 'rlds_sign'.*'open'"),
        ({}, {"image_rotation_deg": 90}, r"protocol\.image_rotation_deg: .*0 or 180, not 90"),
        ({}, {"state_layout": ["eef_poss"]}, r"protocol\.state_layout: 'eef_poss' is no part.*Did you mean 'eef_pos'"),
        ({}, {"settle_action": [0, 0]}, r"protocol\.settle_action: must have 7 numbers, not 2"),
        ({}, {"settle_action": [0, 0, 0, 0, 0, 0, float("nan")]}, r"protocol\.settle_action\.6: .*finite"),
        ({}, {"scene_seed": 2**32}, r"protocol\.scene_seed: "),
        ({}, {"replan_steps": 0}, r"protocol\.replan_steps: "),
        ({}, {"cameras": {}}, r"protocol\.cameras: "),
        ({"schema": 2}, {}, r"schema: .*1, not 2"),
        ({"environment": "libera"}, {}, r"environment: .*'libera'.*libero"),
        ({"name": "a/b"}, {}, r"name: .*'a/b'"),
        ({"taks": 1}, {}, r"taks: no such field\. Did you mean 'tasks'"),
        ({"tasks": []}, {}, r"tasks: .*at least 1"),
        ({"tasks": [{"name": TASK, "bdd": "x"}]}, {}, r"tasks\.0\.bdd: no such field\. Did you mean 'bddl'"),
        ({"tasks": [TASK, "put it/away"]}, {}, r"tasks\.1\.name: .*'put it/away'"),
        ({"tasks": [{"instruction": "go"}]}, {}, r"tasks\.0\.name: Field required"),
        ({"tasks": [7]}, {}, r"tasks\.0: .*7"),
        ({"tasks": [TASK, {"name": TASK}]}, {}, f"tasks: '{TASK}' is named more than once"),
        ({"tasks": ["put_it_away"]}, {}, r"put_it_away\.bddl is neither in .* nor in .*libero_90"),
        ({"tasks": [{"name": TASK, "init_states": "no.npy"}]}, {}, r"no\.npy is neither in .*init_files/libero_90"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_reported_with_file_and_path(tmp_path, changes, protocol, message) -> None:
    path = written(tmp_path, changes, protocol)
    with pytest.raises(SuiteError, match=message) as caught:
        load_suites(str(path))
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("field", ["name", "schema", "environment", "tasks", "protocol", "protocol.replan_steps"])
def test_a_missing_field_is_reported(tmp_path, field) -> None:
    path = written(tmp_path, without=[field])
    with pytest.raises(SuiteError, match=rf"mine.yaml: {field}: Field required"):
        load_suites(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML"),
        ("a: !!python/object/apply:os.system ['touch /tmp/owned']", "is not YAML.*python/object/apply"),
        ("day: 2024-13-45", "is not YAML"),
        ("- a\n- b", "must hold a mapping with the fields of a suite, not list"),
        ("", "must hold a mapping with the fields of a suite, not NoneType"),
        ("1: 2", "mine.yaml: "),
    ],
)
def test_a_file_that_is_no_mapping_of_plain_data_is_refused(tmp_path, text, message) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SuiteError, match=f"(?s){message}"):
        load_suites(str(path))


def test_a_file_that_is_no_text_is_refused(tmp_path) -> None:
    path = tmp_path / "mine.yml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SuiteError, match="is not YAML"):
        load_suites(str(path))


def test_a_file_that_is_not_there_is_reported(tmp_path) -> None:
    with pytest.raises(SuiteError, match=r"cannot read suite file .*nowhere.yaml"):
        load_suites(str(tmp_path / "nowhere.yaml"))


def test_a_collection_of_ones_own_names_suites_and_files(tmp_path) -> None:
    path = tmp_path / "both.yaml"
    content = {"schema": 1, "name": "both", "suites": ["goal", str(written(tmp_path))]}
    path.write_text(yaml.safe_dump(content))
    assert [suite.name for suite in load_suites(str(path))] == ["libero_goal", "mine"]


@pytest.mark.parametrize("members", [["goal", "libero_goal"], ["all", "spatial"]])
def test_a_collection_that_names_a_suite_twice_is_refused(tmp_path, members) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(yaml.safe_dump({"schema": 1, "name": "twice", "suites": members}))
    with pytest.raises(SuiteError, match=r"twice.yaml: suites: 'libero_(goal|spatial)' is named more than once"):
        load_suites(str(path))


def test_a_collection_that_contains_itself_is_refused(tmp_path) -> None:
    path = tmp_path / "mirror.yaml"
    path.write_text(yaml.safe_dump({"schema": 1, "name": "mirror", "suites": [str(path)]}))
    with pytest.raises(SuiteError, match=r"mirror.yaml: suites: the collection contains itself"):
        load_suites(str(path))


def test_a_folder_of_suites_may_be_named_by_the_environment(tmp_path, monkeypatch) -> None:
    written(tmp_path, {"aliases": ["m"]})
    monkeypatch.setenv("EVALHARNESS_SUITES", str(tmp_path))
    assert suite_names() == {"mine": ("m",)}
    assert one("m").name == "mine"
    with pytest.raises(SuiteError, match="unknown suite 'spatial'"):
        load_suites("spatial")


def test_a_nameless_file_in_the_folder_of_suites_is_reported(tmp_path, monkeypatch) -> None:
    written(tmp_path, without=["name"], name="nameless.yaml")
    monkeypatch.setenv("EVALHARNESS_SUITES", str(tmp_path))
    with pytest.raises(SuiteError, match=r"nameless.yaml: name: Field required"):
        suite_names()
    with pytest.raises(SuiteError, match=r"nameless.yaml: name: Field required"):
        load_suites("mine")
