"""What a worker does with an episode: run it, keep its trace and its video, and report one record."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.envs.families import family_of
from harness.envs.gl import GLInfo, use_gl
from harness.episode import EpisodeResult, run_episode
from harness.errors import StoreError
from harness.files import written_aside
from harness.recording.trace import Trace, save_trace
from harness.recording.video import episode_frames, write_video
from harness.registry import make_policy
from harness.store import ERRORS_FOLDER, TRACES_FOLDER, VIDEOS_FOLDER, Record, identity
from harness.types import Episode, Outcome, Protocol, SimState, Suite

VideoWish = Literal["always", "success", "failure", "never"]


@dataclass(frozen=True)
class Job:
    """One attempt at an episode.

    Attributes:
        episode: Which one.
        attempt: From 1.
        video: On which outcome a video is made.
    """

    episode: Episode
    attempt: int
    video: VideoWish


@dataclass(frozen=True)
class Report:
    """What a worker hands back.

    Attributes:
        record: The line for ``episodes.jsonl``.
        note: Something that went wrong and did not touch the outcome, such as a video that could not be made.
    """

    record: Record
    note: str | None = None


@dataclass(frozen=True)
class RunnerConfig:
    """Everything that a worker needs to know; picklable.

    Attributes:
        suites: The suites that episodes come from, of one environment.
        protocols: Suite name -> protocol.
        assets_root: Where scenes are built from.
        gl: The OpenGL back end.
        policy_uri: Which policy.
        directory: The run directory.
    """

    suites: tuple[Suite, ...]
    protocols: Mapping[str, Protocol]
    assets_root: Path
    gl: GLInfo
    policy_uri: str
    directory: Path


class EpisodeRunner:
    """Runs episodes in this process, with one environment and one policy."""

    def __init__(self, config: RunnerConfig) -> None:
        """Makes policy and environment; models are built when an episode needs them."""
        self._config = config
        use_gl(config.gl)
        family = family_of(config.suites[0].environment)
        self._spec = family.spec(next(iter(config.protocols.values())))
        # Before the policy, which may import LIBERO itself, and would be asked where its files are.
        self._environment = family.make(config.suites, config.protocols, config.assets_root)
        self._policy = make_policy(config.policy_uri, self._spec)

    def __call__(self, job: Job) -> Report:
        """Runs one attempt.

        Raises:
            StoreError: Trace or video cannot be written; the run cannot go on.
        """
        start = time.perf_counter()
        protocol = self._config.protocols[job.episode.suite]
        result = run_episode(self._environment, self._spec, self._policy, protocol, job.episode)
        trace = self._keep_trace(job, result)
        self._keep_traceback(job, result)
        rendering = time.perf_counter()
        video, note = self._keep_video(job, result, protocol)
        video_s = time.perf_counter() - rendering
        record = Record(
            **identity(job.episode),
            attempt=job.attempt,
            outcome=result.outcome,
            steps=result.steps,
            error={"type": result.error.type, "message": result.error.message} if result.error else None,
            scene_sha256=result.scene_sha256,
            frame_sha256=result.frame_sha256,
            wall_s=round(time.perf_counter() - start, 4),
            policy_s=round(result.policy_s, 4),
            physics_s=round(result.physics_s, 4),
            render_s=round(result.render_s + video_s, 4),
            video=video,
            trace=trace,
        )
        return Report(record, note)

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

    def _keep_video(self, job: Job, result: EpisodeResult, protocol: Protocol) -> tuple[str | None, str | None]:
        if result.trace is None or job.video not in ("always", result.outcome):
            return None, None
        name = f"{VIDEOS_FOLDER}/{_stem(job, result.outcome)}.mp4"
        try:
            self._write_video(self._config.directory / name, job.episode, result.trace, result.outcome, protocol)
        except StoreError:
            raise
        except Exception as error:  # an episode's outcome is not lost because its pictures cannot be drawn
            return None, f"{job.episode.key}: no video: {type(error).__name__}: {error}"
        return name, None

    def _write_video(self, path: Path, episode: Episode, trace: Trace, outcome: Outcome, protocol: Protocol) -> None:
        states = (SimState(float(t), qpos, qvel) for t, qpos, qvel in zip(trace.time_s, trace.qpos, trace.qvel, strict=True))
        frames = episode_frames(
            (self._environment.render(state) for state in states),
            instruction=episode.instruction,
            outcome=outcome,
            max_steps=protocol.max_steps,
            control_freq_hz=protocol.control_freq_hz,
        )
        write_video(path, frames, protocol.control_freq_hz)

    def close(self) -> None:
        """Closes policy and environment."""
        self._policy.close()
        self._environment.close()


def _stem(job: Job, outcome: Outcome) -> str:
    """The name of an attempt's files; attempts that ended in an error have names of their own."""
    return job.episode.file_stem if outcome != "error" else f"{job.episode.file_stem}.attempt{job.attempt}"
