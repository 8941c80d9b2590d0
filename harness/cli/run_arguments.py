"""Run directories on the command line, and the files that are written about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.comparison.types import Comparison

_Command = TypeVar("_Command", bound=Callable[..., Any])

# As harness.store.RUN_FILE, which completion must not wait for.
_RUN_FILE = "run.json"


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Run directories that begin so, also those in folders that begin so; the shell's own folders where there are none."""
    start = Path(incomplete)
    folder, beginning = (start, "") if incomplete.endswith("/") else (start.parent, start.name)
    found = list(_run_names(folder, beginning)) if folder.is_dir() else []
    return [CompletionItem(name) for name in found] or [CompletionItem(incomplete, type="dir")]


def _run_names(folder: Path, beginning: str) -> Iterator[str]:
    for entry in sorted(folder.iterdir()):
        hidden = entry.name.startswith(".") and not beginning.startswith(".")
        if hidden or not entry.name.startswith(beginning) or not entry.is_dir():
            continue
        if (entry / _RUN_FILE).is_file():
            yield str(entry)
        else:
            yield from sorted(str(file.parent) for file in entry.glob(f"*/{_RUN_FILE}"))


def file_options(command: _Command) -> _Command:
    """The options that write tables to files; see `write_files`."""
    file = click.Path(dir_okay=False, path_type=Path)
    options = [
        click.option("--csv", type=file, metavar="FILE", help="Write the table as CSV: a row a checkpoint."),
        click.option("--md", type=file, metavar="FILE", help="Write all tables as Markdown."),
        click.option("--latex", type=file, metavar="FILE", help="Write all tables as LaTeX (booktabs)."),
        click.option("--episodes-csv", type=file, metavar="FILE", help="Write a CSV with a row an episode."),
        click.option("--per-task", is_flag=True, help="Add a table with a row a task; --csv then has a row a task."),
        click.option("--html", type=file, metavar="FILE", help="Write a page that opens in a browser, without a network."),
        click.option("--embed", is_flag=True, help="Put the videos into the page of --html, not links to them."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def asked_page(options: dict[str, Any]) -> Path | None:
    """The page that the options ask for; None without one.

    Raises:
        UsageError: --embed without --html.
    """
    page: Path | None = options["html"]
    if options["embed"] and page is None:
        raise UsageError("--embed puts videos into a page: name the page too, such as --html page.html")
    return page


def write_files(comparison: Comparison, options: dict[str, Any]) -> None:
    """Writes the tables that the options name and says on standard error where they are."""
    from harness.reports import comparison_files

    per_task = options["per_task"]
    if options["csv"]:
        comparison_files.write_csv(comparison, options["csv"], per_task=per_task)
    if options["md"]:
        comparison_files.write_markdown(comparison, options["md"], per_task=per_task)
    if options["latex"]:
        comparison_files.write_latex(comparison, options["latex"], per_task=per_task)
    if options["episodes_csv"]:
        comparison_files.write_episodes_csv(comparison, options["episodes_csv"])
    for name in ("csv", "md", "latex", "episodes_csv"):
        if options[name]:
            click.echo(f"wrote {options[name]}", err=True)
