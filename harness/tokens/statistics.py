"""Statistics of actions, from arrays and datasets: `dataset_statistics.json` written, and what their percentiles clip.

`harness.transforms.statistics.read_statistics` reads the file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.datasets.stats import vector_stats
from harness.errors import UsageError
from harness.files import written_aside
from harness.policies.check import Finding
from harness.transforms.statistics import VectorStatistics
from harness.types import Float64Array

# Percentiles 1 and 99 leave 2 % of a dimension's own rows outside. More than this share was not computed from such data.
MAX_CLIPPED_SHARE = 0.05
# A normal distribution's percentiles span more than half of the range of 100 000 samples (4.65 of about 8.8 deviations).
MIN_KEPT_RANGE = 0.5


def action_statistics(actions: Float64Array, mask: Sequence[bool]) -> VectorStatistics:
    """Mean, deviation, and the 1st and 99th percentile of each dimension (numpy's linear interpolation).

    Args:
        actions: (N, A), N >= 1.
        mask: False for a dimension that is in [-1, 1] already and stays as it is, such as a gripper.

    Raises:
        UsageError: The shape is another, a number is not finite, or the mask has another length.
    """
    if actions.ndim != 2 or actions.size == 0 or actions.shape[1] != len(mask):
        raise UsageError(
            f"statistics under a mask of {len(mask)} are taken over actions (N, {len(mask)}), not over an array of shape "
            f"{actions.shape}"
        )
    if not np.isfinite(actions).all():
        raise UsageError("actions hold NaN or infinity")
    found = {name: tuple(values.tolist()) for name, values in vector_stats(actions).items()}
    return VectorStatistics(found["mean"], found["std"], found["q01"], found["q99"], tuple(mask))


def write_statistics(path: Path, key: str, episodes: Sequence[Float64Array], mask: Sequence[bool]) -> None:
    """Writes OpenVLA's `dataset_statistics.json` for one dataset, without proprioception.

    Args:
        path: Where.
        key: The dataset's name, by which a policy chooses (``unnorm_key``).
        episodes: The actions (T, A) of each.
        mask: See `action_statistics`.

    Raises:
        UsageError: As `action_statistics`.
        StoreError: The file cannot be written.
    """
    actions = np.concatenate(episodes)
    action_statistics(actions, mask)
    found = {name: values.tolist() for name, values in vector_stats(actions).items() if name != "count"}
    of_dataset = {
        "action": {**found, "mask": list(mask)},
        "num_transitions": len(actions),
        "num_trajectories": len(episodes),
    }
    with written_aside(path) as aside:
        aside.write_text(json.dumps({key: of_dataset}, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def check_clipping(actions: Float64Array, statistics: VectorStatistics) -> list[Finding]:
    """Looks for dimensions of which the percentiles clip a large part.

    Args:
        actions: (N, A), what is to be encoded.
        statistics: What it would be encoded with; both percentiles.

    Returns:
        For each dimension under the mask a finding ``clipped rows`` where more than 5 % of the rows lie outside, and
        ``clipped range`` where less than half of the range is kept; one finding ``clipping`` that is ``ok`` where there is
        none.
    """
    low, high = np.asarray(statistics.q01), np.asarray(statistics.q99)
    mask = statistics.mask or (True,) * len(low)
    findings = []
    for dimension in np.flatnonzero(mask):
        findings += _clipped(int(dimension), actions[:, dimension], float(low[dimension]), float(high[dimension]))
    return findings or [Finding("ok", "clipping", "no dimension loses much")]


def _clipped(dimension: int, rows: Float64Array, low: float, high: float) -> list[Finding]:
    findings = []
    share = float(((rows < low) | (rows > high)).mean())
    if share > MAX_CLIPPED_SHARE:
        detail = f"dimension {dimension}: {share:.1%} of the rows lie outside of {low:g} to {high:g}"
        findings.append(Finding("warning", "clipped rows", detail))
    least, greatest = float(rows.min()), float(rows.max())
    kept = max(0.0, min(high, greatest) - max(low, least))
    if kept < MIN_KEPT_RANGE * (greatest - least):
        detail = f"dimension {dimension}: of a range of {least:g} to {greatest:g} only {low:g} to {high:g} is kept"
        findings.append(Finding("warning", "clipped range", detail))
    return findings


def dataset_actions(folder: Path) -> list[Float64Array]:
    """The actions of every episode of a dataset that `evalharness collect` or `export` made.

    Args:
        folder: Of a LeRobot dataset (v2.1 or v3.0) or of LIBERO's HDF5 files.

    Returns:
        (T, A) for each episode: the labels, in the dataset's order.

    Raises:
        UsageError: There is no such dataset, or it cannot be read.
    """
    tables = sorted((folder / "data").glob("**/*.parquet"))
    files = sorted(folder.glob("*/*_demo.hdf5"))
    if not tables and not files:
        raise UsageError(f"{folder} holds no dataset; expected data/**/*.parquet (LeRobot) or SUITE/TASK_demo.hdf5")
    try:
        return _of_parquet(tables) if tables else _of_hdf5(files)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"the dataset {folder} cannot be read: {error}") from error


def _of_parquet(tables: Sequence[Path]) -> list[Float64Array]:
    import pyarrow.parquet as pq

    by_episode: dict[int, list[Any]] = {}
    for path in tables:
        columns = pq.read_table(path, columns=["episode_index", "action"]).to_pydict()
        for episode, action in zip(columns["episode_index"], columns["action"], strict=True):
            by_episode.setdefault(episode, []).append(action)
    return [np.array(rows, dtype=np.float64) for _, rows in sorted(by_episode.items())]


def _of_hdf5(files: Sequence[Path]) -> list[Float64Array]:
    import h5py

    found = []
    for path in files:
        with h5py.File(path, "r") as file:
            data = file["data"]
            found += [np.asarray(data[f"demo_{index}"]["actions"], dtype=np.float64) for index in range(len(data))]
    return found
