from __future__ import annotations

import dataclasses
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from servers.act import Raw, close_now, serve_act

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyOutputError, PolicyTimeoutError, PolicyUnavailableError
from harness.policies.act_http_client import ActClient
from harness.policies.server_address import ServerOptions
from harness.registry import describe_policy, make_policy
from harness.timing import QueryTiming
from harness.types import Episode, Observation

SPEC = libero_env_spec()
EPISODE = Episode(suite="s", task_id=0, task="t", instruction="do it", init=0, repeat=0, seed=0)
# RLDS data have 1 for an open gripper; LIBERO takes -1 for it.
OPEN = [0.5] * 6 + [1.0]
OPENED = [0.5] * 6 + [-1.0]


def observation() -> Observation:
    generator = np.random.default_rng(1)
    images = {name: generator.integers(0, 256, (256, 256, 3), dtype=np.uint8) for name in ("agentview", "wrist")}
    return Observation(images=images, state={"vector": np.arange(8.0)}, instruction="stack the bowls", step=0)


def opening(request: dict[str, Any]) -> Any:
    return np.array(OPEN)


def ask(uri: str) -> Any:
    policy = make_policy(uri, SPEC)
    try:
        policy.reset(EPISODE)
        return policy.infer(observation())
    finally:
        policy.close()


def raw(status: str, body: bytes, *, length: int | None = None) -> Raw:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    return Raw(iter([head.encode(), body]))


@pytest.fixture
def free_port() -> int:
    """A port on which nothing listens: one that was just given back."""
    with serve_act(opening) as server:
        pass
    return server.port


def test_openvla_gets_one_picture_and_the_instruction() -> None:
    with serve_act(opening) as server:
        assert ask(server.url).tolist() == [OPENED]
    (request,) = server.requests
    assert set(request) == {"image", "instruction"}
    assert (request["image"].shape, request["image"].dtype) == ((224, 224, 3), np.uint8)
    assert request["instruction"] == "stack the bowls"


def test_oft_gets_two_pictures_and_the_state() -> None:
    with serve_act(lambda request: [np.array(OPEN)] * 8) as server:
        assert ask(f"{server.url}?preset=oft-libero").tolist() == [OPENED] * 8
    (request,) = server.requests
    assert set(request) == {"full_image", "wrist_image", "state", "instruction"}
    assert request["state"].tolist() == list(range(8))


def test_the_presets_own_gripper_rule_stands_for_the_protocols() -> None:
    assert make_policy("http://localhost:1", SPEC).raw_actions


def test_the_data_sets_name_is_told_to_the_server() -> None:
    with serve_act(opening) as server:
        ask(f"{server.url}?unnorm_key=libero_spatial")
    assert server.requests[0]["unnorm_key"] == "libero_spatial"


@pytest.mark.parametrize("answer", [OPEN, [OPEN], np.array([OPEN], dtype=np.float32), {"actions": np.array([OPEN])}])
def test_an_action_may_come_in_several_forms(answer: Any) -> None:
    with serve_act(lambda request: answer) as server:
        assert ask(server.url).tolist() == [OPENED]


def test_arrays_may_be_encoded_in_a_text() -> None:
    with serve_act(opening) as server:
        assert ask(f"{server.url}?encoded=1").tolist() == [OPENED]
        ask(server.url)
    assert server.encoded == [True, False]
    assert np.array_equal(server.requests[0]["image"], server.requests[1]["image"])


@pytest.mark.parametrize("query", ["", "?encoded=1"])
def test_error_with_status_200_is_an_error(query: str) -> None:
    def fails(request: dict[str, Any]) -> Any:
        raise KeyError("observation")

    with serve_act(fails) as server, pytest.raises(PolicyError, match="the server answered with 'error'"):
        ask(server.url + query)


def test_a_path_and_a_query_may_be_left_out_of_the_address() -> None:
    with serve_act(opening) as server:
        assert ask(f"http://127.0.0.1:{server.port}").tolist() == [OPENED]
        assert ask(f"http://127.0.0.1:{server.port}/").tolist() == [OPENED]


def test_one_connection_serves_many_requests() -> None:
    with serve_act(opening) as server:
        policy = make_policy(server.url, SPEC)
        for _ in range(3):
            policy.reset(EPISODE)
            policy.infer(observation())
        policy.close()
    assert (len(server.requests), len(server.connections)) == (3, 1)


def test_a_server_that_keeps_no_connection_is_asked_all_the_same() -> None:
    with serve_act(opening, protocol="HTTP/1.0") as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        assert [policy.infer(observation()).tolist() for _ in range(2)] == [[OPENED]] * 2
        policy.close()
    assert len(server.requests) == 2


