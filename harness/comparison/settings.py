"""What of a run moves its numbers, as one flat list of fields; the policy, which differs by design, is not among them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.comparison.damage import damaged
from harness.comparison.types import Severity
from harness.envs.families import family_of
from harness.errors import HarnessError
from harness.runs import Run

# A preset's name says where the other fields come from, and moves nothing itself.
_NOT_OF_A_PROTOCOL = ("name",)


@dataclass(frozen=True)
class Setting:
    """One field of one run.

    Attributes:
        value: In words, for messages; equal words are equal values.
        severity: What it means when another run has another value.
    """

    value: str
    severity: Severity = "blocking"


def settings_of(run: Run) -> dict[str, Setting]:
    """Every field that can move a run's numbers, and some that are good to know.

    What only says how fast a run was (engine, workers, environments a worker) is left out: it moves nothing.

    Args:
        run: The run.

    Returns:
        Name -> setting. Names that begin with a suite's and a colon, such as ``libero_goal: protocol.max_steps``, are about
        that suite, and mean something only where another run has the suite too.

    Raises:
        StoreError: ``run.json`` lacks something that every run has.
    """
    try:
        info = run.info
        return {
            "environment": Setting(_words(info["environment"])),
            "suites": Setting(", ".join(sorted(suite["name"] for suite in info["suites"]))),
            "seed": Setting(_words(info["seed"])),
            "language": Setting(_words(info.get("request", {}).get("language", "en"))),
            "assets.kind": Setting(_words(info["assets"]["kind"])),
            "assets.sha256": Setting(info["assets"]["sha256"][:12]),
            **_versions(info),
            "renderer": Setting("; then ".join(run.renderers())),
            "errors_as_failures": Setting(_words(run.errors_as_failures)),
            "versions.evalharness": Setting(_words(info["versions"].get("evalharness")), "note"),
            "episode_timeout_s": Setting(_words(info["options"].get("episode_timeout_s")), "note"),
            **{name: setting for suite in info["suites"] for name, setting in _suite(suite).items()},
        }
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise damaged(run, error) from error


def _versions(info: Mapping[str, Any]) -> dict[str, Setting]:
    try:
        packages = family_of(info["environment"]).simulator_packages
    except HarnessError as error:
        raise ValueError(str(error)) from error
    return {f"versions.{name}": Setting(_words(info["versions"].get(name))) for name in packages}


def _suite(suite: Mapping[str, Any]) -> dict[str, Setting]:
    protocol = {name: value for name, value in suite["protocol"].items() if name not in _NOT_OF_A_PROTOCOL}
    settings = {f"{suite['name']}: protocol.{name}": Setting(_words(value)) for name, value in protocol.items()}
    for task in suite["tasks"]:
        for name, value in task.items():
            if name != "task_id":
                shown = str(value)[:12] if name.endswith("sha256") else _words(value)
                settings[f"{suite['name']}: task {task['task_id']} {name}"] = Setting(shown)
    return settings


def _words(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
