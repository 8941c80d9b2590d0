"""``compare.html``: several runs as a page."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import harness
from harness.comparison.types import Comparison, PairResult, RunResult
from harness.pages.page import write_page
from harness.pages.run_data import TaskList, run_data
from harness.pages.video_files import PageFiles
from harness.runs import Run

if TYPE_CHECKING:
    import pandas as pd


def write_compare_page(comparison: Comparison, path: Path, *, embed: bool = False) -> None:
    """Writes a comparison as one HTML file that opens from the disk.

    Args:
        comparison: What `harness.comparison.compare.compare` returned. Its run directories are read again, for what a page
            shows beside the rates.
        path: Where to. An older page is replaced when the new one is complete.
        embed: Puts the videos of all runs into the page. Otherwise it links them, relative to itself.

    Raises:
        StoreError: A run is damaged, or the page cannot be written.
        UsageError: The videos are too large to embed.
    """
    files = PageFiles(path, embed=embed)
    data = compare_data(comparison, files)
    title = (
        " and ".join(run.label for run in comparison.runs[:3])
        if len(comparison.runs) <= 3
        else f"{len(comparison.runs)} runs"
    )
    write_page(path, "compare", title, data, files.embedded)


def compare_data(comparison: Comparison, files: PageFiles) -> dict[str, Any]:
    """Everything that the page shows, JSON-able but for NaN.

    Args:
        comparison: The comparison.
        files: The page's files; the runs' videos are added to it.

    Raises:
        StoreError: A run is damaged.
        UsageError: The videos are too large to embed.
    """
    runs = [Run(result.directory) for result in comparison.runs]
    tasks = TaskList([run.info for run in runs])
    frames = [comparison.episodes[comparison.episodes["label"] == result.label] for result in comparison.runs]
    parts = [run_data(run, frame, tasks, files) for run, frame in zip(runs, frames, strict=True)]
    listed = tasks.data()
    return {
        "version": harness.__version__,
        "baseline": comparison.baseline,
        "forced": comparison.forced,
        "suites": list(comparison.suites),
        "tasks": listed,
        "runs": [
            {"label": result.label, "data": part, **_rates(result, listed)}
            for result, part in zip(comparison.runs, parts, strict=True)
        ],
        "pairs": [_pair(pair) for pair in comparison.pairs],
        "flips": _flips(comparison, frames),
        "differences": [dataclasses.asdict(difference) for difference in comparison.differences],
        "reference": [dataclasses.asdict(row) for row in comparison.reference],
        "notes": list(comparison.notes),
    }


def _rates(result: RunResult, tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """Rates of suites by name, of tasks by their numbers on the page."""
    by_task = {(one.suite, one.task_id, one.task): dataclasses.asdict(one.rate) for one in result.tasks}
    return {
        "mean": dataclasses.asdict(result.mean),
        "suites": {name: dataclasses.asdict(rate) for name, rate in result.suites.items()},
        "tasks": [by_task.get((task["suite"], task["id"], task["name"])) for task in tasks],
    }


def _pair(pair: PairResult) -> dict[str, Any]:
    return {**dataclasses.asdict(pair), "words": pair.words}


def _flips(comparison: Comparison, frames: list[pd.DataFrame]) -> list[list[Any]]:
    """A row a flip: numbers of both runs, whether the second one succeeds, and the episode's row in each."""
    number = {result.label: i for i, result in enumerate(comparison.runs)}
    rows = [{key: row for row, key in enumerate(frame["key"])} for frame in frames]
    flips = comparison.flips
    return [
        [number[a], number[b], winner == b, rows[number[a]][key], rows[number[b]][key]]
        for a, b, winner, key in zip(flips["a"], flips["b"], flips["winner"], flips["key"], strict=True)
    ]
