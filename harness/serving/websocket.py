"""A WebSocket server for request and answer: key, health, size limit, and an end that answers what is in flight."""

from __future__ import annotations

import hmac
import threading
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from harness.errors import UsageError

if TYPE_CHECKING:
    from websockets.http11 import Request, Response
    from websockets.sync.server import ServerConnection

DEFAULT_MAX_BYTES = 64 * 2**20

_CLOSE_TIMEOUT_S = 1.0
# How long answers that are ready may take to be sent when the server is closed.
_LAST_ANSWERS_S = 5.0
HEALTH_PATHS = ("/health", "/healthz")
_INTERNAL_ERROR = 1011


@dataclass(frozen=True)
class Access:
    """Who may ask, and how much at once.

    Attributes:
        api_key: What a client must send as ``Authorization: Api-Key KEY``; None: nothing.
        max_bytes: The largest message that is read; None: no limit.
    """

    api_key: str | None = None
    max_bytes: int | None = DEFAULT_MAX_BYTES

    def allows(self, authorization: str | None) -> bool:
        """Whether a header has the key; compared in constant time, so that how long it takes says nothing about it."""
        if self.api_key is None:
            return True
        # surrogateescape: a header, or a variable of the environment, may hold bytes that are no text.
        given, wanted = (text.encode(errors="surrogateescape") for text in (authorization or "", f"Api-Key {self.api_key}"))
        return hmac.compare_digest(given, wanted)


@dataclass(frozen=True)
class Out:
    """What is sent in answer to a frame.

    Attributes:
        frame: Bytes or text; None: nothing is sent.
        failed: Whether the connection is closed after it, as after an internal error.
    """

    frame: bytes | str | None
    failed: bool = False


class Conversation(typing.Protocol):
    """What is said on one connection; used by one thread."""

    def greeting(self) -> Out:
        """What is sent before anything was received; raises nothing."""

    def answer(self, frame: bytes | str) -> Out:
        """The answer to a frame; raises nothing."""

    def close(self) -> None:
        """The connection has ended."""


class InFlight:
    """Counts what is being answered, so that a server that is closed can wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Something is being answered while the block runs."""
        with self._changed:
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def wait(self) -> None:
        """Returns when nothing is in flight, or when it took too long."""
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0, timeout=_LAST_ANSWERS_S)


class WebSocketServer:
    """A running server.

    Attributes:
        host: The address that it listens on.
        port: The port that it listens on.
    """

    def __init__(
        self,
        converse: Callable[[Callable[[], bool]], Conversation],
        host: str,
        port: int,
        access: Access,
        healthy: Callable[[], bool] = lambda: True,
    ) -> None:
        """Listens, in a thread.

        Args:
            converse: Makes the conversation of a new connection; is given what says whether the client is still there.
            host: Address to listen on.
            port: 0 takes a free one.
            access: Who may ask, and how much at once.
            healthy: Whether the model is loaded.

        Raises:
            UsageError: The address cannot be listened on.
        """
        from websockets.sync.server import serve

        self._new_conversation = converse
        self._access = access
        self._healthy = healthy
        self._in_flight = InFlight()
        self._connections: set[ServerConnection] = set()
        try:
            self._server = serve(
                self._handle,
                host,
                port,
                compression=None,
                max_size=access.max_bytes,
                ping_interval=None,
                close_timeout=_CLOSE_TIMEOUT_S,
                process_request=self._before_handshake,
            )
        except OSError as error:
            raise UsageError(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error
        self.host = host
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name=f"server-{self.port}", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where clients connect to, which is also the policy URI."""
        return f"ws://{in_url(self.host)}:{self.port}"

    def wait(self) -> None:
        """Blocks until the server is closed."""
        self._thread.join()

    def close(self) -> None:
        """Sends the answers that are in flight, closes every connection and gives the port back."""
        self._in_flight.wait()
        for connection in list(self._connections):
            connection.close(1001, "the server is shutting down")
        self._server.shutdown()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _before_handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path in HEALTH_PATHS:
            healthy = self._healthy()
            return connection.respond(HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE, health_text(healthy))
        if not self._access.allows(request.headers.get("Authorization")):
            return connection.respond(HTTPStatus.UNAUTHORIZED, "the API key is missing or wrong\n")
        return None

    def _handle(self, connection: ServerConnection) -> None:
        from websockets.exceptions import ConnectionClosed
        from websockets.protocol import State

        conversation = self._new_conversation(lambda: connection.protocol.state is State.OPEN)
        self._connections.add(connection)
        try:
            with suppress(ConnectionClosed):
                self._converse(connection, conversation)
        finally:
            self._connections.discard(connection)
            conversation.close()

    def _converse(self, connection: ServerConnection, conversation: Conversation) -> None:
        out = conversation.greeting()
        if out.frame is not None:
            connection.send(out.frame)
        while not out.failed:
            frame = connection.recv()
            with self._in_flight.one():
                out = conversation.answer(frame)
                if out.frame is not None:
                    connection.send(out.frame)
        connection.close(_INTERNAL_ERROR, "Internal server error; the frame before says which.")


def health_text(healthy: bool) -> str:
    """What a health path answers; openpi's and vla-eval's clients look at the status alone."""
    return "OK\n" if healthy else "loading\n"


def in_url(host: str) -> str:
    """A host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host
