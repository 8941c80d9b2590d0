from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.store import Record, RunStore

INFO = {
    "schema": 2,
    "environment": "libero",
    "created": "2026-01-02T03:04:05+00:00",
    "suites": [{"name": "alpha", "protocol": {"name": "standard"}, "tasks": []}],
    "policy": {"uri": "zero", "name": "zero", "fingerprint": "0123456789abcdef", "details": {}},
    "seed": 7,
    "assets": {"kind": "official", "sha256": "fedcba9876543210", "warning": ""},
    "renderer": {"backend": "egl", "renderer": "llvmpipe"},
    "versions": {"mujoco": "3.3.2", "robosuite": "1.4.0", "hf-libero": "0.1.4", "bddl": "1.0.1"},
    "options": {"errors_as_failures": False},
}


def record(init: int, outcome: str) -> Record:
    return Record(
        key=f"alpha/task0/init{init}/repeat0/seed7", suite="alpha", task_id=0, task="lift", init=init, repeat=0, seed=7,
        attempt=1, outcome=outcome, steps=10, error={"type": "E", "message": "m"} if outcome == "error" else None,
        scene_sha256=None, frame_sha256=None, wall_s=1, policy_s=0, physics_s=0, render_s=0, video=None, trace=None,
    )  # fmt: skip


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    store = RunStore.create(tmp_path / "my_run", INFO)
    for init, outcome in enumerate(["success", "success", "success", "failure", "error"]):
        store.append(record(init, outcome))
    store.close()
    return tmp_path / "my_run"


def report(path: Path) -> str:
    result = CliRunner().invoke(cli, ["report", str(path)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_a_runs_table_is_printed_with_rates_over_what_counts(directory: Path) -> None:
    output = report(directory)
    assert "my_run, policy zero" in output
    assert "75.0" in output
    assert "lift" in output


def test_errors_are_noted(directory: Path) -> None:
    assert "1 episode" in report(directory)


def test_summaries_are_written_anew(directory: Path) -> None:
    (directory / "summary.csv").write_text("stale")
    report(directory)
    frame = pd.read_csv(directory / "summary.csv")
    assert frame["success_rate"].tolist() == [0.75, 0.75, 0.75]
    assert (directory / "summary.md").is_file()


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["report", str(tmp_path / "nowhere")])
    assert result.exit_code == 2
    assert "nowhere" in result.output
