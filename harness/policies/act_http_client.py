"""One HTTP connection to a server that answers ``POST /act``: kept alive, made again when it broke between two requests."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, RemoteDisconnected
from typing import NoReturn
from urllib.parse import urlsplit

from harness.errors import PolicyError, PolicyOutputError, PolicyTimeoutError, PolicyUnavailableError
from harness.policies.server_address import (
    DEFAULT_OPTIONS,
    ServerOptions,
    last_lines,
    refused_key,
    too_long,
    with_retries,
)

_PIECE_BYTES = 2**16
_DEFAULT_PATH = "/act"
_KEY_REFUSED = (401, 403)
# How much of a failure's page is read for the message.
_FAILURE_BYTES = 2**16


class ActClient:
    """Posts requests, one at a time.

    A request is sent again once after the server ended the connection before it had answered: servers of this kind keep no
    state.
    """

    def __init__(self, url: str, options: ServerOptions = DEFAULT_OPTIONS) -> None:
        """Connects to nothing yet.

        Args:
            url: ``http://host:port[/path]`` or ``https://...``; without a path it is ``/act``.
            options: How the server is asked; the key is sent as ``Authorization: Api-Key KEY``.
        """
        self.url = url
        self._options = options
        parts = urlsplit(url)
        self._path = parts.path if parts.path not in ("", "/") else _DEFAULT_PATH
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=options.connect_timeout_s)

    def connect(self) -> None:
        """Makes sure that a connection is open, to a server that answers; a GET of ``/health`` tells.

        Any answer is a sign of life, "not found" too, but for one that says that the server is not ready.

        Raises:
            PolicyUnavailableError: No attempt succeeded, or what is there wants another key, or does not speak HTTP.
        """
        if self._connection.sock is None:
            with_retries(
                self._attempt,
                url=self.url,
                options=self._options,
                sign_of_life="A server that is up answers GET /health, be it with 'not found'",
            )

    def _attempt(self) -> None:
        """One attempt; a connection alone says little, because one to a server that is ending is taken and dropped."""
        try:
            self._connection.connect()
            self._connection.request("GET", "/health", headers=self._headers())
            with self._connection.getresponse() as response:
                response.read(_FAILURE_BYTES)
                complete = response.isclosed()
        except OSError:
            self.close()
            raise
        except HTTPException as error:
            self.close()
            raise PolicyUnavailableError(f"{self.url} does not answer as an HTTP server: {_words(error)}") from error
        if not complete:
            self.close()
        if response.status in _KEY_REFUSED:
            self.close()
            raise refused_key(self.url, had_key=self._options.api_key is not None, said=f"HTTP {response.status}")
        if response.status >= 500:
            self.close()
            raise ConnectionError(f"GET /health answers with HTTP {response.status}: it is up, and not ready")

    def post(self, body: bytes) -> bytes:
        """Posts JSON and gives what came back with status 200.

        Raises:
            PolicyTimeoutError: No whole answer in time.
            PolicyOutputError: The answer is longer than allowed, or no HTTP.
            PolicyError: The server answered with an error, or the connection broke.
            PolicyUnavailableError: The server cannot be reached, wants another key, or has no such path.
        """
        self.connect()
        try:
            try:
                return self._exchange(body)
            except (RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.close()
            self.connect()
            return self._exchange(body)
        except TimeoutError as error:
            self.close()
            raise PolicyTimeoutError(
                f"{self.url}: no answer within {self._options.answer_timeout_s:g} s; a server that compiles at its first "
                "inference needs longer: ?timeout_s=SECONDS"
            ) from error
        except OSError as error:
            self.close()
            raise PolicyError(f"{self.url}: the connection broke during a request: {_words(error)}") from error
        except HTTPException as error:
            self.close()
            raise PolicyOutputError(f"{self.url}: the answer is not HTTP: {_words(error)}") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drops the connection; the next request makes a new one."""
        self._connection.close()

    def _exchange(self, body: bytes) -> bytes:
        deadline_s = time.monotonic() + self._options.answer_timeout_s
        if self._connection.sock is None:
            self._connection.connect()
        self._connection.sock.settimeout(self._options.answer_timeout_s)
        self._connection.request("POST", self._path, body, {**self._headers(), "Content-Type": "application/json"})
        response = self._connection.getresponse()
        if response.status != 200:
            self._refused(response, self._read(response, _FAILURE_BYTES, deadline_s))
        most = self._options.max_mb * 2**20
        if response.length is not None and response.length > most:
            raise PolicyOutputError(too_long(self.url, self._options.max_mb))
        answer = self._read(response, most + 1, deadline_s)
        if len(answer) > most:
            raise PolicyOutputError(too_long(self.url, self._options.max_mb))
        return answer

    def _read(self, response: HTTPResponse, most: int, deadline_s: float) -> bytes:
        """Reads to the end, but no more than `most` bytes.

        Raises:
            TimeoutError: The end did not come by the deadline, on the monotonic clock.
            ConnectionError: The connection broke before it.
        """
        read = bytearray()
        while len(read) < most:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            if self._connection.sock is not None:
                self._connection.sock.settimeout(left_s)
            piece = response.read1(min(_PIECE_BYTES, most - len(read)))
            if not piece:
                break
            read += piece
        if response.length and len(read) < most:
            raise ConnectionError(f"{response.length} bytes of the answer are missing")
        response.close()
        return bytes(read)

    def _refused(self, response: HTTPResponse, page: bytes) -> NoReturn:
        """Raises what a status other than 200 means."""
        said = f"HTTP {response.status}"
        if response.status in _KEY_REFUSED:
            raise refused_key(self.url, had_key=self._options.api_key is not None, said=said)
        if response.status in (404, 405):
            raise PolicyUnavailableError(f"policy server {self.url} has no POST {self._path}: {said}; is the path right?")
        text = last_lines(page.decode(errors="replace"))
        raise PolicyError(f"{self.url}: the policy server failed with {said}:\n{text}")

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Api-Key {self._options.api_key}"} if self._options.api_key else {}


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
