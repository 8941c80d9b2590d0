"""Small runs whose episodes are known, with real videos, for the tests of pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from harness.recording.video import write_video
from harness.store import Record, RunStore, identity
from harness.types import Episode

PROTOCOL = {
    "name": "standard", "max_steps": 200, "settle_steps": 10, "settle_action": [], "control_freq_hz": 20,
    "cameras": {"front": "front", "wrist": "wrist"}, "image_height_px": 256, "image_width_px": 256, "image_rotation_deg": 0,
    "state_layout": ["joint_pos"], "gripper": "as_is", "replan_steps": None, "scene_seeding": "episode_key", "scene_seed": 0,
    "action_space": "eef_delta",
}  # fmt: skip

# (suite, name of a task) -> a letter an initial state: success, failure, error.
Outcomes = Mapping[tuple[str, str], str]
OUTCOMES = {"s": "success", "f": "failure", "e": "error"}

LIFT = ("piper_lift", "lift_the_red_cube")
REACH = ("piper_reach", "reach_the_pose")


def info(policy: str, tasks: Iterable[tuple[str, str]], **changes: Any) -> dict[str, Any]:
    """The content of run.json; tasks in order, `changes` replace fields at the top."""
    by_suite: dict[str, list[str]] = {}
    for suite, task in tasks:
        by_suite.setdefault(suite, []).append(task)
    suites = [
        {
            "name": suite,
            "protocol": PROTOCOL,
            "tasks": [
                {"task_id": i, "name": name, "instruction": f"please {name}", "definition_sha256": f"d{i}"}
                for i, name in enumerate(names)
            ],
        }
        for suite, names in by_suite.items()
    ]
    return {
        "schema": 2,
        "created": "2026-01-02T03:04:05+00:00",
        "command": ["evalharness", "piper", "--policy", "a policy"],
        "environment": "piper",
        "suites": suites,
        "policy": {"uri": f"py:{policy}", "name": policy, "fingerprint": "0123456789abcdef", "details": {"kind": "class"}},
        "seed": 0,
        "assets": {"kind": "piper", "sha256": "fedcba9876543210", "root": "/assets", "source": "here", "warning": ""},
        "renderer": {"backend": "egl", "renderer": "llvmpipe", "vendor": "Mesa", "version": "4.5"},
        "engine": "exact",
        "versions": {"evalharness": "0.1.0", "mujoco": "3.3.2", "numpy": "2.0.0", "torch": None},
        "git_commit": "c0ffee",
        "machine": {"processor": "a processor", "cores": 2},
        "options": {"errors_as_failures": False, "retries": 1, "episode_timeout_s": None, "video": "all", "workers": 1},
        "request": {"suite": "all", "language": "en"},
        "resumed": [],
        **changes,
    }


def records(outcomes: Outcomes, *, steps: int = 50, error: str = "no answer", videos: bool = False) -> list[Record]:
    """A record an episode. A success takes `steps` + init, a failure 200, an error 5."""
    made = []
    ids: dict[str, int] = {}
    for (suite, task), letters in outcomes.items():
        task_id = ids.setdefault(suite, 0)
        ids[suite] += 1
        for init, letter in enumerate(letters):
            episode = Episode(suite, task_id, task, f"please {task}", init, repeat=0, seed=0)
            taken = {"s": steps + init, "f": 200, "e": 5}[letter]
            stem = episode.file_stem + (".attempt1" if letter == "e" else "")
            made.append(
                Record(
                    **identity(episode),
                    attempt=1,
                    outcome=OUTCOMES[letter],
                    steps=taken,
                    error={"type": "PolicyError", "message": error} if letter == "e" else None,
                    scene_sha256="5c" * 32,
                    frame_sha256=None,
                    wall_s=taken / 50,
                    policy_s=taken / 100,
                    physics_s=taken / 200,
                    render_s=taken / 400,
                    video=f"videos/{stem}.mp4" if videos else None,
                    trace=None,
                )
            )
    return made


def write_run(directory: Path, outcomes: Outcomes, *, policy: str = "", videos: bool = False, **options: Any) -> Path:
    """Writes a run directory as a real run does.

    Args:
        directory: Where to; its name is the policy's too, unless `policy` says another.
        outcomes: The episodes.
        policy: The policy's name.
        videos: Makes a video of every episode: two seconds of a bar that moves.
        options: For `records` (steps, error) and `info` (anything at its top).
    """
    of_records = {name: options.pop(name) for name in ("steps", "error") if name in options}
    lines = records(outcomes, videos=videos, **of_records)
    store = RunStore.create(directory, info(policy or directory.name, outcomes, **{"episodes": len(lines), **options}))
    store.close()
    # The store waits for the disk after every line, which thousands of lines would feel.
    (directory / "episodes.jsonl").write_text("".join(json.dumps(asdict(line)) + "\n" for line in lines))
    if videos:
        _write_videos(directory, [line.video for line in lines if line.video])
    return directory


def _write_videos(directory: Path, names: list[str]) -> None:
    frames = np.full((40, 64, 96, 3), 40, dtype=np.uint8)
    for i, frame in enumerate(frames):
        frame[:, 2 * i : 2 * i + 8] = (240, 180, 60)
    first = directory / names[0]
    write_video(first, frames, fps=20)
    for name in names[1:]:
        (directory / name).write_bytes(first.read_bytes())
