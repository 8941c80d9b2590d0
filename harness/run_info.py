"""The content of ``run.json``: what identifies a run, and what a resume may change in it."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.envs.families import family_of
from harness.errors import ResumeError


def refuse_differences(run: Mapping[str, Any], now: Mapping[str, Any], directory: Path) -> None:
    """Refuses to resume a run with anything that would make its episodes differ from the ones that are there.

    Raises:
        ResumeError: Names every field that differs, with both values.
    """
    before, after = _flat(_identity(run)), _flat(_identity(now))
    differing = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if differing:
        lines = [f"\n  {name}: the run has {before.get(name)!r}, now it is {after.get(name)!r}" for name in differing]
        raise ResumeError(
            f"{directory} cannot be resumed, because these differ:{''.join(lines)}\nBegin a new run with --out."
        )


def resumed_info(run: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The content of ``run.json`` after a resume: what the run was, and where it was gone on with.

    Args:
        run: The content before.
        now: What a new run of the resumed request would record.
    """
    session = {name: now[name] for name in ("created", "command", "renderer", "engine", "versions", "git_commit", "machine")}
    plan = {name: now[name] for name in ("episodes", "options", "request", "stopping")}
    return {**run, **plan, "resumed": [*run["resumed"], session]}


def _identity(info: Mapping[str, Any]) -> dict[str, Any]:
    """The part of ``run.json`` that may not change within a run."""
    suites = {
        suite["name"]: {
            "protocol": suite["protocol"],
            "tasks": {str(task["task_id"]): task for task in suite["tasks"]},
        }
        for suite in info["suites"]
    }
    return {
        "suites": suites,
        "policy": {"uri": info["policy"]["uri"], "fingerprint": info["policy"]["fingerprint"]},
        "seed": info["seed"],
        "assets": {"kind": info["assets"]["kind"], "sha256": info["assets"]["sha256"]},
        "versions": {name: info["versions"].get(name) for name in family_of(info["environment"]).simulator_packages},
    }


def _flat(content: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(content, Mapping):
        parts = (_flat(value, f"{prefix}.{name}" if prefix else str(name)) for name, value in content.items())
        return {name: value for part in parts for name, value in part.items()}
    return {prefix: list(content) if isinstance(content, tuple) else content}


def default_directory(info: Mapping[str, Any]) -> Path:
    """``results/<UTC time>-<suite>-<policy>-<hash>``; the hash is over everything that identifies the run."""
    digest = hashlib.sha256(repr(sorted(_flat(_identity(info)).items())).encode()).hexdigest()[:8]
    time = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    suite = Path(info["request"]["suite"]).stem
    words = [re.sub(r"[^A-Za-z0-9.]+", "-", word).strip("-")[:40] for word in (suite, info["policy"]["name"])]
    return Path("results") / "-".join([time, *words, digest])
