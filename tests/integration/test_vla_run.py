"""The small model drives LIBERO: picture and instruction in, action tokens out, the simulator moved by them."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from tiny_vla import saved

from harness.envs.libero.installation import missing_packages

pytest.importorskip("torch", reason="torch is not installed")

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed"),
    pytest.mark.xdist_group("lite_run"),
]

CENTRES = (np.arange(255) - 127) * 2 / 255


def run(folder, out, uri, environments):
    """Two episodes of five steps on the lite set; their actions."""
    what = ("--suite", "object", "--tasks", 0, "--episodes", 2, "--max-steps", 5, "--assets", "lite", "--video", "none")
    command = [sys.executable, "-m", "harness.cli.main", "libero", *what]
    command += ["--policy", uri, "--envs-per-worker", environments, "--out", out]
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (folder / out / "episodes.jsonl").read_text().splitlines()]
    assert {record["outcome"] for record in records} <= {"failure", "success"}
    traces = sorted((folder / out / "traces").iterdir())
    return [np.load(trace, allow_pickle=False)["actions"] for trace in traces]


def test_in_company_or_alone_and_with_or_without_a_cache_the_episodes_are_the_same(tmp_path):
    saved(tmp_path / "tiny")
    together = run(tmp_path, "together", "vla:tiny?device=cpu", environments=2)
    alone = run(tmp_path, "alone", "vla:tiny?device=cpu&cache=0", environments=1)
    assert [actions.shape for actions in together] == [(5, 7)] * 2
    assert np.array_equal(together, alone)
    for actions in together:
        assert np.abs(actions[..., np.newaxis] - CENTRES).min(axis=-1).max() < 1e-9
