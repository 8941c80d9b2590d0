"""An expert's way through an episode, which a policy's answers are held against."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from harness.envs.families import family_of
from harness.envs.gl import use_gl
from harness.episode import EpisodeResult, run_episode
from harness.errors import PolicyError
from harness.policies.base import BasePolicy
from harness.preparation import prepare
from harness.prepared import Prepared
from harness.registry import make_policy
from harness.request import Request
from harness.types import Environment, EnvSpec, Episode, Float64Array, Observation, Policy, Protocol

# At most so many observations of a walk are kept: enough to tell conventions apart, few enough for a slow model.
_OBSERVATIONS = 12
# The expert whose way is walked.
_EXPERT = "expert"


@dataclass(frozen=True)
class Walk:
    """What an expert saw and did in one episode.

    Attributes:
        episode: Which one.
        observations: At even distances, the first one included; with pictures, without what only a simulator knows.
        actions: What the expert did there, (N, A), as the simulator takes it.
    """

    episode: Episode
    observations: tuple[Observation, ...]
    actions: Float64Array


class Stage:
    """One episode of a suite that an expert and a policy can play in turns."""

    def __init__(self, prepared: Prepared) -> None:
        """Makes the environment of the plan's first episode; see `stage`."""
        self.prepared = prepared
        self.episode = prepared.episodes[0]
        self.protocol: Protocol = prepared.protocols[self.episode.suite]
        family = family_of(prepared.environment)
        self.spec: EnvSpec = family.spec(self.protocol)
        use_gl(prepared.gl)
        self._environment: Environment = family.make(prepared.suites, prepared.protocols, prepared.assets.root)

    def walk(self) -> Walk:
        """Lets the expert play, and looks again at what it saw.

        Raises:
            PolicyError: The expert does not solve the episode.
        """
        expert = make_policy(_EXPERT, self.spec)
        try:
            played = self._played(expert, self.protocol)
        finally:
            expert.close()
        if played.outcome != "success" or played.trace is None:
            said = f": {played.error.message}" if played.error else ""
            raise PolicyError(f"the expert itself ends {self.episode.key} with {played.outcome}{said}")
        actions = played.trace.actions
        every = -(-len(actions) // _OBSERVATIONS)
        witness = _Witness(actions, every)
        again = self._played(witness, dataclasses.replace(self.protocol, replan_steps=None))
        if again.error is not None:
            raise PolicyError(f"{self.episode.key} cannot be observed: {again.error.message}")
        return Walk(self.episode, tuple(witness.seen), actions[::every].copy())

    def rollout(self, policy: Policy, steps: int) -> EpisodeResult:
        """Lets a policy play for so many control steps at most."""
        return self._played(policy, dataclasses.replace(self.protocol, max_steps=min(steps, self.protocol.max_steps)))

    def _played(self, policy: Policy, protocol: Protocol) -> EpisodeResult:
        return run_episode(self._environment, self.spec, policy, protocol, self.episode)

    def close(self) -> None:
        """Closes the environment."""
        self._environment.close()


def stage(suite: str, policy_uri: str, assets: str) -> Stage:
    """Prepares the first initial state of a suite's first task.

    Args:
        suite: As `Request.suite`.
        policy_uri: Of the policy that is checked; it may declare an action space.
        assets: As `Request.assets`.

    Raises:
        UsageError: As `prepare`.
    """
    return Stage(prepare(Request(suite, policy_uri, tasks="0", init="0", assets=assets, video="none")))


class _Witness(BasePolicy):
    """Answers with recorded actions, in chunks, and keeps what it is shown."""

    raw_actions = True

    def __init__(self, actions: Float64Array, every: int) -> None:
        self._actions = actions
        self._every = every
        self.seen: list[Observation] = []

    def infer(self, observation: Observation) -> Float64Array:
        self.seen.append(observation)
        return self._actions[observation.step : observation.step + self._every]
