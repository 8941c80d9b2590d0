"""A policy server as GR00T's: a ZeroMQ REP socket, endpoints, and errors as {"error": text}."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgpack
import zmq
from servers.arrays import from_gr00t, to_gr00t

# Takes the observation and answers with [action, info]; bytes are sent as they are.
Act = Callable[[dict[str, Any]], Any]

MODALITY_CONFIG = {
    "video": {
        "__ModalityConfig_class__": True,
        "as_json": {"delta_indices": [0], "modality_keys": ["image", "wrist_image"]},
    },
    "action": {"__ModalityConfig_class__": True, "as_json": {"delta_indices": [*range(16)], "modality_keys": ["x", "y"]}},
}


@dataclass
class Gr00tServer:
    """A running server.

    Attributes:
        url: The policy's URI.
        calls: The endpoints that were asked, in order.
        observations: What get_action was given.
    """

    act: Act
    api_token: str | None
    url: str = ""
    port: int = 0
    calls: list[str] = field(default_factory=list)
    observations: list[dict[str, Any]] = field(default_factory=list)

    def reply(self, request: dict[str, Any]) -> Any:
        if self.api_token is not None and request.get("api_token") != self.api_token:
            return {"error": "Unauthorized: Invalid API token"}
        endpoint = request["endpoint"]
        self.calls.append(endpoint)
        if endpoint == "ping":
            return {"status": "ok", "message": "Server is running"}
        if endpoint == "get_modality_config":
            return MODALITY_CONFIG
        if endpoint == "reset":
            assert request["data"] == {"options": None}
            return {}
        assert endpoint == "get_action"
        assert set(request["data"]) == {"observation", "options"}
        self.observations.append(request["data"]["observation"])
        return self.act(request["data"]["observation"])

    def frame(self, data: bytes) -> bytes:
        try:
            answer = self.reply(msgpack.unpackb(data, object_hook=from_gr00t))
        except Exception as error:
            answer = {"error": str(error)}
        return answer if isinstance(answer, bytes) else msgpack.packb(answer, default=to_gr00t)


@contextmanager
def serve_gr00t(act: Act, *, host: str = "127.0.0.1", port: int = 0, api_token: str | None = None) -> Iterator[Gr00tServer]:
    model = Gr00tServer(act, api_token)
    context = zmq.Context()
    socket, stop, stopped = context.socket(zmq.REP), context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.IPV6, True)
    model.port = socket.bind_to_random_port(f"tcp://{host}") if port == 0 else port
    if port:
        socket.bind(f"tcp://{host}:{port}")
    model.url = f"gr00t://{host}:{model.port}"
    stop.bind("inproc://stop")
    stopped.connect("inproc://stop")

    def loop() -> None:
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(stopped, zmq.POLLIN)
        while stopped not in (ready := dict(poller.poll())):
            if socket in ready:
                socket.send(model.frame(socket.recv()))
        socket.close()
        stopped.close()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield model
    finally:
        stop.send(b"")
        thread.join()
        stop.close()
        context.term()
