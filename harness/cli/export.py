"""``evalharness export``: a dataset for imitation learning from a run's episodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.cli.gl_option import gl_option

if TYPE_CHECKING:
    from harness.datasets.export import Exported

Command = TypeVar("Command", bound=Callable[..., Any])

# The names of harness.datasets.formats.FORMATS, which is not imported for --help.
_OPTIONS = (
    click.option(
        "--format",
        "format_name",
        type=click.Choice(["lerobot", "lerobot-v3", "hdf5"]),
        default="lerobot",
        show_default=True,
        help="LeRobot's format v2.1 or v3.0, or HDF5 files as LIBERO's.",
    ),
    click.option("--resume", is_flag=True, help="Go on with what an interrupted command left in DIR."),
    click.option("--force", is_flag=True, help="Make the dataset in DIR anew."),
    click.option(
        "--assets", default="auto", metavar="auto|lite|PATH", help="LIBERO's meshes.  [default: the run's, or auto]"
    ),
    gl_option,
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        default=1,
        show_default=True,
        metavar="N",
        help="Processes; 0 works in this process, for a debugger.",
    ),
)


def dataset_options(command: Command) -> Command:
    """What ``export`` and ``collect`` have in common."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Where the dataset goes.")
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice(["success", "failure"]),
    default=["success"],
    show_default=True,
    help="Only episodes that ended so. May be repeated.",
)
@dataset_options
@click.pass_context
def export(ctx: click.Context, /, **options: Any) -> None:
    """Make a dataset from the episodes of RUN, a finished run directory: pictures, states, actions and instructions.

    Every episode is simulated again from its recorded actions and must repeat bit for bit; what a policy would have seen is
    drawn before each. Ctrl-C keeps complete episodes; --resume goes on.

    Exit code 0: done; 1: an episode was left out; 2: wrong usage.

    \b
    Examples:
      evalharness export results/my_run --out datasets/mine
      evalharness export results/my_run --out datasets/mine --format lerobot-v3 --workers 4
      evalharness export results/my_run --out datasets/mine --format hdf5 --outcome success --outcome failure
    """  # noqa: D301
    from harness.datasets.export import export_run

    with ExportProgress() as progress:
        made = export_run(options.pop("run"), options.pop("out"), progress, **options)
    report(ctx, made)


def report(ctx: click.Context, made: Exported) -> None:
    """Prints what came of an export and exits."""
    left_out = f", {len(made.left_out)} left out" if made.left_out else ""
    click.echo(f"{made.episodes} episodes, {made.frames} frames{left_out}", err=True)
    click.echo(made.directory)
    ctx.exit(1 if made.left_out else 0)


class ExportProgress:
    """A bar on standard error where that is a terminal, and notes; a `harness.datasets.export.Listener`."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (BarColumn(bar_width=20), TextColumn("{task.completed:.0f}/{task.total:.0f} steps"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

    def __enter__(self) -> ExportProgress:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def begin(self, steps: int, done: int) -> None:
        """See `Listener.begin`."""
        self._bar.add_task("", total=steps, completed=done)

    def advance(self, steps: int) -> None:
        """See `Listener.advance`."""
        self._bar.advance(self._bar.task_ids[0], steps)

    def note(self, text: str) -> None:
        """See `Listener.note`."""
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
