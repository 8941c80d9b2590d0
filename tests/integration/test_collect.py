"""Demonstrations collected, exported in every format, read back, and simulated again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from harness import evaluate
from harness.cli.main import cli
from harness.datasets.export import export_run
from harness.datasets.frames import look_again
from harness.envs.libero.installation import missing_packages
from harness.errors import UsageError
from harness.policies.noisy import action_noise
from harness.recorded_run import RecordedRun
from harness.recording.trace import load_trace, save_trace

h5py = pytest.importorskip("h5py")
pq = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.xdist_group("collect")

TESTS = Path(__file__).parents[1]
KEEPING = TESTS / "policies" / "keeping.py"
READER = Path(__file__).parent / "read_lerobot.py"
NOISE = 0.02
STEPS = 6
FIRST, SECOND = (f"piper_lift/task0/init{init}/repeat0/seed0" for init in (0, 1))
FAILURES = ("failure",)
CAMERAS = ("front", "wrist")


class Silent:
    """A listener who remembers."""

    def __init__(self, stop_after=None):
        self.begun, self.notes, self.steps = [], [], []
        self.stop_after = stop_after

    def begin(self, steps, done):
        self.begun.append((steps, done))

    def advance(self, steps):
        self.steps.append(steps)
        if len(self.steps) == self.stop_after:
            raise KeyboardInterrupt

    def note(self, text):
        self.notes.append(text)


def evalharness(*arguments):
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def suite(tmp_path_factory) -> Path:
    """Lifting, with small pictures."""
    text = (TESTS.parent / "suites" / "piper_lift.yaml").read_text()
    text = text.replace("image_height_px: 256", "image_height_px: 64").replace("image_width_px: 256", "image_width_px: 96")
    path = tmp_path_factory.mktemp("suite") / "small_lift.yaml"
    path.write_text(text.replace("aliases: [lift]", "aliases: []"))
    return path


@pytest.fixture(scope="module")
def collected(suite, tmp_path_factory) -> Path:
    """Two lifts of the expert with noise, in LeRobot's format v2.1."""
    out = tmp_path_factory.mktemp("collect") / "dataset"
    result = evalharness(
        *("collect", "--suite", suite, "--policy", "expert", "--noise", NOISE, "--episodes", 2),
        *("--out", out, "--workers", 0),
    )
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def run(collected) -> RecordedRun:
    return RecordedRun(collected / "run")


@pytest.fixture(scope="module")
def seen(run):
    """What the expert would have seen in the two episodes."""
    environment = run.environment(run.find_assets("auto", run.episodes))
    spec = run.family.spec(run.episodes[0].protocol)
    frames = [look_again(environment, one, spec, NOISE) for one in run.episodes]
    environment.close()
    return frames


@pytest.fixture(scope="module")
def hdf5(run, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("export") / "hdf5"
    export_run(run.directory, out, Silent(), format_name="hdf5")
    return out


@pytest.fixture(scope="module")
def short(suite, tmp_path_factory) -> Path:
    """A run of two short failures."""
    folder = tmp_path_factory.mktemp("short") / "run"
    evaluate(str(suite), "zero", episodes=2, max_steps=STEPS, video="none", out=str(folder), progress=False)
    return folder


def json_lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def column(path, name) -> np.ndarray:
    return np.array(pq.read_table(path)[name].to_pylist())


def test_the_collected_run_is_a_run_that_repeats_bit_for_bit(collected):
    result = evalharness("replay", collected / "run", "--verify", "--json")
    assert result.exit_code == 0
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["result"] for line in found] == ["identical", "identical"]


def test_the_datasets_rows_are_the_episodes_steps(collected, run, seen):
    info = json.loads((collected / "meta/info.json").read_text())
    lengths = [one.record.steps for one in run.episodes]
    assert (info["codebase_version"], info["fps"], info["total_episodes"]) == ("v2.1", 20, 2)
    assert (info["total_frames"], info["features"]["action"]["shape"]) == (sum(lengths), [7])
    assert info["features"]["observation.images.front"]["shape"] == [64, 96, 3]
    episodes = json_lines(collected / "meta/episodes.jsonl")
    assert [episode["length"] for episode in episodes] == lengths
    assert [episode["key"] for episode in episodes] == [one.key for one in run.episodes]
    assert json_lines(collected / "meta/tasks.jsonl") == [{"task_index": 0, "task": "pick up the red cube"}]
    for index, frames in enumerate(seen):
        path = collected / f"data/chunk-000/episode_{index:06d}.parquet"
        assert np.array_equal(column(path, "observation.state"), frames.state["vector"].astype(np.float32))
        assert np.array_equal(column(path, "action"), frames.action.astype(np.float32))
        assert np.array_equal(column(path, "executed_action"), frames.executed.astype(np.float32))
        assert np.array_equal(column(path, "frame_index"), np.arange(lengths[index]))
        assert column(path, "index")[0] == sum(lengths[:index])


