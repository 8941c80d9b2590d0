"""What the commands that run suites share: their options, and how a run is begun, gone on with and reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from harness.cli.gl_option import gl_option

Command = TypeVar("Command", bound=Callable[..., Any])


def suite_option(environment: str, text: str) -> Callable[[Command], Command]:
    """``--suite`` with the names of an environment's suites for tab completion."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from harness.suites import suite_names

        names = [name for full, aliases in suite_names(environment).items() for name in (*aliases, full)]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]

    return click.option("--suite", metavar="NAME|FILE", shell_complete=complete, help=text)


def complete_policy(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tab completion of a policy's URI: its scheme."""
    from harness.registry import policy_schemes

    return [CompletionItem(name, help=text) for name, text in policy_schemes().items() if name.startswith(incomplete)]


_OPTIONS = (
    click.argument("more_checkpoints", nargs=-1, metavar=""),
    click.option(
        "--policy",
        multiple=True,
        metavar="URI",
        shell_complete=complete_policy,
        help="zero, random, replay:RUN, py:module:attr, py:file.py:attr, ws://host:port; see `evalharness policies list`. "
        "Several: a sweep.",
    ),
    click.option(
        "--checkpoints",
        multiple=True,
        metavar="PATTERN",
        help="A sweep over files or folders; each one's path takes the place of {} in --policy.",
    ),
    click.option("--tasks", metavar="LIST", help="Task ids, such as 0,3-5.  [default: all]"),
    click.option("--episodes", type=int, metavar="N", help="The first N initial states of every task.  [default: all, 50]"),
    click.option("--init", metavar="LIST", help="These initial states of every task, such as 0,7-9."),
    click.option("--repeats", type=int, default=1, show_default=True, help="How often every initial state is run."),
    click.option(
        "--seed",
        type=int,
        metavar="S",
        help="Part of every episode's key; seeds what is random.  [default: the protocol's, 0 for standard, 7 for openpi]",
    ),
    click.option("--replan", type=int, metavar="K", help="Actions of a chunk that are used before the next query."),
    click.option("--max-steps", type=int, metavar="N", help="Control steps an episode, in place of the protocol's."),
    click.option(
        "--realtime",
        "realtime_hz",
        type=float,
        metavar="HZ",
        help="Let the simulation go on at HZ control steps a second while the policy thinks.  [default: it waits]",
    ),
    click.option(
        "--realtime-filler",
        type=click.Choice(["hold", "continue"]),
        help="What is applied meanwhile: the last action again, or the rest of the last chunk.  [default: hold]",
    ),
    click.option(
        "--workers",
        type=int,
        default=1,
        show_default=True,
        metavar="N",
        help="Processes; 0 runs in this process, for a debugger.",
    ),
    click.option(
        "--envs-per-worker",
        type=int,
        default=1,
        show_default=True,
        metavar="N",
        help="Environments that take turns in a worker; for ws:// servers and policies that answer batches.",
    ),
    click.option(
        "--engine",
        type=click.Choice(["exact", "upstream"]),
        default="exact",
        show_default=True,
        help="What steps LIBERO: the harness's own control step, or upstream's, which is slower and equal bit for bit.",
    ),
    gl_option,
    click.option(
        "--video",
        default="all",
        show_default=True,
        metavar="all|failures|successes|none|N",
        help="Which episodes get a video; N: the first N of every task.",
    ),
    click.option(
        "--out",
        metavar="DIR",
        help="Run directory, or a sweep's folder.  [default: results/<UTC time>-<suite>-<policy>-<hash>]",
    ),
    click.option(
        "--resume",
        metavar="DIR",
        type=click.Path(file_okay=False),
        help="Go on with a run or a sweep; options that are not given are its own.",
    ),
    click.option("--retries", type=int, default=1, show_default=True, help="Further tries for an episode in error."),
    click.option(
        "--episode-timeout",
        "episode_timeout_s",
        type=float,
        metavar="S",
        help="Wall seconds after which an episode's worker is ended and the episode is an error.",
    ),
    click.option("--errors-as-failures", is_flag=True, help="Count errors as failures in rates, as published scripts do."),
    click.option(
        "--stop-when",
        type=click.Choice(["end", "decided"]),
        default="end",
        show_default=True,
        help="decided: stop as soon as it is clear whether the policy is better or worse than --against says.",
    ),
    click.option("--against", metavar="RUN|RATE", help="What --stop-when decided compares with: a run, or a rate as 0.9."),
    click.option(
        "--track",
        type=click.Choice(["wandb", "mlflow", "tensorboard"]),
        help="Also log to a tracking service's files in the run directory.",
    ),
)


def run_options(command: Command) -> Command:
    """Everything that does not depend on the environment."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def run(ctx: click.Context, environment: str, options: dict[str, Any]) -> None:
    """Runs what the options ask for, prints the tables and exits: 0 done, 1 episodes in error or failed policies remain."""
    from harness.cli.output import print_summary
    from harness.evaluation import evaluate
    from harness.sweep_folder import is_sweep

    resume, policies = options.pop("resume"), options.pop("policy")
    more = options.pop("more_checkpoints")
    checkpoints = (*options.pop("checkpoints"), *more)
    if more and len(checkpoints) == len(more):
        ctx.fail(f"unexpected {more[0]!r}: only --checkpoints takes several values; a suite is named by --suite")
    given = {name: value for name, value in options.items() if resume is None or _was_given(ctx, name)}
    if len(policies) > 1 or checkpoints or (resume is not None and is_sweep(resume)):
        _run_sweep(ctx, environment, policies, checkpoints, resume, given)
    done = evaluate(resume=resume, environment=environment, policy=policies[0] if policies else None, **given)
    print_summary(done)
    click.echo(f"\n{done.directory}")
    ctx.exit(1 if done.error_count() else 0)


def _run_sweep(
    ctx: click.Context,
    environment: str,
    policies: tuple[str, ...],
    checkpoints: tuple[str, ...],
    resume: str | None,
    given: dict[str, Any],
) -> NoReturn:
    from harness.cli.sweep_output import print_sweep
    from harness.sweeps import sweep

    done = sweep(policies, checkpoints=checkpoints, resume=resume, environment=environment, **given)
    print_sweep(done)
    ctx.exit(1 if done.failures or done.problem or any(run.error_count() for run in done.runs) else 0)


def _was_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
