import copy
import dataclasses
import json
import math
import os
import re
from pathlib import Path

import pytest

from harness.envs.gl import GLInfo
from harness.envs.libero.assets import AssetSet
from harness.envs.libero.installation import missing_packages
from harness.envs.libero.task import LiberoTask
from harness.errors import HarnessError, ResumeError, UsageError
from harness.evaluation import evaluate
from harness.preparation import _video_wishes, prepare
from harness.prepared import Prepared
from harness.request import Request
from harness.run_info import default_directory, refuse_differences, resumed_info
from harness.types import Episode, PolicyInfo, Protocol, Suite

PROTOCOL = Protocol(
    name="openpi", max_steps=300, settle_steps=10, settle_action=(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0), control_freq_hz=20,
    cameras={"agentview": "agentview", "wrist": "robot0_eye_in_hand"}, image_height_px=256, image_width_px=256,
    image_rotation_deg=180, state_layout=("eef_pos", "gripper_qpos"), gripper="as_is", replan_steps=5,
    scene_seeding="sequential", scene_seed=7, action_space="eef_delta",
)  # fmt: skip


def episodes(tasks=2, inits=3, suite="mine"):
    return [Episode(suite, task, f"t{task}", "go", init, 0, 0) for task in range(tasks) for init in range(inits)]


@pytest.fixture
def prepared(tmp_path) -> Prepared:
    """What `prepare` makes, of a suite of two tasks."""
    tasks = []
    for i in range(2):
        bddl, init_states = tmp_path / f"t{i}.bddl", tmp_path / f"t{i}.npy"
        bddl.write_text(f"(define {i})")
        init_states.write_bytes(bytes([i]))
        tasks.append(LiberoTask("mine", i, f"t{i}", f"do {i}", bddl, init_states))
    suite = Suite("mine", (), "libero", "", PROTOCOL, tuple(tasks))
    return Prepared(
        request=Request("mine", "zero", workers=2),
        suites=(suite,),
        protocols={"mine": PROTOCOL},
        seed=7,
        policy=PolicyInfo("zero", "zero", "fingerprint-1", {"note": "n"}),
        assets=AssetSet("official", tmp_path, "named by --assets", "a" * 64),
        gl=GLInfo("egl", "llvmpipe", "Mesa", "4.5", (("egl", "ok"),)),
        episodes=tuple(episodes()),
        wishes={},
    )


def stored(prepared: Prepared):
    """The content of ``run.json`` after it was written and read."""
    return json.loads(json.dumps(prepared.info(), allow_nan=False))


def differences(before, after) -> dict[str, str]:
    """Field -> what `refuse_differences` says about it."""
    with pytest.raises(ResumeError, match=r"^runs/a cannot be resumed.*\n(.|\n)*--out") as caught:
        refuse_differences(before, after, Path("runs/a"))
    lines = str(caught.value).splitlines()[1:-1]
    return dict(line.strip().split(": ", 1) for line in lines)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("episodes", 0), ("repeats", 0), ("seed", -1), ("seed", 2**32), ("replan", 0), ("max_steps", -5), ("workers", -1),
        ("retries", -1), ("episodes", 1.5), ("seed", "7"), ("tasks", 3), ("video", 2), ("video", "some"), ("video", "-1"),
        ("video", "1.5"), ("video", ""), ("out", Path("a")), ("errors_as_failures", "yes"), ("envs_per_worker", 0),
        ("engine", 3),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_the_options_name_and_the_value(field, value) -> None:
    with pytest.raises(UsageError, match=f"^--{field.replace('_', '-')} .*{re.escape(str(value))}"):
        Request("goal", "zero", **{field: value})


@pytest.mark.parametrize("seconds", [0, -1.0, math.inf, math.nan, "5"])
def test_a_timeout_that_is_no_positive_number_is_refused(seconds) -> None:
    with pytest.raises(UsageError, match=f"^--episode-timeout must be .*{seconds}"):
        Request("goal", "zero", workers=1, episode_timeout_s=seconds)


