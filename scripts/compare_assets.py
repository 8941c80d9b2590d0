"""Compares where objects come to rest on two sets of LIBERO's assets, task by task.

    python scripts/compare_assets.py --official DIR [--lite DIR] [--suite spatial] [--tasks 0,3] [--inits 50] [--json FILE]

Every initial state is set and settled on both sets, in the same scene; then each body with joints is compared: how far it
lies from where it lies on the official set, and by what angle it is turned. Prints a Markdown table, a row a task: in how
many states everything is within 15 mm and 10 degrees, the median and the worst difference, which object that was, and in
how many states upstream's success predicate held at the start, on either set. One process a set.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.envs.libero.init_states import load_init_states
from harness.envs.libero.installation import prepare
from harness.envs.libero.lite.generate import lite_root
from harness.envs.libero.simulation import Simulation, numpy_global_state
from harness.envs.libero.task import LiberoTask, as_libero_task
from harness.suites import load_suites
from harness.types import Float64Array

NEAR_MM = 15.0
NEAR_DEG = 10.0


@dataclass(frozen=True)
class Settled:
    """What one set makes of one task.

    Attributes:
        names: The bodies that can move, the robot's left out.
        poses: Position (m) and quaternion (w, x, y, z) of each body after each initial state: (states, bodies, 7).
        succeeded: In which states the success predicate held: (states,).
    """

    names: tuple[str, ...]
    poses: Float64Array
    succeeded: tuple[bool, ...]


def settle(
    task: LiberoTask, settle_steps: int, settle_action: tuple[float, ...], control_freq_hz: int, inits: int
) -> Settled:
    """Settles the first initial states of a task on the set that this process was prepared for."""
    simulation = Simulation(task.bddl, control_freq_hz=control_freq_hz)
    bodies = movable_bodies(simulation.model)
    poses, succeeded = [], []
    for index, row in enumerate(load_init_states(task.init_states)[:inits]):
        with numpy_global_state(index):
            simulation.reset(joint_opening_draws=1)
        simulation.set_init_state(row)
        for _ in range(settle_steps):
            simulation.step(np.array(settle_action))
        data = simulation.data
        poses.append([[*data.xpos[body], *data.xquat[body]] for body in bodies.values()])
        succeeded.append(bool(simulation.env._check_success()))
    simulation.close()
    return Settled(tuple(bodies), np.array(poses), tuple(succeeded))


def movable_bodies(model: Any) -> dict[str, int]:
    """Name -> id of each body that has a joint of its own and is no part of the robot."""
    import mujoco

    names = {body: str(mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_BODY, body)) for body in set(model.jnt_bodyid.tolist())}
    return {name: body for body, name in sorted(names.items()) if not name.startswith(("robot", "gripper"))}


def differences(official: Settled, lite: Settled) -> tuple[Float64Array, Float64Array]:
    """How far the bodies of two sets are apart: mm and degrees, each (states, bodies)."""
    distance_mm = 1000 * np.linalg.norm(official.poses[..., :3] - lite.poses[..., :3], axis=-1)
    cosine = np.abs(np.sum(official.poses[..., 3:] * lite.poses[..., 3:], axis=-1)).clip(0, 1)
    return distance_mm, np.degrees(2 * np.arccos(cosine))


def row(task: LiberoTask, official: Settled, lite: Settled) -> dict[str, Any]:
    """One task's line of the table."""
    if official.names != lite.names:
        raise SystemExit(f"{task.name}: the sets have different bodies: {official.names} and {lite.names}")
    mm, degrees = differences(official, lite)
    near = [bool((a <= NEAR_MM).all() and (b <= NEAR_DEG).all()) for a, b in zip(mm, degrees, strict=True)]
    state, body = np.unravel_index(np.argmax(mm / NEAR_MM + degrees / NEAR_DEG), mm.shape)
    return {
        "suite": task.suite,
        "task": task.task_id,
        "name": task.name,
        "near": sum(near),
        "states": len(near),
        "median_mm": float(np.median(mm.max(axis=1))),
        "worst_mm": float(mm.max()),
        "median_deg": float(np.median(degrees.max(axis=1))),
        "worst_deg": float(degrees.max()),
        "worst": f"{lite.names[body]} in state {state}",
        "success_official": sum(official.succeeded),
        "success_lite": sum(lite.succeeded),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    head = "| task | near | mm: median, worst | degrees: median, worst | worst | success at the start: official, lite |"
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- |", *map(table_line, rows)])


def table_line(one: dict[str, Any]) -> str:
    """One row as Markdown."""
    cells = (
        f"{one['suite']} {one['task']}",
        f"{one['near']}/{one['states']}",
        f"{one['median_mm']:.1f}, {one['worst_mm']:.1f}",
        f"{one['median_deg']:.1f}, {one['worst_deg']:.1f}",
        one["worst"],
        f"{one['success_official']}, {one['success_lite']}",
    )
    return f"| {' | '.join(cells)} |"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=Path, required=True, help="folder of the official assets")
    parser.add_argument("--lite", type=Path, help="folder of the set to compare; without it, the generated one")
    parser.add_argument("--suite", default="spatial")
    parser.add_argument("--tasks", help="ids, separated by commas; without it, all")
    parser.add_argument("--inits", type=int, default=50, help="how many initial states of each task")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    wanted = {int(number) for number in arguments.tasks.split(",")} if arguments.tasks else None
    roots = (arguments.official.absolute(), arguments.lite.absolute() if arguments.lite else lite_root())
    context = multiprocessing.get_context("spawn")
    pools = [ProcessPoolExecutor(1, context, initializer=prepare, initargs=(root,)) for root in roots]
    rows = []
    for suite in load_suites(arguments.suite):
        protocol = suite.protocol
        for task in map(as_libero_task, suite.tasks):
            if wanted is not None and task.task_id not in wanted:
                continue
            how = (protocol.settle_steps, protocol.settle_action, protocol.control_freq_hz, arguments.inits)
            official, lite = (pool.submit(settle, task, *how) for pool in pools)
            rows.append(row(task, official.result(), lite.result()))
            print(json.dumps(rows[-1]), flush=True)
    print(table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))
    for pool in pools:
        pool.shutdown()


if __name__ == "__main__":
    main()
