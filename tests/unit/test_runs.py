import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import StoreError
from harness.runs import Run
from harness.store import Record, RunStore

INFO = {
    "schema": 2,
    "environment": "libero",
    "created": "2026-01-02T03:04:05+00:00",
    "suites": [{"name": name, "protocol": {"name": "openpi"}, "tasks": []} for name in ("zeta", "alpha")],
    "policy": {"uri": "ws://host:1", "name": "pi0", "fingerprint": "0123456789abcdef", "details": {}},
    "seed": 7,
    "assets": {"kind": "official", "sha256": "fedcba9876543210", "warning": ""},
    "renderer": {"backend": "egl", "renderer": "llvmpipe"},
    "versions": {"mujoco": "3.3.2", "robosuite": "1.4.0", "hf-libero": "0.1.4", "bddl": None},
    "options": {"errors_as_failures": False},
}


def record(suite: str, task_id: int, init: int, outcome: str, *, attempt: int = 1, repeat: int = 0) -> Record:
    error = {"type": "ValueError", "message": "no"} if outcome == "error" else None
    return Record(
        key=f"{suite}/task{task_id}/init{init}/repeat{repeat}/seed7", suite=suite, task_id=task_id, task=f"t{task_id}",
        init=init, repeat=repeat, seed=7, attempt=attempt, outcome=outcome, steps=10, error=error, scene_sha256="5c",
        frame_sha256=None, wall_s=1.5, policy_s=0.5, physics_s=0.25, render_s=0.25, video=None, trace=None,
    )  # fmt: skip


RECORDS = [
    record("alpha", 0, 1, "failure"),
    record("zeta", 1, 0, "error"),
    record("zeta", 0, 10, "success"),
    record("zeta", 0, 9, "success", repeat=1),
    record("alpha", 0, 0, "error"),
    record("zeta", 0, 9, "failure"),
    record("zeta", 1, 0, "success", attempt=2),
    record("alpha", 0, 0, "error", attempt=2),
]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    store = RunStore.create(tmp_path / "my_run", INFO)
    for one in RECORDS:
        store.append(one)
    store.close()
    return tmp_path / "my_run"


def test_a_directory_that_is_no_run_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a run directory"):
        Run(tmp_path)


def test_a_run_knows_its_name_and_its_policy(directory: Path, monkeypatch) -> None:
    monkeypatch.chdir(directory)
    for run in (Run(directory), Run(str(directory)), Run(".")):
        assert (run.name, run.policy, run.errors_as_failures) == ("my_run", "pi0", False)
    assert repr(Run(directory)) == f"Run({str(directory)!r})"


def test_attempts_are_all_lines_in_the_order_in_which_they_ended(directory: Path) -> None:
    attempts = Run(directory).attempts()
    assert list(attempts.columns) == [field.name for field in dataclasses.fields(Record)]
    assert attempts["outcome"].tolist() == [one.outcome for one in RECORDS]
    assert Run(directory).records() == RECORDS


def test_episodes_are_the_attempts_that_count_by_suite_task_initial_state_and_repeat(directory: Path) -> None:
    episodes = Run(directory).episodes()
    found = list(episodes[["suite", "task_id", "init", "repeat", "outcome", "attempt"]].itertuples(index=False, name=None))
    assert found == [
        ("zeta", 0, 9, 0, "failure", 1),
        ("zeta", 0, 9, 1, "success", 1),
        ("zeta", 0, 10, 0, "success", 1),
        ("zeta", 1, 0, 0, "success", 2),
        ("alpha", 0, 0, 0, "error", 2),
        ("alpha", 0, 1, 0, "failure", 1),
    ]


def test_the_summary_is_over_the_attempts_that_count(directory: Path) -> None:
    summary = Run(directory).summary().set_index(["suite", "task"])
    zeta, alpha = summary.loc[("zeta", "(suite)")], summary.loc[("alpha", "(suite)")]
    assert (zeta["episodes"], zeta["successes"], zeta["failures"], zeta["errors"]) == (4, 3, 1, 0)
    assert (alpha["episodes"], alpha["errors"], alpha["success_rate"]) == (2, 1, 0.0)
    assert set(summary["run"]) == {"my_run"}


def test_a_run_that_asked_for_it_counts_errors_as_failures(tmp_path: Path) -> None:
    info = {**INFO, "options": {"errors_as_failures": True}}
    store = RunStore.create(tmp_path / "strict", info)
    store.append(record("zeta", 0, 0, "success"))
    store.append(record("zeta", 0, 1, "error"))
    store.close()
    summary = Run(tmp_path / "strict").summary()
    assert summary["success_rate"].tolist() == [0.5, 0.5, 0.5]


def test_a_run_in_which_nothing_has_ended_has_empty_tables(tmp_path: Path) -> None:
    RunStore.create(tmp_path / "run", INFO).close()
    run = Run(tmp_path / "run")
    assert (len(run.attempts()), len(run.episodes()), len(run.summary())) == (0, 0, 0)
    run.write_summary()
    assert "No episode has ended yet" in (tmp_path / "run" / "summary.md").read_text()


def test_summaries_are_written_for_programs_and_for_people(directory: Path) -> None:
    run = Run(directory)
    run.write_summary()
    frame = pd.read_csv(directory / "summary.csv")
    assert frame["successes"].tolist() == run.summary()["successes"].tolist()
    text = (directory / "summary.md").read_text()
    for part in ("ws://host:1 (0123456789ab)", "zeta, alpha", "openpi", "official (fedcba987654)", "llvmpipe (egl)"):
        assert part in text
    assert "mujoco 3.3.2, robosuite 1.4.0, hf-libero 0.1.4" in text


def test_reading_a_run_changes_nothing_in_it(directory: Path) -> None:
    before = {path: path.read_bytes() for path in directory.iterdir()}
    run = Run(directory)
    run.episodes()
    run.summary()
    assert {path: path.read_bytes() for path in directory.iterdir()} == before


def test_a_run_can_be_read_while_it_is_written(directory: Path) -> None:
    store = RunStore(directory)
    run = Run(directory)
    assert len(run.attempts()) == 8
    store.append(record("zeta", 0, 20, "success"))
    assert len(run.attempts()) == 9
    store.close()
