"""An episode's video, drawn from its states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from harness.recording.trace import Trace
from harness.recording.video import episode_frames, write_video
from harness.types import PROTOCOL_VIEW, Environment, Episode, Outcome, Protocol, SimState, UInt8Array, View


def draw_episode(
    path: Path,
    environment: Environment,
    episode: Episode,
    trace: Trace,
    outcome: Outcome,
    protocol: Protocol,
    *,
    view: View = PROTOCOL_VIEW,
    on_step: Callable[[], object] = lambda: None,
) -> None:
    """Writes a video with a frame a state; the environment's episode cannot be continued afterwards.

    Args:
        path: Of the video; an older file is replaced.
        environment: In the episode's scene.
        episode: Which one.
        trace: Its states.
        outcome: How it ended.
        protocol: What it was run with.
        view: Cameras and size.
        on_step: Called after every frame.

    Raises:
        UsageError: There is no such camera.
        StoreError: The video cannot be written.
    """
    frames = episode_frames(
        _pictures(environment, trace, view, on_step),
        instruction=episode.instruction,
        outcome=outcome,
        max_steps=protocol.max_steps,
        control_freq_hz=protocol.control_freq_hz,
    )
    write_video(path, frames, protocol.control_freq_hz)


def _pictures(
    environment: Environment, trace: Trace, view: View, on_step: Callable[[], object]
) -> Iterator[Mapping[str, UInt8Array]]:
    for time_s, qpos, qvel in zip(trace.time_s, trace.qpos, trace.qvel, strict=True):
        yield environment.render(SimState(float(time_s), qpos, qvel), view)
        on_step()
