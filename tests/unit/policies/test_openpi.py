from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websocket

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyOutputError, PolicyTimeoutError, PolicyUnavailableError
from harness.policies.openpi_client import OpenPIClient
from harness.policies.openpi_codec import unpack
from harness.policies.openpi_server import serve
from harness.policies.server_address import ServerOptions
from harness.registry import describe_policy, make_policy
from harness.types import Episode, Observation

SPEC = libero_env_spec()
EPISODE = Episode(suite="s", task_id=0, task="t", instruction="do it", init=0, repeat=0, seed=0)
EMPTY_MAP = b"\x80"


def observation(size: int = 256) -> Observation:
    generator = np.random.default_rng(1)
    images = {name: generator.integers(0, 256, (size, size, 3), dtype=np.uint8) for name in ("agentview", "wrist")}
    return Observation(images=images, state={"vector": np.arange(8.0)}, instruction="stack the bowls", step=0)


def constant(value: float) -> Callable[[dict[str, Any]], Any]:
    return lambda request: np.full((2, 7), value)


@contextmanager
def custom_server(handler: Callable[[ServerConnection], None], **options: Any) -> Iterator[str]:
    """A server that does what `handler` does with a connection, right or wrong."""
    with serve_websocket(handler, "127.0.0.1", 0, compression=None, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def answers(*frames: bytes | str) -> Callable[[ServerConnection], None]:
    """A connection that is given empty metadata, and then one of `frames` for every request."""

    def handler(connection: ServerConnection) -> None:
        connection.send(EMPTY_MAP)
        for frame in frames:
            connection.recv()
            connection.send(frame)

    return handler


@pytest.fixture
def free_port() -> int:
    """A port on which nothing listens: one that was just given back."""
    server = serve(constant(0))
    server.close()
    return server.port


def test_the_request_is_openpis_for_libero() -> None:
    seen: list[dict[str, Any]] = []
    with serve(lambda request: seen.append(request) or np.zeros((10, 7))) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        assert np.shape(policy.infer(observation())) == (10, 7)
        policy.close()
    (request,) = seen
    assert set(request) == {"observation/image", "observation/wrist_image", "observation/state", "prompt"}
    for name in ("observation/image", "observation/wrist_image"):
        assert (request[name].shape, request[name].dtype) == ((224, 224, 3), np.uint8)
    assert (request["observation/state"].dtype, request["observation/state"].tolist()) == (np.float64, list(range(8)))
    assert request["prompt"] == "stack the bowls"


@pytest.mark.parametrize(("query", "size"), [("?size=224", 224), ("?size=0", 300), ("?size=300", 300)])
def test_a_picture_that_need_not_be_resized_arrives_as_it_is(query: str, size: int) -> None:
    seen: list[dict[str, Any]] = []
    shown = observation(size)
    with serve(lambda request: seen.append(request) or np.zeros(7)) as server:
        policy = make_policy(server.url + query, SPEC)
        policy.infer(shown)
        policy.close()
    assert np.array_equal(seen[0]["observation/image"], shown.images["agentview"])
    assert np.array_equal(seen[0]["observation/wrist_image"], shown.images["wrist"])


def test_actions_may_be_a_bare_array() -> None:
    array = {b"__ndarray__": True, b"data": np.full(7, 0.5, "<f4").tobytes(), b"dtype": "<f4", b"shape": [1, 7]}
    with custom_server(answers(msgpack.packb(array))) as url:
        policy = make_policy(url, SPEC)
        assert np.array_equal(policy.infer(observation()), np.full((1, 7), 0.5))
        policy.close()


def test_describe_reads_the_metadata_and_fingerprints_them() -> None:
    with serve(constant(0), metadata={"model": "pi05", "norm": np.array([1.0, 2.0])}) as server:
        info = describe_policy(f"{server.url}?retries=0")
        assert info.concurrency == "remote"
    assert info.details["metadata"] == {"model": "pi05", "norm": [1.0, 2.0]}
    assert info.fingerprint == hashlib.sha256(b'{"model":"pi05","norm":[1.0,2.0]}').hexdigest()
    assert info.name == f"openpi-127.0.0.1-{server.port}"


def test_a_restarted_server_is_reached_again() -> None:
    server = serve(constant(1))
    policy = make_policy(server.url, SPEC)
    policy.reset(EPISODE)
    assert np.array_equal(policy.infer(observation()), np.full((2, 7), 1.0))
    server.close()
    with serve(constant(2), port=server.port):
        assert np.array_equal(policy.infer(observation()), np.full((2, 7), 2.0))
        policy.close()


def test_a_server_that_comes_back_as_another_is_an_error() -> None:
    server = serve(constant(1), metadata={"step": 1000})
    policy = make_policy(server.url, SPEC)
    policy.reset(EPISODE)
    server.close()
    with serve(constant(2), port=server.port, metadata={"step": 2000}), pytest.raises(PolicyError, match="2000"):
        policy.infer(observation())


def test_a_request_is_sent_again_when_the_connection_breaks_in_the_middle() -> None:
    requests: list[bytes | str] = []

    def handler(connection: ServerConnection) -> None:
        connection.send(EMPTY_MAP)
        requests.append(connection.recv())
        if len(requests) == 1:
            connection.close_socket()
        else:
            connection.send(msgpack.packb({"actions": [[0.25] * 7]}))

    with custom_server(handler) as url:
        policy = make_policy(url, SPEC)
        assert np.array_equal(policy.infer(observation()), np.full((1, 7), 0.25))
        policy.close()
    assert len(requests) == 2
    assert requests[0] == requests[1]


def test_a_connection_that_breaks_every_time_is_an_error() -> None:
    def handler(connection: ServerConnection) -> None:
        connection.send(EMPTY_MAP)
        connection.recv()

    with custom_server(handler) as url, pytest.raises(PolicyError, match="broke twice"):
        make_policy(url, SPEC).infer(observation())


def test_a_server_that_is_not_ready_yet_is_tried_again() -> None:
    handshakes: list[int] = []

    def not_ready(connection: ServerConnection, request: Any) -> Any:
        handshakes.append(1)
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "loading\n") if len(handshakes) < 3 else None

    with custom_server(answers(), process_request=not_ready) as url:
        client = OpenPIClient(url, ServerOptions(retries=2, first_pause_s=0.001))
        assert client.connect() == {}
        client.close()
    assert len(handshakes) == 3


