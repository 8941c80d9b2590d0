"""The rates of one run, from its final episodes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from harness.comparison.damage import damaged
from harness.comparison.types import CONFIDENCE, Rate, RunResult, TaskRate
from harness.reports.summary import MEAN_ROW, MEAN_SUITE, SUITE_ROW
from harness.runs import Run
from harness.statistics.intervals import mean_of_proportions, wilson


def labels_of(runs: Sequence[Run]) -> list[str]:
    """What to call runs in tables: the policy where no other run has it, else policy and directory.

    Args:
        runs: Of different directories.

    Returns:
        A label a run, all different, in the same order.
    """
    names = directory_names([run.directory for run in runs])
    policies = [run.policy for run in runs]
    return [
        policy if policies.count(policy) == 1 else f"{policy} ({name})" for policy, name in zip(policies, names, strict=True)
    ]


def directory_names(directories: Sequence[Path]) -> list[str]:
    """The shortest ends of paths, such as ``my_run`` or ``monday/my_run``, that tell directories from each other."""
    parts = [directory.resolve().parts for directory in directories]
    names = []
    for own in parts:
        length = 1
        while length < len(own) and sum(other[-length:] == own[-length:] for other in parts) > 1:
            length += 1
        names.append("/".join(own[-length:]))
    return names


def final_episodes(run: Run) -> pd.DataFrame:
    """The attempt that counts of every episode, with a column ``counted``: whether it is part of the rate."""
    episodes = run.episodes()
    return episodes.assign(counted=(episodes["outcome"] != "error") | run.errors_as_failures)


def measure(run: Run, label: str, episodes: pd.DataFrame) -> RunResult:
    """The rates of a run.

    Args:
        run: The run.
        label: What tables call it.
        episodes: What `final_episodes` returned.

    Returns:
        Rates of its tasks and suites and their mean; suites without an episode are not there.

    Raises:
        StoreError: ``run.json`` lacks something that every run has.
    """
    suites = {str(suite): rate for (suite,), rate in _rates(episodes, ["suite"])}
    tasks = [
        TaskRate(str(suite), int(task_id), str(task), rate)
        for (suite, task_id, task), rate in _rates(episodes, ["suite", "task_id", "task"])
    ]
    mean = mean_rate(suites)
    if run.finding() is not None:
        suites, tasks, mean = _with_limits_of(run.summary(), suites, tasks, mean)
    try:
        planned = run.info.get("episodes")
        return RunResult(
            label=label,
            name=run.name,
            directory=run.directory,
            policy=run.policy,
            assets=f"{run.info['assets']['kind']} ({run.info['assets']['sha256'][:12]})",
            header=run.header(),
            planned=None if planned is None else int(planned),
            errors_as_failures=run.errors_as_failures,
            suites=suites,
            tasks=tuple(tasks),
            mean=mean,
        )
    except (LookupError, TypeError, ValueError) as error:
        raise damaged(run, error) from error


def _with_limits_of(
    summary: pd.DataFrame, suites: Mapping[str, Rate], tasks: Sequence[TaskRate], mean: Rate
) -> tuple[dict[str, Rate], list[TaskRate], Rate]:
    """The same rates with the limits of a run's summary, which are confidence sequences where a run may stop early."""
    rows = summary.to_dict("records")
    limits = {(row["suite"], row["task"]): (float(row["ci_low"]), float(row["ci_high"])) for row in rows}
    return (
        {suite: replace(rate, interval=limits[suite, SUITE_ROW]) for suite, rate in suites.items()},
        [replace(task, rate=replace(task.rate, interval=limits[task.suite, task.task])) for task in tasks],
        replace(mean, interval=limits[MEAN_SUITE, MEAN_ROW]),
    )


def _rates(episodes: pd.DataFrame, by: list[str]) -> Iterator[tuple[tuple[Any, ...], Rate]]:
    """The rate of every group of episodes, in order of appearance, with the group's values."""
    flags = {name: episodes["outcome"] == name for name in ("success", "failure", "error")}
    groups = episodes[[*by, "counted"]].assign(**flags, episodes=1).groupby(by, sort=False)
    for row in groups.sum().reset_index().to_dict("records"):
        successes, n = int(row["success"]), int(row["counted"])
        yield (
            tuple(row[name] for name in by),
            Rate(
                episodes=int(row["episodes"]),
                n=n,
                successes=successes,
                failures=int(row["failure"]),
                errors=int(row["error"]),
                rate=successes / n if n else math.nan,
                interval=wilson(successes, n, CONFIDENCE) if n else (math.nan, math.nan),
            ),
        )


def mean_rate(suites: Mapping[str, Rate]) -> Rate:
    """The mean over suites: sums of counts, the unweighted mean of rates with its MOVER interval."""
    rates = list(suites.values())
    mean, low, high = mean_of_proportions([(rate.successes, rate.n) for rate in rates], CONFIDENCE)
    return Rate(
        episodes=sum(rate.episodes for rate in rates),
        n=sum(rate.n for rate in rates),
        successes=sum(rate.successes for rate in rates),
        failures=sum(rate.failures for rate in rates),
        errors=sum(rate.errors for rate in rates),
        rate=mean,
        interval=(low, high),
    )
