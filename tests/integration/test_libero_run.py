"""A whole run through the command line, with the official assets: everything that it promises to write."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from harness import Run, evaluate
from harness.envs.libero.init_states import load_init_states
from harness.policies.openpi_server import serve
from harness.recording.trace import load_trace
from harness.suites import load_suites

# One group: the tests share a run, which parallel test processes would otherwise each make.
pytestmark = [pytest.mark.assets, pytest.mark.slow, pytest.mark.xdist_group("libero_run")]

LOOKING = f"py:{Path(__file__).parents[1] / 'policies' / 'looking.py'}:Looking"
STEPS = 12
RECORD_FIELDS = {
    *("key", "suite", "task_id", "task", "init", "repeat", "seed", "attempt", "outcome", "steps", "error"),
    *("scene_sha256", "frame_sha256", "wall_s", "policy_s", "physics_s", "render_s", "video", "trace"),
}


def evalharness(*arguments, cwd, **options):
    command = [sys.executable, "-m", "harness.cli.main", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, **options)


@pytest.fixture(scope="module")
def run_directory(simulator, tmp_path_factory):
    """Two tasks, two episodes each, two workers, as in the README."""
    folder = tmp_path_factory.mktemp("run")
    done = evalharness(
        *("libero", "--suite", "spatial", "--policy", LOOKING, "--tasks", "0-1", "--episodes", 2, "--workers", 2),
        *("--max-steps", STEPS),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    (directory,) = (folder / "results").iterdir()
    assert directory.name.split("-", 1)[1].startswith("spatial-")
    assert f"results/{directory.name}" in done.stdout
    assert "[4/4]" in done.stderr, "plain progress lines where there is no terminal"
    return directory


def test_every_attempt_is_a_line_with_all_fields(run_directory):
    lines = [json.loads(line) for line in (run_directory / "episodes.jsonl").read_text().splitlines()]
    assert len(lines) == 4
    assert len({line["key"] for line in lines}) == 4
    for line in lines:
        assert set(line) == RECORD_FIELDS
        assert (line["outcome"], line["steps"], line["error"], line["attempt"]) == ("failure", STEPS, None, 1)
        assert len(line["scene_sha256"]) == len(line["frame_sha256"]) == 64
        assert line["wall_s"] > line["physics_s"] > 0
        assert line["render_s"] > 0


def test_run_json_says_what_the_run_was(run_directory):
    info = json.loads((run_directory / "run.json").read_text())
    (suite,) = info["suites"]
    assert suite["name"] == "libero_spatial"
    assert suite["protocol"]["max_steps"] == STEPS
    assert suite["protocol"]["settle_steps"] == 10
    assert info["policy"]["uri"] == LOOKING
    assert len(info["policy"]["fingerprint"]) >= 12
    assert info["versions"]["mujoco"] == "3.3.2"
    assert len(info["assets"]["sha256"]) == 64
    assert info["renderer"]["renderer"]
    assert {"schema", "seed", "git_commit", "machine", "created", "command"} <= set(info)


def test_traces_hold_the_settled_start_and_a_row_a_step(run_directory):
    for line in (run_directory / "episodes.jsonl").read_text().splitlines():
        record = json.loads(line)
        assert record["trace"] == f"traces/{record['key'].replace('/', '__')}.npz"
        with np.load(run_directory / record["trace"], allow_pickle=False) as trace:
            assert set(trace) == {"time", "qpos", "qvel", "actions"}
            assert trace["actions"].shape == (STEPS, 7)
            assert len(trace["time"]) == len(trace["qpos"]) == len(trace["qvel"]) == STEPS + 1
            np.testing.assert_allclose(np.diff(trace["time"]), 0.05, atol=1e-9)


def test_videos_are_h264_at_20_hz_with_both_cameras_and_a_frame_a_state(run_directory):
    for line in (run_directory / "episodes.jsonl").read_text().splitlines():
        record = json.loads(line)
        assert record["video"] == f"videos/{record['key'].replace('/', '__')}.mp4"
        with av.open(str(run_directory / record["video"])) as container:
            (stream,) = container.streams.video
            assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
            assert stream.average_rate == Fraction(20)
            assert stream.width == 512
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert len(frames) == STEPS + 1
        assert frames[0][:256, :256].std() > 10
        assert frames[0][:256, 256:].std() > 10


def test_the_summary_has_a_row_a_task_a_row_a_suite_and_the_mean(run_directory):
    with (run_directory / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    counts = ["episodes", "successes", "failures", "errors"]
    limits = ["success_rate", "ci_low", "ci_high", "mean_steps", "interval"]
    assert list(rows[0]) == ["run", "policy", "assets", "suite", "task_id", "task", *counts, *limits]
    assert [(row["suite"], row["task_id"]) for row in rows] == [
        ("libero_spatial", "0"),
        ("libero_spatial", "1"),
        ("libero_spatial", ""),
        ("mean", ""),
    ]
    # Wilson, 0 of 2 and 0 of 4: z^2 / (n + z^2) with z = 1.959964.
    assert [float(row["ci_high"]) for row in rows] == pytest.approx([0.657620, 0.657620, 0.489891, 0.489891], abs=1e-5)
    assert "0.0 % [0.0, 49.0]" in (run_directory / "summary.md").read_text()


def test_the_python_api_reads_the_run_as_data_frames(run_directory):
    run = Run(run_directory)
    assert list(run.episodes()["task_id"]) == [0, 0, 1, 1]
    assert len(run.summary()) == 4


def test_report_makes_the_tables_again(run_directory):
    before = (run_directory / "summary.csv").read_bytes()
    (run_directory / "summary.csv").unlink()
    done = evalharness("report", run_directory, cwd=run_directory)
    assert done.returncode == 0, done.stderr
    assert "libero_spatial" in done.stdout
    assert (run_directory / "summary.csv").read_bytes() == before


def test_replaying_a_run_gives_its_trajectories_bit_for_bit(run_directory, tmp_path):
    again = evaluate(
        "spatial",
        f"replay:{run_directory}",
        tasks="1",
        episodes=2,
        max_steps=STEPS,
        video="none",
        progress=False,
        out=str(tmp_path / "replayed"),
    )
    names = sorted(path.name for path in (again.directory / "traces").iterdir())
    assert len(names) == 2
    for name in names:
        assert (again.directory / "traces" / name).read_bytes() == (run_directory / "traces" / name).read_bytes()


def test_a_served_policy_gets_what_openpis_server_expects_and_its_chunks_are_replanned(simulator, tmp_path):
    requests = []

    def infer(request):
        requests.append(request)
        return np.zeros((10, 7))

    with serve(infer, metadata={"name": "test"}) as server:
        run = evaluate(
            "object",
            server.url,
            tasks="0",
            episodes=1,
            max_steps=12,
            protocol="openpi",
            video="none",
            progress=False,
            out=str(tmp_path / "served"),
        )
    assert list(run.episodes()["outcome"]) == ["failure"]
    assert list(run.episodes()["seed"]) == [7], "openpi's own seed"
    assert len(requests) == 3, "12 steps, 5 actions of every chunk"
    request = requests[0]
    assert set(request) == {"observation/image", "observation/wrist_image", "observation/state", "prompt"}
    assert request["observation/image"].shape == request["observation/wrist_image"].shape == (224, 224, 3)
    assert request["observation/image"].dtype == np.uint8
    assert request["observation/state"].shape == (8,)
    assert request["prompt"] == "pick up the alphabet soup and place it in the basket"


def test_a_number_of_videos_is_a_number_a_task(simulator, tmp_path):
    run = evaluate(
        "object", "zero", tasks="0-1", episodes=2, max_steps=2, video="1", progress=False, out=str(tmp_path / "run")
    )
    videos = run.episodes()["video"]
    assert list(videos.notna()) == [True, False, True, False]


def test_nothing_is_written_to_the_home_directory_but_the_cache(simulator, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "EVALHARNESS_LIBERO_ASSETS": str(simulator.root)}
    for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "EVALHARNESS_CACHE"):
        environment.pop(name, None)
    done = evalharness(
        *("libero", "--suite", "object", "--policy", "zero", "--tasks", "0", "--episodes", "1", "--max-steps", "1"),
        *("--video", "none", "--out", tmp_path / "run"),
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert not (home / ".libero").exists()
    assert [path.name for path in home.iterdir()] == [".cache"]


def test_a_suite_of_ones_own_brings_its_tasks_initial_states_cameras_and_words(simulator, tmp_path):
    (upstream,) = load_suites("object")
    task = upstream.tasks[0]
    (tmp_path / "bddl").mkdir()
    shutil.copy(task.bddl, tmp_path / "bddl" / "my_task.bddl")
    np.save(tmp_path / "states.npy", load_init_states(task.init_states)[5:8])
    protocol = dataclasses.asdict(upstream.protocol)
    del protocol["name"]
    content = {
        "schema": 1,
        "name": "my_suite",
        "environment": "libero",
        "protocol": {
            **protocol,
            "max_steps": 2,
            "cameras": {"front": "frontview"},
            "image_height_px": 48,
            "image_width_px": 64,
        },
        "bddl": "bddl",
        "tasks": [{"name": "my_task", "instruction": "do it", "init_states": "states.npy"}],
    }
    suite = tmp_path / "my_suite.yaml"
    suite.write_text(json.dumps(content, default=list))  # JSON is YAML
    policy = tmp_path / "noting.py"
    policy.write_text(
        "seen = []\n"
        "def infer(observation):\n"
        "    seen.append((observation.images['front'].shape, observation.instruction, observation.step))\n"
        "    assert seen[-1][0] == (48, 64, 3) and seen[-1][1] == 'do it', seen\n"
        "    return [0.0] * 7\n"
    )
    run = evaluate(str(suite), f"py:{policy}:infer", progress=False, out=str(tmp_path / "run"))
    episodes = run.episodes()
    assert list(episodes["outcome"]) == ["failure"] * 3, episodes["error"].to_list()
    assert list(episodes["key"]) == [f"my_suite/task0/init{i}/repeat0/seed0" for i in range(3)]
    settled = evaluate(
        "object", "zero", tasks="0", init="5", max_steps=1, video="none", progress=False, out=str(tmp_path / "b")
    )
    mine, theirs = (load_trace(r.directory / r.episodes()["trace"][0]) for r in (run, settled))
    assert mine.qpos.shape[1] == theirs.qpos.shape[1]
    np.testing.assert_allclose(mine.qpos[0], theirs.qpos[0], atol=1e-6)
