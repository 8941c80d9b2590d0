"""Workers, environments a worker, batches, servers and order: whatever runs an episode, it is the same episode."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from harness import evaluate
from harness.envs.gl import try_backend
from harness.errors import UsageError
from harness.serving.openpi import OpenPIConversation
from harness.serving.websocket import Access, WebSocketServer

# One group: the tests share a run, which parallel test processes would otherwise each make.
pytestmark = pytest.mark.xdist_group("concurrency")

POLICIES = Path(__file__).parents[1] / "policies" / "batches.py"
SUITE = """
schema: 1
name: two_suites
aliases: []
description: "Two suites with models of their own"
suites: [piper_lift, piper_stack]
"""
TIMES = ("wall_s", "policy_s", "physics_s", "render_s")


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    path = tmp_path_factory.mktemp("suite") / "two.yaml"
    path.write_text(SUITE)
    return path


def run(out, suite, policy, **options):
    """Key -> the last record of the episode without its times, with the trace's bytes."""
    given = {"environment": "piper", "tasks": "0", "init": "0-2", "max_steps": 8, "video": "none", "progress": False}
    evaluate(str(suite), policy, **{**given, "out": str(out), **options})
    return last_records(out)


def last_records(out):
    found = {}
    for line in lines(out):
        same = {name: value for name, value in line.items() if name not in (*TIMES, "attempt")}
        found[line["key"]] = same | {"trace": (out / line["trace"]).read_bytes() if line["trace"] else None}
    return found


