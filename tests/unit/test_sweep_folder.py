import json

import pytest

from harness.errors import RunDirectoryError, StoreError, UsageError
from harness.sweep_folder import SweepFolder, checkpoint_policies, is_sweep, with_policies

TEMPLATE = "py:my.py:Model?checkpoint={}"


def touch(folder, *names):
    for name in names:
        (folder / name).mkdir()


def test_checkpoints_are_ordered_by_step_not_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "step_10000", "step_2000", "step_300")
    assert checkpoint_policies([TEMPLATE], ["step_*"]) == [TEMPLATE.format(f"step_{n}") for n in (300, 2000, 10000)]


def test_checkpoints_without_steps_are_ordered_by_the_numbers_in_their_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "v10", "v9", "best")
    assert checkpoint_policies(["py:{}:Model"], ["*"]) == ["py:best:Model", "py:v9:Model", "py:v10:Model"]


def test_what_a_query_cannot_hold_is_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "a&b=c")
    assert checkpoint_policies([TEMPLATE], ["a&b=c"]) == [TEMPLATE.format("a%26b%3Dc")]


def test_patterns_and_paths_name_each_checkpoint_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "step_1", "step_2")
    assert len(checkpoint_policies([TEMPLATE], ["step_*", "step_1", "step_2/"])) == 2


@pytest.mark.parametrize("policies", [[], ["random"], [TEMPLATE, TEMPLATE + "x"]])
def test_checkpoints_need_one_policy_with_a_place_for_them(policies, tmp_path):
    with pytest.raises(UsageError, match=r"--checkpoints needs one --policy .* with \{\}"):
        checkpoint_policies(policies, [str(tmp_path)])


def test_a_pattern_that_fits_nothing_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no file or folder fits"):
        checkpoint_policies([TEMPLATE], [str(tmp_path / "step_*")])


def test_policies_that_are_there_already_are_not_added_and_others_come_last():
    first = with_policies((), ["expert", "py:a.py:M?checkpoint=step_5"])
    assert [entry.directory for entry in first] == ["01-expert", "02-step5"]
    assert [entry.step for entry in first] == [None, 5]
    more = with_policies(first, ["expert", "random"])
    assert more[:2] == first
    assert more[2].directory == "03-random"


def test_a_folder_is_read_as_it_was_written(tmp_path):
    folder = SweepFolder(tmp_path, with_policies((), ["expert", "random"]), {"suite": "lift", "episodes": 3}, "now")
    assert not is_sweep(tmp_path)
    folder.write()
    assert is_sweep(tmp_path)
    assert SweepFolder.read(tmp_path) == folder


def test_what_is_no_sweep_is_refused(tmp_path):
    with pytest.raises(RunDirectoryError, match="is no sweep"):
        SweepFolder.read(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 1}', json.dumps({"schema": 2})])
def test_a_damaged_or_newer_sweep_is_refused(content, tmp_path):
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(StoreError, match=r"sweep\.json (is damaged|has schema 2)"):
        SweepFolder.read(tmp_path)