def test_the_label_is_the_policys_action_and_the_executed_one_has_the_noise(run, seen):
    spec = run.family.spec(run.episodes[0].protocol)
    for one, frames in zip(run.episodes, seen, strict=True):
        noise = action_noise(NOISE, spec, one.episode, one.record.steps)
        assert np.array_equal(frames.executed, one.trace().actions)
        assert np.allclose(frames.executed - frames.action, noise, rtol=0, atol=1e-15)
        assert np.array_equal(frames.executed[:, -1], frames.action[:, -1]), "the gripper has no noise"


def test_the_statistics_are_those_of_the_rows(collected):
    stats = json.loads((collected / "meta/stats.json").read_text())
    paths = sorted((collected / "data").rglob("*.parquet"))
    for name in ("observation.state", "action"):
        rows = np.concatenate([column(path, name) for path in paths]).astype(np.float32).astype(np.float64)
        assert stats[name]["mean"] == pytest.approx(rows.sum(axis=0) / len(rows), abs=1e-9)
        assert stats[name]["q99"] == pytest.approx(np.percentile(rows, 99, axis=0), abs=1e-9)
        assert stats[name]["min"] == pytest.approx(np.sort(rows, axis=0)[0], abs=0)
        assert len(stats[name]["std"]) == 7


def test_an_existing_dataset_is_refused_and_a_complete_one_is_not_made_twice(collected, suite):
    before = {path: path.stat().st_mtime_ns for path in collected.rglob("*") if path.is_file() and "run" not in path.parts}
    refused = CliRunner().invoke(cli, ["collect", "--suite", str(suite), "--out", str(collected)])
    assert "is not empty: --resume goes on" in str(refused.exception)
    resumed = evalharness("collect", "--out", collected, "--resume", "--workers", 0)
    assert resumed.exit_code == 0
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after == before


