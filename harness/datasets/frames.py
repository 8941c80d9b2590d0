"""What a policy saw and did in a recorded episode, made again from its actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.policies.noisy import action_noise
from harness.recorded_run import RecordedEpisode
from harness.recording.replay import verify_episode
from harness.types import Environment, EnvSpec, Float64Array, Observation, UInt8Array


@dataclass(frozen=True)
class EpisodeFrames:
    """An episode of T steps; row t of everything is before action t.

    Attributes:
        pictures: Camera name -> (T, H, W, 3), RGB, turned as the protocol turns them.
        state: Name -> (T, n), as `Observation.state` has it.
        action: What is to be learnt, (T, A): what was executed, without the noise that `NoisyPolicy` added.
        executed: What the simulator took, (T, A).
        sim_state: Time, qpos and qvel, (T, 1 + nq + nv).
        succeeded: Whether the goal held after the last action.
    """

    pictures: Mapping[str, UInt8Array]
    state: Mapping[str, Float64Array]
    action: Float64Array
    executed: Float64Array
    sim_state: Float64Array
    succeeded: bool


def look_again(
    environment: Environment,
    recorded: RecordedEpisode,
    spec: EnvSpec,
    noise_std: float | None = None,
    on_step: Callable[[], object] = lambda: None,
) -> EpisodeFrames:
    """Simulates an episode again and observes it before every action.

    States alone would not do: LIBERO's observations are sampled one substep before a control step ends, so that they
    cannot be drawn from the states between control steps.

    Args:
        environment: From `harness.recorded_run.RecordedRun.environment`.
        recorded: Which episode.
        spec: What the environment takes.
        noise_std: Of the noise that the policy was run with; None when it was run without.
        on_step: Called after every state.

    Raises:
        HarnessError: The episode has no trace or no steps, or does not repeat bit for bit.
    """
    trace, steps = recorded.trace(), recorded.record.steps
    if steps == 0:
        raise HarnessError("it has no steps")
    seen: list[Observation] = []

    def look() -> None:
        if len(seen) < steps:
            seen.append(environment.observe(images=True))
        on_step()

    verification = verify_episode(environment, recorded, on_step=look)
    if verification.difference is not None:
        raise HarnessError(f"its simulation does not repeat: {verification.difference}")
    noise = 0.0 if noise_std is None else action_noise(noise_std, spec, recorded.episode, steps)
    return EpisodeFrames(
        pictures={name: np.stack([one.images[name] for one in seen]) for name in seen[0].images},
        state={name: np.stack([one.state[name] for one in seen]) for name in seen[0].state},
        action=trace.actions - noise,
        executed=trace.actions,
        sim_state=np.concatenate([trace.time_s[:-1, np.newaxis], trace.qpos[:-1], trace.qvel[:-1]], axis=1),
        succeeded=recorded.record.outcome == "success",
    )
