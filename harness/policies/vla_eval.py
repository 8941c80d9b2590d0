"""Policies behind a WebSocket server that speaks vla-eval's protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from harness.errors import PolicyError, PolicyOutputError, PolicyUnavailableError, suggest
from harness.policies.base import BasePolicy, PolicyURI, checked_chunk, short_name
from harness.policies.server_address import ServerOptions, fingerprint_of, server_url, timing_of
from harness.policies.vla_eval_client import VlaEvalClient
from harness.policies.vla_eval_codec import PICTURE_FORMATS
from harness.transforms.images import ResizeWithPad
from harness.transforms.recipes import FRONT, VECTOR, WRIST, front_camera
from harness.types import EnvSpec, Episode, Float64Array, Observation, PolicyInfo, UInt8Array

# LIBERO_ENV_RESOLUTION in vla-eval's benchmarks/libero/benchmark.py.
_SIZE_PX = 256

# What vla-eval's LIBERO sends as states: with quat_no_antipodal the angle is in [0, 2 pi], otherwise in [0, pi].
_STATE_ANY_ANGLE = ("eef_pos", "eef_axis_angle", "gripper_qpos")
_STATE_SHORTEST_ANGLE = ("eef_pos", "eef_axis_angle_shortest", "gripper_qpos")


class VlaEvalPolicy(BasePolicy):
    """vla-eval+ws://HOST:PORT or vla-eval+wss://...: a model server of vla-eval (allenai/vla-evaluation-harness).

    What is sent is what the server's greeting asks for (``observation_params``): the picture ``agentview``, or else the
    first camera that is not called ``wrist``; with ``send_wrist_image`` the wrist's; with ``send_state`` the state, its
    orientation as ``quat_no_antipodal`` says. A server that wants ``absolute_action`` is refused.

    Parameters: ``timeout_s`` for one action (120), ``retries`` of a connection that cannot be opened (5), ``max_mb``, the
    longest answer that is read (64), ``pictures`` as ``raw``, ``png`` or ``jpeg`` on the wire (raw). An API key comes from
    the environment, ``EVALHARNESS_API_KEY``.
    """

    params = frozenset({"timeout_s", "retries", "max_mb", "pictures"})

    def __init__(self, client: VlaEvalClient, spec: EnvSpec) -> None:
        self._client = client
        self._spec = spec
        self._wanted: Mapping[str, Any] = {}

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`: exchanges greetings; the fingerprint is that of the server's."""
        client = _client(uri, ServerOptions.of(uri).impatient())
        greeting = client.connect()
        client.close()
        _wanted(greeting, uri.text)
        about = greeting.get("evalharness")
        space = about.get("action_space") if isinstance(about, dict) else None
        return PolicyInfo(
            uri=uri.text,
            name=short_name("vla-eval", str(greeting.get("model_server", "server")), urlsplit(client.url).netloc),
            fingerprint=fingerprint_of(greeting),
            details={"hello": greeting},
            action_space=space if isinstance(space, str) else None,
            concurrency="remote",
        )

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> VlaEvalPolicy:
        """See `BasePolicy.from_uri`; the connection is made at the first reset."""
        if front_camera(spec.images) is None:
            raise PolicyUnavailableError(
                f"policy {uri.text!r} needs a picture besides {WRIST}, and the environment shows {', '.join(spec.images)}"
            )
        return cls(_client(uri, ServerOptions.of(uri)), spec)

    def reset(self, episode: Episode) -> None:
        """Ends the episode before and begins this one.

        Raises:
            PolicyError: See `VlaEvalClient.begin`; also when the server wants what the environment does not show.
        """
        self._wanted = _wanted(self._client.connect(), self._client.url)
        task = {
            "name": episode.instruction,
            "suite": episode.suite,
            "task_id": episode.task_id,
            "episode_idx": episode.init,
        }
        self._client.begin(task)

    def infer(self, observation: Observation) -> Float64Array:
        """The server's action as a chunk (1, A); a server that does not unroll its chunks: (T, A).

        Raises:
            PolicyError: See `VlaEvalClient.act`; also when the observation lacks what the server wants.
            PolicyOutputError: The answer holds no finite array of actions.
        """
        reply = self._client.act(self._request(observation))
        try:
            if "actions" not in reply.payload:
                raise PolicyOutputError(f"the answer has no 'actions', only {', '.join(reply.payload) or 'nothing'}")
            chunk = checked_chunk(reply.payload["actions"], self._spec.action_dim)
        except PolicyOutputError as error:
            raise PolicyOutputError(f"{self._client.url}: {error}") from error
        self.timing = timing_of(reply.payload, reply.seconds)
        return chunk

    def close(self) -> None:
        """Ends the episode and closes the connection."""
        self._client.close()

    def _request(self, observation: Observation) -> dict[str, Any]:
        images = {"agentview": _picture(observation, front_camera(observation.images) or FRONT)}
        if self._wanted.get("send_wrist_image"):
            images["wrist"] = _picture(observation, WRIST)
        request: dict[str, Any] = {"images": images, "task_description": observation.instruction}
        if self._wanted.get("send_state"):
            request["states"] = self._state(observation)
        return request

    def _state(self, observation: Observation) -> Float64Array:
        parts = _STATE_ANY_ANGLE if self._wanted.get("quat_no_antipodal") else _STATE_SHORTEST_ANGLE
        if all(part in observation.state for part in parts):
            return np.concatenate([observation.state[part] for part in parts])
        if VECTOR not in observation.state:
            raise PolicyError(f"the server wants a state, and the observation has {', '.join(observation.state) or 'none'}")
        return observation.state[VECTOR]


def _picture(observation: Observation, name: str) -> UInt8Array:
    if name not in observation.images:
        raise PolicyError(f"the server wants the picture {name!r}, and the observation has {', '.join(observation.images)}")
    return ResizeWithPad(_SIZE_PX)(observation.images[name])


def _wanted(greeting: Mapping[str, Any], server: str) -> Mapping[str, Any]:
    """What the server wants to be sent.

    Raises:
        PolicyUnavailableError: It answers with absolute actions, or its wishes are no map.
    """
    wanted = greeting.get("observation_params") or {}
    if not isinstance(wanted, dict):
        raise PolicyUnavailableError(f"{server}: the server's observation_params are {wanted!r}; expected a map")
    if wanted.get("absolute_action"):
        raise PolicyUnavailableError(
            f"{server}: the server answers with absolute poses (absolute_action), and LIBERO's actions are moves here"
        )
    return wanted


def _client(uri: PolicyURI, options: ServerOptions) -> VlaEvalClient:
    pictures = uri.params.get("pictures", "raw")
    if pictures not in PICTURE_FORMATS:
        raise PolicyUnavailableError(f"policy {uri.text!r}: pictures={pictures!r}. {suggest(pictures, PICTURE_FORMATS)}")
    return VlaEvalClient(server_url(uri, uri.scheme.removeprefix("vla-eval+")), options, pictures=pictures)
