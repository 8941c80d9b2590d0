"""``evalharness libero``: the main job."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem


def _complete_suite(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from harness.suites import suite_names

    names = [name for full, aliases in suite_names().items() for name in (*aliases, full)]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _complete_protocol(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from harness.suites import preset_names

    return [CompletionItem(name) for name in preset_names() if name.startswith(incomplete)]


def _complete_policy(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from harness.registry import policy_schemes

    return [CompletionItem(name, help=text) for name, text in policy_schemes().items() if name.startswith(incomplete)]


@click.command()
@click.option(
    "--suite",
    metavar="NAME|FILE",
    shell_complete=_complete_suite,
    help="spatial, object, goal, 10 (or long), 90, all (the first four), or a suite's YAML file.",
)
@click.option(
    "--policy",
    metavar="URI",
    shell_complete=_complete_policy,
    help="zero, random, replay:RUN, py:module:attr, py:file.py:attr, ws://host:port; see `evalharness policies list`.",
)
@click.option("--tasks", metavar="LIST", help="Task ids, such as 0,3-5.  [default: all]")
@click.option("--episodes", type=int, metavar="N", help="The first N initial states of every task.  [default: all, 50]")
@click.option("--init", metavar="LIST", help="These initial states of every task, such as 0,7-9.")
@click.option("--repeats", type=int, default=1, show_default=True, help="How often every initial state is run.")
@click.option(
    "--seed",
    type=int,
    metavar="S",
    help="Part of every episode's key; seeds what is random.  [default: the protocol's, 0 for standard, 7 for openpi]",
)
@click.option(
    "--protocol",
    default="standard",
    show_default=True,
    shell_complete=_complete_protocol,
    help="standard, or whose evaluation script to reproduce: openpi, openvla, lerobot, vla-eval.",
)
@click.option("--replan", type=int, metavar="K", help="Actions of a chunk that are used before the next query.")
@click.option("--max-steps", type=int, metavar="N", help="Control steps an episode, in place of the protocol's.")
@click.option(
    "--workers",
    type=int,
    default=1,
    show_default=True,
    metavar="N",
    help="Processes, one environment each; 0 runs in this process, for a debugger.",
)
@click.option("--assets", default="auto", show_default=True, metavar="auto|PATH", help="LIBERO's meshes and textures.")
@click.option(
    "--gl", type=click.Choice(["auto", "egl", "osmesa", "glfw"]), default="auto", show_default=True, help="OpenGL back end."
)
@click.option(
    "--video",
    default="all",
    show_default=True,
    metavar="all|failures|successes|none|N",
    help="Which episodes get a video; N: the first N of every task.",
)
@click.option("--out", metavar="DIR", help="Run directory.  [default: results/<UTC time>-<suite>-<policy>-<hash>]")
@click.option(
    "--resume",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Go on with a run; options that are not given are the run's own.",
)
@click.option("--retries", type=int, default=1, show_default=True, help="Further tries for an episode in error.")
@click.option(
    "--episode-timeout",
    "episode_timeout_s",
    type=float,
    metavar="S",
    help="Wall seconds after which an episode's worker is ended and the episode is an error.",
)
@click.option("--errors-as-failures", is_flag=True, help="Count errors as failures in rates, as published scripts do.")
@click.pass_context
def libero(ctx: click.Context, /, resume: str | None, **options: Any) -> None:
    """Evaluate a policy on LIBERO: videos, traces, success rates with 95 % intervals.

    Ctrl-C keeps what was done; --resume goes on. Exit code 0: done; 1: episodes in error remain; 2: wrong usage.

    \b
    Examples:
      evalharness libero --suite spatial --policy random --tasks 0-1 --episodes 2
      evalharness libero --suite all --policy ws://localhost:8000 --protocol openpi --workers 4
      evalharness libero --suite 10 --policy py:my_policy.py:Model --video failures
      evalharness libero --suite my_suite.yaml --policy replay:results/my_run
      evalharness libero --resume results/my_run --workers 8
    """  # noqa: D301
    from harness.cli.output import print_summary
    from harness.evaluation import evaluate

    given = {name: value for name, value in options.items() if resume is None or _was_given(ctx, name)}
    run = evaluate(resume=resume, **given)
    print_summary(run)
    click.echo(f"\n{run.directory}")
    ctx.exit(1 if run.error_count() else 0)


def _was_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
