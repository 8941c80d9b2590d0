"""One WebSocket to a policy server: opened with patience, dropped when anything is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.errors import PolicyError, PolicyOutputError, PolicyUnavailableError
from harness.policies.server_address import ServerOptions, is_loopback, refused_key, too_long, with_retries

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import ClientConnection

# A server that blocks its event loop in inference does not answer the closing handshake either.
_CLOSE_TIMEOUT_S = 1.0
# RFC 6455, section 7.4.1: a message is too big to be processed.
_TOO_BIG = 1009


class WebSocketLink:
    """A connection that its owner opens, uses, and opens again after it broke.

    Whatever goes wrong in `send` or `receive` closes it, a time-out excepted: what that means is for the protocol to say.

    Attributes:
        url: Where to.
    """

    def __init__(self, url: str, options: ServerOptions, *, protocol: str, health_path: str) -> None:
        """Connects to nothing yet.

        Args:
            url: ``ws://host:port[/path]`` or ``wss://...``.
            options: How the server is asked; the key is sent as ``Authorization: Api-Key KEY``. A message that is too long
                is refused when its header arrives.
            protocol: What the server should speak, for messages.
            health_path: Where a server that is up answers a GET.
        """
        self.url = url
        self._options = options
        self._greeting: dict[str, Any] | None = None
        self._protocol = protocol
        parts = urlsplit(url)
        self._health_url = f"http{parts.scheme[2:]}://{parts.netloc}{health_path}"
        self._stack = ExitStack()
        self._connection: ClientConnection | None = None

    @property
    def is_open(self) -> bool:
        """Whether a connection was made and has not been closed from here."""
        return self._connection is not None

    def open(self, greet: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Makes sure that a connection is open.

        Args:
            greet: Exchanges the first messages of a fresh connection, and gives what the server says of itself, as JSON
                could hold it. An OSError in it is tried again too.

        Returns:
            What the server said of itself.

        Raises:
            PolicyUnavailableError: No attempt succeeded, or the server refused the key.
            PolicyError: What answers now says something else of itself than what answered first.
        """
        if not self.is_open:
            with_retries(
                lambda: self._attempt(greet),
                url=self.url,
                options=self._options,
                sign_of_life=f"A server that is up answers GET {self._health_url}",
            )
        return self._greeting or {}

    def send(self, frame: bytes) -> None:
        """Sends one message.

        Raises:
            ConnectionError: The connection broke.
        """
        from websockets.exceptions import ConnectionClosed

        assert self._connection is not None
        try:
            self._connection.send(frame)
        except ConnectionClosed as error:
            self.close()
            raise ConnectionError(str(error)) from error
        except BaseException:
            self.close()
            raise

    def receive(self, timeout_s: float) -> str | bytes:
        """Waits for one message.

        Raises:
            TimeoutError: None came in time; the connection stays open.
            ConnectionError: The connection broke.
            PolicyOutputError: The message is longer than allowed.
            PolicyError: The server refuses a message as long as what was sent.
        """
        from websockets.exceptions import ConnectionClosed

        assert self._connection is not None
        try:
            return self._connection.recv(timeout=timeout_s)
        except TimeoutError:
            raise
        except ConnectionClosed as error:
            self.close()
            self._raise_if_too_big(error)
            raise ConnectionError(str(error)) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drops the connection."""
        self._connection = None
        self._stack.close()

    def _attempt(self, greet: Callable[[], dict[str, Any]]) -> None:
        """One attempt to connect and to greet; OSError when a further one makes sense."""
        from websockets.exceptions import InvalidStatus, WebSocketException
        from websockets.sync.client import connect

        headers = {"Authorization": f"Api-Key {self._options.api_key}"} if self._options.api_key else {}
        try:
            # As a context manager: the direct call is deprecated in newer websockets.
            self._connection = self._stack.enter_context(
                connect(
                    self.url,
                    additional_headers=headers,
                    proxy=None if is_loopback(self.url) else True,
                    compression=None,
                    max_size=self._options.max_mb * 2**20,
                    # The server's inference blocks its event loop, so pongs stall.
                    ping_interval=None,
                    open_timeout=self._options.connect_timeout_s,
                    close_timeout=_CLOSE_TIMEOUT_S,
                )
            )
            self._remember(greet())
        except InvalidStatus as error:
            self.close()
            self._raise_if_final(error)
            raise ConnectionError(str(error)) from error
        except WebSocketException as error:
            self.close()
            raise ConnectionError(str(error)) from error
        except BaseException:
            self.close()
            raise

    def _remember(self, greeting: dict[str, Any]) -> None:
        if self._greeting is not None and greeting != self._greeting:
            raise PolicyError(
                f"{self.url}: another server answers than before: it said {_shortened(self._greeting)} of itself, and now "
                f"says {_shortened(greeting)}"
            )
        self._greeting = greeting

    def _raise_if_final(self, error: Any) -> None:
        status = error.response.status_code
        if status in (401, 403):
            raise refused_key(self.url, had_key=self._options.api_key is not None, said=f"HTTP {status}") from error
        if 400 <= status < 500:
            raise PolicyUnavailableError(
                f"policy server {self.url} answers with HTTP {status}; are host, port and path those of a server of "
                f"{self._protocol}'s protocol?"
            ) from error

    def _raise_if_too_big(self, error: ConnectionClosed) -> None:
        if error.sent is not None and error.sent.code == _TOO_BIG and not error.rcvd_then_sent:
            raise PolicyOutputError(too_long(self.url, self._options.max_mb)) from error
        if error.rcvd is not None and error.rcvd.code == _TOO_BIG:
            raise PolicyError(
                f"{self.url}: the server refuses a message as long as the request: {error.rcvd.reason}"
            ) from error


def _shortened(greeting: Mapping[str, Any]) -> str:
    text = json.dumps(greeting, sort_keys=True)
    return text if len(text) <= 200 else f"{text[:200]}..."
