"""A model server as vla-eval's protocol describes it: a session a connection, chunks unrolled, errors that leave it open."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgpack
import numpy as np
from servers.arrays import from_vla_eval, to_vla_eval
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websocket

HELLO = {
    "harness_version": "0.3.0",
    "protocol_version": 1,
    "model_server": "TestModelServer",
    "capabilities": {},
    "observation_params": {"send_wrist_image": True, "send_state": True, "quat_no_antipodal": True},
}


@dataclass
class Session:
    """One connection: what was received, and what is left of the chunk."""

    connection: ServerConnection
    chunk: list[Any] = field(default_factory=list)
    in_episode: bool = False
    seq: int = 0

    def send(self, kind: str, payload: dict[str, Any], seq: int) -> None:
        frame = {"type": kind, "payload": payload, "seq": seq, "timestamp": time.time()}
        self.connection.send(msgpack.packb(frame))


# What an observation is answered with: a chunk (T, A), or None when the function has sent something itself.
Act = Callable[[dict[str, Any], Session], Any]


@dataclass
class VlaEvalServer:
    """A running server.

    Attributes:
        url: The policy's URI.
        frames: Every frame that was received, in order.
        sessions: Every connection.
    """

    act: Act
    hello: dict[str, Any]
    health: HTTPStatus
    url: str = ""
    port: int = 0
    frames: list[dict[str, Any]] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    api_key: str | None = None

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [frame["payload"] for frame in self.frames if frame["type"] == kind]

    def before(self, connection: ServerConnection, request: Any) -> Any:
        if request.path == "/health":
            return connection.respond(self.health, '{"status": "ok"}\n')
        if self.api_key is not None and request.headers.get("Authorization") != f"Api-Key {self.api_key}":
            return connection.respond(HTTPStatus.UNAUTHORIZED, "no\n")
        return None

    def handle(self, connection: ServerConnection) -> None:
        session = Session(connection)
        self.sessions.append(session)
        try:
            for data in connection:
                frame = msgpack.unpackb(data, object_hook=from_vla_eval)
                assert set(frame) == {"type", "payload", "seq", "timestamp"}
                self.frames.append(frame)
                session.seq = frame["seq"]
                self.answer(session, frame)
        except ConnectionClosed:
            pass

    def answer(self, session: Session, frame: dict[str, Any]) -> None:
        kind, payload, seq = frame["type"], frame["payload"], frame["seq"]
        if kind == "hello":
            session.send("hello", self.hello, seq)
        elif kind == "episode_start":
            session.in_episode, session.chunk = True, []
        elif kind == "episode_end":
            session.in_episode = False
        elif not session.in_episode:
            session.send("error", {"error": "observation_failed: RuntimeError: no episode"}, seq)
        else:
            self.observed(session, payload, seq)

    def observed(self, session: Session, payload: dict[str, Any], seq: int) -> None:
        if not session.chunk:
            try:
                chunk = self.act(payload, session)
            except ConnectionClosed:
                raise
            except Exception as error:
                session.send("error", {"error": f"observation_failed: {type(error).__name__}: {error}"}, seq)
                return
            if chunk is None:
                return
            session.chunk = list(np.asarray(chunk, dtype=np.float32))
        session.send("action", {"actions": to_vla_eval(session.chunk.pop(0))}, seq)


@contextmanager
def serve_vla_eval(
    act: Act,
    *,
    port: int = 0,
    hello: dict[str, Any] | None = None,
    health: HTTPStatus = HTTPStatus.OK,
    api_key: str | None = None,
) -> Iterator[VlaEvalServer]:
    model = VlaEvalServer(act, HELLO if hello is None else hello, health, api_key=api_key)
    with serve_websocket(
        model.handle, "127.0.0.1", port, compression=None, max_size=None, process_request=model.before
    ) as server:
        model.port = server.socket.getsockname()[1]
        model.url = f"vla-eval+ws://127.0.0.1:{model.port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield model
        finally:
            for session in model.sessions:
                session.connection.close_socket()
            server.shutdown()
            thread.join()
