"""The checks that every policy back end must pass, run over every built-in one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from servers.act import serve_act
from servers.gr00t import serve_gr00t
from servers.vla_eval import serve_vla_eval
from tiny_exports import changed, make_card, make_export
from tiny_lerobot import make_act
from tiny_openvla import make_tiny_openvla
from tiny_vla import saved

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyUnavailableError
from harness.policies.base import checked_chunk
from harness.policies.check import check_policy, synthetic_observation
from harness.policies.openpi_server import serve
from harness.registry import BUILT_IN, describe_policy, make_policy
from harness.types import Episode, Float64Array, Observation, Policy

SPEC = libero_env_spec()
PARTS = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
SOURCE = "import numpy as np\ndef act(observation):\n    return np.full((4, 7), observation.state['eef_pos'][0])\n"


@dataclass(frozen=True)
class BackEnd:
    uri: str
    malformed_uri: str


def episode(init: int) -> Episode:
    return Episode(suite="s", task_id=0, task="t", instruction="do it", init=init, repeat=0, seed=0)


def seen_by(policy: Policy) -> Observation:
    return synthetic_observation(SPEC, images=policy.needs_images)


def ask(policy: Policy, init: int) -> Float64Array:
    policy.reset(episode(init))
    return checked_chunk(policy.infer(seen_by(policy)), SPEC.action_dim)


@contextmanager
def plain(scheme: str, folder: Path) -> Iterator[BackEnd]:
    yield BackEnd(scheme, f"{scheme}:what")


@contextmanager
def replay(folder: Path) -> Iterator[BackEnd]:
    np.savez(folder / "a.npz", actions=np.random.default_rng(0).uniform(-1, 1, (6, 7)))
    yield BackEnd(f"replay:{folder / 'a.npz'}", f"replay:{folder / 'b.npz'}")


@contextmanager
def noisy(folder: Path) -> Iterator[BackEnd]:
    yield BackEnd("noisy:0.1:zero", "noisy:much:zero")


@contextmanager
def python(folder: Path) -> Iterator[BackEnd]:
    (folder / "mine.py").write_text(SOURCE)
    yield BackEnd(f"py:{folder / 'mine.py'}:act", f"py:{folder / 'mine.py'}:react")


@contextmanager
def openpi(folder: Path) -> Iterator[BackEnd]:
    with serve(lambda r: np.outer([0.1, 0.2], r["observation/state"][:7] / 4), metadata={"model": "outer"}) as server:
        yield BackEnd(server.url, "ws://")


@contextmanager
def vla_eval(folder: Path) -> Iterator[BackEnd]:
    with serve_vla_eval(lambda observation, session: np.outer([0.1, 0.1], observation["states"][:7] / 4)) as server:
        yield BackEnd(server.url, "vla-eval+ws://")


@contextmanager
def act(folder: Path) -> Iterator[BackEnd]:
    with serve_act(lambda request: np.full((8, 7), request["image"].mean(dtype=np.float32) / 512)) as server:
        yield BackEnd(server.url, "http://")


@contextmanager
def gr00t(folder: Path) -> Iterator[BackEnd]:
    with serve_gr00t(lambda seen: [{name: seen["state.x"][:, :1].repeat(16, 1) for name in PARTS}, {}]) as server:
        yield BackEnd(server.url, "gr00t://")


@contextmanager
def vla(folder: Path) -> Iterator[BackEnd]:
    pytest.importorskip("torch", reason="torch is not installed")
    yield BackEnd(f"vla:{saved(folder / 'tiny')}", f"vla:{folder / 'none'}")


@contextmanager
def lerobot(folder: Path) -> Iterator[BackEnd]:
    pytest.importorskip("lerobot", reason="lerobot is not installed")
    yield BackEnd(f"lerobot:{make_act(folder / 'tiny')}", f"lerobot:{folder / 'none'}")


@contextmanager
def hf(folder: Path) -> Iterator[BackEnd]:
    pytest.importorskip("transformers", reason="transformers is not installed")
    tiny = make_tiny_openvla(folder / "tiny")
    yield BackEnd(f"hf:{tiny}?trust_remote_code=1&unnorm_key=libero_spatial", f"hf:{tiny}?unnorm_key=libero_spatial")


@contextmanager
def export(folder: Path) -> Iterator[BackEnd]:
    pytest.importorskip("torch", reason="torch is not installed")
    card = changed(make_card(), 0, shape=[1, 3, 256, 256], range=[-2, -1.9])
    yield BackEnd(f"export:{make_export(folder, '.pt', card)}", f"export:{folder / 'none.pt'}")


# Scheme -> what makes a URI that works and one that cannot; takes an empty folder.
BACK_ENDS: dict[str, Callable[[Path], AbstractContextManager[BackEnd]]] = {
    "zero": partial(plain, "zero"),
    "random": partial(plain, "random"),
    "replay": replay,
    "noisy": noisy,
    "py": python,
    "lerobot": lerobot,
    "hf": hf,
    "export": export,
    "ws": openpi,
    "vla-eval+ws": vla_eval,
    "http": act,
    "gr00t": gr00t,
    "vla": vla,
}


@pytest.fixture(params=BACK_ENDS)
def back_end(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BackEnd]:
    with BACK_ENDS[request.param](tmp_path) as made:
        yield made


@pytest.fixture
def policy(back_end: BackEnd) -> Iterator[Policy]:
    policy = make_policy(back_end.uri, SPEC)
    yield policy
    policy.close()


def test_no_built_in_back_end_is_left_out() -> None:
    # expert is asked in tests/contract/test_environments.py: it wants to know what only a simulator knows.
    assert set(BUILT_IN) == {*BACK_ENDS, "wss", "vla-eval+wss", "https", "expert"}


def test_the_description_is_complete_stable_and_can_be_written_as_json(back_end: BackEnd) -> None:
    info = describe_policy(back_end.uri)
    assert info == describe_policy(back_end.uri)
    assert info.uri == back_end.uri
    assert info.fingerprint
    assert "/" not in info.name
    assert json.loads(json.dumps(dict(info.details))) == info.details


def test_the_same_episode_gets_the_same_actions(policy: Policy) -> None:
    first = ask(policy, 0)
    ask(policy, 1)
    assert np.array_equal(ask(policy, 0), first)


def test_two_instances_answer_alike(back_end: BackEnd, policy: Policy) -> None:
    other = make_policy(back_end.uri, SPEC)
    assert np.array_equal(ask(other, 3), ask(policy, 3))
    other.close()


def test_actions_lie_in_the_range(policy: Policy) -> None:
    actions = ask(policy, 0)
    assert (actions >= SPEC.action_low).all()
    assert (actions <= SPEC.action_high).all()


def test_what_a_caller_does_with_an_answer_does_not_change_the_next(policy: Policy) -> None:
    policy.reset(episode(0))
    first = np.asarray(policy.infer(seen_by(policy)))
    kept = first.copy()
    first[...] = 99.0
    assert np.array_equal(policy.infer(seen_by(policy)), kept)


def test_closing_twice_does_no_harm(policy: Policy) -> None:
    ask(policy, 0)
    policy.close()
    policy.close()


def test_the_public_checker_finds_nothing(back_end: BackEnd) -> None:
    assert [finding for finding in check_policy(back_end.uri, SPEC) if finding.level != "ok"] == []


def test_an_unknown_parameter_is_refused(back_end: BackEnd) -> None:
    with pytest.raises(PolicyUnavailableError, match="no_such_parameter"):
        describe_policy(f"{back_end.uri}{'&' if '?' in back_end.uri else '?'}no_such_parameter=1")


def test_a_uri_that_cannot_work_is_refused_before_anything_is_made(back_end: BackEnd) -> None:
    with pytest.raises(PolicyUnavailableError):
        describe_policy(back_end.malformed_uri)
