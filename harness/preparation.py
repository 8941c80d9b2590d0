"""A request held against what is here: suites, policy, assets, OpenGL; nothing is built yet."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from harness.against import read_against
from harness.envs.families import family_of
from harness.envs.family import Family
from harness.envs.gl import choose_gl, settle_gl
from harness.errors import ResumeError, UsageError, suggest
from harness.plan import in_rounds, plan_episodes, selected_tasks
from harness.prepared import Prepared
from harness.registry import describe_policy
from harness.request import ENGLISH, Request
from harness.runner import VideoWish
from harness.stopping import StopRule
from harness.suites import load_suites, preset
from harness.tracking import refuse_missing_library
from harness.types import EnvSpec, Episode, PolicyInfo, Protocol, Suite, Task

_VIDEO_WISHES: Mapping[str, VideoWish] = {
    "all": "always",
    "failures": "failure",
    "successes": "success",
    "none": "never",
}


def prepare(request: Request, stopping: StopRule | None = None) -> Prepared:
    """Checks everything that can be checked before an environment is built, cheap things first.

    Args:
        request: What is asked for.
        stopping: The rule of the run that is resumed, if it has one and keeps it.

    Raises:
        UsageError: Something that was asked for cannot be.
        RenderingError: No picture can be drawn here.
    """
    # A suite that looks where the arm gets to, and a policy's module, may import mujoco.
    settle_gl(request.gl)
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
    if request.track is not None:
        refuse_missing_library(request.track)
    rounds = in_rounds(episodes) if request.stop_when == "decided" else ()
    episodes = [episode for one in rounds for episode in one] or episodes
    prepared = Prepared(
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
    if not rounds:
        return prepared
    keys = tuple(tuple(episode.key for episode in one) for one in rounds)
    return dataclasses.replace(prepared, stopping=_stop_rule(prepared, keys, stopping))


def _stop_rule(prepared: Prepared, keys: tuple[tuple[str, ...], ...], resumed: StopRule | None) -> StopRule:
    """A new rule, or that of the run that is resumed."""
    if resumed is None:
        against = read_against(str(prepared.request.against), prepared.info(), [key for one in keys for key in one])
        return StopRule(keys, against)
    if resumed.rounds != keys:
        raise ResumeError(
            "a run that may stop early keeps its plan: --tasks, --episodes, --init and --repeats cannot change. To run all "
            "of it, --stop-when end; for another plan, begin a new run"
        )
    return resumed


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
    if request.realtime_hz is not None:
        changes["realtime_hz"] = float(request.realtime_hz)
        changes["realtime_filler"] = request.realtime_filler or "hold"
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
