from __future__ import annotations

import json

import pytest

from harness.datasets.folder import DatasetFolder
from harness.errors import ResumeError, UsageError

SETTINGS = {"format": "lerobot", "run": {"created": "now", "suites": ("a",)}}


def begin(path, settings=SETTINGS, *, resume=False, force=False, keep=()):
    return DatasetFolder(path).begin(settings, resume=resume, force=force, keep=keep)


def complete(path):
    folder = DatasetFolder(path)
    folder.pieces.mkdir()
    (folder.empty_assembled() / "data").mkdir()
    (folder.assembled / "meta").mkdir()
    folder.finish(SETTINGS, {"episodes": []})


def names(path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def test_a_new_folder_is_made_and_is_not_complete(tmp_path):
    assert begin(tmp_path / "new") is False
    assert json.loads((tmp_path / "new/export.json").read_text())["complete"] is False


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    begin(tmp_path)
    with pytest.raises(UsageError, match=r"is not empty: --resume goes on .* --force makes it anew"):
        begin(tmp_path)


def test_an_interrupted_export_goes_on_with_the_same_settings_alone(tmp_path):
    begin(tmp_path)
    assert begin(tmp_path, resume=True) is False
    with pytest.raises(ResumeError, match="format: there 'lerobot', now 'hdf5'"):
        begin(tmp_path, SETTINGS | {"format": "hdf5"}, resume=True)


def test_completing_moves_the_dataset_and_removes_what_it_was_made_from(tmp_path):
    begin(tmp_path)
    complete(tmp_path)
    assert names(tmp_path) == {"data", "meta", "export.json"}
    assert begin(tmp_path, resume=True) is True


def test_completing_again_after_a_kill_in_the_middle_of_it(tmp_path):
    begin(tmp_path)
    (tmp_path / "data" / "old").mkdir(parents=True)
    complete(tmp_path)
    assert names(tmp_path / "data") == set()


def test_force_removes_what_an_export_made_and_keeps_what_is_not_the_datasets(tmp_path):
    begin(tmp_path)
    complete(tmp_path)
    (tmp_path / "run").mkdir()
    assert begin(tmp_path, force=True, keep=("run",)) is False
    assert names(tmp_path) == {"run", "export.json"}


def test_force_removes_nothing_where_there_is_no_dataset(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="is no dataset of evalharness"):
        begin(tmp_path, force=True)
    assert names(tmp_path) == {"thesis.tex"}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        begin(tmp_path / "file")
