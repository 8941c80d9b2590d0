"""A request that was checked, and what a run records of it."""

from __future__ import annotations

import dataclasses
import datetime
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.envs.families import family_of
from harness.envs.family import Assets
from harness.envs.gl import GLInfo
from harness.provenance import git_commit, machine, versions
from harness.request import Request
from harness.runner import VideoWish
from harness.stopping import StopRule
from harness.store import SCHEMA_VERSION
from harness.suites import is_suite_file
from harness.types import Episode, PolicyInfo, Protocol, Suite

# What a resumed run takes from the run itself when the user says nothing, and where in run.json it stands.
_REMEMBERED = tuple(field.name for field in dataclasses.fields(Request) if field.name != "out")


@dataclass(frozen=True)
class Prepared:
    """A request that was checked against what is here: all that a run needs, with nothing built yet.

    Attributes:
        request: What was asked for.
        suites: In the order of the collection.
        protocols: Suite's name -> what it is run with.
        seed: The run's.
        policy: Which policy.
        assets: What scenes are built from.
        gl: The OpenGL back end.
        episodes: The plan, in its order: by suite and task, or by rounds where the run may stop early.
        wishes: Key -> on which outcome a video is made.
        stopping: When the run stops early; None: never.
    """

    request: Request
    suites: tuple[Suite, ...]
    protocols: Mapping[str, Protocol]
    seed: int
    policy: PolicyInfo
    assets: Assets
    gl: GLInfo
    episodes: tuple[Episode, ...]
    wishes: Mapping[str, VideoWish]
    stopping: StopRule | None = None

    @property
    def environment(self) -> str:
        """The family of environments that all suites belong to."""
        return self.suites[0].environment

    def info(self) -> dict[str, Any]:
        """The content of ``run.json``."""
        return {
            "schema": SCHEMA_VERSION,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "command": sys.argv,
            "environment": self.environment,
            "suites": [self._suite_info(suite) for suite in self.suites],
            "policy": {
                "uri": self.policy.uri,
                "name": self.policy.name,
                "fingerprint": self.policy.fingerprint,
                "details": dict(self.policy.details),
            },
            "seed": self.seed,
            "assets": {
                "kind": self.assets.kind,
                "sha256": self.assets.sha256,
                "root": str(self.assets.root),
                "source": self.assets.source,
                "warning": self.assets.warning,
            },
            "renderer": {
                "backend": self.gl.backend,
                "renderer": self.gl.renderer,
                "vendor": self.gl.vendor,
                "version": self.gl.version,
            },
            "engine": self.request.engine,
            "versions": versions(),
            "git_commit": git_commit(),
            "machine": machine(),
            "episodes": len(self.episodes),
            "options": {
                "errors_as_failures": self.request.errors_as_failures,
                "retries": self.request.retries,
                "episode_timeout_s": self.request.episode_timeout_s,
                "video": self.request.video,
                "workers": self.request.workers,
                "envs_per_worker": self.request.envs_per_worker,
            },
            "request": self._remembered(),
            "resumed": [],
            "stopping": None if self.stopping is None else self.stopping.info(),
        }

    def _remembered(self) -> dict[str, Any]:
        """The request as a resume from any folder needs it."""
        suite, against = self.request.suite, self.request.against
        paths = {"suite": str(Path(suite).absolute()) if is_suite_file(suite) else suite}
        if against is not None and Path(against).is_dir():
            paths["against"] = str(Path(against).absolute())
        return {name: getattr(self.request, name) for name in _REMEMBERED} | paths

    def _suite_info(self, suite: Suite) -> dict[str, Any]:
        protocol = dataclasses.asdict(self.protocols[suite.name])
        family = family_of(suite.environment)
        tasks = [
            {
                "task_id": task.task_id,
                "name": task.name,
                "instruction": task.instruction,
                **family.fingerprints(task),
            }
            for task in suite.tasks
        ]
        return {"name": suite.name, "protocol": protocol, "tasks": tasks}
