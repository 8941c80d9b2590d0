"""Asks of each LIBERO task whether its goal can be reached on a set of assets.

    python scripts/check_goals.py [--assets DIR] [--suite S ...] [--tasks 0,3] [--init 0] [--workers 2] [--out FILE.csv]

The goal's objects are put into the goal configuration by hand and come to rest there; then they are taken out again. A row
a task: whether upstream's predicate is false at the start, true in the goal configuration, and false after it, for every
part of the goal. The exit code is 1 when anything is otherwise.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import sys
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from harness.envs.libero.assets import find_assets
from harness.envs.libero.goal_states import GoalMover, Predicate, goal_predicates
from harness.envs.libero.init_states import load_init_states
from harness.envs.libero.installation import prepare
from harness.envs.libero.simulation import Simulation, numpy_global_state
from harness.envs.libero.task import LiberoTask, as_libero_task
from harness.files import written_aside
from harness.suites import load_suites
from harness.types import Protocol


@dataclass(frozen=True)
class Row:
    """What was found of one task.

    Attributes:
        suite: Its suite.
        task: Its number in the suite.
        name: Its name.
        goal: The predicates of its goal.
        false_at_start: The goal did not hold in the settled first initial state.
        true_in_goal: It held when the goal's objects had been placed and had come to rest.
        false_after: No part of it held when they had been taken out.
        why: The parts that were otherwise, or the error.
        seconds: How long all of it took.
    """

    suite: str
    task: int
    name: str
    goal: str
    false_at_start: bool = False
    true_in_goal: bool = False
    false_after: bool = False
    why: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether everything was as it should be."""
        return self.false_at_start and self.true_in_goal and self.false_after


def check_task(task: LiberoTask, protocol: Protocol, init: int) -> Row:
    """Checks one task on the assets that this process was prepared for; an error becomes a row that failed."""
    began = time.perf_counter()
    goal = goal_predicates(task.bddl)
    named = {"suite": task.suite, "task": task.task_id, "name": task.name, "goal": _listed(goal)}
    try:
        found = reach_and_leave(task, protocol, init, goal)
    except Exception:  # one task that cannot be built should not hide what the others do
        found = {"why": traceback.format_exc().strip().splitlines()[-1]}
    return Row(**named, **found, seconds=round(time.perf_counter() - began, 1))  # type: ignore[arg-type]


def reach_and_leave(task: LiberoTask, protocol: Protocol, init: int, goal: tuple[Predicate, ...]) -> dict[str, object]:
    """Builds a task, and asks for its goal at the start, in the goal configuration, and out of it."""
    simulation = Simulation(task.bddl, control_freq_hz=protocol.control_freq_hz)
    try:
        with numpy_global_state(0):
            simulation.reset(joint_opening_draws=1)
        simulation.set_init_state(load_init_states(task.init_states)[init])
        for _ in range(protocol.settle_steps):
            simulation.step(np.array(protocol.settle_action))
        mover = GoalMover(simulation, goal)
        at_start = mover.succeeded()
        missed = mover.reach()
        in_goal = mover.succeeded()
        kept = mover.leave()
        after = mover.succeeded()
    finally:
        simulation.close()
    reasons = {"at the start": goal if at_start else (), "not reached": missed, "not left": kept}
    return {
        "false_at_start": not at_start,
        "true_in_goal": in_goal and not missed,
        "false_after": not after and not kept,
        "why": "; ".join(f"{reason}: {_listed(parts)}" for reason, parts in reasons.items() if parts),
    }


def _listed(parts: Iterable[Predicate]) -> str:
    return " and ".join(map(str, parts))


def _write(rows: Iterable[Row], path: Path) -> None:
    with written_aside(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(map(asdict, rows))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", default="auto", help="folder of assets; without it, those that the harness finds")
    parser.add_argument("--suite", nargs="+", default=["libero_all", "libero_90"], help="suites (default: all 130 tasks)")
    parser.add_argument("--tasks", help="ids, separated by commas; without it, all")
    parser.add_argument("--init", type=int, default=0, help="the initial state to begin with (default: 0)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--out", type=Path, help="also write the rows to this CSV file")
    return parser.parse_args()


def main() -> int:
    arguments = _parse_arguments()
    wanted = {int(number) for number in arguments.tasks.split(",")} if arguments.tasks else None
    root = find_assets(arguments.assets).root
    suites = [suite for name in arguments.suite for suite in load_suites(name, "libero")]
    work = [(as_libero_task(task), suite.protocol) for suite in suites for task in suite.tasks]
    context = multiprocessing.get_context("spawn")
    rows = []
    with ProcessPoolExecutor(arguments.workers, context, initializer=prepare, initargs=(root,)) as pool:
        jobs = [pool.submit(check_task, *one, arguments.init) for one in work if wanted is None or one[0].task_id in wanted]
        for job in as_completed(jobs):
            row = job.result()
            rows.append(row)
            verdict = "ok    " if row.passed else "FAILED"
            print(verdict, row.suite, row.task, row.name, f"{row.seconds} s", row.why, flush=True)
    rows.sort(key=lambda row: (row.suite, row.task))
    if arguments.out:
        _write(rows, arguments.out)
    print(f"{sum(row.passed for row in rows)} of {len(rows)} tasks: false at the start, true in the goal, false after it")
    return 0 if rows and all(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
