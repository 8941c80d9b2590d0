"""The three front ends over real sockets."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyUnavailableError, UsageError
from harness.policies.check import synthetic_observation
from harness.policies.json_numpy_codec import loads, request_body
from harness.policies.openpi_client import OpenPIClient
from harness.policies.openpi_codec import pack
from harness.policies.server_address import ServerOptions
from harness.policies.vla_eval_codec import Frame, pack_frame, unpack_frame
from harness.registry import describe_policy, make_policy
from harness.serving.batching import Batching
from harness.serving.server import Served, Server
from harness.serving.websocket import Access
from harness.types import Episode

POLICIES = Path(__file__).parents[2] / "policies" / "answering.py"
SPEC = libero_env_spec()
DARK, LIGHT = np.full((32, 48, 3), 10, dtype=np.uint8), np.full((16, 16, 3), 200, dtype=np.uint8)
KEY = "s3cret"
EPISODE = Episode("libero_goal", 3, "task", "do it", init=7, repeat=1, seed=5)


@contextmanager
def serving(name, protocol="openpi", *, api_key=None, max_bytes=2**20, max_batch=8, max_wait_s=0.0, **more):
    access, batching = Access(api_key, max_bytes), Batching(max_batch, max_wait_s)
    served = Served(f"py:{POLICIES}:{name}", SPEC, protocol, "127.0.0.1", 0, access, batching, **more)
    with Server(served) as server:
        yield server


def openpi_request(first=0.0, **changes):
    request = {"observation/image": DARK, "observation/wrist_image": LIGHT, "observation/state": state(first)}
    request = {**request, "prompt": "do it", **changes}
    return {name: value for name, value in request.items() if value is not None}


def state(first):
    return np.array([first, 1, 2, 3, 4, 5, 6, 7], dtype=np.float64)


def http_url(server, path):
    return server.url.replace("ws://", "http://") + path


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def post(server, body, key=None, path="/act"):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Api-Key {key}"} if key else {})
    try:
        request = urllib.request.Request(http_url(server, path), data=body, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, loads(error.read())


# openpi


def test_openpi_the_policy_sees_pictures_state_and_how_often_it_was_asked():
    with serving("Echo") as server:
        client = OpenPIClient(server.url)
        metadata = client.connect()
        first, second = client.ask(openpi_request(0.5)), client.ask(openpi_request(0.25))
        client.close()
    assert metadata["policy"] == server.info.uri
    assert metadata["fingerprint"] == server.info.fingerprint
    np.testing.assert_array_equal(first["actions"], [[0.5, 1, 2, 3, 4, 5, 6], [10, 200, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(second["actions"], [[0.25, 1, 2, 3, 4, 5, 6], [10, 200, 1, 0, 0, 0, 0]])
    assert set(first["server_timing"]) == {"infer_ms", "queue_ms", "batch_size"}
    assert set(second["server_timing"]) == {"infer_ms", "queue_ms", "batch_size", "prev_total_ms"}
    assert second["server_timing"]["prev_total_ms"] >= first["server_timing"]["infer_ms"] > 0


def test_answers_of_many_clients_belong_to_their_questions_and_batches_are_formed():
    asks = 25

    def converse(number):
        client, sizes = OpenPIClient(server.url), []
        for count in range(asks):
            first, second = client.ask(openpi_request(1000.0 * number + count))["actions"]
            assert first.tolist() == [1000.0 * number + count, 1, 2, 3, 4, 5, 6]
            assert second[:2].tolist() == [10, 200]
            sizes.append(second[2])
        client.close()
        return sizes

    with serving("Batches", max_batch=4, max_wait_s=0.02) as server:
        with ThreadPoolExecutor(8) as pool:
            sizes = [size for sizes in pool.map(converse, range(8)) for size in sizes]
        counts = server.inference.counts()
    assert (counts.answered, counts.failed, len(sizes)) == (8 * asks, 0, 8 * asks)
    assert max(sizes) == 4
    assert counts.calls < 8 * asks / 2


@pytest.mark.parametrize("path", ["/health", "/healthz"])
@pytest.mark.parametrize("protocol", ["openpi", "vla-eval", "http"])
def test_health_needs_no_key_and_everything_else_does(protocol, path):
    with serving("Echo", protocol, api_key=KEY) as server:
        server.inference.policy()
        assert get(http_url(server, path)) == (200, b"OK\n")
        if protocol == "http":
            assert post(server, b"{}")[0] == 401
            assert post(server, b"{}", "wrong")[0] == 401
            assert post(server, b"{}", KEY)[0] == 400
            return
        for header in ({}, {"Authorization": "Api-Key wrong"}, {"Authorization": KEY}):
            with pytest.raises(InvalidStatus) as caught, connect(server.url, additional_headers=header):
                pass
            assert caught.value.response.status_code == 401
        with connect(server.url, additional_headers={"Authorization": f"Api-Key {KEY}"}) as client:
            client.ping().wait(timeout=10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observation/wrist_image": None}, "needs the picture 'wrist', and the request has only agentview"),
        ({"observation/state": None}, "needs the state 'vector', and the request has none"),
        ({"observation/state": np.zeros(7)}, "'vector' must be 8 finite numbers"),
        ({"observation/state": np.full(8, np.nan)}, "'vector' must be 8 finite numbers"),
        ({"observation/state": "much"}, "must be numbers"),
        ({"observation/image": DARK.astype(np.float32)}, "'agentview' must be uint8"),
        ({"observation/image": DARK[:, :, 0]}, "'agentview' must be uint8"),
        ({"observation/image": [1, 2]}, "not list"),
        ({"observation/image": DARK[:0]}, "is empty"),
        ({"prompt": None}, "the instruction must be a text"),
        ({"prompt": 3}, "the instruction must be a text"),
    ],
)
def test_openpi_a_request_that_lacks_something_is_told_what(changes, message):
    with serving("Echo") as server:
        client = OpenPIClient(server.url)
        with pytest.raises(PolicyError, match=message):
            client.ask(openpi_request(**changes))
        assert client.ask(openpi_request(3.0))["actions"][0, 0] == 3, "another connection is not touched by it"
        client.close()


def test_openpi_what_the_policy_raises_comes_back_with_its_place_and_closes_the_connection():
    with serving("Echo") as server, connect(server.url) as client:
        client.recv(timeout=10)
        client.send(pack(openpi_request(666)))
        text = client.recv(timeout=10)
        assert isinstance(text, str)
        assert "RuntimeError: the state begins with 666" in text
        assert "answering.py" in text
        with pytest.raises(ConnectionClosedError) as caught:
            client.recv(timeout=10)
        assert caught.value.rcvd.code == 1011


def test_openpi_one_bad_answer_in_a_batch_fails_nobody_else():
    with serving("NaNWhereAsked", max_batch=3, max_wait_s=30.0) as server:
        clients = [OpenPIClient(server.url) for _ in range(3)]
        for client in clients:
            client.connect()
        with ThreadPoolExecutor(3) as pool:
            answers = [
                pool.submit(client.ask, openpi_request(first)) for client, first in zip(clients, (1, 13, 2), strict=True)
            ]
            assert answers[0].result(30)["actions"][:, 0].tolist() == [1, 10]
            assert answers[2].result(30)["server_timing"]["batch_size"] == 3
            with pytest.raises(PolicyError, match="nan in action 0"):
                answers[1].result(30)
        for client in clients:
            client.close()


@pytest.mark.parametrize("protocol", ["openpi", "vla-eval"])
def test_a_message_that_is_too_long_closes_its_connection_alone(protocol):
    with serving("Echo", protocol, max_bytes=4096) as server, connect(server.url) as other:
        with connect(server.url) as client:
            client.send(bytes(5000))
            with pytest.raises(ConnectionClosedError) as caught:
                list(client)
            assert caught.value.rcvd.code == 1009
        other.ping().wait(timeout=10)
        server.inference.policy()
        assert get(http_url(server, "/healthz"))[0] == 200


def test_openpi_a_client_that_goes_while_it_waits_costs_nobody_anything():
    with serving("Batches", max_batch=2, max_wait_s=30.0) as server:
        clients = [OpenPIClient(server.url) for _ in range(2)]
        for client in clients:
            client.connect()
        with connect(server.url) as going:
            going.recv(timeout=10)
            going.send(pack(openpi_request(1)))
            wait_until(lambda: server.inference._open)
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda client, first: client.ask(openpi_request(first)), clients, (2, 3)))
        assert [answer["actions"][0, 0] for answer in answers] == [2, 3]
        counts = server.inference.counts()
        assert (counts.answered, counts.failed, counts.calls) == (2, 0, 1)
        for client in clients:
            client.close()


def wait_until(condition):
    pause = threading.Event()
    for _ in range(10_000):
        if condition():
            return
        pause.wait(0.001)
    raise AssertionError("it did not come to pass")


def test_openpi_a_served_policy_answers_our_client_bit_for_bit_as_in_process():
    observation = synthetic_observation(SPEC)
    uri = f"py:{POLICIES}:Everything"
    from harness.episode import episode_generators

    def played(policy):
        answers = []
        for init in (0, 1):
            episode = Episode("libero_goal", 3, "task", "do it", init, 0, 0)
            with episode_generators(episode).in_use():
                policy.reset(episode)
                answers += [policy.infer(observation), policy.infer(observation)]
        policy.close()
        return np.array(answers)

    in_process = played(make_policy(uri, SPEC))
    with serving("Everything") as server:
        assert describe_policy(server.policy_uri).details["metadata"]["fingerprint"] == describe_policy(uri).fingerprint
        served = played(make_policy(server.policy_uri, SPEC))
        resized = played(make_policy(f"{server.policy_uri}?size=224", SPEC))
    assert in_process.tobytes() == served.tobytes()
    assert len(np.unique(in_process[:, 0, 0])) == 4
    assert resized.tobytes() != served.tobytes()


def test_openpi_resets_of_roboarenas_dialect_begin_an_episode():
    with serving("Remembers") as server:
        client = OpenPIClient(server.url)
        actions = [client.ask(openpi_request())["actions"][0] for _ in range(2)]
        assert client.ask({"endpoint": "reset"}, acknowledgement="reset successful") == "reset successful"
        actions.append(client.ask(openpi_request())["actions"][0])
        client.close()
    assert [action[:2].tolist() for action in actions] == [[0, 1], [0, 2], [1, 1]]


@pytest.mark.parametrize(
    "episode",
    [{"init": 3}, 7, {**EPISODE.__dict__, "init": "7"}, {**EPISODE.__dict__, "more": 1}, {**EPISODE.__dict__, "seed": True}],
)
def test_openpi_an_episode_that_is_none_is_refused(episode):
    with serving("Remembers") as server:
        client = OpenPIClient(server.url)
        with pytest.raises(PolicyError, match="evalharness/episode"):
            client.ask({"endpoint": "reset", "evalharness/episode": episode}, acknowledgement="reset successful")
        client.close()


def test_openpi_a_connection_that_was_lost_in_an_episode_is_an_error_and_not_another_episode():
    with serving("Remembers") as server:
        client = OpenPIClient(server.url)
        observation = {"images": {}, "state": {"vector": state(0)}, "instruction": "do it", "step": 5}
        with pytest.raises(PolicyError, match="lost in the middle of an episode, before step 5"):
            client.ask({"evalharness/observation": observation})
        client.close()


def test_a_policy_that_keeps_one_episode_refuses_a_second_client_until_the_first_has_gone():
    with serving("Remembers") as server:
        first, second = OpenPIClient(server.url), OpenPIClient(server.url)
        first.ask(openpi_request())
        with pytest.raises(PolicyError, match="one client at a time"):
            second.ask(openpi_request())
        assert first.ask(openpi_request())["actions"][0, 1] == 2
        first.close()
        wait_until(lambda: server.inference.counts().clients == 0)
        assert second.ask(openpi_request())["actions"][0, 1] == 1
        second.close()


def test_a_policy_that_cannot_be_made_tells_those_that_wait_and_is_never_healthy():
    with serving("Broken") as server:
        with pytest.raises(PolicyUnavailableError, match=r"weights\.safetensors is missing"):
            OpenPIClient(server.url, ServerOptions(retries=0)).connect()
        assert get(http_url(server, "/healthz")) == (503, b"loading\n")


def test_http_a_policy_that_cannot_be_made_is_the_servers_failure():
    with serving("Broken", "http") as server:
        status, answer = post(server, request_body(act_request(), encoded=False))
    assert status == 500
    assert "weights.safetensors is missing" in answer["error"]


def test_a_policy_that_fails_before_it_is_ready_is_closed(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from pathlib import Path\n"
        "class Model:\n"
        "    needs_images = False\n"
        "    def infer(self, observation):\n"
        "        raise ValueError('no warm answer')\n"
        "    def close(self):\n"
        f"        Path({str(tmp_path / 'closed')!r}).touch()\n"
    )
    served = Served(f"py:{file}:Model", SPEC, "openpi", "127.0.0.1", 0, Access(), Batching(), warm_up=True)
    with Server(served) as server, pytest.raises(PolicyError, match="no warm answer"):
        server.inference.policy()
    assert (tmp_path / "closed").exists()


@pytest.mark.parametrize("header", [None, "", KEY, f"Api-Key {KEY} ", "Api-Key s\xfc", "Api-Key \udcff"])
def test_a_header_without_the_key_is_refused_whatever_bytes_it_has(header):
    assert not Access(KEY).allows(header)


def test_a_server_behind_a_server_does_not_mix_its_clients_episodes():
    with serving("Batches") as inner:
        served = Served(inner.policy_uri, SPEC, "openpi", "127.0.0.1", 0, Access(), Batching())
        with Server(served) as outer:
            first, second = OpenPIClient(outer.url), OpenPIClient(outer.url)
            first.ask(openpi_request())
            with pytest.raises(PolicyError, match="one client at a time"):
                second.ask(openpi_request())
            first.close()
            second.close()


def test_a_policy_that_wants_privileged_knowledge_is_refused():
    served = Served("expert", SPEC, "openpi", "127.0.0.1", 0, Access(), Batching())
    with Server(served) as server, pytest.raises(PolicyUnavailableError, match="only a simulator knows"):
        server.inference.policy()


@pytest.mark.parametrize("protocol", ["openpi", "http"])
def test_a_port_that_is_taken_is_named(protocol):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        served = Served(f"py:{POLICIES}:Echo", SPEC, protocol, "127.0.0.1", port, Access(), Batching())
        with pytest.raises(UsageError, match=f"port {port}"):
            Server(served)


# vla-eval


def asked(client, seq, kind, payload):
    client.send(pack_frame(Frame(kind, payload, seq)))
    return unpack_frame(client.recv(timeout=10))


def vla_eval_observation(first):
    return {"images": {"agentview": DARK, "wrist": LIGHT}, "task_description": "do it", "states": state(first)}


def test_vla_eval_chunks_are_unrolled_and_an_episode_begins_with_a_new_one():
    with serving("Echo", "vla-eval") as server, connect(server.url) as client:
        hello = asked(client, 1, "hello", {"harness_version": "x", "protocol_version": 1})
        client.send(pack_frame(Frame("episode_start", {"task": {"name": "t"}}, 2)))
        replies = [asked(client, 3 + n, "observation", vla_eval_observation(n)) for n in range(3)]
        client.send(pack_frame(Frame("episode_start", {"task": {"name": "t"}}, 6)))
        replies.append(asked(client, 7, "observation", vla_eval_observation(9)))
    assert (hello.type, hello.seq, hello.payload["protocol_version"]) == ("hello", 1, 1)
    assert hello.payload["observation_params"] == {"send_wrist_image": True, "send_state": True, "quat_no_antipodal": True}
    assert [(reply.type, reply.seq) for reply in replies] == [("action", seq) for seq in (3, 4, 5, 7)]
    actions = [reply.payload["actions"] for reply in replies]
    assert all(action.dtype == np.float32 and action.shape == (7,) for action in actions)
    assert [action[:3].tolist() for action in actions] == [[0, 1, 2], [10, 200, 0], [2, 1, 2], [9, 1, 2]]


def test_vla_eval_fewer_actions_of_a_chunk_are_used_when_asked_for():
    with serving("Echo", "vla-eval", replan_steps=1) as server, connect(server.url) as client:
        replies = [asked(client, n, "observation", vla_eval_observation(n)) for n in (1, 2)]
    assert [reply.payload["actions"][0] for reply in replies] == [1, 2]


def test_vla_eval_errors_leave_the_connection_open_and_name_their_question():
    with serving("Echo", "vla-eval") as server, connect(server.url) as client:
        client.send(b"\xc1")
        assert unpack_frame(client.recv(timeout=10)).type == "error"
        client.send("text")
        assert "binary" in unpack_frame(client.recv(timeout=10)).payload["error"]
        raised = asked(client, 5, "observation", vla_eval_observation(666))
        lacking = asked(client, 6, "observation", {"images": {}, "task_description": "do it", "states": state(0)})
        old = asked(client, 7, "hello", {"protocol_version": 2})
        wrong = asked(client, 8, "action", {})
        assert asked(client, 9, "observation", vla_eval_observation(4)).payload["actions"][0] == 4
    assert (raised.type, raised.seq) == ("error", 5)
    assert "begins with 666" in raised.payload["error"]
    assert "the policy needs the picture 'agentview', and the request has none" in lacking.payload["error"]
    assert "version 2" in old.payload["error"]
    assert "not action" in wrong.payload["error"]


def test_vla_eval_our_client_gets_the_policys_actions():
    observation = synthetic_observation(SPEC)
    with serving("Echo", "vla-eval") as server:
        assert server.policy_uri.startswith("vla-eval+ws://")
        policy = make_policy(server.policy_uri, SPEC)
        policy.reset(EPISODE)
        actions = np.concatenate([np.atleast_2d(policy.infer(observation)) for _ in range(2)])
        policy.close()
    means = [observation.images[name].mean() for name in ("agentview", "wrist")]
    expected = np.array([observation.state["vector"][:7], [*means, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(actions, expected.astype(np.float32))


# HTTP


def act_request(first=0.0, **changes):
    request = {"full_image": DARK, "wrist_image": LIGHT, "state": state(first), "instruction": "do it", **changes}
    return {name: value for name, value in request.items() if value is not None}


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("names", [{}, {"full_image": None, "image": DARK}])
def test_http_the_chunk_comes_back_as_an_array(encoded, names):
    with serving("Echo", "http") as server:
        status, answer = post(server, request_body(act_request(2, **names), encoded=encoded))
    assert status == 200
    chunk = loads(answer) if encoded else answer
    np.testing.assert_array_equal(chunk, [[2, 1, 2, 3, 4, 5, 6], [10, 200, 0, 0, 0, 0, 0]])


def test_http_a_chunk_of_one_is_one_action():
    with serving("Remembers", "http") as server:
        status, answer = post(server, request_body(act_request(), encoded=False))
    assert (status, answer.shape, answer[:2].tolist()) == (200, (7,), [0, 1])


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "json_numpy"),
        (b"[1]", 400, "must be a map"),
        (request_body(act_request(state=np.zeros(3)), encoded=False), 400, "8 finite numbers"),
        (request_body(act_request(wrist_image=None), encoded=False), 500, "needs the picture 'wrist'"),
        (request_body(act_request(666), encoded=False), 500, "begins with 666"),
        (b'{"state": {"__numpy__": "gASVAAAA", "dtype": "|O", "shape": [1]}}', 400, "refused"),
        (bytes(2**20 + 1), 413, "bytes"),
    ],
)
def test_http_what_is_wrong_is_said_and_the_next_request_is_answered(body, status, message):
    with serving("Echo", "http") as server:
        got, answer = post(server, body)
        assert got == status
        assert message in answer["error"]
        assert post(server, request_body(act_request(1), encoded=False))[1][0, 0] == 1


def test_http_other_paths_and_bodies_without_a_length_are_refused():
    with serving("Echo", "http") as server:
        assert post(server, b"{}", path="/other")[0] == 404
        status, page = get(http_url(server, "/act"))
        assert (status, "POST /act" in json.loads(page)["error"]) == (404, True)
        with socket.create_connection(("127.0.0.1", server._front.port), timeout=10) as raw:
            raw.sendall(b"POST /act HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            assert raw.recv(4096).startswith(b"HTTP/1.1 411 ")


def test_http_requests_that_come_together_are_answered_in_batches():
    with serving("Batches", "http", max_batch=4, max_wait_s=30.0) as server, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda first: post(server, request_body(act_request(first), encoded=False))[1], range(4)))
    assert [answer[0, 0] for answer in answers] == [0, 1, 2, 3]
    assert [answer[1, 2] for answer in answers] == [4, 4, 4, 4]


def test_http_our_client_gets_the_policys_actions_with_the_gripper_as_openvla_means_it():
    observation = synthetic_observation(SPEC)
    with serving("Echo", "http", max_bytes=2**22) as server:
        wait_until(lambda: get(http_url(server, "/health"))[0] == 200)
        policy = make_policy(server.policy_uri, SPEC)
        policy.reset(EPISODE)
        actions = np.asarray(policy.infer(observation))
        policy.close()
    np.testing.assert_array_equal(actions[0, :6], observation.state["vector"][:6])
    # 0.04 and 0 are both "close" where 0 is closed and 1 is open.
    assert actions[:, 6].tolist() == [1, 1]


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 5000, ""])
def test_http_a_length_that_is_none_is_refused(length):
    with serving("Echo", "http") as server, socket.create_connection(("127.0.0.1", server._front.port), timeout=10) as raw:
        raw.sendall(f"POST /act HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 411 ")


def test_our_client_learns_that_actions_are_applied_as_they_are():
    for name, expected in (("Raw", True), ("Echo", False)):
        with serving(name, max_bytes=2**22) as server:
            policy = make_policy(server.policy_uri, SPEC)
            policy.reset(EPISODE)
            assert policy.raw_actions is expected
            policy.close()


def test_http_a_gripper_as_the_simulator_takes_it_reaches_the_simulator_so():
    with serving("Raw", "http", max_bytes=2**22) as server:
        wait_until(lambda: get(http_url(server, "/health"))[0] == 200)
        policy = make_policy(server.policy_uri, SPEC)
        policy.reset(EPISODE)
        # By way of RLDS's 0 (close), which our client maps back.
        assert np.asarray(policy.infer(synthetic_observation(SPEC)))[0, -1] == 1.0
        status, body = post(server, request_body({"state": state(0.0), "instruction": "do it"}, encoded=False))
        assert (status, body[-1]) == (200, 0.0)
        policy.close()
