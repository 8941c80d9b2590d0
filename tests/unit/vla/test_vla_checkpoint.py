"""A model's folder is written and read, and every damage to it is refused with the file's name."""

from __future__ import annotations

import json
import pickle

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from tiny_vla import INSTRUCTIONS, TINY, parts_of, pictures_of, saved  # noqa: E402

from harness.errors import PolicyUnavailableError, UsageError  # noqa: E402
from harness.registry import describe_policy  # noqa: E402
from harness.vla.checkpoint import FILES, load_model, read_parts  # noqa: E402
from harness.vla.model import VLA  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture
def folder(tmp_path):
    return saved(tmp_path / "m")


def test_the_folder_holds_the_documented_files(folder):
    assert {path.name for path in folder.iterdir()} == set(FILES)


def test_what_was_written_answers_as_what_is_read(folder):
    torch.manual_seed(0)
    parts = parts_of(TINY)
    written = VLA(TINY, parts.actions.token_ids).eval()
    loaded_parts = read_parts(folder)
    assert (loaded_parts.config, loaded_parts.text, loaded_parts.actions.token_ids) == (
        TINY,
        parts.text,
        parts.actions.token_ids,
    )
    read = load_model(folder, loaded_parts)
    pictures, texts = torch.from_numpy(pictures_of(TINY, 1)), [parts.text_ids(INSTRUCTIONS[0])]
    assert torch.equal(read.predict_action(pictures, texts).logits, written.predict_action(pictures, texts).logits)


def test_least_used_tokens_are_the_actions_tokens_and_no_instruction_uses_them(folder):
    parts = read_parts(folder)
    assert parts.actions.token_ids == tuple(range(599, 599 - 256, -1))
    assert not {token for text in INSTRUCTIONS for token in parts.text_ids(text)} & set(parts.actions.token_ids)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(UsageError, match=f"lacks {name}"):
        read_parts(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_change_of_any_file_changes_the_fingerprint(folder, name):
    before = describe_policy(f"vla:{folder}").fingerprint
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content + b"\n")
    assert describe_policy(f"vla:{folder}").fingerprint != before
    (folder / name).write_bytes(content)
    assert describe_policy(f"vla:{folder}").fingerprint == before


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".json")])
def test_a_damaged_json_file_is_named(folder, name):
    (folder / name).write_text("{")
    with pytest.raises(UsageError, match=name):
        read_parts(folder)


@pytest.mark.parametrize("content", [b"", b"no weights", pickle.dumps({"a": 1}, protocol=2)])
def test_damaged_weights_are_refused(folder, content):
    (folder / "model.pt").write_bytes(content)
    with pytest.raises(UsageError, match=r"model\.pt does not hold the weights"):
        load_model(folder, read_parts(folder))


def test_weights_that_would_run_code_are_refused_and_run_nothing(folder, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "was_run"), "w"))

    torch.save({"weights": Evil()}, folder / "model.pt")
    with pytest.raises(UsageError, match=r"model\.pt does not hold the weights"):
        load_model(folder, read_parts(folder))
    assert not (tmp_path / "was_run").exists()


def test_weights_of_another_size_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "layers": 3}))
    with pytest.raises(UsageError, match=r"config\.json's sizes"):
        load_model(folder, read_parts(folder))


def test_a_vocabulary_that_differs_from_the_tokenizer_s_is_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": 700}))
    with pytest.raises(UsageError, match="vocabulary of 600, and the model one of 700"):
        read_parts(folder)


def test_statistics_of_other_actions_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "action_dim": 6}))
    with pytest.raises(UsageError, match="7 numbers in an action, and the model 6"):
        read_parts(folder)


def test_a_token_map_that_takes_a_special_token_is_refused(folder):
    path = folder / "action_token_map.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "9": 1}))
    with pytest.raises(UsageError, match="token 1 is a special token"):
        read_parts(folder)


def test_of_several_datasets_one_must_be_chosen(folder):
    path = folder / "dataset_statistics.json"
    (of_mine,) = json.loads(path.read_text()).values()
    path.write_text(json.dumps({"mine": of_mine, "other": of_mine}))
    with pytest.raises(PolicyUnavailableError, match="unnorm_key"):
        read_parts(folder)
    assert read_parts(folder, "other").actions.action_dim == 7
    with pytest.raises(PolicyUnavailableError, match="'others'"):
        read_parts(folder, "others")
