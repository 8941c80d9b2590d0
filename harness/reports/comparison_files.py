"""A comparison as files: CSV for programs, Markdown and LaTeX for people, and a row an episode for everything else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.comparison.frames import rate_cells
from harness.comparison.types import LEAST_TO_RESAMPLE, MEAN, Comparison
from harness.files import written_aside
from harness.reports.comparison_cells import pairs_table, published_table, rates_table, tasks_table
from harness.reports.text_tables import TextTable, latex_table, latex_text, markdown_table, markdown_text

if TYPE_CHECKING:
    import pandas as pd

_WARNING = "NOT COMPARABLE: the comparison of these runs was forced, although they differ in what moves their numbers."


def write_csv(comparison: Comparison, path: Path, *, per_task: bool = False) -> None:
    """Writes the table of checkpoints: a row a run, then the published ones; columns a suite and the mean.

    Columns: ``kind`` (``measured`` or ``published``), ``checkpoint``, ``run``, ``policy``, ``assets``, ``source``,
    ``comparable`` (``no`` where it was forced), then for every suite and ``mean`` the columns ``<suite> rate``, ``ci_low``,
    ``ci_high``, ``n``, ``successes``, ``failures``, ``errors``. Rates are from 0 to 1. Empty: not known.

    Args:
        comparison: What to write.
        path: The file; replaced when it is there.
        per_task: A row a run and task instead, as `Comparison.task_rates`.

    Raises:
        StoreError: The file cannot be written.
    """
    import pandas as pd

    frame = comparison.task_rates() if per_task else pd.DataFrame(_measured(comparison) + _published(comparison))
    if per_task:
        frame["comparable"] = "no" if comparison.forced else "yes"
    _write_frame(frame, path)


def write_episodes_csv(comparison: Comparison, path: Path) -> None:
    """Writes a row a final episode of every run: the columns of `Comparison.episodes`, the error in two columns.

    Args:
        comparison: What to write.
        path: The file; replaced when it is there.

    Raises:
        StoreError: The file cannot be written.
    """
    frame = comparison.episodes
    errors = [error if isinstance(error, dict) else {} for error in frame["error"]]
    place = list(frame.columns).index("error")
    frame = frame.drop(columns="error")
    frame.insert(place, "error_type", [error.get("type", "") for error in errors])
    frame.insert(place + 1, "error_message", [error.get("message", "") for error in errors])
    assets = {run.label: run.assets for run in comparison.runs}
    frame.insert(2, "assets", frame["label"].map(assets))
    _write_frame(frame, path)


def write_markdown(comparison: Comparison, path: Path, *, per_task: bool = False) -> None:
    """Writes all tables, what the runs were, and the notes as Markdown.

    Args:
        comparison: What to write.
        path: The file; replaced when it is there.
        per_task: Adds a table with a row a task.

    Raises:
        StoreError: The file cannot be written.
    """
    parts = ["# Comparison\n"]
    if comparison.forced:
        parts.append(f"**{_WARNING}**\n")
    parts += [markdown_table(table) for table in _tables(comparison, per_task)]
    parts += [_markdown_list([pair.words for pair in comparison.pairs if pair.suite == MEAN])]
    parts += [_markdown_list(["runs differ in " + str(difference) for difference in comparison.differences])]
    parts += [_markdown_list([*comparison.notes, legend(comparison)])]
    for run in comparison.runs:
        what = [f"{name}: {value}" for name, value in run.header.items()]
        parts.append(f"## {markdown_text(run.label)}\n\n{_markdown_list(what)}")
    with written_aside(path) as aside:
        aside.write_text("\n".join(filter(None, parts)), encoding="utf-8")


def write_latex(comparison: Comparison, path: Path, *, per_task: bool = False) -> None:
    r"""Writes all tables as LaTeX, to be ``\input``; they need the package booktabs.

    Args:
        comparison: What to write.
        path: The file; replaced when it is there.
        per_task: Adds a table with a row a task.

    Raises:
        StoreError: The file cannot be written.
    """
    parts = ["% Needs \\usepackage{booktabs}.\n"]
    if comparison.forced:
        parts.append(f"\\noindent\\textbf{{{latex_text(_WARNING)}}}\n")
    parts += [latex_table(table) for table in _tables(comparison, per_task)]
    notes = [*map(str, comparison.differences), *comparison.notes, legend(comparison)]
    parts.append("".join(f"% {' '.join(note.split())}\n" for note in notes))
    with written_aside(path) as aside:
        aside.write_text("\n".join(parts), encoding="utf-8")


def legend(comparison: Comparison) -> str:
    """What the numbers of the tables are."""
    rates = "Rates have Wilson's 95 % intervals, means over suites MOVER intervals."
    if not comparison.pairs:
        return rates
    return (
        f"{rates} Differences on shared episodes have bootstrap intervals resampled within tasks, Tango's where fewer than "
        f"{LEAST_TO_RESAMPLE} end differently or alike, and p-values of the exact McNemar test; where no episode is shared, "
        "Newcombe's interval and Boschloo's test. Verdicts are by p-values adjusted for the number of comparisons (Holm); "
        "intervals are not adjusted."
    )


def _tables(comparison: Comparison, per_task: bool) -> list[TextTable]:
    tables = [rates_table(comparison.runs, comparison.suites)]
    if comparison.reference:
        tables.append(published_table(comparison))
    if comparison.pairs:
        tables.append(pairs_table(comparison))
    if per_task:
        tables.append(tasks_table(comparison))
    return tables


def _measured(comparison: Comparison) -> list[dict[str, Any]]:
    rows = []
    for run in comparison.runs:
        row: dict[str, Any] = {
            "kind": "measured",
            "checkpoint": run.label,
            "run": run.name,
            "policy": run.policy,
            "assets": run.assets,
            "source": str(run.directory),
            "comparable": "no" if comparison.forced else "yes",
        }
        for suite in (*comparison.suites, MEAN):
            rate = run.mean if suite == MEAN else run.suites.get(suite)
            names = ("rate", "ci_low", "ci_high", "n", "successes", "failures", "errors")
            cells = {} if rate is None else rate_cells(rate)
            row |= {f"{suite} {name}": cells.get(name) for name in names}
        rows.append(row)
    return rows


def _published(comparison: Comparison) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in comparison.reference:
        identity = {"kind": "published", "checkpoint": one.checkpoint, "source": one.source}
        row = rows.setdefault((one.checkpoint, one.source), identity)
        row[f"{one.suite} rate"] = one.rate
        if one.suite != MEAN and one.n is not None and one.seeds is not None:
            row[f"{one.suite} n"] = one.n * one.seeds
    return list(rows.values())


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    # Counts must not become 12.0 because another row has none.
    counts = [name for name in frame.columns if str(name).split()[-1] in ("n", "successes", "failures", "errors")]
    with written_aside(path) as aside:
        frame.astype(dict.fromkeys(counts, "Int64")).to_csv(aside, index=False, float_format="%.10g", lineterminator="\n")


def _markdown_list(lines: list[str]) -> str:
    return "".join(f"- {markdown_text(line)}\n" for line in lines)
