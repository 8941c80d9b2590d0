"""Measures LIBERO's engine side by side with upstream's evaluation loop, and writes the section of docs/benchmarks.md.

    make bench                                  # or: python -m scripts.bench_engine, in the checkout
    python -m scripts.bench_engine --quick      # a smoke run; prints what it would write

On every task, subjects take turns, round after round, each in a process of its own: upstream's loop with two 256x256
cameras, the harness at several replan intervals and without pictures, upstream without cameras, and bare MuJoCo steps from
the same states. All get the same initial states, scenes and actions, and their last states are compared bit for bit.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import shlex
import time
from pathlib import Path
from typing import Any

from harness.envs.family import Engine
from harness.envs.gl import GLInfo, choose_gl
from harness.envs.libero.assets import AssetSet, check_assets, find_assets
from harness.errors import UsageError
from harness.files import written_aside
from harness.provenance import git_commit, machine, versions
from harness.suites import load_suites
from scripts.bench.measure import POLICIES, Extent, Measured, measure_scaling, measure_task, note
from scripts.bench.page import write_section
from scripts.bench.ratios import EPISODE_TARGETS
from scripts.bench.subjects import Job
from scripts.bench.tables import sections

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
SECTION = "bench_engine"
# One task of every headline suite, of different arenas; goal 3 and libero_10 2 have drawers and a knob.
TASKS = ("libero_spatial/0", "libero_object/0", "libero_goal/3", "libero_10/2")
ENGINES: tuple[Engine, ...] = ("exact", "upstream")
REPLANS = tuple(EPISODE_TARGETS)


def extent_of(arguments: argparse.Namespace) -> Extent:
    if arguments.quick:
        return Extent(arguments.rounds or 1, (1, 10), ENGINES[:1], tuple(POLICIES)[:1], 1, 2, 20)
    return Extent(arguments.rounds or 3, REPLANS, ENGINES, tuple(POLICIES), 2, 10, 220)


def jobs_of(arguments: argparse.Namespace, assets: AssetSet, gl: GLInfo) -> list[Job]:
    """The tasks that are measured.

    Raises:
        UsageError: A task is not written as SUITE/ID, or there is none of that number.
    """
    jobs = []
    names = arguments.tasks or (TASKS[:1] if arguments.quick else TASKS)
    for text in names:
        name, _, number = text.partition("/")
        (suite,) = load_suites(name, "libero")
        if not number.isdecimal() or int(number) >= len(suite.tasks):
            raise UsageError(
                f"--tasks {text!r}: write SUITE/ID, such as {TASKS[0]}; {suite.name} has 0 to {len(suite.tasks) - 1}"
            )
        jobs.append(Job(suite.name, int(number), assets.root, gl, arguments.steps or (10 if arguments.quick else 50)))
    return jobs


def description(assets: AssetSet, gl: GLInfo, load: float) -> list[str]:
    """The machine, the versions and the renderer."""
    computer, found = machine(), versions()
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = platform.system()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ("mujoco", "robosuite", "hf-libero", "numpy", "numba")
    return [
        f"- processor: {computer['processor']}, {computer['cores']} cores, {memory:.0f} GiB memory, {system}; load average "
        f"before the run {load:.2f}",
        f"- Python {found['python']}, {', '.join(f'{name} {found[name]}' for name in packages)}; commit {git_commit()}",
        f"- renderer: {gl.renderer} ({gl.backend}); assets: {assets.kind}",
    ]


def command_of(arguments: argparse.Namespace) -> str:
    """What to type for the same measurements; places of files are left out."""
    words = ["python", "-m", "scripts.bench_engine"]
    words += ["--quick"] if arguments.quick else []
    for name in ("tasks", "steps", "rounds"):
        value = getattr(arguments, name)
        if value is not None:
            words += [f"--{name}", *(value if isinstance(value, list) else [str(value)])]
    return shlex.join(words)


def report(measured: Measured, jobs: list[Job], extent: Extent, command: str, described: list[str]) -> str:
    """The whole section."""
    lengths = {job.name: load_suites(job.suite, "libero")[0].protocol.max_steps for job in jobs}
    episodes = f"{jobs[0].steps} control steps after settling, {extent.rounds} round(s) on {', '.join(lengths)}"
    return "\n".join(
        [
            "## LIBERO: the harness's engine and upstream's loop",
            "",
            f"Written by `{command}`.",
            "",
            *described,
            f"- episodes: {episodes}",
            "",
            "Upstream's loop is hf-libero's `OffScreenRenderEnv` with two 256x256 pictures a step: reset, `set_init_state`,",
            "ten settling steps, steps. The harness runs the same scenes and actions through `LiberoEnvironment`, with a",
            "policy that costs nothing. Each subject has a process of its own; one works at a time, by turns. A ratio is of",
            "two measurements of one task and round: the median of all pairs, and the smallest to the largest.",
            "",
            *sections(measured, extent.engines, extent.replans, lengths),
        ]
    )


def save_json(path: Path, measured: Measured, described: list[str]) -> None:
    content: dict[str, Any] = {"machine": described, **dataclasses.asdict(measured)}
    with written_aside(path) as aside:
        aside.write_text(json.dumps(content, indent=1), encoding="utf-8")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one task, one short round; prints the section, writes no page")
    parser.add_argument("--tasks", nargs="+", metavar="SUITE/ID", help=f"default: {' '.join(TASKS)}")
    parser.add_argument("--steps", type=int, help="control steps an episode (50)")
    parser.add_argument("--rounds", type=int, help="episodes of every subject on every task (3)")
    parser.add_argument("--assets", default="auto", help="folder of assets; without it, those that the harness finds")
    parser.add_argument("--out", type=Path, help=f"the page whose section is rewritten (docs/{PAGE.name})")
    parser.add_argument("--json", type=Path, help="also write every measurement to this file")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    load, begin = os.getloadavg()[0], time.perf_counter()
    assets, gl, extent, measured = find_assets(arguments.assets), choose_gl(), extent_of(arguments), Measured()
    jobs = jobs_of(arguments, assets, gl)
    check_assets(assets, {load_suites(job.suite, "libero")[0].tasks[job.task_id].name for job in jobs})
    described = description(assets, gl, load)
    for job in jobs:
        measure_task(job, extent, measured)
    measure_scaling(arguments.assets, extent, measured)
    note(f"measured in {(time.perf_counter() - begin) / 60:.1f} minutes")
    if arguments.json:
        save_json(arguments.json, measured, described)
    text = report(measured, jobs, extent, command_of(arguments), described)
    if arguments.quick and arguments.out is None:
        print(text)
    else:
        write_section(arguments.out or PAGE, SECTION, text)


if __name__ == "__main__":
    main()
