from __future__ import annotations

import dataclasses
import struct
import threading
import tracemalloc
from http import HTTPStatus
from typing import Any

import numpy as np
import pytest
from servers.vla_eval import HELLO, Session, serve_vla_eval

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyOutputError, PolicyTimeoutError, PolicyUnavailableError
from harness.policies.server_address import ServerOptions
from harness.policies.vla_eval_client import VlaEvalClient
from harness.registry import describe_policy, make_policy
from harness.timing import QueryTiming
from harness.types import Episode, Observation

SPEC = libero_env_spec()
EPISODE = Episode(suite="libero_goal", task_id=4, task="put_it", instruction="put it there", init=7, repeat=0, seed=0)


def observation(size: int = 256) -> Observation:
    generator = np.random.default_rng(1)
    images = {name: generator.integers(0, 256, (size, size, 3), dtype=np.uint8) for name in ("agentview", "wrist")}
    state = {
        "eef_pos": np.array([1.0, 2.0, 3.0]),
        "eef_axis_angle": np.array([4.0, 0.0, 0.0]),
        "eef_axis_angle_shortest": np.array([-2.0, 0.0, 0.0]),
        "gripper_qpos": np.array([0.04, -0.04]),
        "vector": np.arange(8.0),
    }
    return Observation(images=images, state=state, instruction="put it there", step=0)


def ones(seen: dict[str, Any], session: Session) -> Any:
    return np.ones((1, 7))


def hello(**params: bool) -> dict[str, Any]:
    return {**HELLO, "observation_params": params}


def ask(uri: str, seen: Observation | None = None) -> Any:
    policy = make_policy(uri, SPEC)
    try:
        policy.reset(EPISODE)
        return policy.infer(seen or observation())
    finally:
        policy.close()


def test_a_session_greets_begins_asks_and_ends_with_numbers_counted_from_one() -> None:
    with serve_vla_eval(ones) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        policy.infer(observation())
        policy.infer(observation())
        policy.reset(dataclasses.replace(EPISODE, init=8))
        policy.infer(observation())
        policy.close()
    kinds = ["hello", "episode_start", "observation", "observation", "episode_end", "episode_start", "observation"]
    assert [frame["type"] for frame in server.frames] == [*kinds, "episode_end"]
    assert [frame["seq"] for frame in server.frames] == list(range(1, 9))
    assert server.frames[0]["payload"]["protocol_version"] == 1
    task = {"name": "put it there", "suite": "libero_goal", "task_id": 4, "episode_idx": 7}
    assert [start["task"] for start in server.of_type("episode_start")] == [task, {**task, "episode_idx": 8}]
    assert [end["steps"] for end in server.of_type("episode_end")] == [2, 1]
    assert all(end["elapsed_sec"] >= 0 for end in server.of_type("episode_end"))


def test_a_server_that_asks_for_nothing_gets_the_picture_in_front_and_the_task() -> None:
    shown = observation()
    with serve_vla_eval(ones, hello=hello()) as server:
        ask(server.url, shown)
    (seen,) = server.of_type("observation")
    assert set(seen) == {"images", "task_description"}
    assert set(seen["images"]) == {"agentview"}
    assert np.array_equal(seen["images"]["agentview"], shown.images["agentview"])
    assert seen["task_description"] == "put it there"


@pytest.mark.parametrize(("no_antipodal", "angle"), [(True, 4.0), (False, -2.0)])
def test_a_server_gets_the_wrist_picture_and_the_state_that_it_asks_for(no_antipodal: bool, angle: float) -> None:
    shown = observation()
    with serve_vla_eval(ones, hello=hello(send_wrist_image=True, send_state=True, quat_no_antipodal=no_antipodal)) as server:
        ask(server.url, shown)
    (seen,) = server.of_type("observation")
    assert np.array_equal(seen["images"]["wrist"], shown.images["wrist"])
    assert seen["states"].tolist() == [1.0, 2.0, 3.0, angle, 0.0, 0.0, 0.04, -0.04]


def test_an_environment_without_liberos_state_parts_sends_its_vector() -> None:
    shown = dataclasses.replace(observation(), state={"vector": np.arange(8.0)})
    with serve_vla_eval(ones) as server:
        ask(server.url, shown)
    assert server.of_type("observation")[0]["states"].tolist() == list(range(8))


