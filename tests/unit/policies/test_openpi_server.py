from __future__ import annotations

import urllib.request
from typing import Any

import msgpack
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from harness.policies.openpi_server import serve

# {"x": an array of one uint8, 7}, and what openpi's encoding makes of it (see test_openpi_codec).
REQUEST = b"\x81\xa1x\x84\xc4\x0b__ndarray__\xc3\xc4\x04data\xc4\x01\x07\xc4\x05dtype\xa3|u1\xc4\x05shape\x91\x01"


def double(request: dict[str, Any]) -> np.ndarray[Any, Any]:
    return np.full((1, 2), 2.0 * request["x"][0])


def test_a_client_gets_metadata_first_and_then_actions_with_timings() -> None:
    with serve(double, metadata={"model": "m"}) as server, connect(server.url, compression=None) as client:
        assert client.recv(timeout=5) == b"\x81\xa5model\xa1m"
        client.send(REQUEST)
        first = msgpack.unpackb(client.recv(timeout=5))
        client.send(REQUEST)
        second = msgpack.unpackb(client.recv(timeout=5))
    assert first["actions"] == {
        b"__ndarray__": True,
        b"data": np.array([14.0, 14.0]).tobytes(),
        b"dtype": "<f8",
        b"shape": [1, 2],
    }
    assert set(first) == {"actions", "policy_timing", "server_timing"}
    assert set(first["server_timing"]) == {"infer_ms"}
    assert set(second["server_timing"]) == {"infer_ms", "prev_total_ms"}
    assert second["server_timing"]["prev_total_ms"] >= first["server_timing"]["infer_ms"] >= 0


def test_a_map_with_more_than_actions_is_sent_whole() -> None:
    answer = {"actions": [[1.0]], "policy_timing": {"infer_ms": 5.0}, "note": "x"}
    with serve(lambda _: answer) as server, connect(server.url) as client:
        client.recv(timeout=5)
        client.send(REQUEST)
        reply = msgpack.unpackb(client.recv(timeout=5))
    assert {name: reply[name] for name in answer} == answer
    assert "server_timing" not in answer


@pytest.mark.parametrize(
    ("frame", "begin"),
    [(b"\xc1", "PolicyOutputError: "), ("text", "PolicyError: "), (b"\x80", "Traceback")],
)
def test_a_failure_is_sent_as_text_and_closes_with_1011(frame: str | bytes, begin: str) -> None:
    with serve(double) as server, connect(server.url) as client:
        client.recv(timeout=5)
        client.send(frame)
        text = client.recv(timeout=5)
        assert isinstance(text, str)
        assert text.startswith(begin)
        with pytest.raises(ConnectionClosedError) as caught:
            client.recv(timeout=5)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1011


def test_health_is_answered_over_plain_http_even_without_the_key() -> None:
    with (
        serve(double, api_key="secret") as server,
        urllib.request.urlopen(f"http://{server.host}:{server.port}/healthz", timeout=5) as response,
    ):
        assert (response.status, response.read()) == (200, b"OK\n")


@pytest.mark.parametrize("header", [None, "Api-Key wrong", "secret", "Bearer secret"])
def test_a_wrong_key_is_refused(header: str | None) -> None:
    with serve(double, api_key="secret") as server:
        with pytest.raises(InvalidStatus) as caught:
            connect(server.url, additional_headers={"Authorization": header} if header else {})
        assert caught.value.response.status_code == 401
        with connect(server.url, additional_headers={"Authorization": "Api-Key secret"}) as client:
            assert client.recv(timeout=5) == b"\x80"


def test_only_this_machine_can_connect_unless_asked_otherwise() -> None:
    with serve(double) as server:
        assert server._server.socket.getsockname()[0] == "127.0.0.1"


def test_closing_ends_connections_and_gives_the_port_back() -> None:
    with serve(double) as server, connect(server.url) as client:
        client.recv(timeout=5)
        server.close()
        with pytest.raises(Exception, match="1001"):
            client.recv(timeout=5)
        with pytest.raises(ConnectionRefusedError):
            connect(server.url)
        serve(double, port=server.port).close()
