"""Policies behind an HTTP server that answers ``POST /act``, as OpenVLA's and OpenVLA-OFT's do."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from harness.errors import PolicyError, PolicyOutputError, PolicyUnavailableError
from harness.policies.act_http_client import ActClient
from harness.policies.base import BasePolicy, PolicyURI, short_name
from harness.policies.json_numpy_codec import read_answer, request_body
from harness.policies.server_address import ServerOptions, fingerprint_of, server_url, timing_of
from harness.transforms.presets import PRESET_PARAMS, Preset, preset_details, preset_of
from harness.types import EnvSpec, Episode, Float64Array, Observation, PolicyInfo

_DEFAULT_PRESET = "openvla-libero"
# What vla-scripts/deploy.py of openvla and openvla-oft returns after any exception, with status 200.
_FAILURE = "error"


class ActHTTPPolicy(BasePolicy):
    """http://HOST:PORT/act or https://...: a server of OpenVLA or OpenVLA-OFT (POST /act, JSON with json_numpy's arrays).

    The preset says what is posted and what the answer's numbers mean: ``openvla-libero`` unless the URI names another, such
    as ``?preset=oft-libero``. The answer is one action (A,), a chunk (T, A), or a map that has them as ``actions``.

    Parameters: ``timeout_s`` for one answer (120), ``retries`` of a connection that cannot be opened (5), ``max_mb``, the
    longest answer that is read (64), ``encoded=1`` for arrays in a JSON text within the JSON, ``model``, a name for what is
    served, which is recorded: the protocol does not tell. Those of presets besides. An API key comes from the environment,
    ``EVALHARNESS_API_KEY``.
    """

    params = frozenset({"timeout_s", "retries", "max_mb", "encoded", "model"}) | PRESET_PARAMS
    stateless = True

    def __init__(self, client: ActClient, preset: Preset, action_dim: int, *, encoded: bool) -> None:
        self.raw_actions = preset.raw_actions
        self._client = client
        self._preset = preset
        self._action_dim = action_dim
        self._encoded = encoded

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`: looks whether the server is up.

        The protocol says nothing of what is served: the fingerprint is that of address, ``model`` and preset.
        """
        client = _client(uri, ServerOptions.of(uri).impatient())
        _encoded(uri)
        details = {"model": uri.params.get("model", "unknown"), **preset_details(uri, _DEFAULT_PRESET)}
        client.connect()
        client.close()
        address = urlsplit(client.url).netloc
        return PolicyInfo(
            uri=uri.text,
            name=short_name(uri.params.get("model", "act"), address),
            fingerprint=fingerprint_of({"address": address, **details}),
            details=details,
            concurrency="remote",
        )

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> ActHTTPPolicy:
        """See `BasePolicy.from_uri`; the connection is made at the first reset."""
        preset = preset_of(uri, spec, _DEFAULT_PRESET)
        return cls(_client(uri, ServerOptions.of(uri)), preset, spec.action_dim, encoded=_encoded(uri))

    def reset(self, episode: Episode) -> None:
        """Makes sure that the server is there; the protocol itself knows no episodes."""
        self._client.connect()

    def infer(self, observation: Observation) -> Float64Array:
        """The server's chunk of actions (T, A), T = 1 where it answers with one action.

        Raises:
            PolicyError: See `ActClient.post`; also when the server answers with ``"error"``.
            PolicyOutputError: The answer holds no finite array of actions.
        """
        request = self._preset.request(observation)
        begin_s = time.monotonic()
        body = self._client.post(request_body(request, encoded=self._encoded))
        try:
            answer = read_answer(body, encoded=self._encoded)
            chunk = self._preset.actions(_actions(answer), request, self._action_dim)
        except PolicyError as error:
            raise type(error)(f"{self._client.url}: {error}") from error
        self.timing = timing_of(answer, time.monotonic() - begin_s)
        return chunk

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()


def _actions(answer: Any) -> Any:
    """The actions in an answer.

    Raises:
        PolicyError: The server says that it failed.
        PolicyOutputError: There are none in it.
    """
    if isinstance(answer, str) and answer == _FAILURE:
        raise PolicyError(
            "the server answered with 'error': its log has the traceback. Does it want the fields of this preset "
            "(?preset=NAME), and is the key for un-normalising right (?unnorm_key=NAME)?"
        )
    if isinstance(answer, str):
        raise PolicyOutputError(f"the answer is the text {answer[:200]!r}; does the server want ?encoded=1, or not?")
    if isinstance(answer, dict):
        if "actions" in answer:
            return answer["actions"]
        raise PolicyOutputError(f"the answer is a map without 'actions', only {', '.join(map(str, answer)) or 'nothing'}")
    return answer


def _client(uri: PolicyURI, options: ServerOptions) -> ActClient:
    return ActClient(server_url(uri, uri.scheme), options)


def _encoded(uri: PolicyURI) -> bool:
    value = uri.params.get("encoded", "0")
    if value not in ("0", "1"):
        raise PolicyUnavailableError(f"policy {uri.text!r}: encoded={value!r} must be 0 or 1")
    return value == "1"
