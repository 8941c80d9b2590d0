"""What the policies that load a checkpoint share."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from harness.errors import PolicyUnavailableError
from harness.policies.base import PolicyURI
from harness.policies.checkpoints import checkpoint_name, fingerprint, local_path, read_json, require, stay_offline


def test_a_name_of_the_hub_is_refused_with_the_way_to_fetch_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyUnavailableError) as refused:
        local_path(PolicyURI.parse("lerobot:lerobot/smolvla_base"))
    assert "`hf download lerobot/smolvla_base --local-dir smolvla_base`" in str(refused.value)
    assert "lerobot:smolvla_base" in str(refused.value)
    (tmp_path / "lerobot" / "smolvla_base").mkdir(parents=True)
    assert local_path(PolicyURI.parse("lerobot:lerobot/smolvla_base")) == Path("lerobot/smolvla_base")


@pytest.mark.parametrize("uri", ["hf:/nowhere/model", "export:runs/model.pt2", "hf:model"])
def test_a_missing_path_that_is_no_name_of_the_hub_is_just_missing(uri: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyUnavailableError, match="there is no") as refused:
        local_path(PolicyURI.parse(uri))
    assert "hf download" not in str(refused.value)


def test_a_uri_without_a_path_is_refused() -> None:
    with pytest.raises(PolicyUnavailableError, match="names no checkpoint: expected hf:PATH"):
        local_path(PolicyURI.parse("hf:?device=cpu"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/models/openvla-7b", "act-openvla-7b"),
        ("/out/act_libero/checkpoints/020000/pretrained_model", "act-act_libero-020000"),
        ("/out/my run", "act-my-run"),
    ],
)
def test_the_name_says_which_checkpoint_it_is(path: str, name: str) -> None:
    assert checkpoint_name("act", Path(path)) == name


def test_the_fingerprint_is_that_of_names_contents_and_settings_in_any_order(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"1")
    b.write_bytes(b"2")
    lines = "".join(f"{name}\0{hashlib.sha256(text).hexdigest()}\n" for name, text in (("a", b"1"), ("b", b"2")))
    wanted = hashlib.sha256(f"{lines}x\0y".encode()).hexdigest()
    assert fingerprint([b, a], "x", "y") == fingerprint([a, b], "x", "y") == wanted
    with pytest.raises(PolicyUnavailableError, match="c cannot be read: No such file"):
        fingerprint([tmp_path / "c"])


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_config_that_is_no_map_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(PolicyUnavailableError, match=r"config\.json"):
        read_json(tmp_path / "config.json")


def test_missing_packages_are_named_with_their_extra() -> None:
    uri = PolicyURI.parse("hf:x")
    require(uri, "hf", "json", "numpy")
    with pytest.raises(PolicyUnavailableError, match=r'needs no_such_one and no_such_two, .*"evalharness\[hf\]"'):
        require(uri, "hf", "json", "no_such_one", "no_such_two")


@pytest.mark.parametrize(("set_to", "stays"), [(None, "1"), ("0", "0")])
def test_hugging_faces_libraries_stay_offline_unless_the_user_says_otherwise(
    set_to: str | None, stays: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "before")  # so that it is put back
    monkeypatch.delenv("HF_HUB_OFFLINE") if set_to is None else monkeypatch.setenv("HF_HUB_OFFLINE", set_to)
    stay_offline()
    assert os.environ["HF_HUB_OFFLINE"] == stays
