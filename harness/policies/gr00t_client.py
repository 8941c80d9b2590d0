"""A ZeroMQ connection to a GR00T policy server: one request, one answer, and a fresh socket whenever one is missing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.errors import PolicyError, PolicyOutputError, PolicyTimeoutError, PolicyUnavailableError
from harness.policies.gr00t_codec import pack, unpack
from harness.policies.server_address import DEFAULT_OPTIONS, ServerOptions, last_lines, refused_key

if TYPE_CHECKING:
    import zmq

DEFAULT_PORT = 5555
# What a server sends that cannot even encode its error (older than N1.6).
_BARE_ERROR = b"ERROR"


class Gr00tClient:
    """Asks one server. A REQ socket that lost its answer can never ask again, so it is made anew then.

    ZeroMQ itself connects, waits and connects again; what it does not say is told from the socket's events: a connection
    that ends while an answer is awaited is an error at once.
    """

    def __init__(self, url: str, options: ServerOptions = DEFAULT_OPTIONS) -> None:
        """Connects to nothing yet.

        Args:
            url: ``tcp://host:port``.
            options: How the server is asked. The key is sent as ``api_token``; ZeroMQ connects again by itself, so that
                retries mean nothing, and drops the connection to whoever sends more than allowed.

        Raises:
            PolicyUnavailableError: pyzmq is not installed.
        """
        _zmq()
        self.url = url
        self._options = options
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._events: zmq.Socket[bytes] | None = None

    def ping(self) -> dict[str, Any]:
        """Waits for the server to be there.

        Raises:
            PolicyUnavailableError: It did not answer in time, or wants another token.
        """
        try:
            answer = self._call({"endpoint": "ping"}, self._options.connect_timeout_s)
        except PolicyTimeoutError as error:
            parts = urlsplit(self.url)
            raise PolicyUnavailableError(
                f"policy server at {parts.hostname}, port {parts.port}, did not answer a ping within "
                f"{self._options.connect_timeout_s:g} s. Is it a GR00T server, is it running and done loading, and is the "
                "port open from here?"
            ) from error
        return answer if isinstance(answer, dict) else {}

    def modality_config(self) -> Any:
        """What the server says of its inputs and outputs; a map of maps.

        Raises:
            PolicyError: It has none, or it took too long.
        """
        return self._call({"endpoint": "get_modality_config"}, self._options.connect_timeout_s)

    def reset(self) -> None:
        """Tells the server that an episode begins.

        Raises:
            PolicyError: See `get_action`.
        """
        self._call({"endpoint": "reset", "data": {"options": None}}, self._options.answer_timeout_s)

    def get_action(self, observation: Mapping[str, Any]) -> tuple[Any, Any]:
        """The server's action and what it says about it.

        Raises:
            PolicyTimeoutError: No answer in time.
            PolicyOutputError: The answer is not GR00T's msgpack.
            PolicyError: The server reported an error, or the connection broke, be it since the answer before: who answers
                then has not been told of the episode.
        """
        if self._broke():
            self.close()
            raise PolicyError(f"{self.url}: the connection broke in the middle of an episode")
        data = {"observation": dict(observation), "options": None}
        answer = self._call({"endpoint": "get_action", "data": data}, self._options.answer_timeout_s)
        if isinstance(answer, list) and len(answer) == 2:
            return answer[0], answer[1]
        return answer, None

    def close(self) -> None:
        """Closes the socket; the next request makes a new one."""
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close(linger=0)
        if self._events is not None:
            self._events.close(linger=0)
        if self._context is not None:
            self._context.term()
        self._socket = self._events = self._context = None

    def _call(self, request: dict[str, Any], timeout_s: float) -> Any:
        frame = pack(request | ({"api_token": self._options.api_key} if self._options.api_key else {}))
        try:
            reply = self._exchange(frame, timeout_s)
        except BaseException:
            self.close()
            raise
        if reply == _BARE_ERROR:
            raise PolicyError(f"{self.url}: the policy server failed, and does not say how; its log has the traceback")
        try:
            answer = unpack(reply)
        except PolicyOutputError as error:
            raise PolicyOutputError(f"{self.url}: {error}") from error
        if isinstance(answer, dict) and "error" in answer:
            self._failed(str(answer["error"]))
        return answer

    def _failed(self, said: str) -> None:
        if said.startswith("Unauthorized"):
            raise refused_key(self.url, had_key=self._options.api_key is not None, said=said)
        raise PolicyError(f"{self.url}: the policy server failed:\n{last_lines(said)}")

    def _exchange(self, frame: bytes, timeout_s: float) -> bytes:
        zmq = _zmq()
        self._broke()
        socket, events = self._open()
        socket.send(frame)
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(events, zmq.POLLIN)
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            ready = dict(poller.poll(max(1, round(1000 * left_s))))
            if socket in ready:
                return socket.recv()
            if events in ready:
                raise PolicyError(
                    f"{self.url}: the connection broke before the answer was whole: the server ended, or its answer is "
                    f"longer than {self._options.max_mb} MiB and was not read (?max_mb=MIB)"
                )
        raise PolicyTimeoutError(
            f"{self.url}: no answer within {timeout_s:g} s; a server that compiles at its first inference needs longer: "
            "?timeout_s=SECONDS"
        )

    def _broke(self) -> bool:
        """Whether the connection ended since this was last asked, or while an answer was awaited."""
        broke = False
        while self._events is not None and self._events.poll(0):
            self._events.recv_multipart()
            broke = True
        return broke

    def _open(self) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        zmq = _zmq()
        if self._socket is None or self._events is None:
            self._context = zmq.Context()
            self._socket = self._context.socket(zmq.REQ)
            self._socket.setsockopt(zmq.LINGER, 0)
            # Not for names, which may mean another address then.
            self._socket.setsockopt(zmq.IPV6, ":" in (urlsplit(self.url).hostname or ""))
            self._socket.setsockopt(zmq.MAXMSGSIZE, self._options.max_mb * 2**20)
            self._events = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            self._socket.connect(self.url)
        return self._socket, self._events


def _zmq() -> Any:
    try:
        import zmq
        import zmq.utils.monitor
    except ImportError as error:
        raise PolicyUnavailableError("a GR00T server is reached with pyzmq: pip install 'evalharness[gr00t]'") from error
    return zmq
