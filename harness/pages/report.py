"""``report.html``: one run as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import harness
from harness.pages.page import write_page
from harness.pages.run_data import TaskList, run_data
from harness.pages.video_files import PageFiles
from harness.reports.summary import MEAN_SUITE, SUITE_ROW, errors_note
from harness.runs import Run

if TYPE_CHECKING:
    import pandas as pd


def write_report_page(run: Run, path: Path, *, embed: bool = False) -> None:
    """Writes a run as one HTML file that opens from the disk.

    Args:
        run: The run; it may be unfinished.
        path: Where to. An older page is replaced when the new one is complete.
        embed: Puts the videos into the page, so that it can be sent to somebody. Otherwise it links them, relative to
            itself: page and run directory are moved together.

    Raises:
        StoreError: The run is damaged, or the page cannot be written.
        UsageError: The videos are too large to embed.
    """
    files = PageFiles(path, embed=embed)
    data = report_data(run, files)
    write_page(path, "report", f"{run.name}: {run.policy}", data, files.embedded)


def report_data(run: Run, files: PageFiles) -> dict[str, Any]:
    """Everything that the page shows, JSON-able but for NaN.

    Args:
        run: The run.
        files: The page's files; the run's videos are added to it.

    Raises:
        StoreError: The run is damaged.
        UsageError: The videos are too large to embed.
    """
    episodes, tasks = run.episodes(), TaskList([run.info])
    data = run_data(run, episodes, tasks, files)
    rows = run.summary().astype(object).where(lambda frame: frame.notna(), None).to_dict("records")
    planned = run.info.get("episodes", len(episodes))
    return {
        "version": harness.__version__,
        "run": data,
        "tasks": tasks.data(),
        "header": list(run.header().items()),
        "planned": planned,
        "rates": {
            "mean": next((row for row in rows if row["suite"] == MEAN_SUITE), None),
            "suites": [row for row in rows if row["task"] == SUITE_ROW],
            "tasks": [row for row in rows if row["task_id"] is not None],
        },
        "notes": _notes(run, episodes["outcome"], planned, data["missing_videos"]),
    }


def _notes(run: Run, outcomes: pd.Series, planned: int, missing_videos: int) -> list[str]:
    """What a reader must know before the numbers."""
    done, errors = len(outcomes), int((outcomes == "error").sum())
    unfinished = f"The run is unfinished: {done} of {planned} episodes have ended." if done < planned else ""
    videos = (
        "1 video that the run recorded is" if missing_videos == 1 else f"{missing_videos} videos that the run recorded are"
    )
    missing = f"{videos} not in its directory." if missing_videos else ""
    assets = run.info["assets"]["warning"]
    return [note for note in (unfinished, errors_note(errors, run.errors_as_failures), missing, assets) if note]
