"""Episodes that exactly one of two runs solves, with their videos."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

COLUMNS = (
    "a", "b", "winner", "key", "suite", "task_id", "task", "init", "repeat", "seed",
    "steps_a", "steps_b", "video_a", "video_b",
)  # fmt: skip

_SIDE = ("outcome", "counted", "steps", "video")


class VideoFiles:
    """Which of a run's videos are there; every folder is listed once, because a run may have thousands of them."""

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory.absolute())
        self._listed: dict[str, frozenset[str]] = {}

    def path(self, video: object) -> str | None:
        """The absolute path of a video of a record; None where the record names none, or there is no such file."""
        if not isinstance(video, str):
            return None
        folder, name = os.path.split(os.path.join(self._directory, video))
        if folder not in self._listed:
            self._listed[folder] = frozenset(os.listdir(folder)) if os.path.isdir(folder) else frozenset()
        return os.path.join(folder, name) if name in self._listed[folder] else None

    def missing(self, videos: pd.Series[str]) -> int:
        """How many of the videos that records name are not there."""
        return sum(self.path(video) is None for video in videos.dropna())


def find_flips(
    baseline: str, others: list[str], episodes: Mapping[str, pd.DataFrame], videos: Mapping[str, VideoFiles]
) -> pd.DataFrame:
    """The flips of every run against the baseline.

    Args:
        baseline: Label of run A.
        others: Labels of the runs that are held against it.
        episodes: Label -> final episodes, with ``counted``.
        videos: Label -> the run's videos.

    Returns:
        A row a flip, with the columns `COLUMNS`, by run, then in A's order of episodes.
    """
    found = [_flips((baseline, other), episodes, videos) for other in others]
    filled = [frame for frame in found if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(COLUMNS))


def _flips(labels: tuple[str, str], episodes: Mapping[str, pd.DataFrame], videos: Mapping[str, VideoFiles]) -> pd.DataFrame:
    a, b = labels
    shared = episodes[a].merge(episodes[b][["key", *_SIDE]], on="key", suffixes=("_a", "_b"))
    won_a, won_b = shared["outcome_a"] == "success", shared["outcome_b"] == "success"
    flipped = shared[(won_a != won_b) & shared["counted_a"].astype(bool) & shared["counted_b"].astype(bool)].copy()
    flipped["winner"] = [a if outcome == "success" else b for outcome in flipped["outcome_a"]]
    flipped["a"], flipped["b"] = a, b
    for column, label in (("video_a", a), ("video_b", b)):
        paths = [videos[label].path(video) for video in flipped[column]]
        flipped[column] = pd.Series(paths, index=flipped.index, dtype=object)
    return flipped[list(COLUMNS)]
