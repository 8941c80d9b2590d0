"""A policy server that dies in the middle of an episode and comes back: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import evaluate
from harness.envs.libero.installation import missing_packages

pytestmark = pytest.mark.xdist_group("serving_faults")

ROOT = Path(__file__).parents[2]
TIMES = ("wall_s", "policy_s", "physics_s", "render_s", "queries")
PIPER = {"suite": "lift", "environment": "piper"}
LIBERO = {"suite": "goal", "environment": "libero", "assets": "lite"}
NEEDS_LIBERO = pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")


@contextmanager
def mortal(kind, folder, dies_at):
    """A server that is started again whenever it ends; gives the policy's URI."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "servers.mortal", kind, str(port), str(folder / "dead"), str(dies_at)]
    stopping = threading.Event()
    processes = []

    def start():
        processes.append(subprocess.Popen(command, cwd=ROOT / "tests", stdout=subprocess.PIPE, text=True))
        return processes[-1]

    def look_after(process):
        process.wait()
        if not stopping.is_set():
            start()

    first = start()
    assert first.stdout.readline() == "ready\n"
    keeper = threading.Thread(target=look_after, args=(first,))
    keeper.start()
    try:
        yield f"{kind}://127.0.0.1:{port}"
    finally:
        stopping.set()
        processes[-1].kill()
        keeper.join()
        for process in processes:
            process.kill()
            process.wait()
            process.stdout.close()


def run(out, policy, where):
    """The records of a run. LIBERO's is made in a process of its own, because its assets are chosen once a process."""
    given = {"tasks": "0", "init": "0-2", "max_steps": 4, "video": "none", "progress": False, "workers": 0, "retries": 1}
    options = {**where, **given, "policy": policy, "out": str(out)}
    if where is PIPER:
        evaluate(**options)
    else:
        call = f"from harness import evaluate; evaluate(**{options!r})"
        done = subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]


def told(lines, out):
    """Key -> what an episode's last record says, without its times, and the trace's bytes."""
    return {
        line["key"]: {name: value for name, value in line.items() if name not in (*TIMES, "attempt")}
        | {"trace": (out / line["trace"]).read_bytes()}
        for line in lines
    }


@pytest.mark.parametrize(
    ("kind", "where", "errors"),
    [
        pytest.param("ws", PIPER, 0, id="ws: the request is sent again, the protocol keeps no state"),
        pytest.param("http", PIPER, 0, id="http: likewise"),
        pytest.param("vla-eval+ws", PIPER, 1, id="vla-eval: the episode is tried again, the server kept its chunk"),
        pytest.param("gr00t", LIBERO, 1, id="gr00t: likewise", marks=[NEEDS_LIBERO, pytest.mark.slow]),
    ],
)
def test_a_server_that_is_killed_in_mid_episode_and_comes_back_costs_no_episode(kind, where, errors, tmp_path):
    with mortal(kind, tmp_path, dies_at=10**9) as policy:
        expected = told(run(tmp_path / "whole", policy, where), tmp_path / "whole")
    assert len(expected) == 3
    assert {record["outcome"] for record in expected.values()} == {"failure"}

    # Chunks of two: of four steps an episode, the fourth question is the second half of the second episode.
    with mortal(kind, tmp_path, dies_at=4) as policy:
        lines = run(tmp_path / "killed", policy, where)
    assert (tmp_path / "dead").exists()
    failed = [(line["init"], line["attempt"], line["error"]["type"]) for line in lines if line["outcome"] == "error"]
    assert failed == [(1, 1, "PolicyError")] * errors
    counted = [line for line in lines if line["outcome"] != "error"]
    assert sorted(line["key"] for line in counted) == sorted(expected), "no episode is lost, and none counts twice"
    assert told(counted, tmp_path / "killed") == expected
