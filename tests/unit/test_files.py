import os
from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.files import remove_asides, written_aside


def interrupted(path: Path, interruption: BaseException) -> None:
    """Writes half of a file."""
    with written_aside(path) as aside:
        aside.write_text("half")
        raise interruption


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "run.json"
    with written_aside(path) as aside:
        aside.write_text("half")
        assert not path.exists()
        assert aside.parent == path.parent
        aside.write_text("whole")
    assert path.read_text() == "whole"
    assert os.listdir(path.parent) == ["run.json"]


def test_an_error_keeps_the_older_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("older")
    with pytest.raises(ZeroDivisionError):
        interrupted(path, ZeroDivisionError())
    assert path.read_text() == "older"
    assert os.listdir(tmp_path) == ["run.json"]


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "run.json", KeyboardInterrupt())
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_a_file_is_a_store_error_that_names_the_path(tmp_path: Path) -> None:
    (tmp_path / "traces").write_text("")
    with pytest.raises(StoreError, match=r"traces/a.npz cannot be written"), written_aside(tmp_path / "traces" / "a.npz"):
        pass


def test_a_name_that_the_file_system_refuses_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"), written_aside(tmp_path / ("x" * 300)) as aside:
        aside.write_text("")


def test_a_block_that_writes_nothing_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"run.json cannot be written"), written_aside(tmp_path / "run.json"):
        pass


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    unfinished = written_aside(tmp_path / "a.npz")
    aside = unfinished.__enter__()
    aside.write_text("half")
    for name in ("a.part", ".hidden", "b.npz"):
        (tmp_path / name).write_text("")
    remove_asides(tmp_path)
    assert not aside.exists()
    assert sorted(os.listdir(tmp_path)) == [".hidden", "a.part", "b.npz"]


def test_removing_from_a_folder_that_is_not_there_does_nothing(tmp_path: Path) -> None:
    remove_asides(tmp_path / "nowhere")
    assert os.listdir(tmp_path) == []
