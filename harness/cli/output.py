"""What several commands print."""

from __future__ import annotations

from rich.console import Console

from harness.reports.summary import errors_note
from harness.reports.tables import summary_table
from harness.runs import Run


def print_summary(run: Run) -> None:
    """Prints a run's table to standard output, how long the policy's answers took, and what else there is to say."""
    console = Console(width=None if Console().is_terminal else 110)
    console.print(summary_table(run.summary()))
    finding = run.finding()
    if finding is not None:
        console.print(f"† {finding.words}", style="cyan", highlight=False)
    latency = run.latency()
    if latency is not None:
        console.print(f"policy: {latency.words}", highlight=False)
    note = errors_note(run.error_count(), run.errors_as_failures)
    if note:
        console.print(note, style="yellow")
