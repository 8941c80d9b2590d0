"""A connection to a server that speaks openpi's protocol: one request, one answer, and what to do when it breaks."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.errors import PolicyError, PolicyOutputError, PolicyTimeoutError, PolicyUnavailableError
from harness.policies.openpi_codec import jsonable, pack, unpack

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

# A server that blocks its event loop in inference does not answer the closing handshake either.
_CLOSE_TIMEOUT_S = 1.0
_LONGEST_PAUSE_S = 8.0
_TRACEBACK_LINES = 12


class OpenPIClient:
    """Asks one server, and connects again when the connection broke.

    A request is sent again once after a connection that broke in the middle of it: openpi's inference keeps no state. After
    a time-out, or anything else that leaves an answer outstanding, the connection is dropped, so that a late answer is
    never taken for the next one: the protocol has no sequence numbers.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        answer_timeout_s: float = 120.0,
        connect_timeout_s: float = 30.0,
        retries: int = 5,
        first_pause_s: float = 0.5,
    ) -> None:
        """Connects to nothing yet.

        Args:
            url: ``ws://host:port[/path]`` or ``wss://...``.
            api_key: Sent as ``Authorization: Api-Key KEY``.
            answer_timeout_s: How long one answer may take.
            connect_timeout_s: How long one attempt to connect, and then the server's metadata, may take.
            retries: How often connecting is tried again.
            first_pause_s: Pause before the first retry; it doubles each time, up to 8 s.
        """
        self.url = url
        self._api_key = api_key
        self._answer_timeout_s = answer_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._retries = retries
        self._first_pause_s = first_pause_s
        self._stack = ExitStack()
        self._connection: ClientConnection | None = None
        self._metadata: dict[str, Any] | None = None

    def connect(self) -> dict[str, Any]:
        """Makes sure that a connection is open, and gives the server's metadata.

        Returns:
            The metadata, as JSON could hold it.

        Raises:
            PolicyUnavailableError: No attempt succeeded, or the server refused the key.
            PolicyError: What answers now has other metadata than what answered first.
        """
        from websockets.exceptions import WebSocketException

        attempt = 0
        while self._connection is None:
            try:
                self._open()
            except (OSError, WebSocketException) as error:
                if attempt >= self._retries:
                    raise PolicyUnavailableError(self._unreachable(error, attempt + 1)) from error
                time.sleep(min(self._first_pause_s * 2**attempt, _LONGEST_PAUSE_S))
                attempt += 1
        return self._metadata or {}

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Sends one request and waits for its answer.

        Raises:
            PolicyTimeoutError: No answer in time.
            PolicyOutputError: The answer is not openpi's msgpack.
            PolicyError: The server reported an error, or the connection broke twice.
            PolicyUnavailableError: The connection broke, and the server could not be reached again.
        """
        from websockets.exceptions import ConnectionClosed

        frame = pack(request)
        self.connect()
        try:
            reply = self._exchange(frame)
        except (OSError, ConnectionClosed):
            self.connect()
            try:
                reply = self._exchange(frame)
            except (OSError, ConnectionClosed) as error:
                raise PolicyError(f"{self.url}: the connection broke twice during one request: {error}") from error
        if isinstance(reply, str):
            self.close()
            raise PolicyError(f"{self.url}: the policy server failed:\n{_last_lines(reply)}")
        return unpack(reply)

    def close(self) -> None:
        """Drops the connection; the next `connect` or `ask` makes a new one."""
        self._connection = None
        self._stack.close()

    def _exchange(self, frame: bytes) -> str | bytes:
        """One frame there and one back; whatever goes wrong in between, the connection is dropped."""
        assert self._connection is not None
        try:
            self._connection.send(frame)
            try:
                return self._connection.recv(timeout=self._answer_timeout_s)
            except TimeoutError as error:
                raise PolicyTimeoutError(
                    f"{self.url}: no answer within {self._answer_timeout_s:g} s; a server that compiles at its first "
                    "inference needs longer: ?timeout_s=SECONDS"
                ) from error
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        """One attempt to connect and to read the metadata.

        Raises:
            OSError: It failed, and may succeed later; so with websockets' WebSocketException.
            PolicyUnavailableError: It will not succeed later.
            PolicyError: See `connect`.
        """
        from websockets.exceptions import InvalidStatus
        from websockets.sync.client import connect

        headers = {"Authorization": f"Api-Key {self._api_key}"} if self._api_key else {}
        try:
            # As a context manager: the direct call is deprecated in newer websockets.
            connection = self._stack.enter_context(
                connect(
                    self.url,
                    additional_headers=headers,
                    proxy=None if _is_loopback(self.url) else True,
                    compression=None,
                    max_size=None,
                    # The server's inference blocks its event loop, so pongs stall.
                    ping_interval=None,
                    open_timeout=self._connect_timeout_s,
                    close_timeout=_CLOSE_TIMEOUT_S,
                )
            )
            metadata = self._read_metadata(connection.recv(timeout=self._connect_timeout_s))
            if self._metadata is not None and metadata != self._metadata:
                raise PolicyError(
                    f"{self.url}: another server answers than before: its metadata were {_shortened(self._metadata)} and "
                    f"are now {_shortened(metadata)}"
                )
        except InvalidStatus as error:
            self.close()
            self._raise_if_final(error)
            raise
        except BaseException:
            self.close()
            raise
        self._connection, self._metadata = connection, metadata

    def _raise_if_final(self, error: Any) -> None:
        status = error.response.status_code
        if status in (401, 403):
            had = "the API key was refused" if self._api_key else "it wants an API key"
            raise PolicyUnavailableError(
                f"policy server {self.url}: {had} (HTTP {status}); set EVALHARNESS_API_KEY to the server's key"
            ) from error
        if 400 <= status < 500:
            raise PolicyUnavailableError(
                f"policy server {self.url} answers with HTTP {status}; are host, port and path those of an openpi server?"
            ) from error

    def _read_metadata(self, frame: str | bytes) -> dict[str, Any]:
        if isinstance(frame, str):
            raise PolicyUnavailableError(f"policy server {self.url} failed at once:\n{_last_lines(frame)}")
        try:
            metadata = unpack(frame)
        except PolicyOutputError as error:
            raise PolicyUnavailableError(f"{self.url} is not an openpi server: {error}") from error
        if not isinstance(metadata, dict):
            raise PolicyUnavailableError(
                f"{self.url} is not an openpi server: its first message is a {type(metadata).__name__}, not a map"
            )
        result: dict[str, Any] = jsonable(metadata)
        return result

    def _unreachable(self, error: BaseException, attempts: int) -> str:
        parts = urlsplit(self.url)
        times = "" if attempts == 1 else f" in {attempts} attempts"
        return (
            f"policy server at {parts.hostname}, port {parts.port or 'default'}, could not be reached{times}: "
            f"{str(error) or type(error).__name__}. Is it running and done loading, does it listen on that port, "
            f"and is the port open from here? A server that is up answers GET http{parts.scheme[2:]}://{parts.netloc}/healthz"
        )


def metadata_fingerprint(metadata: Mapping[str, Any]) -> str:
    """SHA-256 of metadata (as `OpenPIClient.connect` gives them) as JSON with sorted keys and no spaces."""
    return hashlib.sha256(json.dumps(metadata, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _last_lines(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-_TRACEBACK_LINES:])


def _shortened(metadata: Mapping[str, Any]) -> str:
    text = json.dumps(metadata, sort_keys=True)
    return text if len(text) <= 200 else f"{text[:200]}..."