@pytest.mark.parametrize("pictures", ["raw", "png"])
def test_pictures_have_256_pixels_however_they_travel(pictures: str) -> None:
    with serve_vla_eval(ones) as server:
        ask(f"{server.url}?pictures={pictures}", observation(300))
    (seen,) = server.of_type("observation")
    assert {image.shape for image in seen["images"].values()} == {(256, 256, 3)}


def test_a_chunk_that_the_server_unrolls_comes_action_by_action() -> None:
    chunk = np.arange(14.0).reshape(2, 7) / 16
    with serve_vla_eval(lambda seen, session: chunk) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        answers = [policy.infer(observation()) for _ in range(3)]
        policy.close()
    assert [answer.tolist() for answer in answers] == [[list(chunk[0])], [list(chunk[1])], [list(chunk[0])]]


def test_describe_greets_and_fingerprints_the_greeting() -> None:
    with serve_vla_eval(ones) as first, serve_vla_eval(ones, hello={**HELLO, "model_server": "Other"}) as second:
        info, other = describe_policy(first.url), describe_policy(second.url)
        assert describe_policy(f"{first.url}?retries=2").fingerprint == info.fingerprint
        assert info.concurrency == "remote"
    assert info.details == {"hello": HELLO}
    assert info.name == f"vla-eval-TestModelServer-127.0.0.1-{first.port}"
    assert other.fingerprint != info.fingerprint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol_version": 2}, "speaks version 2 of vla-eval's protocol"),
        ({"protocol_version": None}, "speaks version None"),
        ({"observation_params": {"absolute_action": True}}, "absolute poses"),
        ({"observation_params": [1]}, "expected a map"),
    ],
)
def test_a_greeting_that_cannot_be_met_is_refused(changes: dict[str, Any], message: str) -> None:
    with serve_vla_eval(ones, hello={**HELLO, **changes}) as server, pytest.raises(PolicyUnavailableError, match=message):
        describe_policy(server.url)


