"""A server as OpenVLA's and OpenVLA-OFT's deploy.py: POST /act, and "error" with status 200 after any exception."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from servers.arrays import from_json_numpy, to_json_numpy

# Takes the request and answers with what JSON can hold, arrays included; or with `Raw`.
Act = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Raw:
    """A whole answer, right or wrong.

    Attributes:
        pieces: What is written to the socket, one after the other.
        keep_open: Whether the connection is left as it is afterwards; otherwise it is closed.
    """

    pieces: Iterator[bytes]
    keep_open: bool = False


@dataclass
class ActServer:
    """A running server.

    Attributes:
        url: The policy's URI.
        requests: The requests, decoded, in order.
        headers: Their headers.
        connections: One for every connection that posted something.
    """

    act: Act
    url: str = ""
    port: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)
    encoded: list[bool] = field(default_factory=list)
    gets: list[str] = field(default_factory=list)
    get_status: int = 404

    def body(self, request: Any) -> Any:
        encoded = "encoded" in request
        if encoded:
            assert len(request) == 1
            request = json.loads(request["encoded"], object_hook=from_json_numpy)
        self.encoded.append(encoded)
        self.requests.append(request)
        try:
            answer = self.act(request)
        except Exception:
            return b'"error"'
        if isinstance(answer, Raw):
            return answer
        text = json.dumps(answer, default=to_json_numpy)
        return (json.dumps(text) if encoded else text).encode()


class Handler(BaseHTTPRequestHandler):
    model: ActServer

    def do_GET(self) -> None:
        self.model.gets.append(self.path)
        self.reply(self.model.get_status, b'{"detail":"Not Found"}')

    def do_POST(self) -> None:
        if self.path != "/act":
            self.reply(404, b'{"detail":"Not Found"}')
            return
        if self.connection not in self.model.connections:
            self.model.connections.append(self.connection)
        self.model.headers.append(dict(self.headers.items()))
        data = self.rfile.read(int(self.headers["Content-Length"]))
        body = self.model.body(json.loads(data, object_hook=from_json_numpy))
        if isinstance(body, Raw):
            self.close_connection = not body.keep_open
            for piece in body.pieces:
                self.wfile.write(piece)
        else:
            self.reply(200, body)

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class Threads(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle of an answer is what some tests are about."""


@contextmanager
def serve_act(act: Act, *, port: int = 0, get_status: int = 404, protocol: str = "HTTP/1.1") -> Iterator[ActServer]:
    model = ActServer(act, get_status=get_status)
    server = Threads(("127.0.0.1", port), type("ModelHandler", (Handler,), {"model": model, "protocol_version": protocol}))
    model.port = server.server_address[1]
    model.url = f"http://127.0.0.1:{model.port}/act"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        for connection in model.connections:
            close_now(connection)


def close_now(connection: socket.socket) -> None:
    """Ends a connection that another thread may be reading from."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
