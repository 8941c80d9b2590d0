"""Whole runs of the Piper's suites through the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import av
import numpy as np
import pytest

from harness import evaluate
from harness.recording.trace import load_trace

# One group: the tests share a run, which parallel test processes would otherwise each make.
pytestmark = pytest.mark.xdist_group("piper_run")


def evalharness(*arguments, cwd):
    command = [sys.executable, "-m", "harness.cli.main", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)


def records(directory):
    lines = [json.loads(line) for line in (directory / "episodes.jsonl").read_text().splitlines()]
    return {line["key"]: line for line in lines}


@pytest.fixture(scope="module")
def run_directory(tmp_path_factory):
    """Two episodes of the expert in two workers, one of them with a video, in Chinese."""
    folder = tmp_path_factory.mktemp("run")
    done = evalharness(
        *("piper", "--suite", "lift", "--policy", "expert", "--episodes", 2, "--workers", 2, "--video", 1),
        *("--language", "zh", "--out", "first"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return folder / "first"


def test_the_expert_succeeds_and_its_run_says_what_it_was(run_directory):
    assert [record["outcome"] for record in records(run_directory).values()] == ["success", "success"]
    info = json.loads((run_directory / "run.json").read_text())
    (suite,) = info["suites"]
    assert (info["environment"], suite["name"], info["policy"]["name"]) == ("piper", "piper_lift", "expert")
    assert suite["protocol"]["action_space"] == "eef_delta"
    assert suite["tasks"][0]["instruction"] == "拿起红色方块"
    assert "100.0 %" in (run_directory / "summary.md").read_text()


def test_the_video_that_was_asked_for_shows_both_cameras(run_directory):
    (video,) = (run_directory / "videos").iterdir()
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    steps = records(run_directory)["piper_lift/task0/init0/repeat0/seed0"]["steps"]
    assert len(frames) == steps + 1
    assert frames[0].shape[1] >= 512
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 1


def test_a_resumed_run_adds_episodes_and_leaves_the_others(run_directory, tmp_path):
    before = records(run_directory)
    done = evalharness("piper", "--resume", run_directory, "--episodes", 3, "--workers", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = records(run_directory)
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) == {"piper_lift/task0/init2/repeat0/seed0"}


def test_an_episode_alone_and_its_replay_are_the_same_bit_for_bit(run_directory, tmp_path):
    key = "piper_lift/task0/init1/repeat0/seed0"
    stem = key.replace("/", "__")
    first = load_trace(run_directory / "traces" / f"{stem}.npz")
    options = {"init": "1", "video": "none", "progress": False}
    for name, policy in (("alone", "expert"), ("replay", f"replay:{run_directory}")):
        run = evaluate("piper_lift", policy, out=str(tmp_path / name), **options)
        assert run.records()[0].outcome == "success"
        assert run.records()[0].scene_sha256 == records(run_directory)[key]["scene_sha256"]
        again = load_trace(run.directory / "traces" / f"{stem}.npz")
        for field in ("actions", "qpos", "qvel", "time_s"):
            assert getattr(again, field).tobytes() == getattr(first, field).tobytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--suite", "lft", "--policy", "expert"), "unknown suite 'lft'. Did you mean 'lift'"),
        (("--suite", "lift", "--policy", "expertt"), "no back end 'expertt'. Did you mean 'expert'"),
        (("--suite", "lift", "--policy", "expert", "--init", "50"), "no initial state 50; it has 0-49"),
        (("--suite", "lift", "--policy", "zero", "--action-space", "joints"), "joint_position"),
        (("--suite", "lift", "--policy", "zero", "--language", "fr"), "has no instruction in it"),
    ],
)
def test_bad_input_is_refused_with_code_2_and_nothing_is_written(arguments, message, tmp_path):
    done = evalharness("piper", *arguments, "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_run_of_one_action_space_is_not_resumed_in_another(run_directory, tmp_path):
    done = evalharness("piper", "--resume", run_directory, "--action-space", "eef_pose", cwd=tmp_path)
    assert done.returncode == 2
    assert "action_space: the run has 'eef_delta', now it is 'eef_pose'" in done.stderr
