"""OpenVLA's protocol: ``POST /act`` with JSON in which arrays are json_numpy's."""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import numpy as np

from harness.errors import HarnessError, PolicyError, UsageError
from harness.policies.json_numpy_codec import answer_body, dumps, read_request
from harness.serving.observations import Reader
from harness.serving.openpi import error_text
from harness.serving.sessions import Sessions
from harness.serving.websocket import HEALTH_PATHS, Access, InFlight, health_text, in_url

# A client that connects and says nothing, or stops in the middle of a request, is dropped after this time.
_SILENCE_S = 60.0
# How long what a refused client still sends is thrown away, so that it gets to read the answer.
_LINGER_S = 2.0
# How soon a server that is closed takes notice.
_POLL_S = 0.05


class HTTPServer:
    """A running server. All its clients share one session: the protocol knows neither clients nor episodes.

    Attributes:
        host: The address that it listens on.
        port: The port that it listens on.
    """

    def __init__(
        self,
        sessions: Sessions,
        reader: Callable[[], Reader],
        host: str,
        port: int,
        access: Access,
    ) -> None:
        """Listens, in a thread.

        Args:
            sessions: Where the session is opened.
            reader: Makes observations; waits until the policy is there.
            host: Address to listen on.
            port: 0 takes a free one.
            access: Who may ask, and how much at once.

        Raises:
            UsageError: The address cannot be listened on.
        """
        self.access = access
        self._inference = sessions.inference
        self.in_flight = InFlight()
        self._reader = reader
        try:
            self._server = _Threads((host, port), self)
        except OSError as error:
            raise UsageError(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error
        # Nobody knows how many clients there are: a batch is filled, or waits its time.
        self._session = sessions.open(questions=sessions.inference.batching.max_batch)
        self.host = host
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name=f"server-{self.port}", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where clients post to, without the path."""
        return f"http://{in_url(self.host)}:{self.port}"

    def close(self) -> None:
        """Sends the answers that are in flight, and gives the port back."""
        self._server.shutdown()
        self.in_flight.wait()
        self._server.server_close()
        self._thread.join()
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def healthy(self) -> bool:
        """Whether the model is loaded."""
        return self._inference.loaded

    def act(self, body: bytes) -> tuple[HTTPStatus, bytes]:
        """Status and body of the answer: a chunk (T, A), or the action (A,) of a chunk of one; else ``{"error": text}``.

        The protocol's gripper is RLDS's. A policy whose actions are as the simulator takes them has LIBERO's.
        """
        try:
            reader = self._reader()
            try:
                request, encoded = read_request(body)
                observation = reader.http(request, self._session.asked)
            except PolicyError as error:
                return HTTPStatus.BAD_REQUEST, error_body(error)
            chunk = self._session.ask(observation).chunk
            raw_actions = self._inference.policy().raw_actions
        except Exception as error:
            return HTTPStatus.INTERNAL_SERVER_ERROR, error_body(error)
        if raw_actions:
            chunk = np.concatenate([chunk[:, :-1], (1.0 - np.clip(chunk[:, -1:], -1.0, 1.0)) / 2.0], axis=1)
        return HTTPStatus.OK, answer_body(chunk[0] if len(chunk) == 1 else chunk, encoded=encoded)


class _Threads(ThreadingHTTPServer):
    """One thread a connection, which does not keep the process from ending."""

    daemon_threads = True
    # More clients than the standard library's 5 may connect at the same moment.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: HTTPServer) -> None:
        self.owner = owner
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of a client that has gone."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    """The requests of one connection."""

    protocol_version = "HTTP/1.1"
    timeout = _SILENCE_S
    disable_nagle_algorithm = True
    server: _Threads

    def do_GET(self) -> None:
        if self.path in HEALTH_PATHS:
            healthy = self.server.owner.healthy()
            status = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
            self._send(status, health_text(healthy).encode(), "text/plain")
        else:
            self._refuse(HTTPStatus.NOT_FOUND, f"there is no {self.path}; known: POST /act, GET {', '.join(HEALTH_PATHS)}")

    def do_POST(self) -> None:
        owner = self.server.owner
        if not owner.access.allows(self.headers.get("Authorization")):
            self._refuse(HTTPStatus.UNAUTHORIZED, "the API key is missing or wrong")
        elif self.path != "/act":
            self._refuse(HTTPStatus.NOT_FOUND, f"there is no {self.path}; requests are posted to /act")
        elif (length := self._length()) is not None:
            body = self.rfile.read(length)
            with owner.in_flight.one():
                self._send(*owner.act(body))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Says nothing: a line a request would hide everything else."""

    def _length(self) -> int | None:
        """The body's length, or None after it was refused."""
        text = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", text):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a request needs a Content-Length")
            return None
        most = self.server.owner.access.max_bytes
        if most is not None and int(text) > most:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request may have {most} bytes, not {text}")
            return None
        return int(text)

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        """Answers without having read the body, after which the connection cannot be used again."""
        self.close_connection = True
        self._send(status, error_body(HarnessError(text)))
        self._linger()

    def _linger(self) -> None:
        """Throws away what is still coming: closing at once would make the system forget the answer that was sent."""
        end_s = time.monotonic() + _LINGER_S
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while (left_s := end_s - time.monotonic()) > 0:
                self.connection.settimeout(left_s)
                if not self.connection.recv(2**16):
                    break

    def _send(self, status: HTTPStatus, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def error_body(error: Exception) -> bytes:
    """What a client is told."""
    return dumps({"error": error_text(error)}).encode()
