"""What a user asks for, checked against what is here, and what a run records of it."""

from __future__ import annotations

import dataclasses
import datetime
import math
import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.envs.families import family_of
from harness.envs.family import ENGINES, Assets, Engine, Family
from harness.envs.gl import GLInfo, choose_gl
from harness.errors import UsageError, suggest
from harness.plan import Selection, parse_indices, plan_episodes, selected_tasks
from harness.provenance import git_commit, machine, versions
from harness.registry import describe_policy
from harness.runner import VideoWish
from harness.store import SCHEMA_VERSION
from harness.suites import is_suite_file, load_suites, preset
from harness.types import STANDARD, EnvSpec, Episode, PolicyInfo, Protocol, Suite, Task

# The language that every task has an instruction in.
ENGLISH = "en"

VIDEO_MODES = ("all", "failures", "successes", "none")
_VIDEO_WISHES: Mapping[str, VideoWish] = {
    "all": "always",
    "failures": "failure",
    "successes": "success",
    "none": "never",
}

_SMALLEST = {
    "episodes": 1, "repeats": 1, "seed": 0, "replan": 1, "max_steps": 1, "workers": 0, "envs_per_worker": 1, "retries": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What a user asks for. The fields are those of `evaluate`."""

    suite: str
    policy: str
    environment: str | None = None
    tasks: str | None = None
    episodes: int | None = None
    init: str | None = None
    repeats: int = 1
    seed: int | None = None
    protocol: str = STANDARD
    replan: int | None = None
    max_steps: int | None = None
    action_space: str | None = None
    language: str = ENGLISH
    workers: int = 0
    envs_per_worker: int = 1
    engine: Engine = "exact"
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
        for name, least in _SMALLEST.items():
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
        if self.engine not in ENGINES:
            raise UsageError(f"there is no --engine {self.engine!r}. {suggest(self.engine, ENGINES)}")
        if self.video not in VIDEO_MODES and not self.video.isdecimal():
            raise UsageError(
                f"--video {self.video!r} is neither a number of videos a task nor a mode. {suggest(self.video, VIDEO_MODES)}"
            )

    def _refuse_wrong_types(self) -> None:
        for name, expected in typing.get_type_hints(Request).items():
            value = getattr(self, name)
            expected = {"engine": str, "episode_timeout_s": expected | int}.get(name, expected)
            if not isinstance(value, expected):
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
    assets: Assets
    gl: GLInfo
    episodes: tuple[Episode, ...]
    wishes: Mapping[str, VideoWish]

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
        }

    def _remembered(self) -> dict[str, Any]:
        """The request as a resume from any folder needs it."""
        suite = self.request.suite
        path = str(Path(suite).absolute()) if is_suite_file(suite) else suite
        return {name: getattr(self.request, name) for name in _REMEMBERED} | {"suite": path}

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


def prepare(request: Request) -> Prepared:
    """Checks everything that can be checked before an environment is built, cheap things first."""
    selection = request.selection
    suites = tuple(_in_language(suite, request.language) for suite in load_suites(request.suite, request.environment))
    family = family_of(suites[0].environment)
    counts = {
        (suite.name, task.task_id): family.init_count(task) for suite in suites for task in selected_tasks(suite, selection)
    }
    policy = describe_policy(request.policy)
    environment = suites[0].environment
    if policy.environments and environment not in policy.environments:
        made_for = ", ".join(policy.environments)
        raise UsageError(f"policy {policy.uri!r} is made for {made_for} suites, not for {environment}'s")
    _refuse_several(request, policy)
    if request.engine not in family.engines:
        raise UsageError(f"--engine {request.engine}: {environment}'s suites have only {', '.join(family.engines)}")
    protocols = _protocols(suites, request, policy)
    _common_spec(protocols, family, request)
    seed = next(iter(protocols.values())).scene_seed
    episodes = plan_episodes(suites, selection, counts, seed=seed)
    return Prepared(
        request=request,
        suites=suites,
        protocols=protocols,
        seed=seed,
        policy=policy,
        assets=family.assets(request.assets, {episode.task for episode in episodes}),
        gl=choose_gl(request.gl),
        episodes=tuple(episodes),
        wishes=_video_wishes(episodes, request.video),
    )


def spec_of(request: Request) -> EnvSpec:
    """What the policy of a request would be shown, and which actions it would be asked for; nothing is built.

    Raises:
        UsageError: As `prepare`.
    """
    suites = load_suites(request.suite, request.environment)
    protocols = _protocols(suites, request, describe_policy(request.policy))
    return _common_spec(protocols, family_of(suites[0].environment), request)


def _common_spec(protocols: Mapping[str, Protocol], family: Family, request: Request) -> EnvSpec:
    """The spec that all suites have in common."""
    specs = [family.spec(protocol) for protocol in protocols.values()]
    if any(spec != specs[0] for spec in specs):
        raise UsageError(
            f"the suites of {request.suite!r} show a policy different cameras, picture sizes or states, or take different "
            "actions; run them one by one"
        )
    return specs[0]


def _protocols(suites: Sequence[Suite], request: Request, policy: PolicyInfo) -> dict[str, Protocol]:
    """Suite name -> its protocol with what the request and the policy change in it."""
    space = _action_space(request, policy, family_of(suites[0].environment))
    protocols = {suite.name: _protocol(suite, request) for suite in suites}
    if space is None:
        return protocols
    return {name: dataclasses.replace(protocol, action_space=space) for name, protocol in protocols.items()}


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


def _refuse_several(request: Request, policy: PolicyInfo) -> None:
    """Refuses several environments a worker for a policy that serves one."""
    if request.envs_per_worker > 1 and policy.concurrency == "none":
        raise UsageError(
            f"--envs-per-worker {request.envs_per_worker}: policy {policy.uri!r} serves one environment at a time. Servers "
            "(ws://) and policies with infer_batch serve several (docs/policies.md); others gain by --workers alone"
        )


def _action_space(request: Request, policy: PolicyInfo, family: Family) -> str | None:
    """What the policy declares or the user asks for; None leaves it to the protocol."""
    asked, declared = request.action_space, policy.action_space
    for name, place in ((asked, "--action-space"), (declared, f"policy {policy.uri!r} declares action space")):
        if name is not None and name not in family.action_spaces:
            raise UsageError(f"{place} {name!r}: there is none of that name here. {suggest(name, family.action_spaces)}")
    if asked is not None and declared is not None and asked != declared:
        raise UsageError(f"--action-space is {asked}, and policy {policy.uri!r} declares that its actions are {declared}")
    return asked or declared


def _in_language(suite: Suite, language: str) -> Suite:
    if language == ENGLISH:
        return suite
    return dataclasses.replace(suite, tasks=tuple(_task_in_language(task, language) for task in suite.tasks))


def _task_in_language(task: Task, language: str) -> Task:
    if language not in task.translations:
        known = (ENGLISH, *task.translations)
        raise UsageError(
            f"--language {language!r}: {task.suite}: {task.name} has no instruction in it. {suggest(language, known)}"
        )
    return dataclasses.replace(task, instruction=task.translations[language])


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