def test_an_interrupted_export_goes_on_where_it_was_and_gives_the_same_bytes(short, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "again"
    export_run(short, whole, Silent(), outcomes=FAILURES, workers=1)
    stopped = Silent(stop_after=1)
    with pytest.raises(KeyboardInterrupt):
        export_run(short, out, stopped, outcomes=FAILURES)
    assert "complete episodes are kept" in stopped.notes[-1]
    assert not (out / "meta").exists()
    resumed = Silent()
    made = export_run(short, out, resumed, outcomes=FAILURES, resume=True)
    assert resumed.begun == [(2 * STEPS, STEPS)]
    assert resumed.steps == [STEPS]
    assert (made.episodes, made.frames, made.left_out) == (2, 2 * STEPS, {})
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    assert len(files) == 2 * 3 + 5 + 2  # parquet files and videos, meta, export.json and the lock
    for file in files:
        if file.name != ".lock":
            assert (out / file).read_bytes() == (whole / file).read_bytes(), file
    assert not (out / ".pieces").exists()


def test_a_dataset_whose_run_has_grown_is_made_anew(short, tmp_path):
    copy = shutil.copytree(short, tmp_path / "run")
    both = (copy / "episodes.jsonl").read_text()
    (copy / "episodes.jsonl").write_text(both.splitlines(keepends=True)[0])
    wishes = {"outcomes": FAILURES, "format_name": "hdf5"}
    assert export_run(copy, tmp_path / "out", Silent(), **wishes).episodes == 1
    (copy / "episodes.jsonl").write_text(both)
    grown = Silent()
    assert export_run(copy, tmp_path / "out", grown, resume=True, **wishes).episodes == 2
    assert "1 episodes more" in grown.notes[0]


def test_an_episode_that_does_not_repeat_is_left_out_and_told(short, tmp_path):
    copy = shutil.copytree(short, tmp_path / "run")
    path = copy / "traces" / f"{FIRST.replace('/', '__')}.npz"
    trace = load_trace(path)
    trace.actions[3, 0] += 1e-6
    save_trace(path, trace)
    arguments = ("--out", tmp_path / "out", "--format", "hdf5", "--outcome", "failure", "--workers", 0)
    result = evalharness("export", copy, *arguments)
    assert result.exit_code == 1
    assert f"{FIRST} is left out: its simulation does not repeat: step 4" in result.stderr
    content = json.loads((tmp_path / "out/export.json").read_text())
    assert [episode["key"] for episode in content["episodes"]] == [SECOND]
    assert list(content["left_out"]) == [FIRST]
    with h5py.File(tmp_path / "out/piper_lift/lift_the_red_cube_demo.hdf5") as file:
        assert file["data/demo_0/dones"][-1] == 1
        assert not file["data/demo_0/rewards"][:].any(), "a failure has no reward"


def test_a_run_without_successes_is_refused_and_leaves_nothing(short, tmp_path):
    with pytest.raises(UsageError, match=r"none of the 2 episodes .* ended in success"):
        export_run(short, tmp_path / "out", Silent())
    assert not (tmp_path / "out").exists()


def test_hdf5_has_liberos_names_and_the_bits_of_the_run(hdf5, run, seen):
    with h5py.File(hdf5 / "piper_lift/lift_the_red_cube_demo.hdf5") as file:
        data = file["data"]
        assert (data.attrs["num_demos"], data.attrs["total"]) == (2, sum(one.record.steps for one in run.episodes))
        assert json.loads(data.attrs["problem_info"])["language_instruction"] == "pick up the red cube"
        for index, frames in enumerate(seen):
            demo = data[f"demo_{index}"]
            assert np.array_equal(demo["actions"], frames.action)
            assert np.array_equal(demo["executed_actions"], frames.executed)
            assert np.array_equal(demo["states"], frames.sim_state)
            assert np.array_equal(demo["obs/front_rgb"], frames.pictures["front"])
            assert np.array_equal(demo["obs/eye_in_hand_rgb"], frames.pictures["wrist"])
            assert np.array_equal(demo["obs/ee_states"][:, :3], frames.state["tcp_pos"])
            assert np.array_equal(demo["obs/joint_states"], frames.state["joint_pos"])
            assert demo["dones"][:].tolist() == demo["rewards"][:].tolist() == [0] * (len(frames.action) - 1) + [1]
            assert demo.attrs["num_samples"] == len(frames.action)


def succeeds(suite, actions, tmp_path, init) -> bool:
    """Whether actions of a dataset bring the task about again, by the policy that replays them."""
    np.savez(tmp_path / "actions.npz", actions=np.asarray(actions, dtype=np.float64))
    made = evaluate(
        str(suite),
        f"replay:{tmp_path / 'actions.npz'}",
        init=str(init),
        action_space="eef_delta",
        video="none",
        out=str(tmp_path / "run"),
        progress=False,
    )
    return made.episodes()["outcome"].tolist() == ["success"]


@pytest.mark.parametrize("init", [0, 1])
def test_the_datasets_executed_actions_succeed_again(hdf5, run, suite, tmp_path, init):
    with h5py.File(hdf5 / "piper_lift/lift_the_red_cube_demo.hdf5") as file:
        executed = file[f"data/demo_{init}/executed_actions"][:]
    assert succeeds(suite, executed, tmp_path, init)
    trace = load_trace(next((tmp_path / "run" / "traces").iterdir()))
    assert np.array_equal(trace.qpos, run.episodes[init].trace().qpos)


def test_the_single_precision_actions_of_the_lerobot_dataset_succeed_too(collected, suite, tmp_path):
    path = collected / "data/chunk-000/episode_000000.parquet"
    assert succeeds(suite, column(path, "executed_action"), tmp_path, 0)


def lerobot_interpreters() -> dict[str, str]:
    """Dataset version -> an interpreter whose lerobot reads it."""
    named = os.environ.get("EVALHARNESS_LEROBOT_PYTHON", "")
    found = {}
    for python in filter(None, [*named.split(os.pathsep), sys.executable]):
        done = subprocess.run([python, READER, "version"], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode == 0:
            found.setdefault(done.stdout.split()[-1], python)
    return found


@pytest.fixture(scope="module")
def interpreters():
    return lerobot_interpreters()


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_lerobot_reads_the_dataset(version, interpreters, collected, run, seen, tmp_path):
    if version not in interpreters:
        here = f"; those that can be imported read {', '.join(interpreters)}" if interpreters else ""
        pytest.skip(f"no lerobot that reads {version}: EVALHARNESS_LEROBOT_PYTHON may name interpreters that have it{here}")
    root = collected
    if version == "v3.0":
        root = export_run(run.directory, tmp_path / "v3", Silent(), format_name="lerobot-v3").directory
    lengths = [len(frames.action) for frames in seen]
    wanted = {
        0: (0, 0),
        lengths[0] - 1: (0, lengths[0] - 1),
        lengths[0] + 20: (1, 20),
        sum(lengths) - 1: (1, lengths[1] - 1),
    }
    command = [interpreters[version], READER, "read", root, tmp_path / "found.npz", *map(str, wanted)]
    environment = os.environ | {"HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["length"], found["episodes"], found["fps"]) == (sum(lengths), 2, 20)
    assert found["features"]["observation.images.wrist"] == ["video", [64, 96, 3]]
    actions = np.concatenate([frames.action for frames in seen]).astype(np.float32)
    states = np.concatenate([frames.state["vector"] for frames in seen]).astype(np.float32)
    assert found["mean"]["action"] == pytest.approx(actions.astype(float).mean(axis=0), abs=1e-6)
    with np.load(tmp_path / "found.npz") as arrays:
        assert np.array_equal(arrays["action"], actions)
        assert np.array_equal(arrays["observation.state"], states)
        for row, (episode, step) in wanted.items():
            assert str(arrays[f"{row}/task"]) == "pick up the red cube"
            assert np.array_equal(arrays[f"{row}/action"], actions[row])
            for camera in CAMERAS:
                shown = seen[episode].pictures[camera][step].astype(float)
                read = arrays[f"{row}/observation.images.{camera}"].transpose(1, 2, 0) * 255
                assert np.abs(read - shown).mean() < 3, (row, camera)  # H.264 at CRF 18, chroma at half resolution


@pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")
def test_liberos_demonstrations_hold_what_the_policy_saw_with_pictures_bottom_up(tmp_path):
    (tmp_path / "seen").mkdir()
    command = [sys.executable, "-m", "harness.cli.main", "collect", "--suite", "spatial", "--assets", "lite"]
    command += ["--policy", f"py:{KEEPING}:Keeping?folder={tmp_path / 'seen'}", "--keep", "failures", "--tasks", "0"]
    command += ["--episodes", "1", "--max-steps", "3", "--format", "hdf5", "--workers", "0", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out" / "libero_spatial").iterdir()
    shown = [np.load(tmp_path / "seen" / f"libero_spatial__task0__init0__repeat0__seed0__{step}.npz") for step in range(3)]
    with h5py.File(path) as file:
        data, obs = file["data"], file["data/demo_0/obs"]
        assert path.name == f"{Path(data.attrs['bddl_file_name']).stem}_demo.hdf5"
        assert data.attrs["bddl_file_content"].startswith("(define (problem LIBERO_Tabletop_Manipulation)")
        assert json.loads(data.attrs["env_args"])["problem_name"] == "libero_tabletop_manipulation"
        assert data.attrs["macros_image_convention"] == "opengl"
        for step, arrays in enumerate(shown):
            # What the policy saw is turned by 180 degrees; LIBERO's files are not.
            assert np.array_equal(obs["agentview_rgb"][step][::-1, ::-1], arrays["agentview"])
            assert np.array_equal(obs["eye_in_hand_rgb"][step][::-1, ::-1], arrays["wrist"])
            state = np.concatenate([obs["ee_pos"][step], obs["ee_ori"][step], obs["gripper_states"][step]])
            assert np.array_equal(state, arrays["vector"])
        assert obs["joint_states"].shape == (3, 7)
        assert file["data/demo_0/robot_states"].shape == (3, 9)
        assert "executed_actions" not in file["data/demo_0"]
    assert set(json.loads((tmp_path / "out/stats.json").read_text())) == {"observation.state", "action"}
