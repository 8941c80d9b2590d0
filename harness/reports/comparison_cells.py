"""A comparison as tables of text, whatever they are written as."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.comparison.types import MEAN, Comparison, PairResult, Rate, ReferenceRow, RunResult
from harness.comparison.words import difference_text, p_text
from harness.reports.text_tables import TextTable


def rates_table(runs: Sequence[RunResult], suites: Sequence[str]) -> TextTable:
    """A row a checkpoint, a column a suite and the mean: rate, interval, successes of episodes that count, errors.

    Args:
        runs: The rows.
        suites: The columns; a run without one has an empty cell there.
    """
    columns = [*suites, MEAN] if len(suites) > 1 else list(suites)
    rows = [(run.label, _assets(run), *(_run_cell(run, column) for column in columns)) for run in runs]
    title = "Success rates, 95 % intervals, successes of episodes"
    return TextTable(title, ("checkpoint", "assets", *columns), tuple(rows), 2, "suite")


def tasks_table(comparison: Comparison) -> TextTable:
    """A row a task, a column a checkpoint."""
    rows: dict[tuple[str, int, str], dict[str, Rate]] = {}
    for run in comparison.runs:
        for one in run.tasks:
            rows.setdefault((one.suite, one.task_id, one.task), {})[run.label] = one.rate
    labels = [run.label for run in comparison.runs]
    order = list(comparison.suites)
    cells = [
        (suite, f"{task_id}: {task}", *(rate_cell(rates[label]) if label in rates else "" for label in labels))
        for (suite, task_id, task), rates in sorted(rows.items(), key=lambda row: (order.index(row[0][0]), *row[0][1:]))
    ]
    return TextTable("Success rates of tasks", ("suite", "task", *labels), tuple(cells), 2, "checkpoint")


def pairs_table(comparison: Comparison) -> TextTable:
    """A row a run and suite: how it compares with the baseline."""
    head = ("checkpoint", "suite", "n", "only it", "only base", "difference, points", "p", "p (Holm)", "verdict")
    suites = [pair.b for pair in comparison.pairs if pair.suite != MEAN]
    # The mean over a single suite would say the same again.
    rows = [_pair_row(pair) for pair in comparison.pairs if pair.suite != MEAN or suites.count(pair.b) > 1]
    return TextTable(f"Against the baseline {comparison.baseline}", head, tuple(rows), 2)


def published_table(comparison: Comparison) -> TextTable:
    """Published rows as their sources state them: a row a checkpoint and source, the columns of `rates_table`."""
    rows: dict[tuple[str, str, str], dict[str, ReferenceRow]] = {}
    for row in comparison.reference:
        rows.setdefault((row.checkpoint, row.protocol, row.source), {})[row.suite] = row
    columns = [*comparison.suites, MEAN] if len(comparison.suites) > 1 else list(comparison.suites)
    cells = [
        (checkpoint, source, protocol, *(_published_cell(own.get(column)) for column in columns))
        for (checkpoint, protocol, source), own in rows.items()
    ]
    head = ("published checkpoint", "source", "protocol", *columns)
    return TextTable("Published, not measured here", head, tuple(cells), 3, "suite")


def rate_cell(rate: Rate) -> str:
    """Three lines: ``84.0 %``, ``[77.1, 89.2]``, ``42/50``; errors follow the counts where there are any."""
    counts = f"{rate.successes}/{rate.n}"
    if rate.errors:
        counts += f", {rate.errors} error{'s' if rate.errors > 1 else ''}"
    if math.isnan(rate.rate):
        return f"n/a\n{counts}"
    low, high = rate.interval
    return f"{100 * rate.rate:.1f} %\n[{100 * low:.1f}, {100 * high:.1f}]\n{counts}"


def _run_cell(run: RunResult, column: str) -> str:
    if column == MEAN:
        return rate_cell(run.mean)
    return rate_cell(run.suites[column]) if column in run.suites else ""


def _assets(run: RunResult) -> str:
    """The set and its hash under each other."""
    return run.assets.replace(" (", "\n(")


def _published_cell(row: ReferenceRow | None) -> str:
    if row is None:
        return ""
    error = "" if row.standard_error is None else f" ± {100 * row.standard_error:.6g}"
    seeds = "" if row.seeds in (None, 1) else f"{row.seeds} x "
    n = "" if row.n is None or row.suite == MEAN else f"\nn = {seeds}{row.n}"
    return f"{100 * row.rate:.6g}{error} %{n}"


def _pair_row(pair: PairResult) -> tuple[str, ...]:
    n = f"{pair.n_b}" if pair.method == "paired" else f"{pair.n_a}, {pair.n_b}\nunshared"
    only_b, only_a = ("", "") if pair.counts is None else (str(pair.counts.only_b), str(pair.counts.only_a))
    difference = difference_text(pair.difference, pair.shown_interval).replace(" points", "")
    p_values = (p_text(p_value).removeprefix("p ").removeprefix("= ") for p_value in (pair.p_value, pair.p_adjusted))
    verdict = {"undecided": "not shown", "no_episodes": "no episodes"}.get(pair.verdict, pair.verdict)
    return pair.b, pair.suite, n, only_b, only_a, difference, *p_values, verdict
