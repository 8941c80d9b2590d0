"""Policies behind a GR00T policy server (ZeroMQ)."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from harness.errors import PolicyError, PolicyOutputError, PolicyUnavailableError
from harness.policies.base import BasePolicy, PolicyURI, short_name
from harness.policies.gr00t_client import DEFAULT_PORT, Gr00tClient
from harness.policies.openpi_codec import jsonable
from harness.policies.server_address import ServerOptions, fingerprint_of, server_url, timing_of
from harness.transforms.presets import PRESET_PARAMS, Preset, preset_details, preset_of
from harness.types import EnvSpec, Episode, Float64Array, Observation, PolicyInfo

_DEFAULT_PRESET = "gr00t-libero"


class Gr00tPolicy(BasePolicy):
    """gr00t://HOST:PORT: a policy server of Isaac GR00T, N1.6 or later (ZeroMQ; needs the extra gr00t).

    The preset says what is sent and what the answer's parts mean: ``gr00t-libero`` unless the URI names another.

    Parameters: ``timeout_s`` for one answer (120), ``max_mb``, the longest answer that is read (64). Those of presets
    besides. The server's ``api_token`` comes from the environment, ``EVALHARNESS_API_KEY``.
    """

    params = frozenset({"timeout_s", "max_mb"}) | PRESET_PARAMS

    def __init__(self, client: Gr00tClient, preset: Preset, action_dim: int) -> None:
        self.raw_actions = preset.raw_actions
        self._client = client
        self._preset = preset
        self._action_dim = action_dim

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`: pings, and takes the fingerprint of what the server says of its inputs and outputs."""
        client = _client(uri, ServerOptions.of(uri).impatient())
        details: dict[str, Any] = dict(preset_details(uri, _DEFAULT_PRESET))
        try:
            details["ping"] = jsonable(client.ping())
            details["modality_config"] = jsonable(client.modality_config())
        except PolicyUnavailableError:
            raise
        except PolicyError as error:
            details.setdefault("modality_config", f"not told: {error}")
        finally:
            client.close()
        return PolicyInfo(
            uri=uri.text,
            name=short_name("gr00t", urlsplit(client.url).netloc),
            fingerprint=fingerprint_of(details),
            details=details,
            concurrency="remote",
        )

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> Gr00tPolicy:
        """See `BasePolicy.from_uri`; the connection is made at the first reset."""
        preset = preset_of(uri, spec, _DEFAULT_PRESET)
        return cls(_client(uri, ServerOptions.of(uri)), preset, spec.action_dim)

    def reset(self, episode: Episode) -> None:
        """Waits for the server, and tells it that an episode begins."""
        self._client.ping()
        self._client.reset()

    def infer(self, observation: Observation) -> Float64Array:
        """The server's chunk of actions (T, A).

        Raises:
            PolicyError: See `Gr00tClient.get_action`; also when the observation lacks what the preset needs.
            PolicyOutputError: The answer holds no finite actions.
        """
        request = self._preset.request(observation)
        begin_s = time.monotonic()
        action, info = self._client.get_action(request)
        total_s = time.monotonic() - begin_s
        try:
            chunk = self._preset.actions(action, request, self._action_dim)
        except PolicyOutputError as error:
            raise PolicyOutputError(f"{self._client.url}: {error}") from error
        self.timing = timing_of(info, total_s)
        return chunk

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()


def _client(uri: PolicyURI, options: ServerOptions) -> Gr00tClient:
    url = server_url(uri, "tcp")
    return Gr00tClient(url if urlsplit(url).port else f"{url.rstrip('/')}:{DEFAULT_PORT}", options)
