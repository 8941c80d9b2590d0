"""A run of LIBERO on the lite set: on a machine that has no assets at all."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from harness.envs.libero.installation import missing_packages
from harness.envs.libero.lite.generate import lite_sha256

pytestmark = [
    pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed"),
    pytest.mark.xdist_group("lite_run"),
]


def evalharness(*arguments, cwd):
    command = [sys.executable, "-m", "harness.cli.main", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One short episode, with its video."""
    folder = tmp_path_factory.mktemp("lite")
    done = evalharness(
        *("libero", "--suite", "spatial", "--policy", "random", "--tasks", 0, "--episodes", 1, "--max-steps", 3),
        *("--assets", "lite", "--out", "run"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done, folder / "run"


def test_the_run_warns_and_every_result_names_the_set(run):
    done, directory = run
    assert "not comparable with published ones" in done.stderr
    assert "assets lite" in done.stdout
    assets = json.loads((directory / "run.json").read_text())["assets"]
    assert (assets["kind"], assets["sha256"]) == ("lite", lite_sha256())
    assert f"- assets: lite ({lite_sha256()[:12]})" in (directory / "summary.md").read_text()
    header, *rows = (directory / "summary.csv").read_text().splitlines()
    column = header.split(",").index("assets")
    assert {row.split(",")[column] for row in rows} == {"lite"}


def test_the_episode_was_simulated_and_drawn(run):
    (record,) = (json.loads(line) for line in (run[1] / "episodes.jsonl").read_text().splitlines())
    assert (record["outcome"], record["steps"]) == ("failure", 3)
    assert (run[1] / record["video"]).stat().st_size > 10_000


def test_a_run_on_the_lite_set_is_not_resumed_on_another(run, libero_assets, tmp_path):
    done = evalharness("libero", "--resume", run[1], "--assets", libero_assets.root, cwd=tmp_path)
    assert done.returncode == 2
    assert "assets.kind: the run has 'lite'" in done.stderr
