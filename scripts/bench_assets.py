"""Times two pictures of a LIBERO scene, both cameras, 256x256, on the lite set and on another one, alternating.

Usage: python scripts/bench_assets.py --official DIR [--rounds 3] [--pictures 10]

Prints a row a task: CPU milliseconds for both pictures on either set, and with nothing but the robot, whose meshes are the
same on any set (medians over the rounds), and their ratios; and how long the lite set takes to be made.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from harness.envs.gl import choose_gl, use_gl
from harness.envs.libero.environment import LiberoEnvironment
from harness.envs.libero.installation import prepare
from harness.envs.libero.lite.generate import generate_lite, lite_root
from harness.suites import load_suites
from harness.types import Episode

# One of each arena that the headline suites use.
_TASKS = (("libero_spatial", 0), ("libero_object", 0), ("libero_10", 2), ("libero_10", 4), ("libero_10", 5))

_HIDDEN_GROUP = 5


@dataclass(frozen=True)
class Drawn:
    """What is timed.

    Attributes:
        root: The assets.
        robot_alone: Whether everything but the robot and its mount is hidden: what no set of assets can be faster than.
    """

    root: Path
    robot_alone: bool = False


def picture_ms(drawn: Drawn, suite_name: str, task_id: int, pictures: int) -> float:
    """CPU milliseconds for both cameras' pictures, in a process of its own."""
    use_gl(choose_gl())
    suites = load_suites(suite_name)
    prepare(drawn.root)
    environment = LiberoEnvironment(suites, {suite_name: suites[0].protocol})
    task = suites[0].tasks[task_id]
    environment.reset(Episode(suite_name, task_id, task.name, task.instruction, 0, 0, 0))
    if drawn.robot_alone:
        hide_all_but_the_robot(environment._built.simulation.model)
    environment.observe(images=True)
    begin = time.process_time()
    for _ in range(pictures):
        environment.observe(images=True)
    return 1000 * (time.process_time() - begin) / pictures


def hide_all_but_the_robot(model: Any) -> None:
    """Moves the geoms of other bodies to a group that is not drawn."""
    for geom in range(model.ngeom):
        if not model.body(model.geom_bodyid[geom]).name.startswith(("robot0", "gripper0", "mount0")):
            model.geom_group[geom] = _HIDDEN_GROUP


@click.command()
@click.option("--official", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rounds", default=3, show_default=True)
@click.option("--pictures", default=10, show_default=True)
def main(official: Path, rounds: int, pictures: int) -> None:
    """Print the table."""
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        generate_lite(Path(folder))
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    click.echo(f"The lite set: {size / 1000:.0f} kB, made in {time.process_time() - begin:.2f} s of CPU time.\n")
    click.echo("| task | official, ms | lite, ms | the robot alone, ms | official / lite | official / robot |")
    click.echo("| --- | ---: | ---: | ---: | ---: | ---: |")
    for suite, task_id in _TASKS:
        times: dict[Drawn, list[float]] = {
            Drawn(root, alone): [] for root, alone in ((official, False), (lite_root(), False), (lite_root(), True))
        }
        for _ in range(rounds):
            for drawn, measured in times.items():
                with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                    measured.append(pool.submit(picture_ms, drawn, suite, task_id, pictures).result())
        one, lite, robot = (statistics.median(measured) for measured in times.values())
        click.echo(f"| {suite} {task_id} | {one:.0f} | {lite:.0f} | {robot:.0f} | {one / lite:.1f} | {one / robot:.1f} |")


if __name__ == "__main__":
    main()