def test_a_restarted_server_is_reached_again_in_mid_episode() -> None:
    with serve_act(opening) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        policy.infer(observation())
    with serve_act(lambda request: np.zeros(7), port=server.port) as again:
        assert policy.infer(observation()).tolist() == [[0.0] * 6 + [1.0]]
        policy.close()
    assert (len(server.requests), len(again.requests)) == (1, 1)


def test_a_connection_that_breaks_every_time_is_an_error() -> None:
    with serve_act(lambda request: Raw(iter([]))) as server, pytest.raises(PolicyError, match="the connection broke"):
        ask(server.url)
    assert len(server.requests) == 2


def test_an_answer_that_ends_too_soon_is_an_error_and_is_not_asked_for_again() -> None:
    with (
        serve_act(lambda request: raw("200 OK", b"[0, 0", length=100)) as server,
        pytest.raises(PolicyError, match="95 bytes of the answer are missing"),
    ):
        ask(server.url)
    assert len(server.requests) == 1


def test_retries_are_bounded(free_port: int) -> None:
    client = ActClient(f"http://127.0.0.1:{free_port}", ServerOptions(retries=2, first_pause_s=0.001))
    with pytest.raises(PolicyUnavailableError, match=rf"127.0.0.1, port {free_port}, .* in 3 attempts"):
        client.connect()


def test_a_late_answer_is_a_timeout_and_never_taken_for_the_next() -> None:
    release = threading.Event()

    def late_at_first(request: dict[str, Any]) -> Any:
        if len(server.requests) == 1:
            release.wait(timeout=10)
            return np.zeros(7)
        return np.array(OPEN)

    with serve_act(late_at_first) as server:
        policy = make_policy(f"{server.url}?timeout_s=0.3", SPEC)
        policy.reset(EPISODE)
        with pytest.raises(PolicyTimeoutError, match=r"within 0\.3 s"):
            policy.infer(observation())
        release.set()
        assert policy.infer(observation()).tolist() == [OPENED]
        policy.close()


def test_an_answer_that_trickles_is_a_timeout() -> None:
    stop = threading.Event()

    def drops() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        while not stop.wait(0.02):
            yield b" "

    with serve_act(lambda request: Raw(drops())) as server:
        with pytest.raises(PolicyTimeoutError, match=r"within 0\.3 s"):
            ask(f"{server.url}?timeout_s=0.3")
        stop.set()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0.0] * 6, r"expected \(7,\)"),
        (np.array([0.0] * 5 + [float("nan"), 1.0]), "answered with nan"),
        ([], "not the actions of openvla-libero"),
        ({"action": OPEN}, "without 'actions', only action"),
        ("no", "the text 'no'"),
        ([[OPEN]], "shape"),
        (None, "None"),
        ([{"a": 1}], "not"),
    ],
)
def test_a_wrong_answer_says_what_is_wrong_and_which_server(answer: Any, message: str) -> None:
    with serve_act(lambda request: answer) as server:
        with pytest.raises(PolicyOutputError, match=message) as caught:
            ask(server.url)
        assert f"127.0.0.1:{server.port}" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [(raw("200 OK", b"<html>"), "not json_numpy's JSON"), (Raw(iter([b"SSH-2.0-x\r\n"])), "not HTTP")],
)
def test_what_is_not_the_protocol_is_said_to_be(answer: Raw, message: str) -> None:
    with serve_act(lambda request: answer) as server, pytest.raises(PolicyOutputError, match=message):
        ask(server.url)


def test_a_servers_traceback_is_the_error_cut_to_its_end() -> None:
    page = "\n".join(f"line {number}." for number in range(100)).encode()
    with (
        serve_act(lambda request: raw("500 Internal Server Error", page)) as server,
        pytest.raises(PolicyError, match="failed with HTTP 500") as caught,
    ):
        ask(server.url)
    assert "line 99." in str(caught.value)
    assert "line 50." not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "message"),
    [("401 Unauthorized", "EVALHARNESS_API_KEY"), ("404 Not Found", "has no POST /act"), ("405 No", "has no POST /act")],
)
def test_a_refusal_is_said_to_be_for_good(status: str, message: str) -> None:
    with serve_act(lambda request: raw(status, b"")) as server, pytest.raises(PolicyUnavailableError, match=message):
        ask(server.url)


def gigabyte(head: bytes, frame: tuple[bytes, bytes]) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n"
    before, after = frame
    for _ in range(1024):
        yield before + bytes(2**20) + after


