"""openpi's protocol: metadata first, then a map for a map; an error is a text, after which the connection is closed."""

from __future__ import annotations

import time
import traceback
import typing
from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import HarnessError, PolicyError
from harness.policies.openpi_codec import pack, unpack
from harness.policies.served import (
    ENDPOINT_KEY,
    METADATA_KEY,
    OBSERVATION_KEY,
    RAW_KEY,
    RESET,
    RESET_DONE,
    VERSION,
    read_episode,
)
from harness.serving.observations import Reader
from harness.serving.sessions import Sessions
from harness.serving.websocket import Conversation, Out


class Answers(typing.Protocol):
    """What answers a decoded request; `harness.policies.openpi_server` has another one than a served policy."""

    def metadata(self) -> Mapping[str, Any]:
        """What a client is sent first."""

    def answer(self, request: Any) -> dict[str, Any] | str:
        """The reply to a request, a text where that is no failure; raises what becomes the client's error."""

    def close(self) -> None:
        """The client has gone."""


class OpenPIConversation:
    """One connection."""

    def __init__(self, answers: Answers) -> None:
        """Takes what answers."""
        self._answers = answers
        self._previous_total_ms: float | None = None

    def greeting(self) -> Out:
        """The metadata; waits until the model is loaded, as openpi's clients do."""
        try:
            return Out(pack(dict(self._answers.metadata())))
        except Exception as error:
            return Out(error_text(error), failed=True)

    def answer(self, frame: bytes | str) -> Out:
        """The reply, with ``server_timing``: ``prev_total_ms`` is what the answer before took here."""
        begin_s = time.perf_counter()
        try:
            if isinstance(frame, str):
                raise PolicyError("a request must be a binary frame of msgpack, not text")
            reply = self._answers.answer(unpack(frame))
            if isinstance(reply, str):
                return Out(reply)
            if self._previous_total_ms is not None:
                reply.setdefault("server_timing", {})["prev_total_ms"] = self._previous_total_ms
            packed = pack(reply)
        except Exception as error:
            return Out(error_text(error), failed=True)
        self._previous_total_ms = 1000 * (time.perf_counter() - begin_s)
        return Out(packed)

    def close(self) -> None:
        """See `Conversation.close`."""
        self._answers.close()


class ServedPolicy:
    """A session of the served policy, asked by openpi's requests."""

    def __init__(self, sessions: Sessions, reader: Callable[[], Reader], connected: Callable[[], bool], about: Any) -> None:
        """Opens a session.

        Args:
            sessions: Where.
            reader: Makes observations; waits until the policy is there.
            connected: Whether the client is still there.
            about: The policy's metadata.
        """
        self._session = sessions.open()
        self._inference = sessions.inference
        self._reader = reader
        self._connected = connected
        self._about: Mapping[str, Any] = about

    def metadata(self) -> Mapping[str, Any]:
        """What the policy is; says to a client of ours that it may send whole observations."""
        raw = {RAW_KEY: True} if self._inference.policy().raw_actions else {}
        return {**self._about, **raw, METADATA_KEY: VERSION}

    def answer(self, request: Any) -> dict[str, Any] | str:
        """Actions with ``policy_timing`` and ``server_timing``, which has ``queue_ms`` and ``batch_size`` too."""
        if isinstance(request, dict) and request.get(ENDPOINT_KEY) == RESET:
            self._session.reset(str(request.get("prompt", "")), read_episode(request))
            return RESET_DONE
        observation = self._reader().openpi(request, self._session.asked)
        if OBSERVATION_KEY in request and observation.step and not self._session.begun:
            raise PolicyError(f"the connection was lost in the middle of an episode, before step {observation.step}")
        reply = self._session.ask(observation, self._connected)
        timing = {"infer_ms": reply.infer_ms, "queue_ms": reply.queue_ms, "batch_size": reply.batch_size}
        return {"actions": reply.chunk, "policy_timing": {"infer_ms": reply.infer_ms}, "server_timing": timing}

    def close(self) -> None:
        """Ends the session."""
        self._session.close()


def openpi_conversations(
    sessions: Sessions, reader: Callable[[], Reader], about: Mapping[str, Any]
) -> Callable[[Callable[[], bool]], Conversation]:
    """What a `WebSocketServer` needs to serve a policy by openpi's protocol."""
    return lambda connected: OpenPIConversation(ServedPolicy(sessions, reader, connected, about))


def error_text(error: Exception) -> str:
    """What a client is told: an error of ours in a line, anything else with its place."""
    if isinstance(error, HarnessError):
        return f"{type(error).__name__}: {error}"
    return "".join(traceback.format_exception(error))
