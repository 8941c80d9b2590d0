"""A connection to a server that speaks openpi's protocol: one request, one answer, and what to do when it breaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import PolicyError, PolicyOutputError, PolicyTimeoutError, PolicyUnavailableError
from harness.policies.openpi_codec import jsonable, pack, unpack
from harness.policies.server_address import DEFAULT_OPTIONS, ServerOptions, last_lines
from harness.policies.websocket_link import WebSocketLink


class OpenPIClient:
    """Asks one server, and connects again when the connection broke.

    A request is sent again once after a connection that broke in the middle of it: openpi's inference keeps no state. After
    a time-out, or anything else that leaves an answer outstanding, the connection is dropped, so that a late answer is
    never taken for the next one: the protocol has no sequence numbers.
    """

    def __init__(self, url: str, options: ServerOptions = DEFAULT_OPTIONS) -> None:
        """Connects to nothing yet.

        Args:
            url: ``ws://host:port[/path]`` or ``wss://...``.
            options: How the server is asked; the key is sent as ``Authorization: Api-Key KEY``.
        """
        self.url = url
        self._options = options
        self._link = WebSocketLink(url, options, protocol="openpi", health_path="/healthz")

    def connect(self) -> dict[str, Any]:
        """Makes sure that a connection is open, and gives the server's metadata.

        Returns:
            The metadata, as JSON could hold it.

        Raises:
            PolicyUnavailableError: No attempt succeeded, or the server refused the key.
            PolicyError: What answers now has other metadata than what answered first.
        """
        return self._link.open(self._read_metadata)

    def ask(self, request: Mapping[str, Any], *, acknowledgement: str | None = None) -> Any:
        """Sends one request and waits for its answer.

        Args:
            request: A map.
            acknowledgement: The one text that is an answer; any other is a server's error.

        Raises:
            PolicyTimeoutError: No answer in time.
            PolicyOutputError: The answer is not openpi's msgpack, or longer than allowed.
            PolicyError: The server reported an error, or the connection broke twice.
            PolicyUnavailableError: The connection broke, and the server could not be reached again.
        """
        frame = pack(request)
        self.connect()
        try:
            reply = self._exchange(frame)
        except OSError:
            self.connect()
            try:
                reply = self._exchange(frame)
            except OSError as error:
                raise PolicyError(f"{self.url}: the connection broke twice during one request: {error}") from error
        if isinstance(reply, str):
            if reply == acknowledgement:
                return reply
            self.close()
            raise PolicyError(f"{self.url}: the policy server failed:\n{last_lines(reply)}")
        try:
            return unpack(reply)
        except PolicyOutputError as error:
            raise PolicyOutputError(f"{self.url}: {error}") from error

    def close(self) -> None:
        """Drops the connection; the next `connect` or `ask` makes a new one."""
        self._link.close()

    def _exchange(self, frame: bytes) -> str | bytes:
        """One frame there and one back; OSError when the connection broke in between."""
        self._link.send(frame)
        try:
            return self._link.receive(self._options.answer_timeout_s)
        except TimeoutError as error:
            self.close()
            raise PolicyTimeoutError(
                f"{self.url}: no answer within {self._options.answer_timeout_s:g} s; a server that compiles at its first "
                "inference needs longer: ?timeout_s=SECONDS"
            ) from error

    def _read_metadata(self) -> dict[str, Any]:
        frame = self._link.receive(self._options.connect_timeout_s)
        if isinstance(frame, str):
            raise PolicyUnavailableError(f"policy server {self.url} failed at once:\n{last_lines(frame)}")
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
