"""vla-eval's protocol, version 1: frames with a sequence number; chunks are unrolled here, an action a frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import harness
from harness.errors import PolicyError
from harness.policies.vla_eval_codec import PROTOCOL_VERSION, Frame, FrameType, pack_frame, unpack_frame
from harness.serving.observations import Reader
from harness.serving.openpi import error_text
from harness.serving.sessions import Sessions
from harness.serving.websocket import Conversation, Out
from harness.transforms.recipes import VECTOR, WRIST
from harness.types import EnvSpec, Float64Array


class VlaEvalConversation:
    """One connection. Errors leave it open, as the protocol has it."""

    def __init__(
        self,
        sessions: Sessions,
        reader: Callable[[], Reader],
        connected: Callable[[], bool],
        about: Mapping[str, Any],
        replan_steps: int | None,
    ) -> None:
        """Opens a session.

        Args:
            sessions: Where.
            reader: Makes observations; waits until the policy is there.
            connected: Whether the client is still there.
            about: The policy's metadata.
            replan_steps: How many actions of a chunk are used; None: all.
        """
        self._session = sessions.open()
        self._reader = reader
        self._connected = connected
        self._about = about
        self._replan_steps = replan_steps
        self._chunk: deque[Float64Array] = deque()
        self._step = 0

    def greeting(self) -> Out:
        """Nothing: the client speaks first."""
        return Out(None)

    def answer(self, frame: bytes | str) -> Out:
        """The reply's frame, or an ``error`` with the question's number."""
        seq = 0
        try:
            if isinstance(frame, str):
                raise PolicyError("a message must be a binary frame of msgpack, not text")
            message = unpack_frame(frame)
            seq = message.seq
            reply = self._reply(message)
        except Exception as error:
            self._chunk.clear()
            reply = ("error", {"error": error_text(error)})
        return Out(None if reply is None else pack_frame(Frame(reply[0], reply[1], seq)))

    def close(self) -> None:
        """See `Conversation.close`."""
        self._session.close()

    def _reply(self, message: Frame) -> tuple[FrameType, Mapping[str, Any]] | None:
        if message.type == "hello":
            return "hello", self._hello(message.payload)
        if message.type == "episode_start":
            task = message.payload.get("task")
            self._begin(str(task.get("name", "")) if isinstance(task, Mapping) else "")
            return None
        if message.type == "observation":
            return "action", self._action(message.payload)
        if message.type == "episode_end":
            self._chunk.clear()
            return None
        raise PolicyError(f"a client sends hello, episode_start, observation and episode_end, not {message.type}")

    def _hello(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        version = payload.get("protocol_version")
        if version != PROTOCOL_VERSION:
            raise PolicyError(f"the client speaks version {version} of the protocol, and this server {PROTOCOL_VERSION}")
        return {
            "harness_version": f"evalharness {harness.__version__}",
            "protocol_version": PROTOCOL_VERSION,
            "model_server": self._about["name"],
            "capabilities": {},
            "observation_params": _observation_params(self._reader().spec),
            "evalharness": dict(self._about),
        }

    def _begin(self, task: str) -> None:
        self._chunk.clear()
        self._step = 0
        self._session.reset(task)

    def _action(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """The next action (A,), float32, of the chunk in use or of a new one, and what the latter took."""
        timing = {"infer_ms": 0.0, "queue_ms": 0.0}
        if not self._chunk:
            reply = self._session.ask(self._reader().vla_eval(payload, self._step), self._connected)
            self._chunk.extend(reply.chunk[: self._replan_steps])
            timing = {"infer_ms": reply.infer_ms, "queue_ms": reply.queue_ms}
        self._step += 1
        return {"actions": self._chunk.popleft().astype(np.float32), "server_timing": timing}


def vla_eval_conversations(
    sessions: Sessions, reader: Callable[[], Reader], about: Mapping[str, Any], replan_steps: int | None
) -> Callable[[Callable[[], bool]], Conversation]:
    """What a `WebSocketServer` needs to serve a policy by vla-eval's protocol."""
    return lambda connected: VlaEvalConversation(sessions, reader, connected, about, replan_steps)


def _observation_params(spec: EnvSpec) -> dict[str, bool]:
    """What the client should send. LIBERO's ``vector`` has its angle in [0, 2 pi]: no antipodal normalisation."""
    return {"send_wrist_image": WRIST in spec.images, "send_state": VECTOR in spec.state, "quat_no_antipodal": True}