def test_retries_are_bounded(free_port: int) -> None:
    client = OpenPIClient(f"ws://127.0.0.1:{free_port}", ServerOptions(retries=2, first_pause_s=0.001))
    with pytest.raises(PolicyUnavailableError, match="in 3 attempts"):
        client.connect()


def test_a_late_answer_is_a_timeout_and_never_taken_for_the_next() -> None:
    asked_again = threading.Event()

    def handler(connection: ServerConnection) -> None:
        connection.send(EMPTY_MAP)
        connection.recv()
        first = not asked_again.is_set() and not connections
        connections.append(connection)
        if first:
            asked_again.wait(timeout=10)
        else:
            asked_again.set()
        connection.send(msgpack.packb({"actions": [[1.0 if first else 2.0] * 7]}))

    connections: list[ServerConnection] = []
    with custom_server(handler) as url:
        policy = make_policy(f"{url}?timeout_s=0.3", SPEC)
        policy.reset(EPISODE)
        with pytest.raises(PolicyTimeoutError, match=r"within 0\.3 s"):
            policy.infer(observation())
        assert np.array_equal(policy.infer(observation()), np.full((1, 7), 2.0))
        policy.close()
    assert len(connections) == 2


def test_a_servers_traceback_is_the_error_and_the_next_request_works() -> None:
    calls: list[int] = []

    def fails_once(request: dict[str, Any]) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise KeyError("observation/third_image")
        return np.ones(7)

    with serve(fails_once) as server:
        policy = make_policy(server.url, SPEC)
        with pytest.raises(PolicyError, match=r"KeyError: 'observation/third_image'"):
            policy.infer(observation())
        assert np.array_equal(policy.infer(observation()), np.ones((1, 7)))
        policy.close()


def test_a_long_traceback_is_cut_to_its_end() -> None:
    lines = "\n".join(f"line {n}." for n in range(100))
    with custom_server(answers(lines)) as url, pytest.raises(PolicyError) as caught:
        make_policy(url, SPEC).infer(observation())
    assert "line 99." in str(caught.value)
    assert "line 50." not in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (msgpack.packb({"actions": [[0.0] * 6]}), r"shape \(1, 6\)"),
        (msgpack.packb({"actions": [[0.0] * 6 + [float("nan")]]}), "answered with nan"),
        (msgpack.packb({"actions": []}), "shape"),
        (msgpack.packb({"actions": "error"}), "not an array of numbers"),
        (msgpack.packb({"action": [0.0] * 7}), "no 'actions', only action"),
        (msgpack.packb("error"), "the answer is a str"),
        (b"\xc1", "not openpi's msgpack"),
        (msgpack.packb({"actions": [0.0] * 7})[:-1], "not openpi's msgpack"),
    ],
)
def test_a_wrong_answer_says_what_is_wrong_and_which_server(frame: bytes, message: str) -> None:
    with custom_server(answers(frame)) as url:
        policy = make_policy(url, SPEC)
        with pytest.raises(PolicyOutputError, match=message):
            policy.infer(observation())
        policy.close()


