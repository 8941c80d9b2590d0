"""Runs the Piper suites' expert with the physics' time step and with half of it, and counts the outcomes that change.

Usage: python scripts/check_piper_timestep.py [--suite all] [--action-space eef_delta] [--workers 2]

An outcome that hangs on the time step says more about the integrator than about a policy: no more than 1 of 50 may change.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor

import click

from harness.action_spaces import ACTION_SPACES
from harness.envs.families import family_of
from harness.envs.piper.environment import TIMESTEP_S, PiperEnvironment
from harness.episode import run_episode
from harness.preparation import prepare
from harness.registry import make_policy
from harness.request import Request
from harness.suites import load_suites

# A share of a task's episodes.
_MAY_CHANGE = 1 / 50


def outcomes(suite_name: str, task_id: int, action_space: str, timestep_s: float) -> list[str]:
    """The outcome of each initial state of a task."""
    prepared = prepare(Request(suite_name, "expert", tasks=str(task_id), action_space=action_space))
    (suite,), (protocol,) = prepared.suites, prepared.protocols.values()
    spec = family_of("piper").spec(protocol)
    environment = PiperEnvironment((suite,), {suite.name: protocol}, timestep_s)
    policy = make_policy("expert", spec)
    return [run_episode(environment, spec, policy, protocol, episode).outcome for episode in prepared.episodes]


@click.command()
@click.option("--suite", default="all", show_default=True, help="By name.")
@click.option("--action-space", type=click.Choice(list(ACTION_SPACES)), default="eef_delta", show_default=True)
@click.option("--workers", default=2, show_default=True)
def main(suite: str, action_space: str, workers: int) -> None:
    """Print a line a task; exit with 1 when more than 1 of 50 outcomes of a task change."""
    tasks = [(found.name, task.task_id, task.name) for found in load_suites(suite, "piper") for task in found.tasks]
    too_many = False
    with ProcessPoolExecutor(workers) as pool:
        runs = [
            [pool.submit(outcomes, name, task_id, action_space, step) for step in (TIMESTEP_S, TIMESTEP_S / 2)]
            for name, task_id, _ in tasks
        ]
        click.echo(f"| suite | task | successes at {1e3 * TIMESTEP_S:g} ms | at {500 * TIMESTEP_S:g} ms | changed |")
        click.echo("| --- | --- | ---: | ---: | ---: |")
        for (name, _, task), (whole, half) in zip(tasks, runs, strict=True):
            first, second = whole.result(), half.result()
            changed = sum(one != other for one, other in zip(first, second, strict=True))
            too_many |= changed > _MAY_CHANGE * len(first)
            counts = " | ".join(f"{found.count('success')} of {len(found)}" for found in (first, second))
            click.echo(f"| {name} | {task} | {counts} | {changed} |")
    sys.exit(too_many)


if __name__ == "__main__":
    main()