@pytest.mark.parametrize("seconds", [60, 0.5])
def test_a_timeout_may_be_whole_or_not(seconds) -> None:
    assert Request("goal", "zero", workers=1, episode_timeout_s=seconds).episode_timeout_s == seconds


def test_a_timeout_needs_a_worker() -> None:
    with pytest.raises(UsageError, match=r"--episode-timeout needs a worker process.*--workers"):
        Request("goal", "zero", workers=0, episode_timeout_s=5.0)


def test_an_unknown_engine_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"--engine 'upsteam'\. Did you mean 'upstream'"):
        Request("goal", "zero", engine="upsteam")


def test_an_engine_that_a_family_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^--engine upstream: piper's suites have only exact"):
        prepare(Request("lift", "expert", engine="upstream"))


def test_several_environments_need_a_policy_that_serves_them() -> None:
    with pytest.raises(UsageError, match=r"^--envs-per-worker 3: policy 'zero' serves one .*ws://.* infer_batch"):
        prepare(Request("lift", "zero", envs_per_worker=3))


def test_an_unknown_video_mode_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'failures'"):
        Request("goal", "zero", video="failure")


def test_a_selection_is_read_from_the_text() -> None:
    selection = Request("goal", "zero", tasks="0,3-5", init="7", repeats=2).selection
    assert (selection.tasks, selection.init, selection.episodes, selection.repeats) == ((0, 3, 4, 5), (7,), None, 2)
    everything = Request("goal", "zero").selection
    assert (everything.tasks, everything.init, everything.episodes) == (None, None, None)


@pytest.mark.parametrize("option", ["tasks", "init"])
def test_a_selection_that_cannot_be_read_is_refused(option) -> None:
    request = Request("goal", "zero", **{option: "x"})
    with pytest.raises(UsageError, match="'x' is not a list of indices"):
        _ = request.selection


def test_a_wrong_selection_is_refused_before_anything_is_looked_for() -> None:
    with pytest.raises(UsageError, match="not a list of indices"):
        prepare(Request("no such suite", "no such policy", tasks="x", assets="/no/such/folder"))


@pytest.mark.parametrize(
    ("video", "wish"), [("all", "always"), ("failures", "failure"), ("successes", "success"), ("none", "never")]
)
def test_a_video_mode_is_the_same_for_all_episodes(video, wish) -> None:
    assert set(_video_wishes(episodes(), video).values()) == {wish}


@pytest.mark.parametrize("number", [0, 1, 2, 3, 100])
def test_a_number_of_videos_takes_the_first_episodes_of_every_task(number) -> None:
    planned = episodes(tasks=2) + episodes(tasks=1, suite="other")
    wishes = _video_wishes(planned, str(number))
    assert len(wishes) == 9
    for episode in planned:
        assert wishes[episode.key] == ("always" if episode.init < number else "never")


def test_a_run_records_what_it_was_made_with(prepared) -> None:
    info = stored(prepared)
    assert info["schema"] == 2
    assert info["environment"] == "libero"
    assert info["policy"] == {"uri": "zero", "name": "zero", "fingerprint": "fingerprint-1", "details": {"note": "n"}}
    assert (info["seed"], info["episodes"]) == (7, 6)
    assert info["assets"]["sha256"] == "a" * 64
    assert info["renderer"]["renderer"] == "llvmpipe"
    assert (info["options"]["workers"], info["options"]["envs_per_worker"], info["engine"]) == (2, 1, "exact")
    (suite,) = info["suites"]
    assert suite["protocol"]["replan_steps"] == 5
    assert suite["tasks"][1] == {
        "task_id": 1,
        "name": "t1",
        "instruction": "do 1",
        # printf '(define 1)' | sha256sum; printf '\\001' | sha256sum
        "bddl_sha256": "8ee03a5bd6dce8e724d62cdc4beaf047a4b73c83eec07824a6afc97e491494dc",
        "init_states_sha256": "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a",
    }


