"""A LeRobot checkpoint's own files, read without lerobot; the files are those of lerobot 0.4.4, shortened."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.errors import PolicyUnavailableError
from harness.policies.lerobot_checkpoint import read_checkpoint
from harness.registry import describe_policy

CONFIG: dict[str, Any] = {
    "type": "smolvla",
    "n_obs_steps": 1,
    "input_features": {
        "observation.images.image": {"type": "VISUAL", "shape": [3, 256, 256]},
        "observation.images.image2": {"type": "VISUAL", "shape": [3, 256, 128]},
        "observation.images.empty_camera_0": {"type": "VISUAL", "shape": [3, 480, 640]},
        "observation.state": {"type": "STATE", "shape": [8]},
    },
    "output_features": {"action": {"type": "ACTION", "shape": [7]}},
    "use_peft": False,
    "chunk_size": 50,
    "n_action_steps": 10,
    "vlm_model_name": "HuggingFaceTB/SmolVLM2-500M-Video-Instruct",
}
TOKENIZER = {"registry_name": "tokenizer_processor", "config": {"tokenizer_name": CONFIG["vlm_model_name"]}}
DEVICE = {"registry_name": "device_processor", "config": {"device": "cuda", "float_dtype": None}}
RENAME = {"registry_name": "rename_observations_processor", "config": {"rename_map": {}}}


def write(folder: Path, config: dict[str, Any], before: Any = (RENAME, TOKENIZER, DEVICE), after: Any = (DEVICE,)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "policy_preprocessor.json").write_text(json.dumps({"name": "policy_preprocessor", "steps": before}))
    (folder / "policy_postprocessor.json").write_text(json.dumps({"name": "policy_postprocessor", "steps": after}))
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(PolicyUnavailableError) as refused:
        read_checkpoint(folder)
    return str(refused.value)


def test_the_config_and_the_processors_say_what_the_policy_takes(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(write(tmp_path, CONFIG))
    assert checkpoint.type == "smolvla"
    assert checkpoint.pictures == ("observation.images.image", "observation.images.image2")
    assert checkpoint.picture_shapes == ((3, 256, 256), (3, 256, 128))
    assert (checkpoint.state_dim, checkpoint.action_dim) == (8, 7)
    assert (checkpoint.chunk_size, checkpoint.n_action_steps, checkpoint.ensembles) == (50, 10, False)
    assert checkpoint.has_device_step
    assert checkpoint.named_models == ("HuggingFaceTB/SmolVLM2-500M-Video-Instruct",)
    assert [file.name for file in checkpoint.files[:2]] == ["config.json", "model.safetensors"]


def test_a_policy_may_do_without_state_language_and_a_device_step(tmp_path: Path) -> None:
    pictures = {"observation.images.top": CONFIG["input_features"]["observation.images.image"]}
    act = {**CONFIG, "type": "act", "input_features": pictures, "temporal_ensemble_coeff": 0.01, "n_action_steps": 1}
    del act["vlm_model_name"]
    checkpoint = read_checkpoint(write(tmp_path, act, before=(RENAME,)))
    assert (checkpoint.state_dim, checkpoint.named_models, checkpoint.ensembles) == (None, (), True)
    assert not checkpoint.has_device_step, "the one after the model moves the answer, not what it is given"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "diffusion"}, "a policy of type 'diffusion' is not supported, only act and smolvla"),
        ({"use_peft": True}, "holds a PEFT adapter: merge it"),
        ({"n_obs_steps": 2}, "n_obs_steps is 2; only 1"),
        ({"output_features": {}}, r"config\.json is not as lerobot writes it: KeyError\('action'\)"),
    ],
)
def test_a_policy_of_another_kind_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    write(tmp_path, CONFIG | change)
    with pytest.raises(PolicyUnavailableError, match=message):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("name", ["os.system", "lerobots.Step", "lerobot.policies.groot.utils.copytree"])
def test_a_step_that_is_no_class_of_lerobot_is_not_imported(tmp_path: Path, name: str) -> None:
    write(tmp_path, CONFIG, before=[{"class": "lerobot.processor.core.Step"}, {"class": name, "config": {}}])
    assert f"a step would import and call {name}, which is no class of lerobot" in refusal(tmp_path)


@pytest.mark.parametrize("steps", [None, [1], [{"config": {}}]])
def test_a_malformed_processor_is_refused(tmp_path: Path, steps: Any) -> None:
    write(tmp_path, CONFIG, after=steps)
    assert "policy_postprocessor.json is not as lerobot writes it" in refusal(tmp_path)


def test_an_incomplete_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = write(tmp_path / "020000" / "pretrained_model", CONFIG)
    assert f"the checkpoint is in {folder}" in refusal(folder.parent)
    (folder / "policy_preprocessor.json").unlink()
    assert "migrate_policy_normalization" in refusal(folder)
    (folder / "model.safetensors").unlink()
    assert "has no model.safetensors" in refusal(folder)
    assert "is not a folder" in refusal(folder / "config.json")


def test_where_lerobot_is_not_installed_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lerobot", None)
    with pytest.raises(PolicyUnavailableError, match=r'needs lerobot, .*pip install "evalharness\[lerobot\]"'):
        describe_policy(f"lerobot:{write(tmp_path, CONFIG)}")
