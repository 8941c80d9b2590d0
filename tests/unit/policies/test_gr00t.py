from __future__ import annotations

import io
import socket
import sys
import threading
import time
import tracemalloc
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.arrays import from_gr00t, to_gr00t
from servers.gr00t import MODALITY_CONFIG, serve_gr00t

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyOutputError, PolicyTimeoutError, PolicyUnavailableError
from harness.policies.gr00t_client import Gr00tClient
from harness.policies.gr00t_codec import pack, unpack
from harness.policies.server_address import ServerOptions
from harness.registry import describe_policy, make_policy
from harness.timing import QueryTiming
from harness.types import Episode, Observation

SPEC = libero_env_spec()
EPISODE = Episode(suite="s", task_id=0, task="t", instruction="do it", init=0, repeat=0, seed=0)
PARTS = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")


def observation() -> Observation:
    generator = np.random.default_rng(1)
    images = {name: generator.integers(0, 256, (256, 256, 3), dtype=np.uint8) for name in ("agentview", "wrist")}
    return Observation(images=images, state={"vector": np.arange(8.0)}, instruction="stack the bowls", step=0)


def answer(value: float = 0.25, steps: int = 16, **changes: Any) -> list[Any]:
    action = {name: np.full((1, steps, 1), value, dtype=np.float32) for name in PARTS}
    return [{**action, **changes}, {}]


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def ask(uri: str) -> Any:
    policy = make_policy(uri, SPEC)
    try:
        policy.reset(EPISODE)
        return policy.infer(observation())
    finally:
        policy.close()


