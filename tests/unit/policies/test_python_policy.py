from __future__ import annotations

import dataclasses
import hashlib
import importlib
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyTimeoutError, PolicyUnavailableError
from harness.registry import describe_policy, make_policy
from harness.types import Episode, Observation

SPEC = libero_env_spec()
EPISODE = Episode(suite="s", task_id=0, task="t", instruction="do it", init=4, repeat=0, seed=0)
OBSERVATION = Observation(images={}, state={}, instruction="do it", step=0)

SOURCE = """
from __future__ import annotations
from dataclasses import dataclass
import numpy as np
from sibling_of_policy import VALUE

made = []

def half(observation):
    return np.full(7, VALUE)

half.needs_images = False

@dataclass
class Settings:
    scale: float = 1.0

class Model:
    raw_actions = True
    def __init__(self, scale="1", **rest):
        made.append(self)
        self.settings, self.rest, self.init, self.closed = Settings(float(scale)), rest, None, False
    def reset(self, episode):
        self.init = episode.init
    def infer(self, observation):
        return np.full((2, 7), self.settings.scale * self.init)
    def close(self):
        self.closed = True

class Bare:
    def infer(self, observation):
        return [0.0] * 7

class Picky:
    def __init__(self, weights):
        raise FileNotFoundError(f"no weights at {weights}")
    def infer(self, observation): ...

class Useless: ...

instance = Model("3")
number = 7

def broken(observation):
    return observation.images["agentview"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "sibling_of_policy.py").write_text("VALUE = 0.5\n")
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    sys.modules.pop("sibling_of_policy", None)
    return path


def test_a_function_is_asked(file: Path) -> None:
    policy = make_policy(f"py:{file}:half", SPEC)
    policy.reset(EPISODE)
    assert (policy.needs_images, policy.raw_actions) == (False, False)
    assert np.array_equal(policy.infer(OBSERVATION), np.full(7, 0.5))
    policy.close()


def test_a_class_is_made_with_the_parameters_and_told_of_episodes(file: Path) -> None:
    policy = make_policy(f"py:{file}:Model?scale=0.25&device=cpu&timeout_s=60", SPEC)
    model = sys.modules[type(policy._target).__module__].made[-1]  # type: ignore[attr-defined]
    policy.reset(EPISODE)
    assert (policy.needs_images, policy.raw_actions) == (True, True)
    assert np.array_equal(policy.infer(OBSERVATION), np.full((2, 7), 1.0))
    assert model.rest == {"device": "cpu"}
    policy.close()
    assert model.closed


def test_a_class_needs_infer_alone(file: Path) -> None:
    policy = make_policy(f"py:{file}:Bare", SPEC)
    policy.reset(EPISODE)
    assert policy.infer(OBSERVATION) == [0.0] * 7
    policy.close()


def test_an_object_is_used_as_it_is(file: Path) -> None:
    policy = make_policy(f"py:{file}:instance", SPEC)
    policy.reset(EPISODE)
    assert np.array_equal(policy.infer(OBSERVATION), np.full((2, 7), 12.0))


def test_a_module_is_imported_by_its_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(file.parent))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    policy = make_policy("py:mine:half", SPEC)
    assert np.array_equal(policy.infer(OBSERVATION), np.full(7, 0.5))
    assert describe_policy("py:mine:half").name == "mine-half"


def test_the_path_of_imports_is_as_before(file: Path) -> None:
    before = list(sys.path)
    make_policy(f"py:{file}:half", SPEC)
    (file.parent / "fails.py").write_text("raise ValueError('at import')")
    with pytest.raises(PolicyUnavailableError):
        make_policy(f"py:{file.parent / 'fails.py'}:x", SPEC)
    assert sys.path == before


def test_describe_makes_nothing_and_hashes_the_file(file: Path) -> None:
    info = describe_policy(f"py:{file}:Model?scale=2")
    assert info.fingerprint == hashlib.sha256(file.read_bytes()).hexdigest()
    assert info.name == "mine-Model"
    assert info.details["kind"] == "class"
    module = next(m for m in sys.modules.values() if getattr(m, "__file__", None) == str(file))
    assert [model.settings.scale for model in module.made] == [3.0]  # the file's own instance


def test_an_edited_file_is_imported_anew(file: Path) -> None:
    make_policy(f"py:{file}:half", SPEC)
    file.write_text("def half(observation):\n    return [1.0] * 7\n")
    assert make_policy(f"py:{file}:half", SPEC).infer(OBSERVATION) == [1.0] * 7


def test_the_fingerprint_is_that_of_the_file_that_defines_the_name(file: Path) -> None:
    (file.parent / "outer.py").write_text("from mine import half\n")
    sys.modules.pop("mine", None)
    info = describe_policy(f"py:{file.parent / 'outer.py'}:half")
    assert info.fingerprint == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_wrong_name_is_answered_with_the_nearest(file: Path) -> None:
    with pytest.raises(PolicyUnavailableError, match="Did you mean 'Model'"):
        describe_policy(f"py:{file}:Modle")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\nraise ValueError('the weights are gone')", r"ValueError: the weights are gone \(at .*bad\.py:2\)"),
        ("import module_that_is_absent", "No module named 'module_that_is_absent'"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why_and_where(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "bad.py").write_text(source)
    with pytest.raises(PolicyUnavailableError, match=message):
        describe_policy(f"py:{tmp_path / 'bad.py'}:f")


def test_a_file_that_could_not_be_imported_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text("import needed_by_late\ndef f(observation): return [0.0] * 7\n")
    with pytest.raises(PolicyUnavailableError, match="needed_by_late"):
        describe_policy(f"py:{tmp_path / 'late.py'}:f")
    (tmp_path / "needed_by_late.py").write_text("")
    importlib.invalidate_caches()
    assert describe_policy(f"py:{tmp_path / 'late.py'}:f").name == "late-f"


def test_an_absent_module_is_answered_with_how_a_file_is_written() -> None:
    with pytest.raises(PolicyUnavailableError, match=r"py:path/to/absent_module\.py:f"):
        describe_policy("py:absent_module:f")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("Useless", "no method infer"),
        ("number", "a int can neither be called"),
        ("half?device=cpu", "'device' has no taker"),
        ("instance?device=cpu", "'device' has no taker"),
        ("half?timeout_s=0", "timeout_s"),
    ],
)
def test_what_cannot_be_a_policy_is_refused_by_describe(file: Path, target: str, message: str) -> None:
    with pytest.raises(PolicyUnavailableError, match=message):
        describe_policy(f"py:{file}:{target}")


@pytest.mark.parametrize("uri", ["py:", "py:mine", "py::f", "py:mine.py:", "py:mine.py:a b", "py:absent/file.py:f"])
def test_a_malformed_address_is_refused(uri: str) -> None:
    with pytest.raises(PolicyUnavailableError):
        describe_policy(uri)


@pytest.mark.parametrize(
    ("target", "message"), [("Picky?weights=/w", "no weights at /w .*mine.py"), ("Picky", "missing 1 required positional")]
)
def test_a_class_that_cannot_be_made_says_why(file: Path, target: str, message: str) -> None:
    with pytest.raises(PolicyUnavailableError, match=message):
        make_policy(f"py:{file}:{target}", SPEC)


def test_an_exception_in_an_answer_is_a_policy_error_with_its_place(file: Path) -> None:
    line = 1 + SOURCE.splitlines().index('    return observation.images["agentview"]')
    with pytest.raises(PolicyError, match=rf"KeyError: 'agentview' \(at .*mine\.py:{line}\)"):
        make_policy(f"py:{file}:broken", SPEC).infer(OBSERVATION)


def test_an_answer_that_took_too_long_is_a_timeout(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\ndef slow(observation):\n    end = time.monotonic() + 0.02\n"
        "    while time.monotonic() < end: pass\n    return [0.0] * 7\n"
    )
    begin = time.monotonic()
    with pytest.raises(PolicyTimeoutError, match=r"timeout_s is 0\.01"):
        make_policy(f"py:{tmp_path / 'slow.py'}:slow?timeout_s=0.01", SPEC).infer(OBSERVATION)
    assert time.monotonic() - begin >= 0.02
    assert make_policy(f"py:{tmp_path / 'slow.py'}:slow?timeout_s=600", SPEC).infer(OBSERVATION) == [0.0] * 7


def test_an_object_with_another_action_space_than_the_runs_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "late.py"
    source.write_text(
        "class Late:\n    def __init__(self): self.action_space = 'joint_position'\n    def infer(self, o): return [0] * 7\n"
    )
    with pytest.raises(PolicyUnavailableError, match=r"says that its actions are 'joint_position'.*takes 'eef_delta'"):
        make_policy(f"py:{source}:Late", SPEC)


BATCHES = """
class Batched:
    def infer(self, observation):
        return [0.0] * 7
    def infer_batch(self, observations, episodes):
        if episodes[0].init == 9:
            raise ValueError("too many")
        return [[float(episode.init)] * 7 for episode in episodes]
"""


def test_a_policy_with_infer_batch_is_described_as_one_and_answers_batches(file: Path) -> None:
    source = file.parent / "batches.py"
    source.write_text(BATCHES)
    assert describe_policy(f"py:{source}:Batched").concurrency == "batch"
    assert describe_policy(f"py:{file}:Model").concurrency == "none"
    policy = make_policy(f"py:{source}:Batched", SPEC)
    episodes = [dataclasses.replace(EPISODE, init=init) for init in (3, 4)]
    assert policy.infer_batch([OBSERVATION] * 2, episodes) == [[3.0] * 7, [4.0] * 7]
    with pytest.raises(PolicyError, match=r"infer_batch of policy .*Batched' raised ValueError: too many"):
        policy.infer_batch([OBSERVATION], [dataclasses.replace(EPISODE, init=9)])


def test_a_policy_without_infer_batch_says_so(file: Path) -> None:
    with pytest.raises(PolicyError, match=r"has no method infer_batch\(observations, episodes\)"):
        make_policy(f"py:{file}:Model", SPEC).infer_batch([OBSERVATION], [EPISODE])
