"""Percentiles of actions: computed, written so that others can read them, and checked for what they clip."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import UsageError
from harness.tokens.statistics import action_statistics, check_clipping, dataset_actions, write_statistics
from harness.transforms.statistics import VectorStatistics, read_statistics

HUNDRED = np.linspace(0.0, 100.0, 101)[:, np.newaxis]


def test_the_percentiles_of_0_to_100_are_1_and_99():
    statistics = action_statistics(HUNDRED, [True])
    assert (statistics.q01, statistics.q99, statistics.mean, statistics.mask) == ((1.0,), (99.0,), (50.0,), (True,))


@pytest.mark.parametrize("actions", [np.zeros((0, 1)), np.zeros(3), np.zeros((3, 2)), np.array([[np.nan]])])
def test_what_has_no_percentiles_is_refused(actions):
    with pytest.raises(UsageError, match=r"actions \(N, 1\)|NaN"):
        action_statistics(actions, [True])


def test_written_statistics_are_openvla_s_and_can_be_read(tmp_path):
    path = tmp_path / "dataset_statistics.json"
    rows = np.hstack([HUNDRED, np.ones_like(HUNDRED)])
    write_statistics(path, "mine", [rows[:40], rows[40:]], [True, False])
    content = json.loads(path.read_text())["mine"]
    assert set(content["action"]) == {"mean", "std", "min", "max", "q01", "q99", "mask"}
    assert (content["num_transitions"], content["num_trajectories"]) == (101, 2)
    found = read_statistics(path).actions
    assert (found.q01, found.q99, found.mask) == ((1.0, 1.0), (99.0, 1.0), (True, False))


def test_a_dimension_s_own_percentiles_clip_nothing_much():
    rows = np.random.default_rng(0).normal(size=(5000, 3))
    assert [finding.level for finding in check_clipping(rows, action_statistics(rows, [True] * 3))] == ["ok"]


def test_percentiles_of_other_data_are_found_by_the_rows_that_they_clip():
    statistics = VectorStatistics((0.0,) * 2, (1.0,) * 2, (0.0, 0.0), (100.0, 90.0), (True, True))
    (finding,) = check_clipping(np.hstack([HUNDRED, HUNDRED]), statistics)
    assert (finding.level, finding.what) == ("warning", "clipped rows")
    assert finding.detail == "dimension 1: 9.9% of the rows lie outside of 0 to 90"


def test_a_dimension_that_rests_but_for_rare_motions_is_found_by_its_range():
    rows = np.zeros((1000, 1))
    rows[:5] = 1.0
    (finding,) = check_clipping(rows, action_statistics(rows, [True]))
    assert (finding.level, finding.what) == ("warning", "clipped range")
    assert "dimension 0: of a range of 0 to 1 only 0 to 0 is kept" in finding.detail


def test_a_dimension_outside_of_the_mask_is_not_looked_at():
    statistics = VectorStatistics((0.0,), (1.0,), (5.0,), (6.0,), (False,))
    assert [finding.level for finding in check_clipping(HUNDRED, statistics)] == ["ok"]


def test_actions_of_hdf5_come_episode_by_episode(tmp_path):
    path = tmp_path / "libero_object" / "a_task_demo.hdf5"
    path.parent.mkdir()
    with h5py.File(path, "w") as file:
        for index in range(11):
            file[f"data/demo_{index}/actions"] = np.full((2, 7), float(index))
    assert [(len(one), one[0, 0]) for one in dataset_actions(tmp_path)] == [(2, float(index)) for index in range(11)]


def test_actions_of_lerobot_come_episode_by_episode(tmp_path):
    for name, first in (("file-000", 0), ("file-001", 2)):
        path = tmp_path / "data" / "chunk-000" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        episodes = [first, first, first + 1]
        pq.write_table(pa.table({"episode_index": episodes, "action": [[float(e), 0.5] for e in episodes]}), path)
    found = dataset_actions(tmp_path)
    assert [one[:, 0].tolist() for one in found] == [[0.0, 0.0], [1.0], [2.0, 2.0], [3.0]]
    assert {one.shape[1] for one in found} == {2}


def test_a_folder_without_a_dataset_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no dataset"):
        dataset_actions(tmp_path)


def test_a_damaged_dataset_is_refused(tmp_path):
    path = tmp_path / "s" / "t_demo.hdf5"
    path.parent.mkdir()
    path.write_bytes(b"no hdf5")
    with pytest.raises(UsageError, match="cannot be read"):
        dataset_actions(tmp_path)
