"""How long `report` takes on a large run, and `compare` on many: CPU and wall seconds, and peak memory.

Makes synthetic runs in a temporary folder and runs the commands on them as a user would:

    python scripts/bench_compare.py [--runs 20] [--episodes 10000]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from harness.store import EPISODES_FILE, RUN_FILE, SCHEMA_VERSION, Record

SUITES = ("libero_spatial", "libero_object", "libero_goal", "libero_10")
TASKS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--episodes", type=int, default=10_000, help="of each run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = [write_run(Path(folder) / f"run{i}", i, options.episodes) for i in range(options.runs)]
        print(f"{options.runs} runs of {options.episodes} episodes")
        measured("report", "report", str(runs[0]))
        files = ["--csv", f"{folder}/c.csv", "--md", f"{folder}/c.md", "--episodes-csv", f"{folder}/e.csv"]
        measured("compare", "compare", *map(str, runs))
        measured("compare, all files", "compare", *map(str, runs), *files)


def measured(name: str, *arguments: str) -> None:
    """Runs a command in a process of its own and prints what it took."""
    begun = time.monotonic()
    process = os.fork()
    if process == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.execv(sys.executable, [sys.executable, "-m", "harness.cli.main", *arguments])  # noqa: S606
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"{name} failed: {os.waitstatus_to_exitcode(status)}")
    wall_s, cpu_s = time.monotonic() - begun, usage.ru_utime + usage.ru_stime
    print(f"{name:20} {cpu_s:6.2f} s CPU {wall_s:6.2f} s wall {usage.ru_maxrss / 1024:6.0f} MB")


def write_run(directory: Path, number: int, episodes: int) -> Path:
    """A run with a success rate of its own; written at once, because a store waits for the disk after every line."""
    directory.mkdir()
    (directory / RUN_FILE).write_text(json.dumps(info(number, episodes)))
    generator = np.random.default_rng(number)
    succeeded = generator.random(episodes) < 0.7 + 0.01 * number
    errors = generator.random(episodes) < 0.01
    each = episodes // (len(SUITES) * TASKS)
    with (directory / EPISODES_FILE).open("w") as file:
        for i in range(episodes):
            place, init = divmod(i, max(1, each))
            suite, task_id = SUITES[place // TASKS % len(SUITES)], place % TASKS
            outcome = "error" if errors[i] else "success" if succeeded[i] else "failure"
            file.write(json.dumps(dataclasses.asdict(record(suite, task_id, init, outcome))) + "\n")
    return directory


def record(suite: str, task_id: int, init: int, outcome: str) -> Record:
    key = f"{suite}/task{task_id}/init{init}/repeat0/seed7"
    stem = key.replace("/", "__")
    return Record(
        key=key, suite=suite, task_id=task_id, task=f"pick_up_the_black_bowl_number_{task_id}", init=init, repeat=0, seed=7,
        attempt=1, outcome=outcome, steps=120, error={"type": "E", "message": "m"} if outcome == "error" else None,  # type: ignore[arg-type]
        scene_sha256="5c" * 32, frame_sha256="f7" * 32, wall_s=5.1234, policy_s=2.1, physics_s=1.9, render_s=1.0,
        video=f"videos/{stem}.mp4", trace=f"traces/{stem}.npz",
    )  # fmt: skip


def info(number: int, episodes: int) -> dict[str, object]:
    protocol = {"name": "standard", "max_steps": 220, "replan_steps": 5}
    tasks = [{"task_id": i, "name": f"t{i}", "instruction": "do it", "definition_sha256": f"d{i}"} for i in range(TASKS)]
    return {
        "schema": SCHEMA_VERSION,
        "created": "2026-01-02T03:04:05+00:00",
        "environment": "libero",
        "suites": [{"name": name, "protocol": protocol, "tasks": tasks} for name in SUITES],
        "policy": {"uri": f"p{number}", "name": f"p{number}", "fingerprint": "0123456789abcdef", "details": {}},
        "seed": 7,
        "assets": {"kind": "official", "sha256": "fedcba9876543210", "warning": ""},
        "renderer": {"backend": "egl", "renderer": "llvmpipe"},
        "versions": {"mujoco": "3.3.2", "robosuite": "1.4.0", "hf-libero": "0.1.4", "bddl": "1.0.1"},
        "episodes": episodes,
        "options": {"errors_as_failures": False},
        "resumed": [],
    }


if __name__ == "__main__":
    main()
