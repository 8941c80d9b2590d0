"""A small server that speaks openpi's protocol: it puts a Python function behind ``ws://``.

For trying the protocol, for a model in an environment of its own, and for tests over real sockets. From a script:

    from harness.policies.openpi_server import serve

    with serve(lambda observation: model(observation), port=8000, metadata={"model": "mine"}) as server:
        server.wait()
"""

from __future__ import annotations

import hmac
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from harness.policies.openpi_codec import pack, unpack

if TYPE_CHECKING:
    from websockets.http11 import Request, Response
    from websockets.sync.server import ServerConnection

PolicyFunction = Callable[[dict[str, Any]], Any]

_CLOSE_TIMEOUT_S = 1.0


def serve(
    policy_fn: PolicyFunction,
    host: str = "127.0.0.1",
    port: int = 0,
    metadata: Mapping[str, Any] | None = None,
    api_key: str | None = None,
) -> PolicyServer:
    """Starts a server in a thread; use it as a context manager, or call `PolicyServer.close`.

    Args:
        policy_fn: Takes the request's map and answers with actions (T, A), or with a map that has ``actions``. Called by one
            request at a time.
        host: Address to listen on; the default is this machine alone. Give an `api_key` with any other.
        port: 0 takes a free one, see `PolicyServer.port`.
        metadata: Sent to every client that connects; say which model this is.
        api_key: What a client must send as ``Authorization: Api-Key KEY``.

    Raises:
        OSError: The port is taken.
    """
    return PolicyServer(policy_fn, host, port, metadata or {}, api_key)


class PolicyServer:
    """A running server; made by `serve`.

    Attributes:
        host: The address that it listens on.
        port: The port that it listens on.
    """

    def __init__(
        self, policy_fn: PolicyFunction, host: str, port: int, metadata: Mapping[str, Any], api_key: str | None
    ) -> None:
        from websockets.sync.server import serve as serve_websocket

        self._policy_fn = policy_fn
        self._metadata = pack(dict(metadata))
        self._api_key = api_key
        self._inference = threading.Lock()
        self._connections: set[ServerConnection] = set()
        self._server = serve_websocket(
            self._handle,
            host,
            port,
            compression=None,
            max_size=None,
            ping_interval=None,
            close_timeout=_CLOSE_TIMEOUT_S,
            process_request=self._before_handshake,
        )
        self.host = host
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name=f"policy-server-{self.port}", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where clients connect to, which is also the policy URI."""
        return f"ws://{self.host}:{self.port}"

    def wait(self) -> None:
        """Blocks until the server is closed."""
        self._thread.join()

    def close(self) -> None:
        """Closes every connection and gives the port back."""
        for connection in list(self._connections):
            connection.close(1001, "the server is shutting down")
        self._server.shutdown()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _before_handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/healthz":
            return connection.respond(HTTPStatus.OK, "OK\n")
        if self._api_key is not None:
            sent = request.headers.get("Authorization", "")
            # In constant time, so that how long it takes says nothing about the key.
            if not hmac.compare_digest(sent.encode(), f"Api-Key {self._api_key}".encode()):
                return connection.respond(HTTPStatus.UNAUTHORIZED, "the API key is missing or wrong\n")
        return None

    def _handle(self, connection: ServerConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        self._connections.add(connection)
        try:
            with suppress(ConnectionClosed):
                self._converse(connection)
        finally:
            self._connections.discard(connection)

    def _converse(self, connection: ServerConnection) -> None:
        connection.send(self._metadata)
        previous_total_ms: float | None = None
        while True:
            frame = connection.recv()
            begin = time.monotonic()
            try:
                reply = self._reply(frame, previous_total_ms)
            except Exception:
                connection.send(traceback.format_exc())
                connection.close(1011, "Internal server error. Traceback included in previous frame.")
                return
            connection.send(reply)
            previous_total_ms = _ms_since(begin)

    def _reply(self, frame: str | bytes, previous_total_ms: float | None) -> bytes:
        if isinstance(frame, str):
            raise TypeError("a request must be a binary frame")
        request = unpack(frame)
        with self._inference:
            begin = time.monotonic()
            answer = self._policy_fn(request)
            infer_ms = _ms_since(begin)
        reply = dict(answer) if isinstance(answer, Mapping) else {"actions": answer}
        reply.setdefault("policy_timing", {"infer_ms": infer_ms})
        reply["server_timing"] = {"infer_ms": infer_ms}
        if previous_total_ms is not None:
            reply["server_timing"]["prev_total_ms"] = previous_total_ms
        return pack(reply)


def _ms_since(begin: float) -> float:
    return (time.monotonic() - begin) * 1000.0
