"""Policies behind a WebSocket server that speaks openpi's protocol."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from harness.errors import PolicyError, PolicyOutputError, PolicyUnavailableError
from harness.policies.base import BasePolicy, PolicyURI, checked_chunk, short_name
from harness.policies.images import resize_with_pad
from harness.policies.openpi_client import OpenPIClient, metadata_fingerprint
from harness.types import EnvSpec, Episode, Float64Array, Observation, PolicyInfo, UInt8Array

API_KEY_VARIABLES = ("EVALHARNESS_API_KEY", "OPENPI_API_KEY")

# openpi's LIBERO policies take 224x224 pictures (examples/libero/main.py, --resize-size).
_DEFAULT_SIZE_PX = 224
_DESCRIBE_TIMEOUT_S = 5.0
# A first inference that compiles takes about a minute.
_DEFAULT_ANSWER_TIMEOUT_S = 120.0
_DEFAULT_RETRIES = 5

# LIBERO's name for the camera in front, which openpi's LIBERO policies are trained with.
_FRONT = "agentview"
_WRIST = "wrist"
_STATE = "vector"


class OpenPIPolicy(BasePolicy):
    """ws://HOST:PORT or wss://...: a policy server that speaks openpi's protocol (openpi, RoboArena).

    ``observation/image`` is ``agentview``, or else the first camera that is not called ``wrist``;
    ``observation/wrist_image`` is that one. A server that answers in one action space alone says so in its metadata, as
    ``action_space``.

    Parameters: ``timeout_s`` for one answer (120), ``size`` of the square that pictures are fitted into in pixels (224; 0
    leaves them), ``retries`` of a connection that broke or cannot be opened (5). An API key comes from the environment,
    ``EVALHARNESS_API_KEY`` or ``OPENPI_API_KEY``, because the URI is recorded.
    """

    params = frozenset({"timeout_s", "size", "retries"})

    def __init__(self, client: OpenPIClient, camera: str, action_dim: int, size_px: int) -> None:
        self._client = client
        self._images = {"observation/image": camera, "observation/wrist_image": _WRIST}
        self._action_dim = action_dim
        self._size_px = size_px

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`: connects and reads the metadata; the fingerprint is that of the metadata."""
        url = _checked_url(uri)
        _options(uri)
        client = OpenPIClient(url, api_key=_api_key(), connect_timeout_s=_DESCRIBE_TIMEOUT_S, retries=0)
        metadata = client.connect()
        client.close()
        return PolicyInfo(
            uri=uri.text,
            name=short_name("openpi", urlsplit(url).netloc),
            fingerprint=metadata_fingerprint(metadata),
            details={"metadata": metadata},
            action_space=_action_space(metadata, uri),
            concurrency="remote",
        )

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> OpenPIPolicy:
        """See `BasePolicy.from_uri`; the connection is made at the first reset."""
        cameras = sorted((name for name in spec.images if name != _WRIST), key=lambda name: name != _FRONT)
        missing = [] if cameras else ["a picture besides wrist"]
        missing += [] if _WRIST in spec.images else [_WRIST]
        missing += [] if _STATE in spec.state else [_STATE]
        if missing:
            raise PolicyUnavailableError(
                f"policy {uri.text!r} needs {', '.join(missing)}, and the environment shows "
                f"{', '.join([*spec.images, *spec.state])}"
            )
        timeout_s, size_px, retries = _options(uri)
        client = OpenPIClient(_checked_url(uri), api_key=_api_key(), answer_timeout_s=timeout_s, retries=retries)
        return cls(client, cameras[0], spec.action_dim, size_px)

    def reset(self, episode: Episode) -> None:
        """Makes sure that the server is there; the protocol itself knows no episodes."""
        self._client.connect()

    def infer(self, observation: Observation) -> Float64Array:
        """The server's chunk of actions (T, A).

        Raises:
            PolicyError: See `OpenPIClient.ask`; also when the observation lacks a picture.
            PolicyOutputError: The answer holds no finite array of actions.
        """
        answer = self._client.ask(self._request(observation))
        try:
            return checked_chunk(_actions(answer), self._action_dim)
        except PolicyOutputError as error:
            raise PolicyOutputError(f"{self._client.url}: {error}") from error

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def _request(self, observation: Observation) -> dict[str, Any]:
        request: dict[str, Any] = {theirs: self._picture(observation, ours) for theirs, ours in self._images.items()}
        request["observation/state"] = np.asarray(observation.state[_STATE], dtype=np.float64)
        request["prompt"] = observation.instruction
        return request

    def _picture(self, observation: Observation, name: str) -> UInt8Array:
        if name not in observation.images:
            raise PolicyError(f"the observation has no picture {name!r}, only {', '.join(observation.images) or 'none'}")
        image = observation.images[name]
        return image if self._size_px == 0 else resize_with_pad(image, self._size_px)


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


def _options(uri: PolicyURI) -> tuple[float, int, int]:
    return (
        uri.seconds("timeout_s", default=_DEFAULT_ANSWER_TIMEOUT_S),
        uri.integer("size", default=_DEFAULT_SIZE_PX, minimum=0),
        uri.integer("retries", default=_DEFAULT_RETRIES, minimum=0),
    )


def _checked_url(uri: PolicyURI) -> str:
    url = f"{uri.scheme}:{uri.body}"
    if "@" in uri.body:
        raise PolicyUnavailableError(
            "a policy URI must hold no credentials, because it is recorded; put the server's key into the environment, as "
            f"{API_KEY_VARIABLES[0]}"
        )
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and not parts.fragment and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise PolicyUnavailableError(f"policy {uri.text!r}: expected {uri.scheme}://HOST:PORT, such as ws://localhost:8000")
    return url


def _api_key() -> str | None:
    return next((os.environ[name] for name in API_KEY_VARIABLES if os.environ.get(name)), None)
