"""What is tracked of a run."""

from __future__ import annotations

import typing
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from harness.reports.summary import MEAN_SUITE, SUITE_ROW
from harness.types import Outcome

_OUTCOMES: tuple[Outcome, ...] = typing.get_args(Outcome)


def tracked_config(info: Mapping[str, Any]) -> dict[str, Any]:
    """What identifies a run and how it was asked for: plain values by dotted names.

    Args:
        info: The content of ``run.json``.
    """
    protocols = {suite["name"]: suite["protocol"] for suite in info["suites"]}
    chosen = {
        "environment": info["environment"],
        "policy": {name: info["policy"][name] for name in ("uri", "name", "fingerprint")},
        "seed": info["seed"],
        "episodes": info["episodes"],
        "assets": {name: info["assets"][name] for name in ("kind", "sha256")},
        "renderer": info["renderer"]["renderer"],
        "engine": info["engine"],
        "git_commit": info["git_commit"],
        "versions": info["versions"],
        "request": info["request"],
        "protocol": protocols,
    }
    return _flat(chosen)


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in content.items():
        full = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{full}."))
        elif value is not None:
            flat[full] = value if isinstance(value, str | int | float) else str(value)
    return flat


def running_metrics(outcomes: Counter[tuple[str, Outcome]], errors_as_failures: bool) -> dict[str, float]:
    """Rates and counts so far.

    Args:
        outcomes: (suite, outcome) -> episodes.
        errors_as_failures: Whether an error counts as a failure in rates.
    """
    metrics: dict[str, float] = {}
    suites = list(dict.fromkeys(suite for suite, _ in outcomes))
    for name, members in {"": suites, **({f"/{suite}": [suite] for suite in suites})}.items():
        counts = {outcome: sum(outcomes[suite, outcome] for suite in members) for outcome in _OUTCOMES}
        counted = counts["success"] + counts["failure"] + (counts["error"] if errors_as_failures else 0)
        if counted:
            metrics[f"success_rate{name}"] = counts["success"] / counted
        metrics[f"errors{name}"] = counts["error"]
    return metrics


def final_metrics(summary: pd.DataFrame) -> dict[str, float]:
    """Rates, limits and counts of every suite and of their mean, by names such as ``final/libero_goal/success_rate``."""
    metrics: dict[str, float] = {}
    for row in summary.to_dict("records"):
        if row["task"] == SUITE_ROW or row["suite"] == MEAN_SUITE:
            for name in ("success_rate", "ci_low", "ci_high", "episodes", "successes", "errors"):
                if not pd.isna(row[name]):
                    metrics[f"final/{row['suite']}/{name}"] = float(row[name])
    return metrics
