"""A small server that speaks openpi's protocol: it puts a Python function behind ``ws://``.

For trying the protocol, for a model in an environment of its own, and for tests over real sockets; a policy with a URI is
served by ``evalharness serve``. From a script:

    from harness.policies.openpi_server import serve

    with serve(lambda observation: model(observation), port=8000, metadata={"model": "mine"}) as server:
        server.wait()
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from harness.serving.openpi import OpenPIConversation
from harness.serving.websocket import Access, WebSocketServer

PolicyFunction = Callable[[dict[str, Any]], Any]


def serve(
    policy_fn: PolicyFunction,
    host: str = "127.0.0.1",
    port: int = 0,
    metadata: Mapping[str, Any] | None = None,
    api_key: str | None = None,
) -> WebSocketServer:
    """Starts a server in a thread; use it as a context manager, or call `WebSocketServer.close`.

    Args:
        policy_fn: Takes the request's map and answers with actions (T, A), or with a map that has ``actions``. Called by one
            request at a time.
        host: Address to listen on; the default is this machine alone. Give an `api_key` with any other.
        port: 0 takes a free one, see `WebSocketServer.port`.
        metadata: Sent to every client that connects; say which model this is.
        api_key: What a client must send as ``Authorization: Api-Key KEY``.

    Raises:
        UsageError: The address cannot be listened on.
    """
    answers = _Function(policy_fn, metadata or {})
    return WebSocketServer(lambda connected: OpenPIConversation(answers), host, port, Access(api_key))


class _Function:
    """A function as what answers; see `harness.serving.openpi.Answers`."""

    def __init__(self, policy_fn: PolicyFunction, metadata: Mapping[str, Any]) -> None:
        self._policy_fn = policy_fn
        self._metadata = metadata
        self._inference = threading.Lock()

    def metadata(self) -> Mapping[str, Any]:
        return self._metadata

    def answer(self, request: Any) -> dict[str, Any]:
        with self._inference:
            begin_s = time.perf_counter()
            answer = self._policy_fn(request)
            infer_ms = 1000 * (time.perf_counter() - begin_s)
        reply = dict(answer) if isinstance(answer, Mapping) else {"actions": answer}
        reply.setdefault("policy_timing", {"infer_ms": infer_ms})
        reply["server_timing"] = {"infer_ms": infer_ms}
        return reply

    def close(self) -> None:
        """The function stays."""