@pytest.fixture
def free_port() -> int:
    """A port on which nothing listens: one that was just given back."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_an_episode_is_reset_and_asked_with_gr00ts_keys_and_shapes() -> None:
    with serve_gr00t(lambda seen: answer()) as server:
        chunk = ask(server.url)
    assert server.calls == ["ping", "reset", "get_action"]
    (seen,) = server.observations
    assert seen["video.image"].shape == seen["video.wrist_image"].shape == (1, 1, 256, 256, 3)
    assert np.array_equal(seen["video.image"][0, 0], observation().images["agentview"])
    assert [seen[f"state.{name}"].shape for name in PARTS] == [(1, 1, 1)] * 6 + [(1, 1, 2)]
    assert seen["state.gripper"].tolist() == [[[6.0, 7.0]]]
    assert chunk.shape == (16, 7)
    # In RLDS data 0.25 is a gripper that is rather closed; LIBERO takes +1 for it.
    assert chunk[0].tolist() == [0.25] * 6 + [1.0]


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_server_at_an_ipv6_address_is_reached() -> None:
    with serve_gr00t(lambda seen: answer(), host="[::1]") as server:
        assert ask(server.url).shape == (16, 7)


def test_describe_pings_and_fingerprints_what_the_server_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_gr00t(lambda seen: answer()) as server:
        info = describe_policy(server.url)
        assert info.details["modality_config"] == MODALITY_CONFIG
        assert info.concurrency == "remote"
        monkeypatch.setitem(MODALITY_CONFIG["video"]["as_json"], "delta_indices", [-1, 0])
        assert describe_policy(server.url).fingerprint != info.fingerprint
    assert server.calls == ["ping", "get_modality_config"] * 2
    assert info.name == f"gr00t-127.0.0.1-{server.port}"


def test_two_clients_are_answered_in_turn() -> None:
    with serve_gr00t(lambda seen: answer(float(seen["state.x"][0, 0, 0]))) as server:
        policies = [make_policy(server.url, SPEC) for _ in range(2)]
        for policy in policies:
            policy.reset(EPISODE)
        assert [policy.infer(observation())[0, 0] for policy in policies] == [0.0, 0.0]
        for policy in policies:
            policy.close()


def test_an_error_of_the_server_is_the_error_and_the_next_request_works() -> None:
    def fails_once(seen: dict[str, Any]) -> Any:
        if len(server.observations) == 1:
            raise KeyError("video.third")
        return answer()

    with serve_gr00t(fails_once) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        with pytest.raises(PolicyError, match=r"the policy server failed:\n'video.third'"):
            policy.infer(observation())
        assert policy.infer(observation()).shape == (16, 7)
        policy.close()


def test_a_bare_error_is_an_error() -> None:
    with serve_gr00t(lambda seen: b"ERROR") as server, pytest.raises(PolicyError, match="does not say how"):
        ask(server.url)


def test_a_late_answer_is_a_timeout_and_never_taken_for_the_next() -> None:
    release = threading.Event()

    def late_at_first(seen: dict[str, Any]) -> Any:
        if len(server.observations) == 1:
            release.wait(timeout=10)
            return answer(0.75)
        return answer(0.25)

    with serve_gr00t(late_at_first) as server:
        policy = make_policy(f"{server.url}?timeout_s=0.3", SPEC)
        policy.reset(EPISODE)
        with pytest.raises(PolicyTimeoutError, match=r"within 0\.3 s"):
            policy.infer(observation())
        release.set()
        assert policy.infer(observation())[0, 0] == 0.25
        policy.close()


def test_a_server_that_is_not_there_is_said_to_be_missing(free_port: int) -> None:
    client = Gr00tClient(f"tcp://127.0.0.1:{free_port}", ServerOptions(connect_timeout_s=0.2))
    with pytest.raises(PolicyUnavailableError, match=f"127.0.0.1, port {free_port}, did not answer a ping"):
        client.ping()


def test_a_server_that_restarts_in_mid_episode_is_an_error_and_is_reached_again_for_the_next() -> None:
    with serve_gr00t(lambda seen: answer(0.25)) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        policy.infer(observation())
    with serve_gr00t(lambda seen: answer(0.75), port=server.port) as again:
        with pytest.raises(PolicyError, match="the connection broke"):
            policy.infer(observation())
        assert again.calls == []
        policy.reset(EPISODE)
        assert policy.infer(observation())[0, 0] == 0.75
        policy.close()


def zmtp_frame(payload: bytes, *, flags: int = 0) -> bytes:
    """A short frame of ZMTP 3.1 (rfc.zeromq.org/spec/37)."""
    return bytes([flags, len(payload)]) + payload


def zmtp_server(listener: socket.socket, reply_head: bytes, body: int) -> None:
    """Greets as a REP socket does, reads one request, and answers with the head of a frame and so many bytes."""
    connection, _ = listener.accept()
    with connection:
        greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\x00" + bytes(31)
        connection.sendall(greeting)
        ready = b"\x05READY\x0bSocket-Type" + (3).to_bytes(4, "big") + b"REP"
        connection.sendall(zmtp_frame(ready, flags=4))
        connection.settimeout(5)
        while not connection.recv(65536).endswith(b"ping"):
            pass
        connection.sendall(zmtp_frame(b"", flags=1) + reply_head)
        try:
            for _ in range(body >> 20):
                connection.sendall(bytes(2**20))
        except OSError:
            return


def test_a_gigabyte_is_refused_by_its_header_and_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # A long frame: flags 2, and the length in eight bytes.
        thread = threading.Thread(target=zmtp_server, args=(listener, b"\x02" + (2**30).to_bytes(8, "big"), 2**30))
        thread.start()
        client = Gr00tClient(f"tcp://127.0.0.1:{listener.getsockname()[1]}", ServerOptions(connect_timeout_s=20))
        tracemalloc.start()
        begin_s = time.monotonic()
        with pytest.raises(PolicyError, match="longer than 64 MiB"):
            client.ping()
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        thread.join()
    assert time.monotonic() - begin_s < 10
    assert peak_bytes < 32 * 2**20


def test_a_server_that_dies_while_it_answers_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=zmtp_server, args=(listener, b"", 0))
        thread.start()
        client = Gr00tClient(f"tcp://127.0.0.1:{listener.getsockname()[1]}", ServerOptions(connect_timeout_s=20))
        begin_s = time.monotonic()
        with pytest.raises(PolicyError, match="the connection broke before the answer was whole"):
            client.ping()
        thread.join()
    assert time.monotonic() - begin_s < 10


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (answer(x=np.zeros((1, 16, 2), np.float32)), r"shape \(16, 8\)"),
        (answer(float("nan")), "answered with nan"),
        (answer(x=np.zeros(16)), r"'action.x' has shape \(16,\)"),
        ([{"x": np.zeros((1, 16, 1))}, {}], "no 'action.y'"),
        (answer(x=np.zeros((1, 3, 1), np.float32)), "not the actions of gr00t-libero"),
        ("actions", "the answer is a str"),
        (b"\xc1", "not GR00T's msgpack"),
        (msgpack.packb({"__ndarray_class__": True, "as_npy": b"x"}), "not GR00T's msgpack"),
    ],
)
def test_a_wrong_answer_says_what_is_wrong_and_which_server(reply: Any, message: str) -> None:
    with serve_gr00t(lambda seen: reply) as server:
        with pytest.raises(PolicyOutputError, match=message) as caught:
            ask(server.url)
        assert f"127.0.0.1:{server.port}" in str(caught.value)


def test_the_token_comes_from_the_environment_and_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENPI_API_KEY", raising=False)
    with serve_gr00t(lambda seen: answer(), api_token="s3cret") as server:
        monkeypatch.setenv("EVALHARNESS_API_KEY", "s3cret")
        assert "s3cret" not in repr(describe_policy(server.url))
        monkeypatch.setenv("EVALHARNESS_API_KEY", "wrong")
        with pytest.raises(PolicyUnavailableError, match=r"was refused.*EVALHARNESS_API_KEY"):
            describe_policy(server.url)
        monkeypatch.delenv("EVALHARNESS_API_KEY")
        with pytest.raises(PolicyUnavailableError, match="wants an API key"):
            ask(server.url)


def test_the_servers_times_are_told_apart_and_without_them_all_is_transport() -> None:
    info: dict[str, Any] = {}
    with serve_gr00t(lambda seen: [answer()[0], info]) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        policy.infer(observation())
        assert isinstance(policy.timing, QueryTiming)
        assert policy.timing.total_s == policy.timing.transport_s > 0
        info["server_timing"] = {"infer_ms": 0.25, "queue_ms": 0.125}
        policy.infer(observation())
        policy.close()
    assert (policy.timing.inference_s, policy.timing.queue_s) == (0.00025, 0.000125)


def test_without_pyzmq_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zmq", None)
    with pytest.raises(PolicyUnavailableError, match=r"pip install 'evalharness\[gr00t\]'"):
        describe_policy("gr00t://localhost:5555")


def test_the_port_is_gr00ts_own_unless_given() -> None:
    assert make_policy("gr00t://localhost", SPEC)._client.url == "tcp://localhost:5555"  # type: ignore[attr-defined]


@pytest.mark.parametrize("uri", ["gr00t:", "gr00t://", "gr00t://:5555", "gr00t://host:port", "gr00t://host:0"])
def test_a_malformed_address_is_refused_without_connecting(uri: str) -> None:
    with pytest.raises(PolicyUnavailableError, match="HOST:PORT"):
        describe_policy(uri)


def test_arrays_are_files_that_gr00t_reads_and_writes() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    sent = msgpack.unpackb(pack({"x": array, "n": np.int64(3)}), object_hook=from_gr00t)
    assert (sent["x"].tolist(), sent["x"].dtype, sent["n"]) == (array.tolist(), np.float32, 3)
    back = unpack(msgpack.packb({"x": to_gr00t(array.T)}))["x"]
    assert back.tolist() == array.T.tolist()
    back[0, 0] = 5.0


@pytest.mark.parametrize("value", [np.array([{}], dtype=object), np.zeros(2, dtype=complex), object()])
def test_what_has_no_encoding_is_refused(value: Any) -> None:
    with pytest.raises(PolicyError, match="cannot be encoded"):
        pack({"x": value})


def npy(header: str, data: bytes = b"") -> bytes:
    """An .npy file of version 1.0 (numpy.lib.format)."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize(
    "data",
    [
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", bytes(7)),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", bytes(8)),
        npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", bytes(4)),
        npy("__import__('os').getcwd()"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", bytes(8)),
        npy("{" * 200),
        b"\x93NUMPY\x09\x00",
        b"\x80\x04N.",
        "text",
    ],
)
def test_an_array_file_that_is_damaged_or_holds_objects_is_refused(data: Any) -> None:
    with pytest.raises(PolicyOutputError, match="not GR00T's msgpack"):
        unpack(msgpack.packb({"__ndarray_class__": True, "as_npy": data}))


def test_an_array_of_objects_is_refused_without_being_unpickled() -> None:
    file = io.BytesIO()
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(PolicyOutputError, match="dtype object is refused"):
        unpack(msgpack.packb({"__ndarray_class__": True, "as_npy": file.getvalue()}))


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for message in (data, msgpack.packb({"__ndarray_class__": True, "as_npy": data})):
        try:
            unpack(message)
        except PolicyOutputError:
            continue
