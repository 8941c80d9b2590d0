import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.cli.run_arguments import complete_run
from harness.errors import HarnessError, UsageError
from harness.store import Record, RunStore

INFO = {
    "schema": 2,
    "environment": "libero",
    "created": "2026-01-02T03:04:05+00:00",
    "suites": [{"name": "libero_goal", "protocol": {"name": "standard", "max_steps": 300}, "tasks": []}],
    "policy": {"uri": "zero", "name": "zero", "fingerprint": "0123456789abcdef", "details": {}},
    "seed": 7,
    "assets": {"kind": "official", "sha256": "fedcba9876543210", "warning": ""},
    "renderer": {"backend": "egl", "renderer": "llvmpipe"},
    "versions": {"mujoco": "3.3.2", "robosuite": "1.4.0", "hf-libero": "0.1.4", "bddl": "1.0.1"},
    "options": {"errors_as_failures": False},
}


def write(directory: Path, policy: str, outcomes: str, **changes: object) -> None:
    info = {**INFO, "policy": {**INFO["policy"], "name": policy}, **changes}
    store = RunStore.create(directory, info)
    for init, letter in enumerate(outcomes):
        line = Record(
            key=f"libero_goal/task0/init{init}/repeat0/seed7", suite="libero_goal", task_id=0, task="open", init=init,
            repeat=0, seed=7, attempt=1, outcome="success" if letter == "s" else "failure", steps=10, error=None,
            scene_sha256=None, frame_sha256=None, wall_s=1, policy_s=0, physics_s=0, render_s=0, video=None, trace=None,
        )  # fmt: skip
        store.append(line)
    store.close()


@pytest.fixture
def results(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "results" / "run_a", "alpha", "ssffffffff")
    write(tmp_path / "results" / "run_b", "beta", "ssssssssss")
    return tmp_path / "results"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: str) -> HarnessError:
    result = CliRunner().invoke(cli, list(arguments))
    assert isinstance(result.exception, HarnessError), result.output
    return result.exception


def test_runs_are_compared_in_a_table_and_in_words(results: Path) -> None:
    output = run("compare", "results/run_a", "results/run_b")
    for part in ("20.0 %", "100.0 %", "2/10", "10/10", "official"):
        assert part in output
    # Eight discordant episodes, all for beta: 2 / 2^8.
    assert "beta is better than alpha: +80.0 points [" in output
    assert "p = 0.008" in output


def test_a_folder_stands_for_its_runs_and_the_baseline_can_be_named(results: Path) -> None:
    assert "alpha is worse than beta: -80.0 points" in run("compare", "results", "--baseline", "results/run_b")
    assert "alpha is worse than beta: -80.0 points" in run("compare", "results", "--baseline", "best")


def test_files_are_written_where_asked(results: Path) -> None:
    options = ["--csv", "t.csv", "--md", "t.md", "--latex", "t.tex", "--episodes-csv", "e.csv"]
    output = run("compare", "results", *options)
    for name in ("t.csv", "t.md", "t.tex", "e.csv"):
        assert f"wrote {name}" in output
    assert pd.read_csv("t.csv")["mean rate"].tolist() == [0.2, 1.0]
    assert len(pd.read_csv("e.csv")) == 20
    assert "| alpha |" in Path("t.md").read_text()
    assert r"\toprule" in Path("t.tex").read_text()


def test_per_task_adds_a_table_of_tasks(results: Path) -> None:
    assert "0: open" not in run("compare", "results")
    assert "0: open" in run("compare", "results", "--per-task", "--csv", "t.csv")
    assert pd.read_csv("t.csv")["task"].tolist() == ["open", "open"]


def test_published_rates_stand_beside_measured_ones(results: Path) -> None:
    output = run("compare", "results/run_a", "--reference", "pi0")
    assert "Published, not measured here" in output
    assert "95.8 %" in output
    assert "openpi README at 7cf5f60" in output
    assert "98.6 %" in run("compare", "results", "--reference")


def test_runs_that_are_not_comparable_are_refused_unless_forced(results: Path) -> None:
    write(results / "run_c", "gamma", "ssss", assets={"kind": "lite", "sha256": "00", "warning": ""})
    command = [sys.executable, "-m", "harness.cli.main", "compare", "results"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "assets.kind: alpha has official; beta has official; gamma has lite" in done.stderr
    assert "NOT COMPARABLE" in run("compare", "results", "--force")


def test_a_damaged_run_is_an_error_with_its_place(results: Path) -> None:
    path = results / "run_b" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 9}))
    error = refused("compare", "results")
    assert "results/run_b/run.json" in str(error)
    assert "schema 9" in str(error)
    assert not isinstance(error, UsageError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "results/run_a"], "is one run; name another"),
        (["compare", "results/run_x", "results/run_a"], "there is no results/run_x. Did you mean 'run_"),
        (["compare", "--reference", "results/run_a", "results/run_b"], "write --reference all"),
        (["compare", "results", "--reference", "pi9"], "no published rows of that name"),
        (["compare", "results", "--baseline", "gamma"], "baseline 'gamma' is none of the runs"),
        (["report", "results", "--csv", "t.csv"], "--csv is about one run, and there are 2"),
    ],
)
def test_wrong_usage_says_what_would_be_right(results: Path, arguments: list[str], message: str) -> None:
    error = refused(*arguments)
    assert isinstance(error, UsageError)
    assert message in str(error)


def test_report_takes_several_runs_and_writes_the_files_of_one(results: Path) -> None:
    output = run("report", "results")
    assert "run_a, policy alpha" in output
    assert "run_b, policy beta" in output
    assert (results / "run_b" / "summary.csv").is_file()
    run("report", "results/run_a", "--md", "t.md", "--episodes-csv", "e.csv")
    assert "| alpha |" in Path("t.md").read_text()
    assert len(pd.read_csv("e.csv")) == 10


def completions(text: str) -> list[str]:
    return [item.value for item in complete_run(None, None, text)]  # type: ignore[arg-type]


def test_run_directories_are_completed(results: Path) -> None:
    (results / ".hidden").mkdir()
    (results / "other").mkdir()
    assert completions("") == ["results/run_a", "results/run_b"]
    assert completions("res") == ["results/run_a", "results/run_b"]
    assert completions("results/") == ["results/run_a", "results/run_b"]
    assert completions("results/run_b") == ["results/run_b"]
    assert completions(f"{results}/run_a") == [f"{results}/run_a"]
    (item,) = complete_run(None, None, "nowhere/x")  # type: ignore[arg-type]
    assert item.type == "dir"