def test_a_request_can_be_made_again_from_what_a_run_remembers(prepared) -> None:
    remembered = stored(prepared)["request"]
    assert Request(**remembered) == prepared.request


def test_a_run_can_be_resumed_with_what_it_was_made_with(prepared) -> None:
    refuse_differences(stored(prepared), prepared.info(), Path("runs/a"))


def test_what_cannot_move_a_result_may_change(prepared) -> None:
    before = stored(prepared)
    request = dataclasses.replace(
        prepared.request, workers=8, envs_per_worker=3, engine="upstream", video="none", retries=5, tasks="0"
    )
    changed = dataclasses.replace(
        prepared,
        request=request,
        episodes=prepared.episodes[:1],
        policy=dataclasses.replace(prepared.policy, details={"note": "other"}),
        gl=dataclasses.replace(prepared.gl, renderer="NVIDIA"),
    )
    after = {**changed.info(), "created": "later", "machine": {}, "command": []}
    after["versions"] = {**after["versions"], "pandas": "0"}
    refuse_differences(before, after, Path("runs/a"))


def test_a_resume_adds_its_engine_and_leaves_the_runs_own(prepared) -> None:
    before = stored(prepared)
    request = dataclasses.replace(prepared.request, engine="upstream")
    info = resumed_info(before, dataclasses.replace(prepared, request=request).info())
    assert (info["engine"], info["resumed"][0]["engine"]) == ("exact", "upstream")


@pytest.mark.parametrize(
    ("field", "value", "name", "both"),
    [
        ("max_steps", 7, "max_steps", "the run has 300, now it is 7"),
        ("replan_steps", None, "replan_steps", "the run has 5, now it is None"),
        ("gripper", "binarize", "gripper", "the run has 'as_is', now it is 'binarize'"),
        ("scene_seed", 0, "scene_seed", "the run has 7, now it is 0"),
        ("name", "openvla", "name", "the run has 'openpi', now it is 'openvla'"),
        ("state_layout", ("eef_pos",), "state_layout", "the run has ['eef_pos', 'gripper_qpos'], now it is ['eef_pos']"),
        ("cameras", {"agentview": "agentview"}, "cameras.wrist", "the run has 'robot0_eye_in_hand', now it is None"),
    ],
)
def test_another_protocol_is_refused_by_field_with_both_values(prepared, field, value, name, both) -> None:
    changed = dataclasses.replace(prepared, protocols={"mine": dataclasses.replace(PROTOCOL, **{field: value})})
    assert differences(stored(prepared), changed.info()) == {f"suites.mine.protocol.{name}": both}


def test_another_policy_is_refused(prepared) -> None:
    changed = dataclasses.replace(prepared, policy=PolicyInfo("zero", "zero", "fingerprint-2"))
    assert differences(stored(prepared), changed.info()) == {
        "policy.fingerprint": "the run has 'fingerprint-1', now it is 'fingerprint-2'"
    }
    changed = dataclasses.replace(prepared, policy=PolicyInfo("random", "random", "fingerprint-1"))
    assert differences(stored(prepared), changed.info()) == {"policy.uri": "the run has 'zero', now it is 'random'"}


def test_another_seed_is_refused(prepared) -> None:
    changed = dataclasses.replace(prepared, seed=8)
    assert differences(stored(prepared), changed.info()) == {"seed": "the run has 7, now it is 8"}


def test_other_assets_are_refused(prepared) -> None:
    assets = dataclasses.replace(prepared.assets, kind="modified", sha256="b" * 64, root=Path("/elsewhere"))
    changed = dataclasses.replace(prepared, assets=assets)
    assert set(differences(stored(prepared), changed.info())) == {"assets.kind", "assets.sha256"}


