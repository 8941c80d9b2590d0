"""A session with a server that speaks vla-eval's protocol: greeting, episodes, observations and actions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import harness
from harness.errors import PolicyError, PolicyOutputError, PolicyTimeoutError, PolicyUnavailableError
from harness.policies.openpi_codec import jsonable
from harness.policies.server_address import DEFAULT_OPTIONS, ServerOptions, last_lines
from harness.policies.vla_eval_codec import PROTOCOL_VERSION, Frame, FrameType, PictureFormat, pack_frame, unpack_frame
from harness.policies.websocket_link import WebSocketLink

_HEALTH_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Reply:
    """An action that came back.

    Attributes:
        payload: What the server sent.
        seconds: From asking to the answer.
    """

    payload: Mapping[str, Any]
    seconds: float


@dataclass
class _Session:
    """What the server keeps of an episode, as far as the client has to know.

    Attributes:
        start_seq: Of the frame that began the episode.
        begin_s: When it was sent, on the monotonic clock.
        end_s: When the last action came.
        steps: Actions so far.
    """

    start_seq: int
    begin_s: float = field(default_factory=time.monotonic)
    end_s: float = field(default_factory=time.monotonic)
    steps: int = 0


class VlaEvalClient:
    """Runs episodes with one server, and connects again between them when the connection broke.

    The server keeps what an episode has seen and the actions that it has not given out yet. A connection that breaks in the
    middle of an episode has therefore lost it: `act` raises, and goes on raising until `begin`.
    """

    def __init__(self, url: str, options: ServerOptions = DEFAULT_OPTIONS, *, pictures: PictureFormat = "raw") -> None:
        """Connects to nothing yet.

        Args:
            url: ``ws://host:port[/path]`` or ``wss://...``.
            options: How the server is asked; the key is sent as ``Authorization: Api-Key KEY``.
            pictures: How pictures travel.
        """
        self.url = url
        self._options = options
        self._pictures: PictureFormat = pictures
        self._link = WebSocketLink(url, options, protocol="vla-eval", health_path="/health")
        self._seq = 0
        self._session: _Session | None = None

    def connect(self) -> dict[str, Any]:
        """Makes sure that a connection is open, and gives what the server said in its greeting.

        Returns:
            The payload of its hello, as JSON could hold it.

        Raises:
            PolicyUnavailableError: No attempt succeeded, the server is still loading, or it speaks another protocol.
            PolicyError: What answers now greets otherwise than what answered first.
        """
        return self._link.open(self._greet)

    def begin(self, task: Mapping[str, Any]) -> None:
        """Begins an episode, and ends the one before; the server answers neither.

        Args:
            task: ``name``, ``suite``, ``task_id``, ``episode_idx``.

        Raises:
            PolicyUnavailableError: See `connect`.
            PolicyError: The connection broke twice.
        """
        self._end()
        for last in (False, True):
            self.connect()
            try:
                self._session = _Session(self._send("episode_start", {"task": dict(task), "mode": "sync"}))
                return
            except ConnectionError as error:
                # Nothing is lost: the episode has not begun.
                if last:
                    raise PolicyError(
                        f"{self.url}: the connection broke twice at an episode's beginning: {error}"
                    ) from error

    def act(self, observation: Mapping[str, Any]) -> Reply:
        """Sends an observation and waits for the action.

        Raises:
            PolicyTimeoutError: No answer in time; a late one will not be taken for another.
            PolicyOutputError: What came is no frame of the protocol, or longer than allowed.
            PolicyError: The server reported an error, the connection broke, or it had broken in this episode before.
        """
        if self._session is None or not self._link.is_open:
            raise PolicyError(f"{self.url}: no episode is running: its connection broke, and the server keeps none without")
        begin_s = time.monotonic()
        try:
            seq = self._send("observation", observation)
            frame = self._reply_to(seq, self._session.start_seq, begin_s + self._options.answer_timeout_s)
        except TimeoutError as error:
            raise PolicyTimeoutError(
                f"{self.url}: no action within {self._options.answer_timeout_s:g} s; a server that compiles at its first "
                "inference needs longer: ?timeout_s=SECONDS"
            ) from error
        except ConnectionError as error:
            raise PolicyError(f"{self.url}: the connection broke in the middle of an episode: {error}") from error
        if frame.type != "action":
            self.close()
            raise PolicyError(f"{self.url}: an observation was answered with {frame.type!r}, not with an action")
        self._session.end_s = time.monotonic()
        self._session.steps += 1
        return Reply(frame.payload, self._session.end_s - begin_s)

    def close(self) -> None:
        """Ends the episode and drops the connection; the next `connect` or `begin` makes a new one."""
        self._end()
        self._link.close()

    def _end(self) -> None:
        """Tells the server that the episode is over, if it can still hear it."""
        session, self._session = self._session, None
        if session is None or not self._link.is_open:
            return
        elapsed_s = session.end_s - session.begin_s
        try:
            self._send("episode_end", {"metrics": {}, "steps": session.steps, "elapsed_sec": elapsed_s})
        except ConnectionError:
            return  # The server ends the episodes of a connection that is gone.

    def _send(self, frame_type: FrameType, payload: Mapping[str, Any]) -> int:
        """Sends a frame and gives its sequence number."""
        self._seq += 1
        self._link.send(pack_frame(Frame(frame_type, payload, self._seq), self._pictures))
        return self._seq

    def _reply_to(self, seq: int, start_seq: int, deadline_s: float) -> Frame:
        """The answer to an observation; answers to earlier ones, which came too late, are dropped.

        Raises:
            TimeoutError: It did not come by the deadline, on the monotonic clock.
            ConnectionError: The connection broke.
            PolicyError: The answer is an error of the observation's, or of the frame's that began the episode.
        """
        while True:
            frame = self._receive(deadline_s - time.monotonic())
            if frame.type == "error" and frame.seq in (seq, start_seq):
                said = frame.payload.get("error", dict(frame.payload))
                raise PolicyError(f"{self.url}: the policy server failed:\n{last_lines(str(said))}")
            if frame.seq == seq:
                return frame

    def _receive(self, timeout_s: float) -> Frame:
        if timeout_s <= 0:
            raise TimeoutError
        data = self._link.receive(timeout_s)
        try:
            if isinstance(data, str):
                raise PolicyOutputError(f"a frame came as text: {data[:200]!r}")
            return unpack_frame(data)
        except PolicyOutputError as error:
            self._link.close()
            raise PolicyOutputError(f"{self.url}: {error}") from error

    def _greet(self) -> dict[str, Any]:
        """Says hello on a fresh connection, and checks the answer."""
        self._raise_if_loading()
        hello = {"harness_version": f"evalharness {harness.__version__}", "protocol_version": PROTOCOL_VERSION}
        seq = self._send("hello", hello)
        try:
            reply = self._reply_to(seq, seq, time.monotonic() + self._options.connect_timeout_s)
        except PolicyError as error:
            raise PolicyUnavailableError(f"{self.url} does not answer a hello of vla-eval's protocol: {error}") from error
        if reply.type != "hello":
            raise PolicyUnavailableError(f"{self.url} answered a hello with {reply.type!r}; is it a vla-eval server?")
        version = reply.payload.get("protocol_version")
        if version != PROTOCOL_VERSION:
            raise PolicyUnavailableError(
                f"{self.url} speaks version {version!r} of vla-eval's protocol, evalharness version {PROTOCOL_VERSION}"
            )
        greeting: dict[str, Any] = jsonable(reply.payload)
        return greeting

    def _raise_if_loading(self) -> None:
        """GET /health: ConnectionError when the server says that it is not ready; whatever else it says is left to hello."""
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "wss" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=min(_HEALTH_TIMEOUT_S, self._options.connect_timeout_s))
        try:
            connection.request("GET", "/health")
            status = connection.getresponse().status
        except (OSError, HTTPException):
            return
        finally:
            connection.close()
        if status >= 500:
            raise ConnectionError(f"GET /health answers with HTTP {status}: it is up, and not ready")
