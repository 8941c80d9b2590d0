"""What every policy back end shares: the URI, the defaults, and the check of an answer."""

from __future__ import annotations

import math
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self
from urllib.parse import parse_qsl

import numpy as np
import numpy.typing as npt

from harness.errors import PolicyOutputError, PolicyUnavailableError
from harness.timing import QueryTiming
from harness.transforms.statistics import Statistics
from harness.types import EnvSpec, Episode, Float64Array, Observation, PolicyInfo


@dataclass(frozen=True)
class PolicyURI:
    """A policy's address, taken apart.

    Attributes:
        text: The whole URI as the user wrote it.
        scheme: What comes before the first colon; selects the back end.
        body: What comes after it, without the query.
        params: The query, ``?a=1&b=2``.
    """

    text: str
    scheme: str
    body: str
    params: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> PolicyURI:
        """Takes a URI apart.

        Args:
            text: Such as ``zero``, ``replay:runs/a``, ``py:my_policies.py:Model?device=cpu`` or ``ws://localhost:8000``.

        Raises:
            PolicyUnavailableError: The text is empty, or its query is malformed or gives a parameter twice.
        """
        address, _, query = text.strip().partition("?")
        scheme, _, body = address.partition(":")
        if not scheme:
            raise PolicyUnavailableError(f"{text!r} is not a policy URI: it names no back end, such as zero or ws://.")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        except ValueError as error:
            raise PolicyUnavailableError(f"the query of policy {text!r} is malformed: {error}") from error
        params = dict(pairs)
        if len(params) != len(pairs):
            raise PolicyUnavailableError(f"the query of policy {text!r} gives a parameter more than once")
        return cls(text=text, scheme=scheme, body=body, params=params)

    def integer(self, name: str, *, default: int, minimum: int) -> int:
        """The value of a parameter that is a whole number.

        Raises:
            PolicyUnavailableError: It is no whole number, or below `minimum`.
        """
        value = self.params.get(name, str(default))
        if not re.fullmatch(r"-?[0-9]{1,9}", value) or int(value) < minimum:
            raise PolicyUnavailableError(f"policy {self.text!r}: {name}={value!r} must be a whole number >= {minimum}")
        return int(value)

    def seconds(self, name: str, *, default: float) -> float:
        """The value of a parameter that is a positive number of seconds.

        Raises:
            PolicyUnavailableError: It is no finite number above 0.
        """
        value = self.params.get(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number > 0):
            raise PolicyUnavailableError(f"policy {self.text!r}: {name}={value!r} must be a number of seconds above 0")
        return number


class BasePolicy:
    """Defaults for a policy back end; subclass it, or offer the same names.

    A back end is a class that is registered under its scheme, in `harness.registry` or by an entry point of the group
    ``evalharness.policies``. `describe` is cheap and runs once before anything is built; `from_uri` makes the policy, once
    in every worker. The first line of the class's docstring is its help in ``evalharness policies list``.

    Attributes:
        params: The query parameters that a URI may have; `harness.registry` refuses any other. None: the back end takes
            whatever comes and refuses for itself.
        needs_images: See `harness.types.Policy`.
        raw_actions: See `harness.types.Policy`.
        needs_privileged: See `harness.types.Policy`.
        stateless: True when there is nothing to reset, so that several episodes can be asked about in turns.
        statistics: Of its training data; None where it does not know them. ``evalharness policies check`` looks at them.
        timing: Where the time of the last answer went; None where the policy does not know: then all of it is inference.
    """

    params: ClassVar[frozenset[str] | None] = frozenset()

    needs_images: bool = True
    raw_actions: bool = False
    needs_privileged: bool = False
    stateless: bool = False
    statistics: Statistics | None = None
    timing: QueryTiming | None = None

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """Says what the URI means, without loading weights.

        Raises:
            PolicyUnavailableError: The URI cannot work: a missing file, an unknown parameter, a server out of reach.
        """
        raise NotImplementedError

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> Self:
        """Makes the policy for an environment of the given spec.

        Raises:
            PolicyUnavailableError: As `describe`.
        """
        raise NotImplementedError

    def reset(self, episode: Episode) -> None:
        """Called once before the first `infer` of every episode."""

    def infer(self, observation: Observation) -> npt.ArrayLike:
        """Answers with one action (A,) or a chunk of actions (T, A)."""
        raise NotImplementedError

    def model_state(self, observation: Observation) -> npt.ArrayLike | None:
        """The state vector that the model is given, before it is normalised; None: the environment's own."""
        return None

    def close(self) -> None:
        """Gives back what the policy holds."""


class BatchPolicy(typing.Protocol):
    """What a policy offers besides `harness.types.Policy` when it can answer several environments in one call."""

    def infer_batch(self, observations: Sequence[Observation], episodes: Sequence[Episode]) -> Sequence[npt.ArrayLike]:
        """Answers every observation with what `infer` would have answered in its episode.

        `reset` has been called for every episode, and episodes take turns: what the policy remembers of one must be kept
        under its key. Nothing may be drawn from the global generators of Python, NumPy or PyTorch, because a draw would
        depend on which episodes happen to wait together; `Episode.generator` is there for that.

        Args:
            observations: One of every environment that waits.
            episodes: The episode of each.

        Returns:
            One action (A,) or a chunk (T, A) for each, in the same order.
        """


def short_name(*parts: str) -> str:
    """A policy's name for tables and directories: the parts joined by ``-``, with nothing that a file name cannot hold."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts)).strip("-.") or "policy"


def checked_chunk(answer: npt.ArrayLike | None, action_dim: int) -> Float64Array:
    """Turns a policy's answer into a chunk of actions, or says what is wrong with it.

    Args:
        answer: One action (A,) or a chunk (T, A) of numbers.
        action_dim: The A that the environment takes.

    Returns:
        A fresh float64 array (T, A), T >= 1, all of it finite.

    Raises:
        PolicyOutputError: A wrong type, a wrong shape, NaN or infinity.
    """
    if answer is None:
        raise PolicyOutputError("the policy answered with None; is there a `return` missing?")
    try:
        chunk = np.array(answer, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PolicyOutputError(
            f"the policy answered with {type(answer).__name__}, not an array of numbers: {error}"
        ) from error
    if chunk.ndim == 1:
        chunk = chunk[np.newaxis]
    if chunk.ndim != 2 or chunk.shape[1] != action_dim or chunk.shape[0] == 0:
        shape = np.shape(np.asarray(answer))
        raise PolicyOutputError(
            f"the policy answered with an array of shape {shape}; expected ({action_dim},) or (T, {action_dim}) with T >= 1"
        )
    if not np.isfinite(chunk).all():
        row, column = np.argwhere(~np.isfinite(chunk))[0]
        raise PolicyOutputError(
            f"the policy answered with {chunk[row, column]} in action {row} of {len(chunk)}, dimension {column}; "
            "every number must be finite"
        )
    return chunk
