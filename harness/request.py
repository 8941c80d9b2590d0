"""What a user asks for, checked against what is here, and what a run records of it."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import math
import re
import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.envs.gl import GLInfo, choose_gl
from harness.envs.libero.assets import AssetSet, check_assets, find_assets
from harness.envs.libero.init_states import count_init_states
from harness.errors import ResumeError, UsageError, suggest
from harness.plan import Selection, parse_indices, plan_episodes, selected_tasks
from harness.provenance import SIMULATOR_PACKAGES, git_commit, machine, versions
from harness.registry import describe_policy
from harness.runner import VideoWish, protocol_spec
from harness.store import SCHEMA_VERSION
from harness.suites import STANDARD, is_suite_file, load_suites, preset
from harness.types import Episode, PolicyInfo, Protocol, Suite

VIDEO_MODES = ("all", "failures", "successes", "none")
_VIDEO_WISHES: Mapping[str, VideoWish] = {
    "all": "always",
    "failures": "failure",
    "successes": "success",
    "none": "never",
}


@dataclass(frozen=True)
class Request:
    """What a user asks for. The fields are those of `evaluate`."""

    suite: str
    policy: str
    tasks: str | None = None
    episodes: int | None = None
    init: str | None = None
    repeats: int = 1
    seed: int | None = None
    protocol: str = STANDARD
    replan: int | None = None
    max_steps: int | None = None
    workers: int = 0
    assets: str = "auto"
    gl: str = "auto"
    video: str = "all"
    out: str | None = None
    retries: int = 1
    episode_timeout_s: float | None = None
    errors_as_failures: bool = False

    def __post_init__(self) -> None:
        """Refuses what can be refused without looking at anything.

        Raises:
            UsageError: A number or a word is out of range.
        """
        self._refuse_wrong_types()
        smallest = {"episodes": 1, "repeats": 1, "seed": 0, "replan": 1, "max_steps": 1, "workers": 0, "retries": 0}
        for name, least in smallest.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{_option(name)} must be at least {least}, not {value}")
        if self.seed is not None and self.seed >= 2**32:
            raise UsageError(f"--seed must be below 2**32, which is where numpy's seeds end, not {self.seed}")
        if self.episode_timeout_s is not None:
            if not 0 < self.episode_timeout_s < math.inf:
                raise UsageError(f"--episode-timeout must be a positive number of seconds, not {self.episode_timeout_s}")
            if self.workers == 0:
                raise UsageError("--episode-timeout needs a worker process that can be ended: --workers 1 or more")
        if self.video not in VIDEO_MODES and not self.video.isdecimal():
            raise UsageError(
                f"--video {self.video!r} is neither a number of videos a task nor a mode. {suggest(self.video, VIDEO_MODES)}"
            )

    def _refuse_wrong_types(self) -> None:
        for name, expected in typing.get_type_hints(Request).items():
            value = getattr(self, name)
            if not isinstance(value, expected | int if name == "episode_timeout_s" else expected):
                wanted = getattr(expected, "__name__", str(expected))
                raise UsageError(f"{_option(name)} must be of type {wanted}, not {value!r}")

    @property
    def selection(self) -> Selection:
        """Which part of the suites is asked for."""
        return Selection(
            tasks=_indices("--tasks", self.tasks),
            init=_indices("--init", self.init),
            episodes=self.episodes,
            repeats=self.repeats,
        )


def _option(field: str) -> str:
    """A field's name on the command line."""
    return "--" + field.removesuffix("_s").replace("_", "-")


