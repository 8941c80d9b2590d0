"""The summary of a run: a row a task, a row a suite, and their mean; as CSV for programs and Markdown for people."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import HarnessError
from harness.files import written_aside
from harness.statistics.intervals import mean_of_proportions, wilson
from harness.stopping import confidence_sequence

COLUMNS = (
    "run",
    "policy",
    "assets",
    "suite",
    "task_id",
    "task",
    "episodes",
    "successes",
    "failures",
    "errors",
    "success_rate",
    "ci_low",
    "ci_high",
    "mean_steps",
    "interval",
)
SUITE_ROW = "(suite)"
MEAN_SUITE = "mean"
MEAN_ROW = "(mean of suites)"

# What the column ``interval`` says of a run that may stop early: fixed-n intervals would not hold.
SEQUENCE = "confidence sequence"

_INPUT_COLUMNS = ("suite", "task_id", "task", "outcome", "steps")
_OUTCOMES = ("success", "failure", "error")
_MARKDOWN_HEAD = ("suite", "task", "episodes", "successes", "failures", "errors", "success rate", "mean steps")
_MARKDOWN_RULE = ("---", "---", "---:", "---:", "---:", "---:", "---:", "---:")


def summarise(
    episodes: pd.DataFrame,
    *,
    run: str,
    policy: str,
    assets: str,
    errors_as_failures: bool = False,
    seen: Collection[str] | None = None,
) -> pd.DataFrame:
    """Counts outcomes and gives success rates with 95 % intervals.

    Args:
        episodes: One row a final episode, with the columns ``suite``, ``task_id``, ``task``, ``outcome`` (success, failure
            or error) and ``steps``.
        run: Name of the run, for the first column.
        policy: Name of the policy, for the second.
        assets: Kind of the assets that scenes were built from, for the third.
        errors_as_failures: True counts an error like a failure in rates; ``failures`` and ``errors`` stay as they are.
        seen: Of a run that may stop early: the keys of the episodes in the rounds that were looked at; ``episodes`` then has
            a column ``key``. None for all other runs.

    Returns:
        Exactly the columns `COLUMNS`: first the tasks (suites in order of appearance, then task_id), then a row a suite
        (task `SUITE_ROW`, no task_id), last the mean over suites (suite `MEAN_SUITE`: sums of the counts, the unweighted
        mean of the suites' rates). Rates and limits are NaN where no episode counts. Intervals are Wilson's; the mean's is
        MOVER (see `harness.statistics.intervals`); with `seen` they are confidence sequences of the episodes in it, and
        ``interval`` names the method. ``mean_steps`` is over successes and failures. No rows without episodes.

    Raises:
        HarnessError: A column is missing, or an outcome is unknown.
    """
    _check(episodes)
    measured = partial(_measured, errors_as_failures=errors_as_failures, seen=seen)
    tasks: list[dict[str, object]] = []
    suites: list[dict[str, object]] = []
    counts = []
    for suite, of_suite in episodes.groupby("suite", sort=False, dropna=False):
        for (task_id, task), of_task in of_suite.groupby(["task_id", "task"], sort=True, dropna=False):
            tasks.append({"suite": suite, "task_id": task_id, "task": task, **measured(of_task)})
        suites.append({"suite": suite, "task": SUITE_ROW, **measured(of_suite)})
        counts.append(_rate_counts(of_suite, errors_as_failures))
    rows = [*tasks, *suites]
    if rows:
        rate, low, high = mean_of_proportions(counts)
        overall: dict[str, object] = {"suite": MEAN_SUITE, "task": MEAN_ROW, **measured(episodes), "success_rate": rate}
        if seen is None or math.isnan(rate):
            overall |= {"ci_low": low, "ci_high": high}
        rows.append(overall if seen is not None else {**overall, "interval": "mover"})
    frame = pd.DataFrame([{"run": run, "policy": policy, "assets": assets, **row} for row in rows], columns=list(COLUMNS))
    return frame.astype({"task_id": "Int64"})


def write_summary(
    directory: Path, frame: pd.DataFrame, header: Mapping[str, str], *, errors_as_failures: bool = False
) -> None:
    """Writes ``summary.csv`` and ``summary.md`` into a run directory.

    Args:
        directory: The run directory.
        frame: What `summarise` returned.
        header: What the run was (protocol, renderer, ...): a list above the Markdown table, in this order.
        errors_as_failures: What `summarise` was told; a note says it where there are errors.

    Raises:
        StoreError: A file cannot be written; an older one then stays as it was.
    """
    with written_aside(directory / "summary.csv") as aside:
        frame.to_csv(aside, index=False, float_format="%.6g", lineterminator="\n")
    with written_aside(directory / "summary.md") as aside:
        aside.write_text(_markdown(frame, header, errors_as_failures), encoding="utf-8")


def rate_text(rate: float, low: float, high: float) -> str:
    """A rate and its interval for people, such as ``84.0 % [77.1, 89.2]``; ``n/a`` when there is no rate."""
    if math.isnan(rate):
        return "n/a"
    return f"{100 * rate:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def row_rate_text(row: Mapping[Any, Any]) -> str:
    """A summary row's rate for people; ``†`` marks a confidence sequence, of a run that may stop early."""
    text = rate_text(row["success_rate"], row["ci_low"], row["ci_high"])
    return f"{text} †" if row["interval"] == SEQUENCE else text


def steps_text(mean_steps: float) -> str:
    """A mean number of steps for people, such as ``112.4``; ``n/a`` when there is none."""
    return "n/a" if math.isnan(mean_steps) else f"{mean_steps:.1f}"


def task_text(row: Mapping[Any, Any]) -> str:
    """What to call a summary's row, such as ``3: open the drawer``; for suites and their mean the name alone."""
    return str(row["task"]) if pd.isna(row["task_id"]) else f"{row['task_id']}: {row['task']}"


def errors_note(errors: int, errors_as_failures: bool) -> str:
    """One sentence about a run's errors; empty when there are none."""
    if not errors:
        return ""
    subject = "1 episode" if errors == 1 else f"{errors} episodes"
    if errors_as_failures:
        return f"{subject} ended in an error; the rates count that as a failure."
    return f"{subject} ended in an error; the rates leave that out."


def _check(episodes: pd.DataFrame) -> None:
    missing = [name for name in _INPUT_COLUMNS if name not in episodes.columns]
    if missing:
        raise HarnessError(f"episodes lack the column {', '.join(missing)}; needed: {', '.join(_INPUT_COLUMNS)}")
    unknown = sorted({str(outcome) for outcome in episodes["outcome"]} - set(_OUTCOMES))
    if unknown:
        raise HarnessError(f"unknown outcome {', '.join(unknown)}; known: {', '.join(_OUTCOMES)}")


def _rate_counts(episodes: pd.DataFrame, errors_as_failures: bool) -> tuple[int, int]:
    outcomes = episodes["outcome"]
    counted = len(outcomes) if errors_as_failures else int((outcomes != "error").sum())
    return int((outcomes == "success").sum()), counted


def _measured(
    episodes: pd.DataFrame, errors_as_failures: bool, seen: Collection[str] | None
) -> dict[str, float | int | str]:
    outcomes = episodes["outcome"]
    successes, counted = _rate_counts(episodes, errors_as_failures)
    low, high = wilson(successes, counted) if counted else (math.nan, math.nan)
    if seen is not None and counted:
        low, high = confidence_sequence(*_rate_counts(episodes[episodes["key"].isin(seen)], errors_as_failures))
    return {
        "episodes": len(outcomes),
        "successes": successes,
        "failures": int((outcomes == "failure").sum()),
        "errors": int((outcomes == "error").sum()),
        "success_rate": successes / counted if counted else math.nan,
        "ci_low": low,
        "ci_high": high,
        "mean_steps": float(episodes.loc[outcomes != "error", "steps"].mean()),
        "interval": "wilson" if seen is None else SEQUENCE,
    }


def _markdown(frame: pd.DataFrame, header: Mapping[str, str], errors_as_failures: bool) -> str:
    if frame.empty:
        return "# Results\n\n" + _header_list(header) + "No episode has ended yet.\n"
    rows = [_MARKDOWN_HEAD, _MARKDOWN_RULE, *(_markdown_cells(row) for row in frame.to_dict("records"))]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    legend = (
        "Success rates with 95 % intervals: Wilson for tasks and suites, MOVER from the suites' Wilson limits for their "
        "unweighted mean. Mean steps are over successes and failures."
    )
    if _is_sequence(frame):
        legend = (
            "Success rates with 95 % confidence sequences (marked †), because this run may stop early: the usual intervals "
            "would not hold (docs/statistics.md). They are of the rounds that were looked at. Mean steps are over successes "
            "and failures."
        )
    notes = " ".join(filter(None, (legend, errors_note(int(frame["errors"].iloc[-1]), errors_as_failures))))
    title = f"# Results of {_one_line(frame['run'].iloc[0])}, policy {_one_line(frame['policy'].iloc[0])}"
    return f"{title}\n\n{_header_list(header)}{table}\n\n{notes}\n"


def _is_sequence(frame: pd.DataFrame) -> bool:
    return bool((frame["interval"] == SEQUENCE).any())


def _markdown_cells(row: Mapping[Any, Any]) -> tuple[str, ...]:
    counts = (str(row[name]) for name in ("episodes", "successes", "failures", "errors"))
    rate = row_rate_text(row)
    return _escaped(row["suite"]), _escaped(task_text(row)), *counts, rate, steps_text(row["mean_steps"])


def _header_list(header: Mapping[str, str]) -> str:
    lines = "".join(f"- {_one_line(name)}: {_one_line(value)}\n" for name, value in header.items())
    return f"{lines}\n" if lines else ""


def _escaped(value: object) -> str:
    return _one_line(value).replace("\\", "\\\\").replace("|", "\\|")


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
