from __future__ import annotations

import struct
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgpack
import pytest
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websocket

from harness.errors import PolicyError, PolicyOutputError
from harness.policies.openpi_client import OpenPIClient
from harness.policies.server_address import ServerOptions

EMPTY_MAP = b"\x80"


@contextmanager
def server(answer: Callable[[ServerConnection], Any], **options: Any) -> Iterator[str]:
    """A server with empty metadata that does what `answer` does after every request."""

    def handler(connection: ServerConnection) -> None:
        connection.send(EMPTY_MAP)
        for _ in connection:
            requests.append(connection)
            answer(connection)

    requests.clear()
    with serve_websocket(handler, "127.0.0.1", 0, compression=None, **options) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{running.socket.getsockname()[1]}"
        finally:
            running.shutdown()
            thread.join()


requests: list[ServerConnection] = []


def test_a_gigabyte_is_refused_by_its_header_and_not_asked_for_again() -> None:
    def announces_a_gigabyte(connection: ServerConnection) -> None:
        # RFC 6455, section 5.2: a whole binary message whose length stands in eight bytes.
        connection.socket.sendall(b"\x82\x7f" + struct.pack(">Q", 2**30) + bytes(2**20))

    with server(announces_a_gigabyte) as url:
        client = OpenPIClient(url)
        client.connect()
        tracemalloc.start()
        with pytest.raises(PolicyOutputError, match=r"longer than 64 MiB.*max_mb"):
            client.ask({"x": 1})
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        client.close()
    assert peak_bytes < 32 * 2**20
    assert len(requests) == 1


def test_a_gigabyte_in_pieces_is_refused_when_the_limit_is_reached() -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(1024):
            yield bytes(2**20)

    with server(lambda connection: connection.send(pieces())) as url:
        client = OpenPIClient(url, ServerOptions(max_mb=4))
        client.connect()
        tracemalloc.start()
        with pytest.raises(PolicyOutputError, match="longer than 4 MiB"):
            client.ask({"x": 1})
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        client.close()
    assert peak_bytes < 64 * 2**20


@pytest.mark.parametrize(("max_mb", "fits"), [(1, False), (3, True)])
def test_the_limit_of_an_answer_can_be_chosen(max_mb: int, fits: bool) -> None:
    with server(lambda connection: connection.send(msgpack.packb({"x": bytes(2 * 2**20)}))) as url:
        client = OpenPIClient(url, ServerOptions(max_mb=max_mb))
        if fits:
            assert len(client.ask({})["x"]) == 2 * 2**20
        else:
            with pytest.raises(PolicyOutputError, match=f"longer than {max_mb} MiB"):
                client.ask({})
        client.close()


def test_a_request_that_the_server_finds_too_long_is_an_error_that_says_so() -> None:
    with server(lambda connection: connection.send(EMPTY_MAP), max_size=1000) as url:
        client = OpenPIClient(url)
        with pytest.raises(PolicyError, match="refuses a message as long as the request"):
            client.ask({"x": bytes(2000)})
        client.close()