def lines(out):
    return [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def expected(suite, tmp_path_factory):
    """Six episodes, one after the other in this process, in the plan's order."""
    records = run(tmp_path_factory.mktemp("runs") / "plain", suite, f"py:{POLICIES}:Alone")
    assert len(records) == 6
    assert len({record["trace"] for record in records.values()}) == 6
    assert all(record["frame_sha256"] and record["steps"] == 8 for record in records.values())
    return records


@pytest.mark.parametrize(
    ("workers", "envs", "init"),
    [
        (0, 3, "0-2"),
        (0, 3, "2,0,1"),
        (2, 3, "1,2,0"),
        pytest.param(0, 1, "2,1,0", marks=pytest.mark.slow),
        pytest.param(1, 1, "0-2", marks=pytest.mark.slow),
        pytest.param(2, 1, "2,0,1", marks=pytest.mark.slow),
        pytest.param(1, 3, "0,2,1", marks=pytest.mark.slow),
    ],
)
def test_workers_environments_and_order_never_change_an_episode(expected, suite, tmp_path, workers, envs, init):
    policy = f"py:{POLICIES}:{'Mixing' if envs > 1 else 'Alone'}"
    records = run(tmp_path / "run", suite, policy, workers=workers, envs_per_worker=envs, init=init)
    assert records == expected


def test_a_policys_error_leaves_the_episodes_beside_it_as_they_are(expected, suite, tmp_path):
    records = run(tmp_path / "run", suite, f"py:{POLICIES}:OneIsWrong", envs_per_worker=3, retries=0)
    wrong = {key for key, record in records.items() if record["outcome"] == "error"}
    assert wrong == {key for key, record in expected.items() if record["init"] == 1}
    assert {records[key]["error"]["type"] for key in wrong} == {"PolicyOutputError"}
    assert {key: record for key, record in records.items() if key not in wrong} == {
        key: record for key, record in expected.items() if key not in wrong
    }


def test_all_episodes_of_a_worker_that_is_killed_are_tried_again(expected, tmp_path, monkeypatch):
    monkeypatch.setenv("FAULTY_POLICY_DONE", str(tmp_path / "done"))
    records = run(tmp_path / "run", "lift", f"py:{POLICIES}:KilledOnceInCompany", workers=1, envs_per_worker=3, retries=0)
    errors = [line for line in lines(tmp_path / "run") if line["outcome"] == "error"]
    assert sorted((line["init"], line["attempt"], line["error"]["type"]) for line in errors) == [
        (init, 1, "WorkerCrashed") for init in range(3)
    ]
    assert records == {key: record for key, record in expected.items() if record["suite"] == "piper_lift"}


@pytest.mark.slow
def test_an_episode_that_kills_its_worker_every_time_costs_no_other(expected, tmp_path):
    records = run(tmp_path / "run", "lift", f"py:{POLICIES}:KillsItsWorker", workers=1, envs_per_worker=3, retries=1)
    lift = {key: record for key, record in expected.items() if record["suite"] == "piper_lift"}
    assert {key: record["outcome"] for key, record in records.items() if record["init"] == 1} == {
        "piper_lift/task0/init1/repeat0/seed0": "error"
    }
    assert all(records[key] == record for key, record in lift.items() if record["init"] != 1)


def test_a_policy_that_serves_one_environment_is_not_given_several(suite, tmp_path):
    with pytest.raises(UsageError, match=r"^--envs-per-worker 2: policy 'expert' serves one environment at a time"):
        run(tmp_path / "run", suite, "expert", envs_per_worker=2)
    assert not (tmp_path / "run").exists()


PICTURES_OF_TWO = """
import dataclasses
from harness.envs.families import family_of
from harness.envs.gl import choose_gl, use_gl
from harness.suites import load_suites
from harness.types import Episode

use_gl(choose_gl("osmesa"))
suites = load_suites("lift") + load_suites("stack")
protocols = {suite.name: dataclasses.replace(suite.protocol, image_height_px=48, image_width_px=48) for suite in suites}
first, second = (family_of("piper").make(suites, protocols, None) for _ in suites)
for environment, suite in zip((first, second), suites):
    environment.reset(Episode(suite.name, 0, suite.tasks[0].name, "", 0, 0, 0))
    environment.observe(images=True)
before = second.observe(images=True).images
first.close()
after = second.observe(images=True).images
assert {name: picture.tobytes() for name, picture in before.items()} == {
    name: picture.tobytes() for name, picture in after.items()
}
"""


@pytest.mark.slow
def test_an_environment_that_is_closed_leaves_the_pictures_of_another_alone(tmp_path):
    if isinstance(why := try_backend("osmesa"), str):
        pytest.skip(f"OSMesa draws nothing here: {why}")
    done = subprocess.run([sys.executable, "-c", PICTURES_OF_TWO], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


class Meeting:
    """Answers a request only when as many as were agreed on are waiting; see `harness.serving.openpi.Answers`."""

    def __init__(self, together):
        self.waiting = threading.Barrier(together)
        self.requests = 0

    def metadata(self):
        return {"model": "meeting"}

    def answer(self, request):
        self.waiting.wait(timeout=60)
        self.requests += 1
        seed = int(np.frombuffer(request["observation/state"].tobytes(), dtype=np.uint64).sum() % 2**32)
        noise = np.random.default_rng([seed, int(request["observation/image"].sum())])
        return {"actions": noise.uniform(-1, 1, (2, 7))}

    def close(self):
        pass


def serving(meeting):
    return WebSocketServer(lambda connected: OpenPIConversation(meeting), "127.0.0.1", 0, Access())


def test_requests_of_several_environments_reach_a_server_at_the_same_time(tmp_path):
    with serving(Meeting(together=1)) as server:
        alone = run(tmp_path / "alone", "lift", server.url)
    meeting = Meeting(together=3)
    with serving(meeting) as server:
        together = run(tmp_path / "together", "lift", server.url, envs_per_worker=3)
        assert meeting.requests == 12, "three episodes of eight steps in chunks of two: no answer came before three asked"
    assert together == alone
    assert {record["outcome"] for record in together.values()} == {"failure"}


@pytest.mark.slow
def test_libero_episodes_that_take_turns_are_those_that_run_alone(tmp_path):
    def evalharness(out, policy, *arguments):
        command = [sys.executable, "-m", "harness.cli.main", "libero", "--suite", "goal", "--assets", "lite"]
        command += ["--tasks", "0-1", "--episodes", "2", "--max-steps", "6", "--video", "1"]
        command += ["--policy", f"py:{POLICIES}:{policy}", "--out", str(out), *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        return last_records(out), sorted(path.read_bytes() for path in (out / "videos").iterdir())

    alone = evalharness(tmp_path / "alone", "Alone", "--workers", "0")
    assert len(alone[0]) == 4
    assert evalharness(tmp_path / "together", "Mixing", "--workers", "1", "--envs-per-worker", "3") == alone