@pytest.mark.parametrize(
    ("head", "frame"),
    [
        (b"Content-Length: 1073741824", (b"", b"")),
        (b"Transfer-Encoding: chunked", (b"100000\r\n", b"\r\n")),
        (b"Connection: close", (b"", b"")),
    ],
)
def test_a_gigabyte_is_refused_without_being_kept(head: bytes, frame: tuple[bytes, bytes]) -> None:
    with serve_act(lambda request: Raw(gigabyte(head, frame))) as server:
        policy = make_policy(f"{server.url}?max_mb=8", SPEC)
        policy.reset(EPISODE)
        tracemalloc.start()
        with pytest.raises(PolicyOutputError, match="longer than 8 MiB"):
            policy.infer(observation())
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        policy.close()
    assert peak_bytes < 48 * 2**20


def test_describe_takes_any_answer_for_a_sign_of_life_and_asks_for_no_action() -> None:
    with serve_act(opening) as server:
        info = describe_policy(f"{server.url}?model=openvla-7b-step-30000&unnorm_key=libero_goal")
        other = describe_policy(f"{server.url}?model=openvla-7b-step-40000&unnorm_key=libero_goal")
    assert server.gets == ["/health", "/health"]
    assert server.requests == []
    assert info.concurrency == "remote"
    assert info.name == f"openvla-7b-step-30000-127.0.0.1-{server.port}"
    assert (info.details["model"], info.details["preset"]) == ("openvla-7b-step-30000", "openvla-libero")
    assert info.fingerprint != other.fingerprint


def test_a_server_that_is_still_loading_is_said_to_be() -> None:
    with (
        serve_act(opening, get_status=503) as server,
        pytest.raises(PolicyUnavailableError, match="HTTP 503: it is up, and not ready"),
    ):
        describe_policy(server.url)


def test_a_wrong_api_key_is_said_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALHARNESS_API_KEY", "wrong")
    with (
        serve_act(opening, get_status=401) as server,
        pytest.raises(PolicyUnavailableError, match="the API key was refused"),
    ):
        describe_policy(server.url)


def test_a_server_that_is_not_there_is_named(free_port: int) -> None:
    with pytest.raises(PolicyUnavailableError, match=f"127.0.0.1, port {free_port}"):
        describe_policy(f"http://127.0.0.1:{free_port}")


def test_a_server_that_speaks_something_else_is_refused() -> None:
    def speak() -> None:
        connection, _ = listener.accept()
        connection.sendall(b"SSH-2.0-OpenSSH\r\n")
        close_now(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(PolicyUnavailableError, match="does not answer as an HTTP server"):
            describe_policy(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()


def test_the_api_key_comes_from_the_environment_and_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALHARNESS_API_KEY", "s3cret")
    with serve_act(opening) as server:
        assert "s3cret" not in repr(describe_policy(server.url))
        ask(server.url)
    assert server.headers[0]["Authorization"] == "Api-Key s3cret"


def test_the_servers_times_are_told_apart_and_without_them_all_is_transport() -> None:
    answer: dict[str, Any] = {"actions": OPEN}
    with serve_act(lambda request: answer) as server:
        policy = make_policy(server.url, SPEC)
        policy.infer(observation())
        assert isinstance(policy.timing, QueryTiming)
        assert policy.timing.total_s == policy.timing.transport_s > 0
        answer["server_timing"] = {"infer_ms": 0.25, "queue_ms": 0.125}
        policy.infer(observation())
        policy.close()
    assert (policy.timing.inference_s, policy.timing.queue_s) == (0.00025, 0.000125)


@pytest.mark.parametrize("uri", ["http:", "http://", "http://:8000", "http://host:port", "https://host:0", "http://h#x"])
def test_a_malformed_address_is_refused_without_connecting(uri: str) -> None:
    with pytest.raises(PolicyUnavailableError, match="HOST:PORT"):
        describe_policy(uri)


def test_credentials_in_the_uri_are_refused_and_not_repeated() -> None:
    with pytest.raises(PolicyUnavailableError) as caught:
        describe_policy("http://me:s3cret@localhost:8000")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("query", ["encoded=yes", "max_mb=0", "timeout_s=0", "preset=openvla"])
def test_a_parameter_that_cannot_be_is_refused_without_connecting(query: str) -> None:
    with pytest.raises(PolicyUnavailableError, match=query.partition("=")[0]):
        describe_policy(f"http://127.0.0.1:1?{query}")


def test_an_environment_without_what_the_preset_needs_is_refused() -> None:
    with pytest.raises(PolicyUnavailableError, match="oft-libero"):
        make_policy("http://localhost:1?preset=oft-libero", dataclasses.replace(SPEC, images={"wrist": (8, 8, 3)}))


def test_a_request_says_that_it_is_json() -> None:
    with serve_act(opening) as server:
        ask(server.url)
    assert server.headers[0]["Content-Type"] == "application/json"
