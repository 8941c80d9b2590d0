"""``evalharness serve`` as a process of its own, and a run against it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from harness.envs.libero.installation import missing_packages
from harness.errors import PolicyError
from harness.policies.openpi_client import OpenPIClient
from harness.policies.server_address import ServerOptions
from harness.store import read_records

POLICIES = Path(__file__).parents[1] / "policies"
ECHO = f"py:{POLICIES / 'answering.py'}:Batches"
REQUEST = {
    "observation/image": np.zeros((8, 8, 3), dtype=np.uint8),
    "observation/wrist_image": np.zeros((8, 8, 3), dtype=np.uint8),
    "observation/state": np.arange(8.0),
    "prompt": "do it",
}
GATED = '''
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def wait_for(name):
    while not (HERE / name).exists():
        time.sleep(0.01)


class Gated:
    """Loads when it may, and answers when it may."""

    needs_images = False

    def __init__(self):
        wait_for("load")

    def infer(self, observation):
        (HERE / "asked").touch()
        wait_for("answer")
        return np.full(7, 0.5)
'''


@contextmanager
def serve(*arguments, cwd, **environment):
    """The process and its address; the first line of its output names it."""
    command = [sys.executable, "-m", "harness.cli.main", "serve", *map(str, arguments), "--port", "0"]
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
    process = subprocess.Popen(
        command, cwd=cwd, env=variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    try:
        line = process.stdout.readline()
        found = re.search(r"listening on (\S+)", line)
        assert found, line + process.stderr.read()
        yield process, found[1]
    finally:
        process.kill()
        process.communicate()


def health(url):
    try:
        with urllib.request.urlopen(url.replace("ws://", "http://") + "/healthz", timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def wait_until(condition):
    pause = threading.Event()
    for _ in range(6000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come to pass")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_listens_while_loading_and_answers_what_is_in_flight_when_it_is_ended(tmp_path, sent, code):
    (tmp_path / "gated.py").write_text(GATED)
    with serve("py:gated.py:Gated", cwd=tmp_path) as (process, url):
        assert health(url) == 503
        (tmp_path / "load").touch()
        wait_until(lambda: health(url) == 200)
        answers = []
        client = OpenPIClient(url, ServerOptions(retries=0))
        asking = threading.Thread(target=lambda: answers.append(client.ask(REQUEST)))
        asking.start()
        wait_until((tmp_path / "asked").exists)
        process.send_signal(sent)
        wait_until(lambda: health_or_none(url) == 503)
        (tmp_path / "answer").touch()
        asking.join(timeout=30)
        client.close()
        out, err = process.communicate(timeout=30)
    assert answers[0]["actions"].tolist() == [[0.5] * 7]
    assert process.returncode == code
    assert f"evalharness libero --suite spatial --policy '{url}'" in out
    assert err.strip() == "", "click ends the line that ^C stands in"


def health_or_none(url):
    try:
        return health(url)
    except OSError:
        return None


def test_it_can_be_ended_while_it_loads(tmp_path):
    (tmp_path / "gated.py").write_text(GATED)
    with serve("py:gated.py:Gated", cwd=tmp_path) as (process, _):
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130


def test_a_second_interrupt_does_not_wait_for_a_model_that_hangs(tmp_path):
    (tmp_path / "gated.py").write_text(GATED)
    (tmp_path / "load").touch()
    with serve("py:gated.py:Gated", cwd=tmp_path) as (process, url):
        errors = []
        client = OpenPIClient(url, ServerOptions(retries=0))

        def ask():
            with pytest.raises(PolicyError) as caught:
                client.ask(REQUEST)
            errors.append(str(caught.value))

        asking = threading.Thread(target=ask)
        asking.start()
        wait_until((tmp_path / "asked").exists)
        process.send_signal(signal.SIGINT)
        wait_until(lambda: health_or_none(url) == 503)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        asking.join(timeout=30)
    assert process.returncode == 130
    assert "before the policy had answered" in errors[0]


def test_a_policy_that_cannot_be_made_ends_it_with_the_reason(tmp_path):
    with serve(f"py:{POLICIES / 'answering.py'}:Broken", cwd=tmp_path) as (process, _):
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "weights.safetensors is missing" in err
    assert "Traceback" not in err


def test_the_key_comes_from_the_environment_and_a_missing_one_is_warned_of_elsewhere(tmp_path):
    with serve(ECHO, "--warm-up", "--api-key-env", "MY_KEY", cwd=tmp_path, MY_KEY="s3cret") as (_, url):
        assert OpenPIClient(url, ServerOptions(api_key="s3cret")).ask(REQUEST)["actions"][0].tolist() == list(range(7))
        request = urllib.request.Request(url.replace("ws://", "http://"), headers={"Authorization": "Api-Key wrong"})
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(request, timeout=10)
    with serve(ECHO, "--host", "0.0.0.0", cwd=tmp_path, EVALHARNESS_API_KEY="") as (process, _):
        assert "anybody who reaches 0.0.0.0" in process.stderr.readline()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ECHO, "--api-key-env", "NOBODY_SET_THIS"), "NOBODY_SET_THIS"),
        ((ECHO, "--replan", "3"), "--protocol vla-eval"),
        (("nonsense:x",), "there is no back end 'nonsense'"),
        (("expert",), "only a simulator knows"),
        ((ECHO, "--protocol", "telepathy"), "telepathy"),
        ((ECHO, "--host", "256.0.0.1"), "cannot listen on 256.0.0.1"),
        ((ECHO, "--suite", "nosuch"), "nosuch"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_served(tmp_path, arguments, message):
    command = [sys.executable, "-m", "harness.cli.main", "serve", *arguments, "--port", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def played(folder, name, uri, *arguments):
    """A run; key -> its trace's bytes."""
    command = [sys.executable, "-m", "harness.cli.main", *arguments, "--workers", "0", "--video", "none"]
    command += ["--policy", uri, "--out", name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return {record.key: (folder / name / record.trace).read_bytes() for record in read_records(folder / name)}


def served_and_in_process(folder, run, *serving):
    policy = f"py:{POLICIES / 'answering.py'}:Everything"
    in_process = played(folder, "in_process", policy, *run)
    with serve(policy, "--warm-up", *serving, cwd=folder) as (process, url):
        wait_until(lambda: health(url) == 200)
        assert process.poll() is None
        served = played(folder, "served", url, *run)
    assert len(set(in_process.values())) == 2
    return served, in_process


def test_a_piper_run_against_a_served_policy_is_bit_for_bit_the_run_in_process(tmp_path):
    run = ("piper", "--suite", "lift", "--episodes", "2", "--max-steps", "7")
    served, in_process = served_and_in_process(tmp_path, run, "--suite", "lift")
    assert served == in_process


@pytest.mark.slow
@pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")
def test_a_libero_run_against_a_served_policy_is_bit_for_bit_the_run_in_process(tmp_path):
    run = ("libero", "--suite", "spatial", "--tasks", "0", "--episodes", "2", "--max-steps", "7", "--assets", "lite")
    served, in_process = served_and_in_process(tmp_path, run)
    assert served == in_process
