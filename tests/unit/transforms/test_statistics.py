from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import PolicyUnavailableError
from harness.transforms.statistics import read_statistics

OPENPI = {
    "norm_stats": {
        "state": {"mean": [1, 2], "std": [3, 4], "q01": None, "q99": None},
        "actions": {"mean": [0.5, 0.25], "std": [1, 2], "q01": [-1, -2], "q99": [1, 2]},
    }
}
ACTION = {
    "mean": [0.1, 0.2],
    "std": [1, 1],
    "max": [9, 9],
    "min": [-9, -9],
    "q01": [-0.5, 0],
    "q99": [0.5, 1],
    "mask": [True, False],
}
OPENVLA = {
    "libero_spatial_no_noops": {"action": ACTION, "proprio": {**ACTION, "mask": None}, "num_transitions": 5},
    "bridge_orig": {"action": {**ACTION, "mean": [7, 7]}},
}


def written(directory: Path, document: Any, name: str = "stats.json") -> Path:
    path = directory / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_openpis_file_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, OPENPI)
    statistics = read_statistics(path)
    assert statistics.actions.mean == (0.5, 0.25)
    assert statistics.actions.std == (1.0, 2.0)
    assert (statistics.actions.q01, statistics.actions.q99) == ((-1.0, -2.0), (1.0, 2.0))
    assert statistics.actions.mask is None
    assert statistics.state is not None
    assert statistics.state.mean == (1.0, 2.0)
    assert not statistics.state.has_quantiles
    assert statistics.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert statistics.key is None


@pytest.mark.parametrize("asked", ["libero_spatial_no_noops", "libero_spatial"])
def test_openvlas_data_set_is_found_by_its_name_with_or_without_no_noops(tmp_path: Path, asked: str) -> None:
    statistics = read_statistics(written(tmp_path, OPENVLA), asked)
    assert statistics.key == "libero_spatial_no_noops"
    assert statistics.actions.mean == (0.1, 0.2)
    assert statistics.actions.mask == (True, False)
    assert statistics.state is not None
    assert statistics.state.mask is None


def test_a_file_with_one_data_set_needs_no_name(tmp_path: Path) -> None:
    statistics = read_statistics(written(tmp_path, {"bridge_orig": OPENVLA["bridge_orig"]}))
    assert (statistics.key, statistics.actions.mean, statistics.state) == ("bridge_orig", (7.0, 7.0), None)


@pytest.mark.parametrize("name", ["norm_stats.json", "dataset_statistics.json"])
def test_a_directory_stands_for_the_file_in_it(tmp_path: Path, name: str) -> None:
    document = OPENPI if name == "norm_stats.json" else {"bridge_orig": OPENVLA["bridge_orig"]}
    path = written(tmp_path, document, name)
    assert read_statistics(tmp_path) == read_statistics(path)


@pytest.mark.parametrize(
    ("document", "key", "message"),
    [
        (OPENVLA, "libero_spatail", "no data set 'libero_spatail'. Did you mean 'libero_spatial_no_noops'"),
        (OPENVLA, None, "several data sets.*libero_spatial_no_noops, bridge_orig"),
        (OPENPI, "bridge_orig", "leave unnorm_key='bridge_orig' out"),
        ("[1", None, "cannot be read"),
        ([], None, "expected a map"),
        ({}, None, "expected a map"),
        ({"norm_stats": {"state": OPENPI["norm_stats"]["state"]}}, None, "no statistics of 'actions', only state"),
        ({"key": {"action": {"mean": [1], "q01": [1]}}}, None, "action lacks std; it has mean, q01"),
        ({"key": {"action": {"mean": [1], "std": [1, 2]}}}, None, "different lengths.*'mean': 1, 'std': 2"),
        ({"key": {"action": {"mean": [1], "std": [1], "mask": [True, True]}}}, None, "different lengths.*'mask': 2"),
        ({"key": {"action": {"mean": ["a"], "std": [1]}}}, None, "action.mean is not a list of numbers"),
        ({"key": {"action": {"mean": [float("nan")], "std": [1]}}}, None, "action.mean holds NaN"),
        ({"key": {"action": [1, 2]}}, None, "is a list, not a map"),
        ({"key": 3}, None, "no statistics of 'action', only int"),
    ],
)
def test_a_wrong_file_or_name_says_what_is_wrong_and_what_there_is(
    tmp_path: Path, document: Any, key: str | None, message: str
) -> None:
    with pytest.raises(PolicyUnavailableError, match=f"stats.json.*{message}|{message}"):
        read_statistics(written(tmp_path, document), key)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyUnavailableError, match=r"missing\.json cannot be read"):
        read_statistics(tmp_path / "missing.json")


def test_a_checkpoints_directory_has_openpis_file_below_assets(tmp_path: Path) -> None:
    directory = tmp_path / "assets" / "physical-intelligence" / "libero"
    directory.mkdir(parents=True)
    path = written(directory, OPENPI, "norm_stats.json")
    assert read_statistics(tmp_path) == read_statistics(path)


def test_a_directory_with_neither_file_or_both_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyUnavailableError, match="it holds none"):
        read_statistics(tmp_path)
    written(tmp_path, OPENPI, "norm_stats.json")
    written(tmp_path, OPENVLA, "dataset_statistics.json")
    with pytest.raises(PolicyUnavailableError, match=r"it holds norm_stats\.json, dataset_statistics\.json"):
        read_statistics(tmp_path)
