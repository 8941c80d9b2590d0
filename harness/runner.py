"""What a worker does with episodes: run them, keep traces and videos, and report one record an attempt."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.asking import BatchAsker, ThreadAsker
from harness.envs.families import family_of
from harness.envs.family import Engine
from harness.envs.gl import GLInfo, use_gl
from harness.episode import EpisodeResult
from harness.errors import StoreError
from harness.files import written_aside
from harness.interleaving import Interleaver, PlainDriver
from harness.query_log import Query
from harness.recording.drawing import draw_episode
from harness.recording.trace import save_trace
from harness.registry import make_policy
from harness.store import ERRORS_FOLDER, TRACES_FOLDER, VIDEOS_FOLDER, Record, identity
from harness.types import Concurrency, Environment, EnvSpec, Episode, Outcome, Protocol, Suite

VideoWish = Literal["always", "success", "failure", "never"]


@dataclass(frozen=True)
class Job:
    """One attempt at an episode.

    Attributes:
        episode: Which one.
        attempt: From 1.
        video: On which outcome a video is made.
        alone: Whether it must have a worker to itself, because its last attempt was lost together with others.
    """

    episode: Episode
    attempt: int
    video: VideoWish
    alone: bool = False


@dataclass(frozen=True)
class Report:
    """What a worker hands back.

    Attributes:
        record: The line for ``episodes.jsonl``.
        note: Something that a user should know and that did not touch the outcome, such as a video that could not be made.
        queries: The lines for ``queries.csv``.
    """

    record: Record
    note: str | None = None
    queries: tuple[Query, ...] = ()


@dataclass(frozen=True)
class RunnerConfig:
    """Everything that a worker needs to know; picklable.

    Attributes:
        suites: The suites that episodes come from, of one environment.
        protocols: Suite name -> protocol.
        assets_root: Where scenes are built from.
        gl: The OpenGL back end.
        policy_uri: Which policy.
        concurrency: How it serves several environments.
        slots: How many environments a worker has, each with an episode of its own.
        engine: What steps the simulation.
        directory: The run directory.
    """

    suites: tuple[Suite, ...]
    protocols: Mapping[str, Protocol]
    assets_root: Path
    gl: GLInfo
    policy_uri: str
    concurrency: Concurrency
    slots: int
    engine: Engine
    directory: Path


@dataclass(frozen=True)
class _Begun:
    """A job that runs in a slot, and since when (`time.perf_counter`)."""

    job: Job
    start: float


class EpisodeRunner:
    """Runs episodes in this process, each in a slot with an environment of its own; a `harness.executors.base.Runner`."""

    def __init__(self, config: RunnerConfig) -> None:
        """Makes policy and environments; models are built when an episode needs them."""
        self._config = config
        use_gl(config.gl)
        family = family_of(config.suites[0].environment)
        spec = family.spec(next(iter(config.protocols.values())))
        # Before the policy, which may import LIBERO itself, and would be asked where its files are.
        self._environments = [
            family.make(config.suites, config.protocols, config.assets_root, engine=config.engine)
            for _ in range(config.slots)
        ]
        self._driver = _driver(config, self._environments, spec)
        self._begun: dict[int, _Begun] = {}
        self._said: set[str] = set()

    def begin(self, slot: int, job: Job) -> None:
        """Takes an attempt for a free slot; it begins with the next `advance`."""
        self._begun[slot] = _Begun(job, time.perf_counter())
        self._driver.begin(slot, job.episode, self._config.protocols)

    def advance(self) -> Iterator[tuple[int, Report]]:
        """Lets all episodes go on to their next question, or to their end.

        Yields:
            The slots of episodes that ended, with their reports. Videos are drawn here, while remote policies think.

        Raises:
            StoreError: Trace or video cannot be written; the run cannot go on.
        """
        for slot, result in self._driver.advance():
            yield slot, self._report(slot, result)

    def _report(self, slot: int, result: EpisodeResult) -> Report:
        begun = self._begun.pop(slot)
        job = begun.job
        trace = self._keep_trace(job, result)
        self._keep_traceback(job, result)
        rendering = time.perf_counter()
        environment = self._environments[slot]
        video, note = self._keep_video(job, result, environment)
        video_s = time.perf_counter() - rendering
        record = Record(
            **identity(job.episode),
            attempt=job.attempt,
            outcome=result.outcome,
            steps=result.steps,
            error={"type": result.error.type, "message": result.error.message} if result.error else None,
            scene_sha256=result.scene_sha256,
            frame_sha256=result.frame_sha256,
            wall_s=round(time.perf_counter() - begun.start, 4),
            policy_s=round(result.policy_s, 4),
            physics_s=round(result.physics_s, 4),
            render_s=round(result.render_s + video_s, 4),
            video=video,
            trace=trace,
        )
        return Report(record, "; ".join(filter(None, (note, self._news(environment)))) or None, result.queries)

    def _news(self, environment: Environment) -> str | None:
        """What an environment says for the first time."""
        note = environment.note()
        if note is None or note in self._said:
            return None
        self._said.add(note)
        return note

    def _keep_trace(self, job: Job, result: EpisodeResult) -> str | None:
        if result.trace is None:
            return None
        name = f"{TRACES_FOLDER}/{_stem(job, result.outcome)}.npz"
        save_trace(self._config.directory / name, result.trace)
        return name

    def _keep_traceback(self, job: Job, result: EpisodeResult) -> None:
        if result.error is not None:
            path = self._config.directory / ERRORS_FOLDER / f"{_stem(job, result.outcome)}.txt"
            with written_aside(path) as aside:
                aside.write_text(result.error.traceback, encoding="utf-8", errors="backslashreplace")

    def _keep_video(self, job: Job, result: EpisodeResult, environment: Environment) -> tuple[str | None, str | None]:
        if result.trace is None or job.video not in ("always", result.outcome):
            return None, None
        name = f"{VIDEOS_FOLDER}/{_stem(job, result.outcome)}.mp4"
        try:
            protocol = self._config.protocols[job.episode.suite]
            path = self._config.directory / name
            draw_episode(path, environment, job.episode, result.trace, result.outcome, protocol)
        except StoreError:
            raise
        except Exception as error:  # an episode's outcome is not lost because its pictures cannot be drawn
            return None, f"{job.episode.key}: no video: {type(error).__name__}: {error}"
        return name, None

    def close(self) -> None:
        """Closes policies and environments."""
        self._driver.close()
        for environment in self._environments:
            environment.close()


def _driver(config: RunnerConfig, environments: list[Environment], spec: EnvSpec) -> Interleaver | PlainDriver:
    """What drives the episodes; with one slot the plain one, whatever the policy could do."""
    if config.slots > 1 and config.concurrency == "remote":
        policies = [make_policy(config.policy_uri, spec) for _ in environments]
        return Interleaver(environments, spec, ThreadAsker(policies))
    policy = make_policy(config.policy_uri, spec)
    if config.slots > 1:
        return Interleaver(environments, spec, BatchAsker(policy))
    return PlainDriver(environments[0], spec, policy)


def _stem(job: Job, outcome: Outcome) -> str:
    """The name of an attempt's files; attempts that ended in an error have names of their own."""
    return job.episode.file_stem if outcome != "error" else f"{job.episode.file_stem}.attempt{job.attempt}"