@pytest.mark.parametrize("package", ["mujoco", "robosuite", "hf-libero", "bddl"])
def test_another_simulator_is_refused(prepared, package) -> None:
    before, after = stored(prepared), copy.deepcopy(prepared.info())
    before["versions"][package], after["versions"][package] = "1.0", "2.0"
    assert differences(before, after) == {f"versions.{package}": "the run has '1.0', now it is '2.0'"}


def test_another_file_of_a_task_is_refused(prepared) -> None:
    before = stored(prepared)
    prepared.suites[0].tasks[1].bddl.write_text("(define other)")
    assert set(differences(before, prepared.info())) == {"suites.mine.tasks.1.bddl_sha256"}


def test_another_suite_is_refused(prepared) -> None:
    before, after = stored(prepared), copy.deepcopy(prepared.info())
    after["suites"][0]["name"] = "yours"
    found = differences(before, after)
    assert found["suites.mine.protocol.max_steps"] == "the run has 300, now it is None"
    assert found["suites.yours.protocol.max_steps"] == "the run has None, now it is 300"


def test_all_differences_are_named_at_once(prepared) -> None:
    changed = dataclasses.replace(prepared, seed=8, policy=dataclasses.replace(prepared.policy, fingerprint="2"))
    assert set(differences(stored(prepared), changed.info())) == {"seed", "policy.fingerprint"}


def test_a_default_directory_says_when_what_and_who(prepared) -> None:
    request = dataclasses.replace(prepared.request, suite="my suites/kitchen.yaml")
    named = dataclasses.replace(prepared, request=request, policy=dataclasses.replace(prepared.policy, name="pi0/a b"))
    assert re.fullmatch(r"results/\d{8}T\d{6}Z-kitchen-pi0-a-b-[0-9a-f]{8}", str(default_directory(named.info())))


def test_the_default_directorys_hash_is_of_what_identifies_the_run(prepared) -> None:
    def digest(changed):
        return default_directory(changed.info()).name[-8:]

    more_workers = dataclasses.replace(prepared, request=dataclasses.replace(prepared.request, workers=9))
    assert digest(more_workers) == digest(prepared)
    assert digest(dataclasses.replace(prepared, seed=8)) != digest(prepared)


@pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"suite": "goal", "policy": "zero", "worker": 2}, "evaluate has no option 'worker'. Did you mean 'workers'"),
        ({"policy": "zero"}, "say which suite: --suite"),
        ({"suite": "goal"}, "say which policy: --policy"),
        ({"resume": "runs/a", "out": "runs/b"}, "--out and --resume exclude each other"),
        ({"suite": "goal", "policy": "zero", "repeats": 0}, "--repeats must be at least 1, not 0"),
        ({"suite": "goal", "policy": "zero", "episode_timeout_s": 5.0}, "--episode-timeout needs a worker"),
        ({"suite": "gaol", "policy": "zero"}, "unknown suite 'gaol'. Did you mean 'goal'"),
        ({"suite": "goal", "policy": "zero", "protocol": "openp"}, "unknown protocol 'openp'. Did you mean 'openpi'"),
        ({"suite": "goal", "policy": "zero", "tasks": "10"}, "libero_goal has no task 10; its tasks are 0-9"),
        ({"suite": "goal", "policy": "zero", "init": "50"}, "has no initial state 50; it has 0-49"),
        ({"suite": "goal", "policy": "zero", "episodes": 51}, "has 50 initial states, not 51"),
        ({"suite": "goal", "policy": "zero", "episodes": 1, "init": "0"}, "--init and --episodes exclude each other"),
        ({"suite": "goal", "policy": "zeroo"}, "there is no back end 'zeroo'. Did you mean 'zero'"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_nothing_written(arguments, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        evaluate(**arguments)
    assert message in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_what_is_no_run_cannot_be_resumed(tmp_path) -> None:
    with pytest.raises(HarnessError, match="is not a run directory"):
        evaluate(resume=tmp_path)
    assert os.listdir(tmp_path) == []
