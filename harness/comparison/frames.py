"""The parts of a comparison as pandas data frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pandas as pd

from harness.comparison.types import MEAN, PairResult, Rate, RunResult

_RUN = ("label", "run", "policy", "assets")
_RATE = ("episodes", "n", "successes", "failures", "errors", "rate", "ci_low", "ci_high")
_COUNTS = ("both", "only_a", "only_b", "neither")


def rates_frame(runs: Sequence[RunResult]) -> pd.DataFrame:
    """A row a run and suite, and a row a run for the mean over its suites; see `Comparison.rates`."""
    rows = [
        {**_run_cells(run), "suite": suite, **rate_cells(rate)}
        for run in runs
        for suite, rate in [*run.suites.items(), (MEAN, run.mean)]
    ]
    return pd.DataFrame(rows, columns=[*_RUN, "suite", *_RATE])


def tasks_frame(runs: Sequence[RunResult]) -> pd.DataFrame:
    """A row a run and task; see `Comparison.task_rates`."""
    rows = [
        {**_run_cells(run), "suite": one.suite, "task_id": one.task_id, "task": one.task, **rate_cells(one.rate)}
        for run in runs
        for one in run.tasks
    ]
    return pd.DataFrame(rows, columns=[*_RUN, "suite", "task_id", "task", *_RATE])


def heat_map_frame(runs: Sequence[RunResult]) -> pd.DataFrame:
    """Rates, task x run: index ``suite``, ``task_id``, ``task``; a column a label."""
    rates: dict[tuple[str, int, str], dict[str, float]] = {}
    for run in runs:
        for one in run.tasks:
            rates.setdefault((one.suite, one.task_id, one.task), {})[run.label] = one.rate.rate
    index = pd.MultiIndex.from_tuples(list(rates), names=["suite", "task_id", "task"]) if rates else None
    return pd.DataFrame(list(rates.values()), index=index, columns=[run.label for run in runs], dtype=float)


def pairs_frame(pairs: Sequence[PairResult]) -> pd.DataFrame:
    """A row a pair and suite; intervals and counts as columns of numbers, and the verdict in words."""
    return pd.DataFrame([_pair_cells(pair) for pair in pairs])


def rate_cells(rate: Rate) -> dict[str, float | int]:
    """A rate and its counts by column."""
    counts = {name: getattr(rate, name) for name in ("episodes", "n", "successes", "failures", "errors", "rate")}
    return {**counts, "ci_low": rate.interval[0], "ci_high": rate.interval[1]}


def _run_cells(run: RunResult) -> dict[str, str]:
    return {"label": run.label, "run": run.name, "policy": run.policy, "assets": run.assets}


def _pair_cells(pair: PairResult) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for field in dataclasses.fields(pair):
        value = getattr(pair, field.name)
        if field.name == "counts":
            cells |= {name: None if value is None else getattr(value, name) for name in _COUNTS}
        elif field.name in ("interval", "bootstrap_interval"):
            prefix = "ci" if field.name == "interval" else "bootstrap"
            low, high = value if value is not None else (None, None)
            cells |= {f"{prefix}_low": low, f"{prefix}_high": high}
        else:
            cells[field.name] = value
    return {**cells, "words": pair.words}
