"""What a sweep prints when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.reports.comparison_terminal import print_comparison
from harness.reports.summary import row_rate_text
from harness.sweeps import Sweep

if TYPE_CHECKING:
    import pandas as pd

_BAR_WIDTH = 30


def print_sweep(sweep: Sweep) -> None:
    """Prints the comparison, the learning curve and what went wrong to standard output; last the folder."""
    console = Console(width=None if Console().is_terminal else 120)
    if sweep.comparison is not None:
        print_comparison(sweep.comparison, console)
    for run in sweep.runs:
        finding = run.finding()
        if finding is not None:
            console.print(Text(f"† {run.name}: {finding.words}", style="cyan"), soft_wrap=True)
    if sweep.curve is not None and len(sweep.curve):
        console.print(curve_table(sweep.curve))
    for policy, reason in sweep.failures.items():
        console.print(Text(f"{policy} has failed: {reason}", style="red"), soft_wrap=True)
    if sweep.problem:
        console.print(Text(f"no comparison: {sweep.problem}", style="red"), soft_wrap=True)
    click.echo(f"\n{sweep.directory}")


def curve_table(curve: pd.DataFrame) -> Table:
    """A learning curve for the terminal: a row a checkpoint, by training step.

    Args:
        curve: From `harness.learning_curve.learning_curve`.
    """
    table = Table(title=Text("Success over training"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("step", "n", "success rate, 95 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for row in curve.to_dict("records"):
        rate = row["success_rate"]
        bar = "█" * round(_BAR_WIDTH * rate) if rate == rate else ""
        table.add_row(f"{row['step']:,}", str(row["episodes"]), Text(row_rate_text(row)), Text(bar))
    return table
