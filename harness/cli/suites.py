"""``evalharness suites``: what can be evaluated."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.errors import SuiteError, UsageError
from harness.types import Suite


@click.command()
@click.argument("suite", required=False)
@click.option("--protocol", default="standard", show_default=True, help="Whose protocol to show with a SUITE.")
def suites(suite: str | None, protocol: str) -> None:
    """List all suites, or the tasks, instructions, initial states and protocol of SUITE.

    SUITE is a name, an alias, or the path of a suite's YAML file.

    \b
    Examples:
      evalharness suites
      evalharness suites spatial
      evalharness suites 10 --protocol openpi
    """  # noqa: D301
    from harness.suites import load_suites

    if suite is None:
        _print_all()
        return
    for loaded in load_suites(suite):
        _print_tasks(loaded)
        _print_protocol(loaded, protocol)


def _print_all() -> None:
    from harness.suites import load_suites, preset_names, suite_names

    table = Table(box=None, pad_edge=False)
    for column in ("suite", "also", "tasks", "max steps", "what"):
        table.add_column(column)
    for name, aliases in suite_names().items():
        try:
            members = load_suites(name)
        except SuiteError:
            raise
        except UsageError as error:  # what builds its tasks is not installed
            table.add_row(name, ", ".join(aliases), "", "", escape(str(error)), style="dim")
            continue
        steps = ", ".join(str(member.protocol.max_steps) for member in members)
        what = escape(members[0].description) if len(members) == 1 else "together: " + ", ".join(m.name for m in members)
        table.add_row(name, ", ".join(aliases), str(sum(len(member.tasks) for member in members)), steps, what)
    console = _console()
    console.print(table)
    console.print(f"\nProtocols: {', '.join(preset_names())}. Tasks of one: evalharness suites NAME", style="dim")


def _print_tasks(suite: Suite) -> None:
    from harness.envs.families import family_of

    family = family_of(suite.environment)
    table = Table(title=escape(f"{suite.name}: {suite.description}"), title_justify="left", box=None, pad_edge=False)
    for column in ("task", "instruction", "initial states", "name"):
        table.add_column(column)
    for task in suite.tasks:
        table.add_row(str(task.task_id), escape(task.instruction), str(family.init_count(task)), task.name)
    _console().print(table)


def _print_protocol(suite: Suite, name: str) -> None:
    import dataclasses

    from harness.suites import preset

    table = Table(title=f"\nprotocol {name}", title_justify="left", box=None, pad_edge=False, show_header=False)
    for field, value in dataclasses.asdict(preset(suite, name)).items():
        table.add_row(field, escape(str(value)))
    _console().print(table)


def _console() -> Console:
    """A console that does not fold lines when its output goes to a file."""
    return Console(width=None if Console().is_terminal else 250)