@pytest.mark.parametrize(("kind", "payload"), [("error", {"error": "version 1 is too old"}), ("action", {"actions": [0.0]})])
def test_a_server_that_does_not_greet_is_refused(
    kind: str, payload: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_vla_eval(ones) as server:
        monkeypatch.setattr(server, "answer", lambda session, frame: session.send(kind, payload, frame["seq"]))
        with pytest.raises(PolicyUnavailableError, match=r"version 1 is too old|answered a hello with 'action'"):
            describe_policy(server.url)


def test_a_server_that_is_still_loading_is_said_to_be() -> None:
    with (
        serve_vla_eval(ones, health=HTTPStatus.SERVICE_UNAVAILABLE) as server,
        pytest.raises(PolicyUnavailableError, match="HTTP 503: it is up, and not ready"),
    ):
        describe_policy(server.url)
    assert server.frames == []


def test_a_server_that_has_loaded_by_then_is_tried_again() -> None:
    with serve_vla_eval(ones, health=HTTPStatus.SERVICE_UNAVAILABLE) as server:
        client = VlaEvalClient(server.url.removeprefix("vla-eval+"), ServerOptions(retries=50, first_pause_s=0.01))
        timer = threading.Timer(0.1, lambda: setattr(server, "health", HTTPStatus.OK))
        timer.start()
        assert client.connect()["model_server"] == "TestModelServer"
        client.close()
        timer.join()


def test_an_error_frame_is_the_error_and_the_connection_stays() -> None:
    def fails_once(seen: dict[str, Any], session: Session) -> Any:
        if len(server.of_type("observation")) == 1:
            raise KeyError("third_image")
        return np.ones((1, 7))

    with serve_vla_eval(fails_once) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        with pytest.raises(PolicyError, match="observation_failed: KeyError: 'third_image'"):
            policy.infer(observation())
        policy.reset(EPISODE)
        assert np.array_equal(policy.infer(observation()), np.ones((1, 7)))
        policy.close()
    assert len(server.sessions) == 1


def test_an_error_at_an_episodes_beginning_is_the_error_of_its_first_question() -> None:
    def fails_at_the_start(seen: dict[str, Any], session: Session) -> Any:
        session.send("error", {"error": "episode_start_failed: no such task"}, session.seq - 1)
        return np.ones((1, 7))

    with serve_vla_eval(fails_at_the_start) as server, pytest.raises(PolicyError, match="no such task"):
        ask(server.url)


def test_a_reply_with_another_number_is_dropped() -> None:
    def twice(seen: dict[str, Any], session: Session) -> Any:
        for seq, value in ((session.seq - 1, 9.0), (session.seq + 5, 8.0)):
            session.send("action", {"actions": [value] * 7}, seq)
        session.send("error", {"error": "long ago"}, 1)
        return np.ones((1, 7))

    with serve_vla_eval(twice) as server:
        assert np.array_equal(ask(server.url), np.ones((1, 7)))


def test_a_late_action_is_a_timeout_and_never_taken_for_the_next() -> None:
    late: list[tuple[Session, int]] = []

    def act(seen: dict[str, Any], session: Session) -> Any:
        if not late:
            late.append((session, session.seq))
            return None
        first_session, seq = late[0]
        first_session.send("action", {"actions": [9.0] * 7}, seq)
        return np.ones((1, 7))

    with serve_vla_eval(act) as server:
        policy = make_policy(f"{server.url}?timeout_s=0.3", SPEC)
        policy.reset(EPISODE)
        with pytest.raises(PolicyTimeoutError, match=r"within 0\.3 s"):
            policy.infer(observation())
        policy.reset(EPISODE)
        assert np.array_equal(policy.infer(observation()), np.ones((1, 7)))
        policy.close()
    assert len(server.sessions) == 1


def test_a_break_in_mid_episode_is_an_error_and_nothing_is_sent_again() -> None:
    def breaks(seen: dict[str, Any], session: Session) -> Any:
        if len(server.of_type("observation")) == 2:
            session.connection.close_socket()
            return None
        return np.ones((1, 7))

    with serve_vla_eval(breaks) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        policy.infer(observation())
        with pytest.raises(PolicyError, match="broke in the middle of an episode"):
            policy.infer(observation())
        with pytest.raises(PolicyError, match="no episode is running"):
            policy.infer(observation())
        assert len(server.of_type("observation")) == 2
        policy.reset(EPISODE)
        assert np.array_equal(policy.infer(observation()), np.ones((1, 7)))
        policy.close()
    assert [len(server.of_type(kind)) for kind in ("hello", "episode_start", "observation")] == [2, 2, 3]


def test_a_server_that_restarts_between_episodes_is_reached_again() -> None:
    with serve_vla_eval(ones) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        policy.infer(observation())
    with serve_vla_eval(lambda seen, session: np.full((1, 7), 0.5), port=server.port):
        policy.reset(EPISODE)
        assert np.array_equal(policy.infer(observation()), np.full((1, 7), 0.5))
        policy.close()


def test_a_server_that_comes_back_as_another_is_an_error() -> None:
    with serve_vla_eval(ones) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
    with (
        serve_vla_eval(ones, port=server.port, hello={**HELLO, "model_server": "Newer"}),
        pytest.raises(PolicyError, match="another server answers than before"),
    ):
        policy.reset(EPISODE)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"actions": [0.0] * 6}, r"shape \(6,\)"),
        ({"actions": [0.0] * 6 + [float("nan")]}, "answered with nan"),
        ({"actions": "error"}, "not an array of numbers"),
        ({"action": [0.0] * 7}, "no 'actions', only action"),
        ({"actions": {"__ndarray__": True, "data": b"", "dtype": "|O", "shape": [7]}}, "refused"),
        ({}, "no 'actions', only nothing"),
    ],
)
def test_a_wrong_answer_says_what_is_wrong_and_which_server(payload: dict[str, Any], message: str) -> None:
    with serve_vla_eval(lambda seen, session: session.send("action", payload, session.seq)) as server:
        with pytest.raises(PolicyOutputError, match=message) as caught:
            ask(server.url)
        assert f"127.0.0.1:{server.port}" in str(caught.value)


@pytest.mark.parametrize("frame", ["a text", b"\xc1", b"\x80"])
def test_a_frame_that_is_none_is_an_error(frame: str | bytes) -> None:
    with (
        serve_vla_eval(lambda seen, session: session.connection.send(frame)) as server,
        pytest.raises(PolicyOutputError, match=r"a frame|not vla-eval's msgpack"),
    ):
        ask(server.url)


