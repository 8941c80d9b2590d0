"""Runs that are killed, hang, are interrupted or are fed nonsense: nothing is lost, and errors are told apart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import Run, evaluate
from harness.errors import ResumeError

pytestmark = [pytest.mark.assets, pytest.mark.slow]

FAULTY = Path(__file__).parents[1] / "policies" / "faulty.py"
# libero_object builds and settles quickly; four steps and no pictures keep an episode at a fraction of a second.
COMMON = ["--suite", "object", "--tasks", "0", "--episodes", "3", "--max-steps", "4", "--video", "none"]


def start(*arguments, done_file: Path, **options) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "harness.cli.main", "libero", *map(str, arguments)]
    environment = {**os.environ, "FAULTY_POLICY_DONE": str(done_file)}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
        **options,
    )


def evalharness(*arguments, done_file: Path):
    process = start(*arguments, done_file=done_file)
    stdout, stderr = process.communicate(timeout=240)
    return process.returncode, stdout, stderr


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        os.sched_yield()


def lines(directory: Path):
    return [json.loads(line) for line in (directory / "episodes.jsonl").read_text().splitlines()]


def test_a_run_outlives_a_worker_that_is_killed_in_mid_episode_and_says_so(simulator, tmp_path):
    out = tmp_path / "run"
    code, _, stderr = evalharness(
        *COMMON, "--policy", f"py:{FAULTY}:KilledOnce", "--workers", 2, "--out", out, done_file=tmp_path / "done"
    )
    assert code == 0, stderr
    assert "SIGKILL" in stderr
    episodes = Run(out).episodes()
    assert list(episodes["outcome"]) == ["failure"] * 3
    errors = [line for line in lines(out) if line["outcome"] == "error"]
    assert [(line["init"], line["attempt"], line["error"]["type"]) for line in errors] == [(1, 1, "WorkerCrashed")]
    assert episodes.loc[episodes["init"] == 1, "attempt"].item() == 2


def test_a_worker_that_hangs_is_ended_after_the_episode_timeout(simulator, tmp_path):
    out = tmp_path / "run"
    code, _, stderr = evalharness(
        *COMMON,
        *("--policy", f"py:{FAULTY}:HangsOnce", "--episode-timeout", 30, "--out", out),
        done_file=tmp_path / "done",
    )
    assert code == 0, stderr
    errors = [line for line in lines(out) if line["outcome"] == "error"]
    assert [(line["init"], line["error"]["type"]) for line in errors] == [(1, "EpisodeTimeout")]
    assert list(Run(out).episodes()["outcome"]) == ["failure"] * 3


def test_a_policys_nan_is_an_error_that_is_retried_and_never_a_failure(simulator, tmp_path):
    out = tmp_path / "run"
    arguments = [*COMMON, "--policy", f"py:{FAULTY}:NaNOnce", "--workers", 0]
    code, stdout, stderr = evalharness(*arguments, "--retries", 0, "--out", out, done_file=tmp_path / "done")
    assert code == 1, stderr
    (error,) = (line for line in lines(out) if line["outcome"] == "error")
    assert error["error"]["type"] == "PolicyOutputError"
    assert "nan" in error["error"]["message"]
    assert error["steps"] == 2, "the steps before the error are kept"
    assert (out / error["trace"]).is_file()
    assert "0.0 % [0.0, 65.8]" in stdout, "2 of 3 count"

    code, _, stderr = evalharness("--resume", out, done_file=tmp_path / "done")
    assert code == 0, stderr
    assert list(Run(out).episodes()["outcome"]) == ["failure"] * 3


def test_errors_remain_errors_after_all_retries_and_can_be_counted_as_failures_on_request(simulator, tmp_path):
    policy = f"py:{FAULTY}:AlwaysWrong"
    options = {"tasks": "0", "episodes": 1, "max_steps": 4, "video": "none", "progress": False}
    plain = evaluate("object", policy, **options, retries=2, out=str(tmp_path / "plain"))
    assert [line["attempt"] for line in lines(plain.directory)] == [1, 2, 3]
    assert plain.summary()["errors"].to_list() == [1, 1, 1]
    assert plain.summary()["success_rate"].isna().all()
    strict = evaluate("object", policy, **options, retries=0, errors_as_failures=True, out=str(tmp_path / "strict"))
    assert strict.summary()["success_rate"].to_list() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("workers", [0, 2])
def test_after_kill_9_a_resumed_run_equals_one_that_was_never_interrupted(simulator, tmp_path, workers):
    policy = ["--policy", f"py:{FAULTY}:SignalsReady", "--workers", workers]
    done = tmp_path / "done"
    out = tmp_path / "killed"
    process = start(*COMMON, *policy, "--out", out, done_file=done)
    wait_for(done, process)
    process.kill()
    process.communicate(timeout=60)
    finished = {line["key"] for line in lines(out)}
    assert len(finished) < 3

    code, _, stderr = evalharness("--resume", out, done_file=done)
    assert code == 0, stderr
    keys = [line["key"] for line in lines(out)]
    assert len(keys) == len(set(keys)) == 3, "no episode is lost, and none is run twice"
    assert finished <= set(keys)

    whole = tmp_path / "whole"
    code, _, stderr = evalharness(*COMMON, *policy, "--out", whole, done_file=done)
    assert code == 0, stderr
    for name in sorted(path.name for path in (whole / "traces").iterdir()):
        assert (whole / "traces" / name).read_bytes() == (out / "traces" / name).read_bytes()
    assert (whole / "summary.csv").read_text().replace("whole", "killed") == (out / "summary.csv").read_text()


@pytest.mark.parametrize(("signal_number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_finish_the_records(simulator, tmp_path, signal_number, code):
    out, done = tmp_path / "run", tmp_path / "done"
    process = start(*COMMON, "--policy", f"py:{FAULTY}:SignalsReady", "--out", out, done_file=done)
    wait_for(done, process)
    os.killpg(process.pid, signal_number) if signal_number == signal.SIGINT else process.send_signal(signal_number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert f"--resume {out}" in stderr
    assert "Traceback" not in stderr
    assert len(lines(out)) == 1
    assert (out / "summary.csv").is_file()


def test_a_run_cannot_be_resumed_with_another_policy_protocol_or_seed(simulator, tmp_path):
    options = {"tasks": "0", "episodes": 1, "max_steps": 2, "video": "none", "progress": False}
    run = evaluate("object", "zero", **options, out=str(tmp_path / "run"))
    before = (run.directory / "episodes.jsonl").read_bytes()
    with pytest.raises(ResumeError) as raised:
        evaluate(policy="random", seed=3, max_steps=5, resume=run.directory, progress=False)
    for field in ("policy.uri", "seed", "protocol.max_steps"):
        assert field in str(raised.value)
    assert (run.directory / "episodes.jsonl").read_bytes() == before


def test_a_full_disk_stops_the_run_with_a_message_and_keeps_whole_lines(simulator, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    try:
        out = disk / "run"
        code, _, stderr = evalharness(
            *("--suite", "object", "--tasks", "0", "--max-steps", 40, "--video", "none", "--policy", "random"),
            *("--out", out),
            done_file=tmp_path / "done",
        )
        assert code == 1, stderr
        assert "cannot be written" in stderr
        assert "No space left" in stderr
        assert "Traceback" not in stderr
        records = lines(out)
        assert 0 < len(records) < 50
        for record in records:
            assert (out / record["trace"]).is_file()
    finally:
        subprocess.run(["umount", disk], check=True)
