from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness import registry
from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyUnavailableError
from harness.policies.base import BasePolicy
from harness.policies.simple import RandomPolicy
from harness.types import Observation

PLUGIN = '''
import numpy as np
from harness.policies.base import BasePolicy
from harness.types import PolicyInfo

class Ones(BasePolicy):
    """Answers with ones.

    More about it.
    """
    @classmethod
    def describe(cls, uri):
        return PolicyInfo(uri.text, "ones", "1")
    @classmethod
    def from_uri(cls, uri, spec):
        return cls()
    def infer(self, observation):
        return np.ones(7)

class NotAPolicy:
    pass
'''


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, entry_points: str, name: str = "ones_plugin") -> None:
    """Puts a package with entry points onto the path, as an installer would."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[evalharness.policies]\n{entry_points}\n")
    (folder / f"{name}.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(folder))


def test_a_built_in_scheme_gives_its_class_and_the_parsed_uri() -> None:
    backend, uri = registry.policy_backend("random?chunk=2")
    assert backend is RandomPolicy
    assert (uri.scheme, uri.params) == ("random", {"chunk": "2"})


def test_every_built_in_scheme_can_be_imported_and_has_help() -> None:
    schemes = registry.policy_schemes()
    assert {"zero", "random", "replay", "py", "ws", "wss"} <= set(schemes)
    assert all(text and not text.startswith("unusable") for text in schemes.values())
    assert all(issubclass(registry.policy_backend(f"{scheme}:")[0], BasePolicy) for scheme in registry.BUILT_IN)


def test_an_unknown_scheme_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(PolicyUnavailableError, match="Did you mean 'random'"):
        registry.policy_backend("randon?chunk=2")


def test_an_unknown_parameter_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(PolicyUnavailableError, match=r"no parameter 'chunks'. Did you mean 'chunk'"):
        registry.policy_backend("random?chunks=2")


def test_a_back_end_without_parameters_says_so() -> None:
    with pytest.raises(PolicyUnavailableError, match="None are known"):
        registry.policy_backend("zero?chunk=2")


def test_an_installed_package_adds_a_back_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "ones = ones_plugin:Ones")
    assert registry.describe_policy("ones").name == "ones"
    assert registry.policy_schemes()["ones"] == "Answers with ones."
    policy = registry.make_policy("ones", libero_env_spec())
    assert np.array_equal(policy.infer(Observation({}, {}, "", 0)), np.ones(7))


def test_an_installed_package_may_not_take_a_built_in_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "zero = ones_plugin:Ones")
    with pytest.raises(PolicyUnavailableError, match=r"ones_plugin registers the policy back end 'zero', which is built in"):
        registry.policy_backend("zero")


def test_two_packages_may_not_own_one_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "ones = ones_plugin:Ones")
    install(tmp_path, monkeypatch, "ones = other_plugin:Ones", name="other_plugin")
    with pytest.raises(PolicyUnavailableError, match="uninstall one of them"):
        registry.policy_backend("ones")


@pytest.mark.parametrize(
    ("target", "message"),
    [("ones_plugin:NotAPolicy", "lacks describe"), ("absent_plugin:X", "cannot be imported"), ("ones_plugin:Two", "Two")],
)
def test_a_broken_back_end_is_named_and_does_not_spoil_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, message: str
) -> None:
    install(tmp_path, monkeypatch, f"broken = {target}")
    with pytest.raises(PolicyUnavailableError, match=message):
        registry.policy_backend("broken")
    schemes = registry.policy_schemes()
    assert schemes["broken"].startswith("unusable: ")
    assert "zero" in schemes
