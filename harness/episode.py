"""The episode loop: the only place in the project that steps an environment with a policy's actions."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from harness.policies.base import checked_chunk
from harness.recording.trace import Trace, TraceRecorder
from harness.seeding import seeded_generators
from harness.types import (
    Environment,
    EnvSpec,
    Episode,
    Float64Array,
    GripperRule,
    Outcome,
    Policy,
    Protocol,
    UInt8Array,
)


@dataclass(frozen=True)
class Failure:
    """Why an episode is an error.

    Attributes:
        type: Name of the exception's class.
        message: What it says.
        traceback: Where it came from, for the run's ``errors`` folder.
    """

    type: str
    message: str
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describes an exception that is being handled."""
        text = "".join(traceback.format_exception(error))
        return cls(type=type(error).__name__, message=str(error) or repr(error), traceback=text)


@dataclass(frozen=True)
class EpisodeResult:
    """What came out of one attempt at an episode.

    Attributes:
        outcome: Success, failure or error.
        steps: Control steps that the policy's actions were applied for.
        error: Why it is an error; None otherwise.
        scene_sha256: Hash of the settled scene; None when the error came before it.
        frame_sha256: Hash of the first pictures; None when the policy looked at none.
        trace: States and applied actions so far; None when the error came before settling.
        policy_s: Wall seconds in the policy.
        physics_s: Wall seconds in resetting and stepping.
        render_s: Wall seconds in observing.
    """

    outcome: Outcome
    steps: int
    error: Failure | None
    scene_sha256: str | None
    frame_sha256: str | None
    trace: Trace | None
    policy_s: float
    physics_s: float
    render_s: float


class Stopwatch:
    """Adds up wall seconds by name."""

    def __init__(self) -> None:
        self.seconds = {"policy": 0.0, "physics": 0.0, "render": 0.0}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Adds the block's wall time to `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start


def run_episode(
    environment: Environment, spec: EnvSpec, policy: Policy, protocol: Protocol, episode: Episode
) -> EpisodeResult:
    """Runs one episode to its end. What the environment or the policy raises becomes the result's error.

    Args:
        environment: Where it runs; reset here.
        spec: What the environment takes.
        policy: What is queried; reset here.
        protocol: Step budget, gripper rule, replanning.
        episode: Which one.
    """
    run = _Running(environment, spec, policy, protocol, episode)
    try:
        with seeded_generators(episode.derived_seed("policy's global generators")):
            outcome: Outcome = "success" if run.until_the_end() else "failure"
        return run.result(outcome, None)
    except Exception as error:  # whatever is raised, the episode is an error and the run goes on
        return run.result("error", Failure.of(error))


class _Running:
    """One episode while it runs."""

    def __init__(
        self, environment: Environment, spec: EnvSpec, policy: Policy, protocol: Protocol, episode: Episode
    ) -> None:
        self._environment = environment
        self._spec = spec
        self._policy = policy
        self._protocol = protocol
        self._episode = episode
        self._recorder = TraceRecorder()
        self._watch = Stopwatch()
        self._actions: deque[Float64Array] = deque()
        self._scene_sha256: str | None = None
        self._frame_sha256: str | None = None
        self._steps = 0

    def until_the_end(self) -> bool:
        with self._watch.measure("physics"):
            scene_sha256 = self._environment.reset(self._episode)
            self._recorder.begin(self._environment.state())
        self._scene_sha256 = scene_sha256
        with self._watch.measure("policy"):
            self._policy.reset(self._episode)
        while self._steps < self._protocol.max_steps:
            action = self._next_action()
            with self._watch.measure("physics"):
                reached = self._environment.step(action)
                self._steps += 1
                self._recorder.add(action, self._environment.state())
            if reached:
                return True
        return False

    def _next_action(self) -> Float64Array:
        if not self._actions:
            self._actions.extend(self._query()[: self._protocol.replan_steps])
        return self._actions.popleft()

    def _query(self) -> Float64Array:
        with self._watch.measure("render"):
            observation = self._environment.observe(
                images=self._policy.needs_images, privileged=self._policy.needs_privileged
            )
        if self._frame_sha256 is None and observation.images:
            self._frame_sha256 = frame_sha256(observation.images)
        with self._watch.measure("policy"):
            chunk = checked_chunk(self._policy.infer(observation), self._spec.action_dim)
        return chunk if self._policy.raw_actions else with_gripper_rule(chunk, self._protocol.gripper)

    def result(self, outcome: Outcome, error: Failure | None) -> EpisodeResult:
        seconds = self._watch.seconds
        return EpisodeResult(
            outcome=outcome,
            steps=self._steps,
            error=error,
            scene_sha256=self._scene_sha256,
            frame_sha256=self._frame_sha256,
            trace=self._recorder.trace() if self._scene_sha256 is not None else None,
            policy_s=seconds["policy"],
            physics_s=seconds["physics"],
            render_s=seconds["render"],
        )


def with_gripper_rule(chunk: Float64Array, rule: GripperRule) -> Float64Array:
    """Applies a protocol's gripper rule to the last number of every action.

    Args:
        chunk: Actions (T, A).
        rule: See `harness.types.Protocol`.

    Returns:
        Actions (T, A); the same array for ``as_is``.
    """
    if rule == "as_is":
        return chunk
    gripper = chunk[:, -1]
    closed = np.where(gripper < 0, -1.0, 1.0) if rule == "binarize" else -np.sign(2.0 * gripper - 1.0)
    return np.concatenate([chunk[:, :-1], closed[:, np.newaxis]], axis=1)


def frame_sha256(images: Mapping[str, UInt8Array]) -> str:
    """SHA-256 over pictures: for every camera in the order of names, the name, the shape and the bytes."""
    digest = hashlib.sha256()
    for name in sorted(images):
        digest.update(f"{name}{images[name].shape}".encode())
        digest.update(np.ascontiguousarray(images[name]).tobytes())
    return digest.hexdigest()
