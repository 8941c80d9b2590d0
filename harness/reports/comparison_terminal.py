"""A comparison on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.comparison.types import MEAN, Comparison
from harness.reports.comparison_cells import pairs_table, published_table, rates_table, tasks_table
from harness.reports.comparison_files import legend
from harness.reports.text_tables import TextTable, long_form

# Wider than any table.
_UNLIMITED = 10_000

# A column of names is broken into lines rather than left out where a table is too wide.
_LEAST_WIDTH = 10

_STYLES = {"better": "green", "worse": "red"}


def print_comparison(comparison: Comparison, console: Console, *, per_task: bool = False) -> None:
    """Prints tables, verdicts in words, differences between the runs, and notes.

    Args:
        comparison: What to print.
        console: Where to.
        per_task: Adds a table with a row a task.
    """
    for part in _parts(comparison, per_task):
        console.print(_fitting(part, console) if isinstance(part, TextTable) else part)


def _parts(comparison: Comparison, per_task: bool) -> Iterator[TextTable | Text]:
    if comparison.forced:
        yield Text("NOT COMPARABLE: the runs differ in what moves their numbers; forced.", style="bold red")
    yield rates_table(comparison.runs, comparison.suites)
    if comparison.reference:
        yield published_table(comparison)
    if comparison.pairs:
        yield pairs_table(comparison)
        for pair in comparison.pairs:
            if pair.suite == MEAN:
                yield Text(pair.words, style=_STYLES.get(pair.verdict, ""))
    if per_task:
        yield tasks_table(comparison)
    for difference in comparison.differences:
        yield Text(f"runs differ in {difference}", style="red" if difference.severity == "blocking" else "yellow")
    for note in comparison.notes:
        yield Text(note, style="yellow")
    yield Text(legend(comparison), style="dim")


def _fitting(table: TextTable, console: Console) -> Table:
    """The table, or its long form where it is wider than the terminal."""
    made = _rich(table)
    if table.across and console.measure(made, options=console.options.update(width=_UNLIMITED)).maximum > console.width:
        return _rich(long_form(table))
    return made


def _rich(table: TextTable) -> Table:
    made = Table(title=Text(table.title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column, heading in enumerate(table.head):
        text = column < table.text_columns
        least = _LEAST_WIDTH if text else None
        made.add_column(Text(heading), justify="left" if text else "right", overflow="fold", min_width=least)
    for row in table.rows:
        made.add_row(*(Text(cell) for cell in row))
    return made