def test_an_answer_of_another_type_is_an_error() -> None:
    with (
        serve_vla_eval(lambda seen, session: session.send("hello", HELLO, session.seq)) as server,
        pytest.raises(PolicyError, match="answered with 'hello'"),
    ):
        ask(server.url)


def test_a_gigabyte_is_refused_by_its_header_without_being_read() -> None:
    def announces_a_gigabyte(seen: dict[str, Any], session: Session) -> None:
        # RFC 6455, section 5.2: a whole binary message whose length stands in eight bytes.
        session.connection.socket.sendall(b"\x82\x7f" + struct.pack(">Q", 2**30) + bytes(2**20))

    with serve_vla_eval(announces_a_gigabyte) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        tracemalloc.start()
        with pytest.raises(PolicyOutputError, match="longer than 64 MiB"):
            policy.infer(observation())
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        policy.close()
    assert peak_bytes < 32 * 2**20


@pytest.mark.parametrize(("max_mb", "fits"), [(1, False), (3, True)])
def test_the_limit_of_an_answer_can_be_chosen(max_mb: int, fits: bool) -> None:
    payload = {"actions": [0.5] * 7, "note": bytes(2 * 2**20)}
    with serve_vla_eval(lambda seen, session: session.send("action", payload, session.seq)) as server:
        if fits:
            assert ask(f"{server.url}?max_mb={max_mb}").tolist() == [[0.5] * 7]
        else:
            with pytest.raises(PolicyOutputError, match=f"longer than {max_mb} MiB"):
                ask(f"{server.url}?max_mb={max_mb}")


def test_the_servers_times_are_told_apart_and_without_them_all_is_transport() -> None:
    times: dict[str, Any] = {}
    with serve_vla_eval(
        lambda seen, session: session.send("action", {"actions": [0.0] * 7, **times}, session.seq)
    ) as server:
        policy = make_policy(server.url, SPEC)
        policy.reset(EPISODE)
        policy.infer(observation())
        assert isinstance(policy.timing, QueryTiming)
        assert policy.timing.total_s == policy.timing.transport_s > 0
        times["server_timing"] = {"infer_ms": 0.25, "queue_ms": 0.125}
        policy.infer(observation())
        policy.close()
    assert (policy.timing.inference_s, policy.timing.queue_s) == (0.00025, 0.000125)


def test_the_api_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENPI_API_KEY", raising=False)
    monkeypatch.setenv("EVALHARNESS_API_KEY", "s3cret")
    with serve_vla_eval(ones, api_key="s3cret") as server:
        assert "s3cret" not in repr(describe_policy(server.url))
        monkeypatch.setenv("EVALHARNESS_API_KEY", "wrong")
        with pytest.raises(PolicyUnavailableError, match="the API key was refused"):
            describe_policy(server.url)


@pytest.mark.parametrize(
    "uri", ["vla-eval+ws:", "vla-eval+ws://", "vla-eval+ws://:8000", "vla-eval+ws://host:0", "vla-eval+wss://h#x"]
)
def test_a_malformed_address_is_refused_without_connecting(uri: str) -> None:
    with pytest.raises(PolicyUnavailableError, match="HOST:PORT"):
        describe_policy(uri)


@pytest.mark.parametrize("query", ["pictures=gif", "max_mb=0", "timeout_s=0", "retries=-1"])
def test_a_parameter_that_cannot_be_is_refused_without_connecting(query: str) -> None:
    with pytest.raises(PolicyUnavailableError, match=query.partition("=")[0]):
        describe_policy(f"vla-eval+ws://127.0.0.1:1?{query}")


def test_credentials_in_the_uri_are_refused_and_not_repeated() -> None:
    with pytest.raises(PolicyUnavailableError) as caught:
        describe_policy("vla-eval+ws://me:s3cret@localhost:8000")
    assert "s3cret" not in str(caught.value)


def test_an_environment_without_a_picture_in_front_is_refused() -> None:
    with pytest.raises(PolicyUnavailableError, match="needs a picture besides wrist"):
        make_policy("vla-eval+ws://localhost:1", dataclasses.replace(SPEC, images={"wrist": (8, 8, 3)}))
