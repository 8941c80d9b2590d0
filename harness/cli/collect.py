"""``evalharness collect``: demonstrations of a policy as a dataset for imitation learning."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from harness.cli.export import ExportProgress, dataset_options, report

# Where in the dataset's folder the run is.
_RUN_FOLDER = "run"

# Options that are the dataset's alone; all others are handed to the run.
_OF_THE_DATASET = ("out", "format_name", "resume", "force", "keep", "noise")


if TYPE_CHECKING:
    from harness.types import Outcome

_OUTCOMES: dict[str, list[Outcome]] = {
    "successes": ["success"],
    "failures": ["failure"],
    "all": ["success", "failure"],
}


def _complete_suite(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from harness.suites import suite_names

    names = [name for full, aliases in suite_names().items() for name in (*aliases, full)]
    return [CompletionItem(name) for name in dict.fromkeys(names) if name.startswith(incomplete)]


@click.command()
@click.option(
    "--suite",
    metavar="NAME|FILE",
    shell_complete=_complete_suite,
    help="Of LIBERO or the Piper: spatial, libero_goal, lift, or a suite's YAML file.",
)
@click.option("--policy", metavar="URI", help="Whose actions; see `evalharness policies list`.  [default: expert]")
@click.option("--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Where the dataset goes.")
@click.option(
    "--noise",
    type=click.FloatRange(min=0, min_open=True),
    metavar="STD",
    help="Noise on executed actions, in half ranges of an action; the label stays the policy's own action.",
)
@click.option(
    "--keep",
    type=click.Choice(list(_OUTCOMES)),
    default="successes",
    show_default=True,
    help="Which episodes the dataset gets.",
)
@click.option("--tasks", metavar="LIST", help="Task ids, such as 0,3-5.  [default: all]")
@click.option("--episodes", type=int, metavar="N", help="The first N initial states of every task.  [default: all, 50]")
@click.option("--init", metavar="LIST", help="These initial states of every task, such as 0,7-9.")
@click.option("--repeats", type=int, metavar="N", help="How often every initial state is run.  [default: 1]")
@click.option("--seed", type=int, metavar="S", help="Part of every episode's key.  [default: the protocol's]")
@click.option("--protocol", metavar="NAME", help="standard, or a preset of LIBERO's.  [default: standard]")
@click.option("--replan", type=int, metavar="K", help="Actions of a chunk that are used before the next query.")
@click.option("--max-steps", type=int, metavar="N", help="Control steps an episode, in place of the protocol's.")
@click.option("--action-space", metavar="NAME", help="What the numbers mean, on the Piper.  [default: the policy's]")
@click.option("--language", metavar="en|zh", help="Of the instructions, on the Piper.  [default: en]")
@click.option("--envs-per-worker", type=int, metavar="N", help="Environments that take turns in a worker.  [default: 1]")
@dataset_options
@click.pass_context
def collect(ctx: click.Context, /, **options: Any) -> None:
    """Run a policy and make a dataset of its successful episodes: pictures, states, actions and instructions.

    The run itself is DIR/run: a run like any other, to be reported, replayed and exported again. Ctrl-C keeps what was
    done; the same command with --resume goes on.

    Exit code 0: done; 1: episodes ended in an error or were left out; 2: wrong usage.

    \b
    Examples:
      evalharness collect --suite spatial --policy expert --out datasets/spatial --workers 4
      evalharness collect --suite lift --episodes 10 --noise 0.02 --out datasets/lift --format lerobot-v3
      evalharness collect --suite goal --tasks 3 --out datasets/goal --format hdf5
      evalharness collect --out datasets/spatial --resume
    """  # noqa: D301
    from harness.datasets.export import export_run
    from harness.datasets.formats import dataset_format

    dataset_format(options["format_name"])  # refused before anything is run
    out: Path = options["out"]
    run = _evaluated(ctx, out / _RUN_FOLDER, options)
    with ExportProgress() as progress:
        made = export_run(
            run.directory,
            out,
            progress,
            format_name=options["format_name"],
            outcomes=_OUTCOMES[options["keep"]],
            workers=options["workers"],
            resume=options["resume"],
            force=options["force"],
            keep=(_RUN_FOLDER,),
            assets=options["assets"],
            gl=options["gl"],
        )
    if run.error_count():
        click.echo(f"{run.error_count()} episodes ended in an error: evalharness report {run.directory}", err=True)
        ctx.exit(1)
    report(ctx, made)


def _evaluated(ctx: click.Context, directory: Path, options: dict[str, Any]) -> Any:
    """The run, begun or gone on with."""
    from harness.evaluation import evaluate
    from harness.policies.noisy import noisy_uri
    from harness.store import RUN_FILE

    there = (directory / RUN_FILE).is_file()
    if options["resume"] and there:
        given = {name: options[name] for name in _of_the_run(options) if _was_given(ctx, name)}
    else:
        _refuse_content(directory, options)
        given = {name: options[name] for name in _of_the_run(options)}
        given = {"policy": options["policy"] or "expert", **{k: v for k, v in given.items() if v is not None}}
        given |= {"video": "none", "out": str(directory)}
    if options["noise"] is not None:
        given["policy"] = noisy_uri(options["noise"], given.get("policy") or "expert")
    return evaluate(resume=directory if options["resume"] and there else None, **given)


def _of_the_run(options: dict[str, Any]) -> list[str]:
    return [name for name in options if name not in _OF_THE_DATASET]


def _refuse_content(directory: Path, options: dict[str, Any]) -> None:
    """Refuses a folder that holds something, or removes the older run where the user says so."""
    from harness.datasets.folder import DatasetFolder
    from harness.errors import UsageError
    from harness.store import RUN_FILE

    out = directory.parent
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if options["resume"]:
        raise UsageError(f"there is nothing to go on with: {directory} is no run")
    if not options["force"]:
        raise UsageError(f"{out} is not empty: --resume goes on with the dataset in it, --force makes it anew")
    DatasetFolder(out).refuse_foreign(keep=(_RUN_FOLDER,))
    if directory.exists():
        if not (directory / RUN_FILE).is_file():
            raise UsageError(f"{directory} is no run; nothing is removed")
        shutil.rmtree(directory)


def _was_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
