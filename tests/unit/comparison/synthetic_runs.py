"""Small runs whose episodes are known, written as a real run writes them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.store import Record, RunStore

PROTOCOL = {
    "name": "standard", "max_steps": 220, "settle_steps": 10, "settle_action": [0, 0, -1], "control_freq_hz": 20,
    "cameras": {"agentview": "agentview"}, "image_height_px": 256, "image_width_px": 256, "image_rotation_deg": 180,
    "state_layout": ["eef_pos"], "gripper": "as_is", "replan_steps": 5, "scene_seeding": "episode_key", "scene_seed": 7,
    "action_space": "eef_delta",
}  # fmt: skip

OUTCOMES = {"s": "success", "f": "failure", "e": "error"}

# (suite, task_id) -> a letter an episode: success, failure or error of initial states 0, 1, 2, ...; a dot leaves one out.
Outcomes = Mapping[tuple[str, int], str]


def info(policy: str, suites: Iterable[str], **changes: Any) -> dict[str, Any]:
    """The content of run.json. Changes are named by their place: ``assets__kind="lite"``."""
    made: dict[str, Any] = {
        "schema": 2,
        "created": "2026-01-02T03:04:05+00:00",
        "environment": "libero",
        "suites": [_suite(name) for name in suites],
        "policy": {"uri": policy, "name": policy, "fingerprint": "0123456789abcdef", "details": {}},
        "seed": 7,
        "assets": {"kind": "official", "sha256": "fedcba9876543210", "root": "/assets", "source": "named", "warning": ""},
        "renderer": {"backend": "egl", "renderer": "llvmpipe", "vendor": "Mesa", "version": "4.5"},
        "engine": "exact",
        "versions": {"evalharness": "0.1.0", "mujoco": "3.3.2", "robosuite": "1.4.0", "hf-libero": "0.1.4", "bddl": "1.0.1"},
        "options": {"errors_as_failures": False, "retries": 1, "episode_timeout_s": None, "video": "all", "workers": 0},
        "request": {"suite": "all", "language": "en"},
        "resumed": [],
    }
    for place, value in changes.items():
        content = made
        *path, last = place.split("__")
        for name in path:
            content = content[int(name)] if isinstance(content, list) else content[name]
        content[last] = value
    return made


def _suite(name: str) -> dict[str, Any]:
    tasks = [
        {
            "task_id": i,
            "name": f"task_{i}",
            "instruction": f"do {i}",
            "definition_sha256": f"d{i}",
            "init_states_sha256": "i",
        }
        for i in range(2)
    ]
    return {"name": name, "protocol": copy.deepcopy(PROTOCOL), "tasks": tasks}


def record(suite: str, task_id: int, init: int, outcome: str, **changes: Any) -> Record:
    error = {"type": "ValueError", "message": "no"} if outcome == "error" else None
    repeat, seed = changes.pop("repeat", 0), changes.pop("seed", 7)
    fields: dict[str, Any] = {
        "key": f"{suite}/task{task_id}/init{init}/repeat{repeat}/seed{seed}", "suite": suite, "task_id": task_id,
        "task": f"task_{task_id}", "init": init, "repeat": repeat, "seed": seed, "attempt": 1, "outcome": outcome,
        "steps": 0 if error else 100, "error": error, "scene_sha256": None if error else "5c", "frame_sha256": None,
        "wall_s": 1.5, "policy_s": 0.5, "physics_s": 0.25, "render_s": 0.25, "video": None, "trace": None,
    }  # fmt: skip
    return Record(**{**fields, **changes})


def records(outcomes: Outcomes) -> list[Record]:
    return [
        record(suite, task_id, init, OUTCOMES[letter])
        for (suite, task_id), letters in outcomes.items()
        for init, letter in enumerate(letters)
        if letter != "."
    ]


def write_records(directory: Path, policy: str, lines: Iterable[Record], suites: Iterable[str], **changes: Any) -> Path:
    store = RunStore.create(directory, info(policy, suites, **changes))
    for one in lines:
        store.append(one)
    store.close()
    return directory


def write_run(directory: Path, policy: str, outcomes: Outcomes, **changes: Any) -> Path:
    """A run whose suites are those of its outcomes."""
    suites = list(dict.fromkeys(suite for suite, _ in outcomes))
    return write_records(directory, policy, records(outcomes), suites, **changes)
