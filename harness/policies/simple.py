"""Policies that look at nothing: no motion, and uniform noise. They measure the harness, and bound a suite from below."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.errors import PolicyError, PolicyUnavailableError
from harness.policies.base import BasePolicy, PolicyURI, short_name
from harness.types import EnvSpec, Episode, Float64Array, Observation, PolicyInfo

# Rows of noise that are drawn at once: about one episode's.
_BLOCK_STEPS = 256


class ZeroPolicy(BasePolicy):
    """Every number of every action is 0: the arm holds still, the gripper holds what it has."""

    needs_images = False
    raw_actions = True

    def __init__(self, action_dim: int) -> None:
        self._action_dim = action_dim

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`."""
        _refuse_body(uri)
        return PolicyInfo(uri=uri.text, name="zero", fingerprint="zero-1")

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> ZeroPolicy:
        """See `BasePolicy.from_uri`."""
        _refuse_body(uri)
        return cls(spec.action_dim)

    def infer(self, observation: Observation) -> Float64Array:
        """One action (A,) of zeros."""
        return np.zeros(self._action_dim)


class RandomPolicy(BasePolicy):
    """Uniform between the smallest and the largest action, the same for the same episode; random?chunk=N.

    The action of a step depends on the episode's key and on the step alone: not on the length of a chunk, nor on how much of
    a chunk is used before the policy is asked again.
    """

    params = frozenset({"chunk"})
    needs_images = False
    raw_actions = True

    def __init__(self, spec: EnvSpec, chunk: int) -> None:
        self._spec = spec
        self._chunk = chunk
        self._generator: np.random.Generator | None = None
        self._actions = np.empty((0, spec.action_dim))

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`."""
        _refuse_body(uri)
        chunk = uri.integer("chunk", default=1, minimum=1)
        name = "random" if chunk == 1 else short_name("random", f"chunk{chunk}")
        return PolicyInfo(uri=uri.text, name=name, fingerprint="random-1")

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> RandomPolicy:
        """See `BasePolicy.from_uri`."""
        _refuse_body(uri)
        return cls(spec, uri.integer("chunk", default=1, minimum=1))

    def reset(self, episode: Episode) -> None:
        """Begins the episode's own sequence of actions."""
        self._generator = episode.generator("policy")
        self._actions = np.empty((0, self._spec.action_dim))

    def infer(self, observation: Observation) -> Float64Array:
        """The actions (chunk, A) of this step and the ones after it."""
        end = observation.step + self._chunk
        while len(self._actions) < end:
            self._actions = np.concatenate([self._actions, self._next_block()])
        return self._actions[observation.step : end].copy()

    def _next_block(self) -> npt.NDArray[np.float64]:
        if self._generator is None:
            raise PolicyError("the random policy was asked before its first reset")
        size = (_BLOCK_STEPS, self._spec.action_dim)
        return self._generator.uniform(self._spec.action_low, self._spec.action_high, size)


def _refuse_body(uri: PolicyURI) -> None:
    if uri.body:
        raise PolicyUnavailableError(f"policy {uri.text!r}: nothing may follow {uri.scheme!r} but ?parameters")
