"""``evalharness report``: a run's table, made again from its episodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.run_arguments import asked_page, complete_run, file_options, write_files


@click.command()
@click.argument(
    "runs", nargs=-1, required=True, metavar="RUN...", shell_complete=complete_run,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)  # fmt: skip
@file_options
def report(runs: tuple[Path, ...], **options: Any) -> None:
    """Print the table of RUN, a run directory or a folder that holds some, and write its summary.csv and summary.md anew.

    \b
    Examples:
      evalharness report results/20260101T120000Z-spatial-random-0a1b2c3d
      evalharness report results/my_run --latex table.tex --episodes-csv episodes.csv
      evalharness report results/my_run --html report.html --embed
    """  # noqa: D301
    from harness.cli.output import print_summary
    from harness.comparison import compare, load_runs
    from harness.errors import UsageError

    opened = load_runs(*runs)
    page = asked_page(options)
    asked = [name for name, value in options.items() if value]
    if asked and len(opened) > 1:
        option = "--" + asked[0].replace("_", "-")
        raise UsageError(
            f"{option} is about one run, and there are {len(opened)}; for all in one table: evalharness compare"
        )
    for run in opened:
        run.write_summary()
        print_summary(run)
    if set(asked) - {"html", "embed"}:
        write_files(compare(opened), options)
    if page:
        from harness.pages.report import write_report_page

        write_report_page(opened[0], page, embed=options["embed"])
        click.echo(f"wrote {page}", err=True)
