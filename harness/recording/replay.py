"""Recorded episodes again: drawn from their states, or simulated from their actions and compared bit for bit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from harness.episode import frame_sha256
from harness.errors import HarnessError
from harness.recorded_run import RecordedEpisode
from harness.recording.bits import first_bit
from harness.recording.drawing import draw_episode
from harness.recording.trace import Trace
from harness.types import PROTOCOL_VIEW, Environment, SimState, View

FrameCheck = Literal["identical", "different", "other renderer", "not compared"]


@dataclass(frozen=True)
class Replayed:
    """A video that was made from a trace.

    Attributes:
        key: The episode's key.
        path: The video.
        frames: How many it has: one a state.
        same_scene: Whether the scene is the recorded one; if not, things that have no joint may stand elsewhere.
    """

    key: str
    path: Path
    frames: int
    same_scene: bool


@dataclass(frozen=True)
class Difference:
    """Where a simulation first leaves its record.

    Attributes:
        step: After how many actions; 0 is the state after settling.
        what: ``time``, ``qpos`` or ``qvel``: the first element that differs. ``scene``: the scene's hash differs and the
            state does not, so that things without joints stand elsewhere. ``outcome``: the goal holds where it did not, or
            the other way round, or the simulation failed.
        index: Of the element; None for ``scene`` and ``outcome``.
        joint: That the element belongs to; None for what belongs to none.
        recorded: What the record has: s, m or rad, m/s or rad/s, or words.
        replayed: What came now.
        ulps: How far apart two numbers are; see `harness.recording.bits`.
    """

    step: int
    what: Literal["time", "qpos", "qvel", "scene", "outcome"]
    index: int | None
    joint: str | None
    recorded: float | str
    replayed: float | str
    ulps: int | None

    def __str__(self) -> str:
        place = self.what if self.index is None else f"{self.what}[{self.index}]"
        joint = f" ({self.joint})" if self.joint else ""
        apart = "" if self.ulps is None else f", {self.ulps} ULP apart"
        return f"step {self.step}: {place}{joint}: recorded {self.recorded!r}, replayed {self.replayed!r}{apart}"


@dataclass(frozen=True)
class Verification:
    """What came of simulating an episode again.

    Attributes:
        key: The episode's key.
        steps: How many actions the trace has.
        difference: The first one; None when there is none.
        frame: How the first pictures compare. ``other renderer``: they differ, and something else draws here than drew in
            the run, which says nothing about the simulation.
        wall_s: Seconds that it took.
    """

    key: str
    steps: int
    difference: Difference | None
    frame: FrameCheck
    wall_s: float

    @property
    def identical(self) -> bool:
        """Whether everything that can be compared is the same, bit for bit."""
        return self.difference is None and self.frame != "different"


def replay_episode(
    environment: Environment,
    recorded: RecordedEpisode,
    path: Path | None = None,
    *,
    view: View = PROTOCOL_VIEW,
    on_step: Callable[[], object] = lambda: None,
) -> Replayed:
    """Makes an episode's video from its states; nothing is simulated but the settling that makes the scene.

    Args:
        environment: From `harness.recorded_run.RecordedRun.environment`.
        recorded: Which episode.
        path: Of the video; None: `RecordedEpisode.video_path`. An older file is replaced.
        view: Cameras and size.
        on_step: Called after every frame.

    Raises:
        HarnessError: There is no trace, or it does not belong to this scene.
        UsageError: There is no such camera.
        StoreError: The video cannot be written.
    """
    trace, target = recorded.trace(), path or recorded.video_path(view)
    scene_sha256 = environment.reset(recorded.episode)
    _refuse_misfit(environment.state(), trace, recorded)
    draw_episode(
        target,
        environment,
        recorded.episode,
        trace,
        recorded.record.outcome,
        recorded.protocol,
        view=view,
        on_step=on_step,
    )
    return Replayed(recorded.key, target, len(trace.time_s), same_scene=scene_sha256 == recorded.record.scene_sha256)


def verify_episode(
    environment: Environment,
    recorded: RecordedEpisode,
    *,
    renderer: str | None = None,
    on_step: Callable[[], object] = lambda: None,
) -> Verification:
    """Simulates an episode from its recorded actions and compares scene, states and outcome bit for bit.

    Args:
        environment: From `harness.recorded_run.RecordedRun.environment`.
        recorded: Which episode.
        renderer: What draws pictures here (`harness.envs.gl.GLInfo.renderer`); None leaves the first pictures uncompared.
        on_step: Called after every state.

    Raises:
        HarnessError: There is no trace, or it does not belong to this scene; the episode cannot be begun.
    """
    begun_s = time.perf_counter()
    trace = recorded.trace()
    scene_sha256 = environment.reset(recorded.episode)
    _refuse_misfit(environment.state(), trace, recorded)
    frame = _compared_frame(environment, recorded, renderer)
    difference = _first_in_state(environment, trace, 0)
    if difference is None and scene_sha256 != recorded.record.scene_sha256:
        difference = Difference(0, "scene", None, None, str(recorded.record.scene_sha256), scene_sha256, None)
    on_step()
    if difference is None:
        difference = _first_in_steps(environment, recorded, trace, on_step)
    return Verification(recorded.key, len(trace.actions), difference, frame, round(time.perf_counter() - begun_s, 4))


def _first_in_steps(
    environment: Environment, recorded: RecordedEpisode, trace: Trace, on_step: Callable[[], object]
) -> Difference | None:
    outcome, last = recorded.record.outcome, len(trace.actions)
    for step, action in enumerate(trace.actions, start=1):
        try:
            reached = environment.step(action)
        except Exception as error:  # whatever stops the simulation now did not stop it then
            said = f"{type(error).__name__}: {error}"
            return Difference(step, "outcome", None, None, "the simulation went on", said, None)
        difference = _first_in_state(environment, trace, step)
        if difference is not None:
            return difference
        expected = outcome == "success" and step == last
        if reached != expected:
            words = {True: "the goal holds", False: "the goal does not hold"}
            return Difference(step, "outcome", None, None, words[expected], words[reached], None)
        on_step()
    return None


def _first_in_state(environment: Environment, trace: Trace, step: int) -> Difference | None:
    """The first element of the environment's state that is not the trace's, in the order time, qpos, qvel."""
    state = environment.state()
    time_bit = first_bit(trace.time_s[step : step + 1], np.array([state.time_s]))
    if time_bit is not None:
        return Difference(step, "time", None, None, time_bit.recorded, time_bit.replayed, time_bit.ulps)
    qpos = first_bit(trace.qpos[step], state.qpos)
    if qpos is not None:
        joint = environment.joint_name("qpos", qpos.index)
        return Difference(step, "qpos", qpos.index, joint, qpos.recorded, qpos.replayed, qpos.ulps)
    qvel = first_bit(trace.qvel[step], state.qvel)
    if qvel is not None:
        joint = environment.joint_name("qvel", qvel.index)
        return Difference(step, "qvel", qvel.index, joint, qvel.recorded, qvel.replayed, qvel.ulps)
    return None


def _compared_frame(environment: Environment, recorded: RecordedEpisode, renderer: str | None) -> FrameCheck:
    """Compares the pictures that the policy saw first; to be called right after the reset."""
    before = recorded.record.frame_sha256
    if before is None or renderer is None:
        return "not compared"
    if frame_sha256(environment.observe(images=True).images) == before:
        return "identical"
    return "different" if set(recorded.renderers) == {renderer} else "other renderer"


def _refuse_misfit(state: SimState, trace: Trace, recorded: RecordedEpisode) -> None:
    here, there = (len(state.qpos), len(state.qvel)), (trace.qpos.shape[1], trace.qvel.shape[1])
    if here != there:
        raise HarnessError(
            f"the trace of {recorded.key} has {there[0]} positions and {there[1]} velocities, the scene has {here[0]} and "
            f"{here[1]}: it is another scene's"
        )
