"""Another policy with noise on its actions: it sees where the noise has brought it, and corrects."""

from __future__ import annotations

import math

import numpy as np

from harness.errors import PolicyError, PolicyUnavailableError
from harness.policies.base import BasePolicy, PolicyURI, checked_chunk, short_name
from harness.registry import describe_policy, make_policy
from harness.types import EnvSpec, Episode, Float64Array, Observation, Policy, PolicyInfo

_SCHEME = "noisy"

# Rows of noise that are drawn at once: about one episode's.
_BLOCK_STEPS = 256


class NoisyPolicy(BasePolicy):
    """noisy:STD:URI: the policy of URI with Gaussian noise on its actions, for collecting data.

    STD is in units of half an action's range: in ``eef_delta`` it is in the action's own units. The gripper's number stays
    as it is. The noise of a step depends on the episode's key and on the step alone, so that `action_noise` gives it again
    and what the policy answered can be told from what was executed (Laskey et al., DART, CoRL 2017).
    """

    params = None

    def __init__(self, inner: Policy, std: float, spec: EnvSpec) -> None:
        self._inner = inner
        self._std = std
        self._spec = spec
        self._generator: np.random.Generator | None = None
        self._noise: Float64Array = np.empty((0, spec.action_dim))
        self.needs_images = inner.needs_images
        self.raw_actions = inner.raw_actions
        self.needs_privileged = inner.needs_privileged

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`: what the other policy says, under a name and a fingerprint of its own."""
        std, inner_uri = _parts(uri.text)
        inner = describe_policy(inner_uri)
        return PolicyInfo(
            uri=uri.text,
            name=short_name(_SCHEME, f"{std:g}", inner.name),
            fingerprint=f"noisy-1 {std!r} {inner.fingerprint}",
            details={"noise_std": std, "policy": dict(inner.details)},
            action_space=inner.action_space,
            environments=inner.environments,
            concurrency="remote" if inner.concurrency == "remote" else "none",
        )

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> NoisyPolicy:
        """See `BasePolicy.from_uri`."""
        std, inner_uri = _parts(uri.text)
        return cls(make_policy(inner_uri, spec), std, spec)

    def reset(self, episode: Episode) -> None:
        """Begins the episode's own noise, and resets the other policy."""
        self._generator = _generator(episode)
        self._noise = np.empty((0, self._spec.action_dim))
        self._inner.reset(episode)

    def infer(self, observation: Observation) -> Float64Array:
        """What the other policy answers, (T, A), with the noise of these steps.

        Raises:
            PolicyError: The other policy answered with something that is no action.
        """
        if self._generator is None:
            raise PolicyError("the noisy policy was asked before its first reset")
        chunk = checked_chunk(self._inner.infer(observation), self._spec.action_dim)
        self.timing = getattr(self._inner, "timing", None)
        end = observation.step + len(chunk)
        while len(self._noise) < end:
            block = _scaled(self._generator, self._std, self._spec, _BLOCK_STEPS)
            self._noise = np.concatenate([self._noise, block])
        return chunk + self._noise[observation.step : end]

    def close(self) -> None:
        """Closes the other policy."""
        self._inner.close()


def noise_std(uri_text: str) -> float | None:
    """The STD of a noisy policy's URI; None of any other policy's.

    Raises:
        PolicyUnavailableError: The URI is malformed.
    """
    return _parts(uri_text)[0] if PolicyURI.parse(uri_text).scheme == _SCHEME else None


def noisy_uri(std: float, uri_text: str) -> str:
    """The URI of a policy with noise.

    Args:
        std: See `NoisyPolicy`.
        uri_text: The other policy's.

    Raises:
        PolicyUnavailableError: They cannot be put together.
    """
    text = f"{_SCHEME}:{std!r}:{uri_text.strip()}"
    _parts(text)
    return text


def action_noise(std: float, spec: EnvSpec, episode: Episode, steps: int) -> Float64Array:
    """The noise that `NoisyPolicy` adds in an episode.

    Args:
        std: See `NoisyPolicy`.
        spec: What the environment takes.
        episode: Whose.
        steps: How many rows.

    Returns:
        (steps, A), in the actions' own units; the last column, the gripper's, is 0.
    """
    return _scaled(_generator(episode), std, spec, steps)


def _generator(episode: Episode) -> np.random.Generator:
    return episode.generator("action noise")


def _scaled(generator: np.random.Generator, std: float, spec: EnvSpec, steps: int) -> Float64Array:
    half_range = (np.array(spec.action_high) - np.array(spec.action_low)) / 2
    half_range[-1] = 0.0
    noise: Float64Array = generator.standard_normal((steps, spec.action_dim)) * (std * half_range)
    return noise


def _parts(text: str) -> tuple[float, str]:
    """The standard deviation and the other policy's URI."""
    _, _, rest = text.strip().partition(":")
    number, _, inner = rest.partition(":")
    try:
        std = float(number)
    except ValueError:
        std = math.nan
    if not (math.isfinite(std) and std > 0) or not inner:
        raise PolicyUnavailableError(
            f"policy {text!r}: expected noisy:STD:URI with a standard deviation above 0, such as noisy:0.1:expert"
        )
    if PolicyURI.parse(inner).scheme == _SCHEME:
        raise PolicyUnavailableError(f"policy {text!r}: noise is added once; write noisy:STD:{_parts(inner)[1]}")
    return std, inner