def _indices(option: str, text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else parse_indices(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from error


# What a resumed run takes from the run itself when the user says nothing, and where in run.json it stands.
_REMEMBERED = tuple(field.name for field in dataclasses.fields(Request) if field.name != "out")


@dataclass(frozen=True)
class Prepared:
    """A request that was checked against what is here: all that a run needs, with nothing built yet."""

    request: Request
    suites: tuple[Suite, ...]
    protocols: Mapping[str, Protocol]
    seed: int
    policy: PolicyInfo
    assets: AssetSet
    gl: GLInfo
    episodes: tuple[Episode, ...]
    wishes: Mapping[str, VideoWish]

    def info(self) -> dict[str, Any]:
        """The content of ``run.json``."""
        return {
            "schema": SCHEMA_VERSION,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "command": sys.argv,
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
            },
            "renderer": {
                "backend": self.gl.backend,
                "renderer": self.gl.renderer,
                "vendor": self.gl.vendor,
                "version": self.gl.version,
            },
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
            },
            "request": self._remembered(),
            "resumed": [],
        }

    def _remembered(self) -> dict[str, Any]:
        """The request as a resume from any folder needs it."""
        suite = self.request.suite
        path = str(Path(suite).absolute()) if is_suite_file(suite) else suite
        return {name: getattr(self.request, name) for name in _REMEMBERED} | {"suite": path}

    def _suite_info(self, suite: Suite) -> dict[str, Any]:
        protocol = dataclasses.asdict(self.protocols[suite.name])
        tasks = [
            {
                "task_id": task.task_id,
                "name": task.name,
                "instruction": task.instruction,
                "bddl_sha256": _sha256_of(task.bddl),
                "init_states_sha256": _sha256_of(task.init_states),
            }
            for task in suite.tasks
        ]
        return {"name": suite.name, "protocol": protocol, "tasks": tasks}


def prepare(request: Request) -> Prepared:
    """Checks everything that can be checked before an environment is built, cheap things first."""
    selection = request.selection
    suites = load_suites(request.suite)
    protocols = {suite.name: _protocol(suite, request) for suite in suites}
    specs = [protocol_spec(protocol) for protocol in protocols.values()]
    if any(spec != specs[0] for spec in specs):
        raise UsageError(
            f"the suites of {request.suite!r} show a policy different cameras, picture sizes or states; run them one by one"
        )
    seed = next(iter(protocols.values())).scene_seed
    counts = {
        (suite.name, task.task_id): count_init_states(task.init_states)
        for suite in suites
        for task in selected_tasks(suite, selection)
    }
    episodes = plan_episodes(suites, selection, counts, seed=seed)
    policy = describe_policy(request.policy)
    assets = find_assets(request.assets)
    check_assets(assets, {episode.task for episode in episodes})
    return Prepared(
        request=request,
        suites=suites,
        protocols=protocols,
        seed=seed,
        policy=policy,
        assets=assets,
        gl=choose_gl(request.gl),
        episodes=tuple(episodes),
        wishes=_video_wishes(episodes, request.video),
    )


def _protocol(suite: Suite, request: Request) -> Protocol:
    protocol = preset(suite, request.protocol)
    changes: dict[str, Any] = {}
    if request.seed is not None:
        changes["scene_seed"] = request.seed
    if request.replan is not None:
        changes["replan_steps"] = request.replan
    if request.max_steps is not None:
        changes["max_steps"] = request.max_steps
    return dataclasses.replace(protocol, **changes)


def _video_wishes(episodes: Sequence[Episode], video: str) -> dict[str, VideoWish]:
    """On which outcome each episode gets a video; a number means the first so many of every task."""
    if video in _VIDEO_WISHES:
        return {episode.key: _VIDEO_WISHES[video] for episode in episodes}
    seen: dict[tuple[str, int], int] = {}
    wishes: dict[str, VideoWish] = {}
    for episode in episodes:
        task = (episode.suite, episode.task_id)
        seen[task] = seen.get(task, 0) + 1
        wishes[episode.key] = "always" if seen[task] <= int(video) else "never"
    return wishes


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
    session = {name: now[name] for name in ("created", "command", "renderer", "versions", "git_commit", "machine")}
    plan = {name: now[name] for name in ("episodes", "options", "request")}
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
        "versions": {name: info["versions"].get(name) for name in SIMULATOR_PACKAGES},
    }


def _flat(content: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(content, Mapping):
        parts = (_flat(value, f"{prefix}.{name}" if prefix else str(name)) for name, value in content.items())
        return {name: value for part in parts for name, value in part.items()}
    return {prefix: list(content) if isinstance(content, tuple) else content}


def default_directory(prepared: Prepared, info: Mapping[str, Any]) -> Path:
    """``results/<UTC time>-<suite>-<policy>-<hash>``; the hash is over everything that identifies the run."""
    digest = hashlib.sha256(repr(sorted(_flat(_identity(info)).items())).encode()).hexdigest()[:8]
    time = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    suite = Path(prepared.request.suite).stem
    words = [re.sub(r"[^A-Za-z0-9.]+", "-", word).strip("-")[:40] for word in (suite, prepared.policy.name)]
    return Path("results") / "-".join([time, *words, digest])


def _sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
