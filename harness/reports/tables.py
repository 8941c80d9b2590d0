"""A run's summary as a table for the terminal, at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from harness.reports.summary import MEAN_SUITE, SUITE_ROW, row_rate_text, steps_text, task_text

# With the columns of numbers, up to 9999 episodes, these stay within 100.
_SUITE_WIDTH = 16
_TASK_WIDTH = 28

# Fewer words that a suite's task names begin with in common are not worth leaving out.
_FEW_WORDS = 3


def summary_table(frame: pd.DataFrame) -> Table:
    """Lays out what `harness.reports.summary.summarise` returned.

    Args:
        frame: The summary; may be empty.

    Returns:
        A table that fits 100 columns: long names end in an ellipsis, suites and their mean are bold, errors are amber.
        ``n`` are episodes, ``ok`` are successes.
    """
    title = None if frame.empty else Text("{run}, policy {policy}, assets {assets}".format(**frame.iloc[0]))
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("suite", no_wrap=True, overflow="ellipsis", max_width=_SUITE_WIDTH)
    table.add_column("task", no_wrap=True, overflow="ellipsis", max_width=_TASK_WIDTH)
    for heading in ("n", "ok", "errors", "success rate, 95 %", "steps"):
        table.add_column(heading, justify="right", no_wrap=True)
    rows = frame.to_dict("records")
    tasks = [row for row in rows if not _is_total(row)]
    for row in tasks:
        same_suite = [str(other["task"]) for other in tasks if other["suite"] == row["suite"]]
        table.add_row(*_cells({**row, "task": _distinct_part(str(row["task"]), same_suite)}))
    table.add_section()
    for row in (row for row in rows if _is_total(row)):
        table.add_row(*_cells(row), style="bold")
    return table


def _distinct_part(name: str, names: Sequence[str]) -> str:
    """A task's name without the words that all tasks of its suite begin with; they would fill the column."""
    words = [other.split("_") for other in names]
    shared = 0
    while len(names) > 1 and all(len(other) > shared + 1 and other[shared] == words[0][shared] for other in words):
        shared += 1
    return name if shared < _FEW_WORDS else "…" + "_".join(name.split("_")[shared:])


def _is_total(row: Mapping[Any, Any]) -> bool:
    return bool(row["task"] == SUITE_ROW or row["suite"] == MEAN_SUITE)


def _cells(row: Mapping[Any, Any]) -> list[Text]:
    return [
        Text(row["suite"]),
        Text(task_text(row)),
        Text(str(row["episodes"])),
        Text(str(row["successes"])),
        Text(str(row["errors"]), style="yellow" if row["errors"] else ""),
        Text(row_rate_text(row)),
        Text(steps_text(row["mean_steps"])),
    ]
