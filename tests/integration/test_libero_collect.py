"""Demonstrations of LIBERO's expert: collected, read back, and simulated again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.envs.libero.installation import missing_packages
from harness.recording.trace import load_trace

pq = pytest.importorskip("pyarrow.parquet")

pytestmark = [
    pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed"),
    pytest.mark.slow,
]


def run(*arguments):
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_an_experts_demonstration_is_a_dataset_and_repeats_bit_for_bit(tmp_path) -> None:
    out = tmp_path / "demonstrations"
    run(
        "collect", "--suite", "object", "--policy", "expert", "--tasks", 1, "--episodes", 1, "--assets", "lite", "--out", out
    )
    trace = load_trace(next((out / "run" / "traces").glob("*.npz")))
    table = pq.read_table(next(out.glob("data/*/*.parquet")))
    actions = np.stack(table["action"].to_numpy())
    np.testing.assert_array_equal(actions, trace.actions.astype(np.float32))
    info = json.loads((out / "meta" / "info.json").read_text())
    assert (info["fps"], info["total_episodes"], info["total_frames"]) == (20, 1, len(trace.actions))
    assert {"observation.images.agentview", "observation.images.wrist", "observation.state"} <= set(info["features"])
    task = json.loads((out / "meta" / "tasks.jsonl").read_text().splitlines()[0])
    assert task["task"] == "pick up the cream cheese and place it in the basket"
    assert "1 identical" in run("replay", out / "run", "--verify")
