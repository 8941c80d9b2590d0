"""Damaged run directories: a clear message, or the number of what is whole; never a wrong number."""

import json
from pathlib import Path

import pytest
from synthetic_runs import write_run

import harness
from harness.errors import StoreError
from harness.store import RunStore

GOAL = "libero_goal"


@pytest.fixture
def runs(tmp_path: Path):
    """Two runs of four episodes: 3 and 2 successes."""
    write_run(tmp_path / "a", "alpha", {(GOAL, 0): "sssf"}, episodes=4)
    write_run(tmp_path / "b", "beta", {(GOAL, 0): "ssff"}, episodes=4)
    return tmp_path


def compare(folder: Path):
    return harness.compare(harness.load_runs(folder))


def lines(folder: Path, name: str = "b") -> tuple[Path, list[str]]:
    path = folder / name / "episodes.jsonl"
    return path, path.read_text().splitlines(keepends=True)


def test_a_torn_last_line_is_an_episode_that_is_missing(runs: Path) -> None:
    path, content = lines(runs)
    path.write_text("".join(content)[:-40])
    compared = compare(runs)
    # The torn episode is a failure of both: beta has 2 of 3 left, and 3 are shared.
    assert (compared.run("beta").mean.n, compared.run("beta").mean.successes) == (3, 2)
    assert compared.pairs[0].n_b == 3
    assert "beta is not finished: 3 of 4 episodes." in compared.notes
    assert any("1 of alpha and 0 of beta are left out" in note for note in compared.notes)


def test_a_torn_line_in_the_middle_is_refused_by_number(runs: Path) -> None:
    path, content = lines(runs)
    path.write_text("".join([content[0], content[1][:-40] + "\n", *content[2:]]))
    with pytest.raises(StoreError, match=r"episodes\.jsonl, line 2, is damaged"):
        compare(runs)


def test_an_episode_with_two_results_is_refused(runs: Path) -> None:
    path, content = lines(runs)
    path.write_text("".join([*content, content[0].replace("success", "failure")]))
    with pytest.raises(StoreError, match=r"lines 1 and 5: libero_goal/task0/init0/repeat0/seed7 has two results"):
        compare(runs)
    with pytest.raises(StoreError, match="two results"):
        harness.Run(runs / "b").summary()


def test_episodes_of_another_run_are_refused(runs: Path) -> None:
    path, content = lines(runs)
    path.write_text("".join(line.replace(GOAL, "libero_90") for line in content))
    with pytest.raises(StoreError, match="an episode of 'libero_90', and the run is of libero_goal"):
        compare(runs)


def test_a_newer_schema_is_refused_with_what_to_do(runs: Path) -> None:
    path = runs / "b" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 3}))
    with pytest.raises(StoreError, match=r"schema 3; this version of evalharness reads schema 2\. A newer evalharness"):
        compare(runs)


def test_missing_episodes_are_no_failures(runs: Path) -> None:
    (runs / "b" / "episodes.jsonl").unlink()
    compared = compare(runs)
    assert compared.run("beta").mean.episodes == 0
    assert compared.pairs == ()
    assert "beta is not finished: 0 of 4 episodes." in compared.notes


def test_a_run_that_is_being_written_is_read_and_said_to_be_unfinished(runs: Path) -> None:
    path, content = lines(runs)
    path.write_text("".join(content[:2]))
    store = RunStore(runs / "b")
    compared = compare(runs)
    assert "beta is not finished: 2 of 4 episodes." in compared.notes
    assert compared.pairs[0].n_b == 2
    store.close()
