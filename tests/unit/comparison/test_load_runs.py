from pathlib import Path

import pytest
from synthetic_runs import write_run

import harness
from harness.errors import RunDirectoryError

OUTCOMES = {("libero_goal", 0): "s"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place in ("one", "two", "week/three", "week/day/four"):
        write_run(tmp_path / place, place, OUTCOMES)
    (tmp_path / "one" / "traces").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("")
    return tmp_path


def names(*paths) -> list[str]:
    return [run.name for run in harness.load_runs(*paths)]


def test_run_directories_come_in_the_order_given(folder: Path) -> None:
    assert names(folder / "two", str(folder / "one")) == ["two", "one"]
    assert names([folder / "two", folder / "one"]) == ["two", "one"]


def test_a_folder_stands_for_all_runs_below_it(folder: Path) -> None:
    assert names(folder) == ["one", "two", "four", "three"]
    assert names(folder / "week") == ["four", "three"]


def test_patterns_stand_for_the_runs_that_fit(folder: Path) -> None:
    assert names(str(folder / "t*")) == ["two"]
    assert names(str(folder / "week" / "*")) == ["four", "three"]
    assert names(str(folder / "**" / "t*")) == ["two", "three"]


def test_a_run_that_is_named_twice_is_there_once(folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    assert names("one", folder, "./one", folder / "two") == ["one", "two", "four", "three"]


def test_what_is_no_run_says_so(folder: Path) -> None:
    with pytest.raises(RunDirectoryError, match="empty is not a run directory, and there is none below it"):
        harness.load_runs(folder / "empty")
    with pytest.raises(RunDirectoryError, match=r"no run directory fits .*x\*"):
        harness.load_runs(str(folder / "x*"))
    with pytest.raises(RunDirectoryError, match=r"notes\.txt is a file"):
        harness.load_runs(folder / "notes.txt")
    with pytest.raises(RunDirectoryError, match=r"there is no .*tow\. Did you mean 'two'"):
        harness.load_runs(folder / "tow")
    assert harness.load_runs() == []
