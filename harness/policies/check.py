"""What can be found out about a policy from one observation, without a simulator: ``evalharness policies check URI``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.errors import HarnessError
from harness.policies.base import checked_chunk
from harness.registry import policy_backend
from harness.types import EnvSpec, Episode, Float64Array, Observation, Policy

Level = Literal["ok", "warning", "error"]

# The seed of the synthetic observation: any number would do, the same one makes checks comparable.
_SEED = 0
_EPISODE = Episode(
    suite="libero_spatial",
    task_id=0,
    task="pick_up_the_black_bowl_between_the_plate_and_the_ramekin_and_place_it_on_the_plate",
    instruction="pick up the black bowl between the plate and the ramekin and place it on the plate",
    init=0,
    repeat=0,
    seed=0,
)
# A Panda over a LIBERO table with its gripper open and pointing down: half a turn about x.
_PLAUSIBLE_STATE = {
    "eef_pos": (-0.05, 0.0, 1.17),
    "eef_quat_xyzw": (1.0, 0.0, 0.0, 0.0),
    "eef_axis_angle": (np.pi, 0.0, 0.0),
    "eef_axis_angle_shortest": (np.pi, 0.0, 0.0),
    "gripper_qpos": (0.04, -0.04),
    "joint_pos": (0.0, -0.16, 0.0, -2.44, 0.0, 2.23, 0.79),
    "vector": (-0.05, 0.0, 1.17, np.pi, 0.0, 0.0, 0.04, -0.04),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: ``error``: an episode would fail. ``warning``: worth a look. ``ok``: as it should be.
        what: What was looked at, in a word or two.
        detail: What was found.
    """

    level: Level
    what: str
    detail: str


def check_policy(uri: str, spec: EnvSpec) -> list[Finding]:
    """Describes, makes, resets, asks and closes a policy, and says what came of it.

    Args:
        uri: The policy's URI.
        spec: The environment that it is meant for.

    Returns:
        The findings in the order in which they were made; after an error nothing further is tried but closing.

    Raises:
        PolicyUnavailableError: The URI names no back end, or a parameter that the back end does not have.
    """
    backend, parsed = policy_backend(uri)
    findings: list[Finding] = []
    try:
        info = backend.describe(parsed)
        findings.append(Finding("ok", "describe", f"{info.name}, fingerprint {info.fingerprint}"))
        policy = backend.from_uri(parsed, spec)
        findings.append(Finding("ok", "make", _traits(policy)))
        if policy.needs_privileged:
            what = "it wants to know what only a simulator knows, and is not asked without one"
            return [*findings, Finding("warning", "infer", what), _close(policy)]
    except Exception as error:
        findings.append(Finding("error", "describe" if not findings else "make", _text(error)))
        return findings
    try:
        findings += _ask(policy, spec)
    except Exception as error:
        findings.append(Finding("error", "infer", _text(error)))
    findings.append(_close(policy))
    return findings


def synthetic_observation(spec: EnvSpec, *, images: bool = True) -> Observation:
    """An observation as the spec says, made from a fixed seed: noise as pictures, a plausible state.

    Args:
        spec: Which pictures and which state.
        images: False leaves the pictures out, as the harness does for a policy that needs none.
    """
    generator = np.random.default_rng(_SEED)
    state: dict[str, Float64Array] = {}
    for name, length in spec.state.items():
        plausible = np.array(_PLAUSIBLE_STATE.get(name, ()), dtype=np.float64)
        state[name] = plausible if len(plausible) == length else generator.normal(scale=0.1, size=length)
    pictures = {
        name: generator.integers(0, 256, size=shape, dtype=np.uint8) for name, shape in spec.images.items() if images
    }
    return Observation(images=pictures, state=state, instruction=_EPISODE.instruction, step=0)


def _traits(policy: Policy) -> str:
    images = "is shown pictures" if policy.needs_images else "needs no pictures"
    actions = (
        "actions are applied as they are" if policy.raw_actions else "the protocol's gripper rule is applied to its actions"
    )
    return f"{images}; {actions}"


def _ask(policy: Policy, spec: EnvSpec) -> list[Finding]:
    """Resets and asks: twice in one episode, and once after it was begun again."""
    observation = synthetic_observation(spec, images=policy.needs_images)
    policy.reset(_EPISODE)
    first, first_s = _timed(policy, observation, spec)
    _, second_s = _timed(policy, observation, spec)
    policy.reset(_EPISODE)
    again, _ = _timed(policy, observation, spec)
    return [
        Finding("ok", "actions", f"{len(first)} finite actions of {spec.action_dim} numbers in a chunk"),
        _range(first, spec),
        Finding("ok", "latency", f"first answer {first_s * 1000:.1f} ms, second {second_s * 1000:.1f} ms"),
        _repeatable(first, again),
        _untouched(observation, synthetic_observation(spec, images=policy.needs_images)),
    ]


def _timed(policy: Policy, observation: Observation, spec: EnvSpec) -> tuple[Float64Array, float]:
    begin = time.monotonic()
    answer = policy.infer(observation)
    took_s = time.monotonic() - begin
    return checked_chunk(answer, spec.action_dim), took_s


def _range(chunk: Float64Array, spec: EnvSpec) -> Finding:
    outside = (chunk < np.array(spec.action_low)) | (chunk > np.array(spec.action_high))
    extent = f"from {chunk.min():.3g} to {chunk.max():.3g}"
    if not outside.any():
        return Finding("ok", "range", extent)
    row, column = np.argwhere(outside)[0]
    low, high = spec.action_low[column], spec.action_high[column]
    return Finding(
        "warning",
        "range",
        f"{extent}; action {row} has {chunk[row, column]:.3g} in dimension {column}, where the environment takes {low:g} to "
        f"{high:g}: were the actions un-normalised, and with the right statistics?",
    )


def _repeatable(first: Float64Array, again: Float64Array) -> Finding:
    if first.shape == again.shape and np.array_equal(first, again):
        return Finding("ok", "repeatable", "the same answer when the same episode begins again")
    difference = f"by up to {np.abs(first - again).max():.3g}" if first.shape == again.shape else "in its shape"
    return Finding(
        "warning",
        "repeatable",
        f"the same episode begun again gets another answer (it differs {difference}); results will vary from run to run",
    )


def _untouched(observation: Observation, original: Observation) -> Finding:
    changed = [name for name, image in observation.images.items() if not np.array_equal(image, original.images[name])]
    changed += [name for name, value in observation.state.items() if not np.array_equal(value, original.state[name])]
    if changed:
        return Finding("error", "input", f"the policy writes into the observation: {', '.join(changed)}; it must copy first")
    return Finding("ok", "input", "the observation was left as it was")


def _close(policy: Policy) -> Finding:
    try:
        policy.close()
    except Exception as error:
        return Finding("error", "close", _text(error))
    return Finding("ok", "close", "closed")


def _text(error: Exception) -> str:
    return str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
