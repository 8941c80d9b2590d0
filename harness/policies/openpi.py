"""Policies behind a WebSocket server that speaks openpi's protocol."""

from __future__ import annotations

import hashlib
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from harness.errors import PolicyOutputError, PolicyUnavailableError, suggest
from harness.policies.base import BasePolicy, PolicyURI, checked_chunk, short_name
from harness.policies.openpi_client import OpenPIClient
from harness.policies.served import ENDPOINT_KEY, RAW_KEY, RESET, RESET_DONE, is_ours, observation_request, reset_request
from harness.policies.server_address import ServerOptions, fingerprint_of, server_url, timing_of
from harness.transforms.presets import PRESET_PARAMS, Preset, preset_details, preset_of
from harness.types import EnvSpec, Episode, Float64Array, Observation, PolicyInfo

_PRESET = "openpi-libero"

_OPENPI, _ROBOARENA = "openpi", "roboarena"


class OpenPIPolicy(BasePolicy):
    """ws://HOST:PORT or wss://...: a policy server that speaks openpi's protocol (openpi, RoboArena).

    What is asked and how an answer is read is said by a preset of `harness.transforms.presets`. A server that answers in one
    action space alone says so in its metadata, as ``action_space``.

    RoboArena's dialect names an endpoint in every request, ``infer`` or ``reset``, and the episode, as ``session_id``; a
    reset is sent before every episode. ``evalharness serve`` is sent whole observations and episodes, so that what it serves
    answers as it does in process, unless the URI has parameters of a preset.

    Parameters: ``timeout_s`` for one answer (120), ``retries`` of a connection that broke or cannot be opened (5),
    ``max_mb``, the longest answer that is read (64), ``dialect`` as ``openpi`` or ``roboarena`` (openpi), ``preset``
    (openpi-libero) and what belongs to it: ``size`` of its pictures in pixels (224; 0 leaves them), ``stats``,
    ``unnorm_key``, ``norm``. An API key comes from the environment, ``EVALHARNESS_API_KEY`` or ``OPENPI_API_KEY``, because
    the URI is recorded.
    """

    params = frozenset({"timeout_s", "retries", "max_mb", "dialect"}) | PRESET_PARAMS

    def __init__(
        self, client: OpenPIClient, preset: Preset, action_dim: int, *, roboarena: bool = False, whole: bool = False
    ) -> None:
        self._client = client
        self._preset = preset
        self._action_dim = action_dim
        self._roboarena = roboarena
        self._session_id = ""
        self._may_be_whole, self._whole = whole, False
        self.raw_actions = preset.raw_actions
        self.statistics = preset.statistics
        self.stateless = not roboarena

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`: connects and reads the metadata.

        The fingerprint is that of the metadata, and of the statistics where there are any.
        """
        _dialect(uri)
        chosen = preset_details(uri, _PRESET)
        client = _client(uri, ServerOptions.of(uri).impatient())
        metadata = client.connect()
        client.close()
        return PolicyInfo(
            uri=uri.text,
            name=short_name("openpi", urlsplit(client.url).netloc),
            fingerprint=_fingerprint(metadata, chosen),
            details={"metadata": metadata, **chosen},
            action_space=_action_space(metadata, uri),
            concurrency="remote",
        )

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> OpenPIPolicy:
        """See `BasePolicy.from_uri`; the connection is made at the first reset."""
        preset = preset_of(uri, spec, _PRESET)
        roboarena = _dialect(uri) == _ROBOARENA
        whole = not roboarena and not PRESET_PARAMS & uri.params.keys()
        return cls(_client(uri, ServerOptions.of(uri)), preset, spec.action_dim, roboarena=roboarena, whole=whole)

    def reset(self, episode: Episode) -> None:
        """Makes sure that the server is there; RoboArena's is told that an episode begins."""
        if not self._roboarena:
            metadata = self._client.connect()
            self._whole = self._may_be_whole and is_ours(metadata)
            self.stateless = not self._whole
            self.raw_actions = self._preset.raw_actions or metadata.get(RAW_KEY) is True
            if self._whole:
                self._client.ask(reset_request(episode), acknowledgement=RESET_DONE)
            return
        # Not the episode's key: a second attempt at it is another session.
        self._session_id = uuid.uuid4().hex
        self._client.ask({ENDPOINT_KEY: RESET, "session_id": self._session_id}, acknowledgement=RESET_DONE)

    def infer(self, observation: Observation) -> Float64Array:
        """The server's chunk of actions (T, A).

        Raises:
            PolicyError: See `OpenPIClient.ask`; also when the observation lacks a picture.
            PolicyOutputError: The answer holds no finite array of actions.
        """
        request = observation_request(observation) if self._whole else self._preset.request(observation)
        begin_s = time.perf_counter()
        answer = self._client.ask(request | self._endpoint())
        self.timing = timing_of(answer, time.perf_counter() - begin_s)
        try:
            if self._whole:
                return checked_chunk(_actions(answer), self._action_dim)
            return self._preset.actions(_actions(answer), request, self._action_dim)
        except PolicyOutputError as error:
            raise PolicyOutputError(f"{self._client.url}: {error}") from error

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def _endpoint(self) -> dict[str, str]:
        return {ENDPOINT_KEY: "infer", "session_id": self._session_id} if self._roboarena else {}


def _actions(answer: Any) -> Any:
    """The actions in an answer: ``actions`` of openpi's map, or the bare array that RoboArena's servers may send."""
    if isinstance(answer, np.ndarray):
        return answer
    if not isinstance(answer, dict):
        raise PolicyOutputError(f"the answer is a {type(answer).__name__}; expected a map with 'actions'")
    if "actions" not in answer:
        raise PolicyOutputError(f"the answer has no 'actions', only {', '.join(map(str, answer)) or 'nothing'}")
    return answer["actions"]


def _action_space(metadata: Any, uri: PolicyURI) -> str | None:
    space = metadata.get("action_space") if isinstance(metadata, dict) else None
    if space is not None and not isinstance(space, str):
        raise PolicyUnavailableError(f"policy {uri.text!r}: the server's action_space is {space!r}; expected a name")
    return space


def _fingerprint(metadata: dict[str, Any], chosen: dict[str, str]) -> str:
    of_server = fingerprint_of(metadata)
    statistics = chosen.get("statistics_sha256")
    return of_server if statistics is None else hashlib.sha256(f"{of_server}{statistics}".encode()).hexdigest()


def _dialect(uri: PolicyURI) -> str:
    dialect = uri.params.get("dialect", _OPENPI)
    if dialect not in (_OPENPI, _ROBOARENA):
        raise PolicyUnavailableError(
            f"policy {uri.text!r}: there is no dialect {dialect!r}. {suggest(dialect, (_OPENPI, _ROBOARENA))}"
        )
    return dialect


def _client(uri: PolicyURI, options: ServerOptions) -> OpenPIClient:
    return OpenPIClient(server_url(uri, uri.scheme), options)