@pytest.mark.parametrize("variable", ["EVALHARNESS_API_KEY", "OPENPI_API_KEY"])
def test_the_api_key_comes_from_the_environment_and_is_not_recorded(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVALHARNESS_API_KEY", raising=False)
    monkeypatch.setenv(variable, "s3cret")
    with serve(constant(1), api_key="s3cret") as server:
        info = describe_policy(server.url)
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        policy.close()
    assert "s3cret" not in repr(info)


@pytest.mark.parametrize(("key", "message"), [("wrong", "was refused"), (None, "wants an API key")])
def test_a_wrong_api_key_is_said_at_once(key: str | None, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENPI_API_KEY", raising=False)
    monkeypatch.delenv("EVALHARNESS_API_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("EVALHARNESS_API_KEY", key)
    with serve(constant(1), api_key="s3cret") as server:
        for ask in (describe_policy, lambda url: make_policy(url, SPEC).reset(EPISODE)):
            with pytest.raises(PolicyUnavailableError, match=f"{message}.*EVALHARNESS_API_KEY"):
                ask(server.url)


def test_an_unreachable_server_is_named_with_what_to_check(free_port: int) -> None:
    with pytest.raises(PolicyUnavailableError, match=f"127.0.0.1, port {free_port}.*http://127.0.0.1:{free_port}/healthz"):
        describe_policy(f"ws://127.0.0.1:{free_port}")


@pytest.mark.parametrize("first", [b"\xc1", b"\x90", "Traceback: out of memory"])
def test_a_server_with_another_protocol_is_refused(first: bytes | str) -> None:
    with custom_server(lambda connection: connection.send(first)) as url, pytest.raises(PolicyUnavailableError):
        describe_policy(url)


def test_a_path_that_is_not_there_is_not_tried_again() -> None:
    paths: list[str] = []

    def not_found(connection: ServerConnection, request: Any) -> Any:
        paths.append(request.path)
        return connection.respond(HTTPStatus.NOT_FOUND, "no\n")

    with (
        custom_server(answers(), process_request=not_found) as url,
        pytest.raises(PolicyUnavailableError, match="HTTP 404"),
    ):
        make_policy(f"{url}/policy?retries=3", SPEC).reset(EPISODE)
    assert paths == ["/policy"]


@pytest.mark.parametrize(
    "uri", ["ws:", "ws://", "ws://:8000", "ws://host:port", "ws://host:99999", "ws://host:0", "ws://h#x"]
)
def test_a_malformed_address_is_refused_without_connecting(uri: str) -> None:
    with pytest.raises(PolicyUnavailableError, match="expected ws://HOST:PORT"):
        describe_policy(uri)


def test_credentials_in_the_uri_are_refused_and_not_repeated() -> None:
    with pytest.raises(PolicyUnavailableError) as caught:
        describe_policy("ws://me:s3cret@localhost:8000")
    assert "s3cret" not in str(caught.value)


def test_an_environment_without_the_pictures_is_refused() -> None:
    spec = dataclasses.replace(SPEC, images={"wrist": (8, 8, 3)}, state={"joint_pos": 7})
    with pytest.raises(PolicyUnavailableError, match=r"needs a picture besides wrist, vector.*shows wrist, joint_pos"):
        make_policy("ws://localhost:1", spec)


def test_the_uri_chooses_what_a_server_is_asked_and_how_its_answer_is_read() -> None:
    seen: list[dict[str, Any]] = []
    with serve(lambda request: seen.append(request) or np.full((8, 7), 0.9)) as server:
        info = describe_policy(f"{server.url}?preset=oft-libero")
        policy = make_policy(f"{server.url}?preset=oft-libero", SPEC)
        chunk = policy.infer(observation())
        policy.close()
    assert set(seen[0]) == {"full_image", "wrist_image", "state", "instruction"}
    assert np.asarray(chunk)[0].tolist() == [0.9] * 6 + [-1.0]
    assert policy.raw_actions
    assert info.details["preset"] == "oft-libero"


def test_statistics_un_normalise_the_answer_and_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    vectors = {"mean": [10] * 7, "std": [2] * 7, "q01": None, "q99": None}
    path = tmp_path / "norm_stats.json"
    path.write_text(json.dumps({"norm_stats": {"actions": vectors}}))
    with serve(lambda request: np.ones((2, 32)), metadata={"model": "pi0"}) as server:
        plain, info = describe_policy(server.url), describe_policy(f"{server.url}?stats={path}")
        policy = make_policy(f"{server.url}?stats={path}", SPEC)
        assert policy.infer(observation()) == pytest.approx(np.full((2, 7), 12.0), abs=1e-5)
        policy.close()
    assert info.details["statistics_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert info.fingerprint != plain.fingerprint


def test_a_wrong_preset_or_dialect_is_refused_before_anything_is_connected_to(free_port: int) -> None:
    with pytest.raises(PolicyUnavailableError, match="no preset 'oft'"):
        describe_policy(f"ws://127.0.0.1:{free_port}?preset=oft")
    with pytest.raises(PolicyUnavailableError, match=r"no dialect 'robo-arena'\. Did you mean 'roboarena'"):
        describe_policy(f"ws://127.0.0.1:{free_port}?dialect=robo-arena")


def test_where_the_time_went_is_what_the_server_says_of_it() -> None:
    times = {"infer_ms": 0.25, "queue_ms": 0.125}
    answer = msgpack.packb({"actions": [[0.0] * 7], "server_timing": times})
    untimed = msgpack.packb({"actions": [[0.0] * 7]})
    with custom_server(answers(answer, untimed)) as url:
        policy = make_policy(url, SPEC)
        policy.infer(observation())
        timing = policy.timing
        policy.infer(observation())
        policy.close()
    assert (timing.inference_s, timing.queue_s) == (0.00025, 0.000125)
    assert timing.transport_s >= 0
    assert policy.timing.total_s == policy.timing.transport_s > 0


def roboarena(requests: list[Any], reset_reply: str) -> Callable[[ServerConnection], None]:
    """RoboArena's server: every request has an endpoint, and a reset is answered with a text."""

    def handler(connection: ServerConnection) -> None:
        connection.send(msgpack.packb({"needs_session_id": True}))
        for frame in connection:
            requests.append(unpack(frame))
            reset = requests[-1]["endpoint"] == "reset"
            connection.send(reset_reply if reset else msgpack.packb({"actions": [[0.5] * 7]}))

    return handler


def test_roboarenas_server_is_told_of_every_episode() -> None:
    requests: list[Any] = []
    with custom_server(roboarena(requests, "reset successful")) as url:
        policy = make_policy(f"{url}?dialect=roboarena", SPEC)
        for _ in range(2):
            policy.reset(EPISODE)
            assert np.array_equal(policy.infer(observation()), np.full((1, 7), 0.5))
        policy.close()
    assert [request["endpoint"] for request in requests] == ["reset", "infer"] * 2
    sessions = [request["session_id"] for request in requests]
    assert sessions[0] == sessions[1] != sessions[2] == sessions[3]
    assert {"observation/image", "observation/state", "prompt"} < set(requests[1])
    assert set(requests[0]) == {"endpoint", "session_id"}


def test_a_reset_that_roboarenas_server_fails_at_is_an_error() -> None:
    with custom_server(roboarena([], "Traceback: KeyError")) as url:
        policy = make_policy(f"{url}?dialect=roboarena", SPEC)
        with pytest.raises(PolicyError, match="the policy server failed:\nTraceback: KeyError"):
            policy.reset(EPISODE)


def test_a_server_of_openpis_dialect_is_asked_nothing_at_a_reset() -> None:
    requests: list[dict[str, Any]] = []
    with serve(lambda request: requests.append(request) or np.zeros(7)) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        assert requests == []
        assert policy.stateless
        policy.infer(observation())
        policy.close()
    assert "endpoint" not in requests[0]


def test_an_answer_longer_than_allowed_is_refused() -> None:
    with serve(lambda request: np.zeros((40_000, 7))) as server:
        policy = make_policy(f"{server.url}?max_mb=1", SPEC)
        with pytest.raises(PolicyOutputError, match="longer than 1 MiB"):
            policy.infer(observation())
        policy.close()
