"""Models with code of their own, loaded by transformers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_openvla import expected_action, make_tiny_openvla, write_json

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyUnavailableError
from harness.policies.check import check_policy, synthetic_observation
from harness.registry import describe_policy, make_policy
from harness.types import Observation

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

pytestmark = pytest.mark.torch

SPEC = libero_env_spec(64, 64)
TRUST = "trust_remote_code=1&device=cpu"
KEY = "unnorm_key=libero_spatial"
PROMPT = "In: What action should the robot take to pick up the bowl?\nOut:"
GREY = 128


@pytest.fixture(autouse=True, scope="module")
def modules_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where transformers copies a folder's code before it runs it."""
    import transformers.dynamic_module_utils

    cache = str(tmp_path_factory.mktemp("modules"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transformers.dynamic_module_utils, "HF_MODULES_CACHE", cache)
        patch.syspath_prepend(cache)
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_tiny_openvla(tmp_path / "tiny")


def grey() -> Observation:
    """The front camera sees a grey of which JPEG, scaling and cropping leave every pixel alone; the wrist's sees noise."""
    shown = synthetic_observation(SPEC)
    front = np.full((64, 64, 3), GREY, dtype=np.uint8)
    return replace(shown, images={**shown.images, "agentview": front}, instruction="Pick up the Bowl")


def answer(folder: Path, query: str = f"{TRUST}&{KEY}") -> np.ndarray:
    policy = make_policy(f"hf:{folder}?{query}", SPEC)
    assert policy.raw_actions, "the gripper is mapped here, once"
    return np.asarray(policy.infer(grey()))


def edit(path: Path, **fields: object) -> None:
    write_json(path, json.loads(path.read_text()) | fields)


@pytest.mark.parametrize("statistics_in_config", [False, True])
@pytest.mark.parametrize(
    ("key", "data_set"), [("libero_spatial", "libero_spatial_no_noops"), ("bridge_orig", "bridge_orig")]
)
def test_the_model_is_asked_openvlas_question_and_its_answer_scaled_with_the_data_sets_statistics(
    tmp_path: Path, statistics_in_config: bool, key: str, data_set: str
) -> None:
    folder = make_tiny_openvla(tmp_path / "tiny", statistics_in_config=statistics_in_config)
    wanted = expected_action(PROMPT, GREY, data_set)
    assert wanted[6] == 0.9, "nearly open, in RLDS data"
    wanted[6] = -1.0
    assert answer(folder, f"{TRUST}&unnorm_key={key}") == pytest.approx(wanted[np.newaxis], abs=1e-6)
    assert describe_policy(f"hf:{folder}?{TRUST}&unnorm_key={key}").details["unnorm_key"] == data_set


def test_a_chunk_beside_hidden_states_is_a_chunk(tmp_path: Path) -> None:
    chunk = answer(make_tiny_openvla(tmp_path / "tiny", chunk=8))
    assert chunk.shape == (8, 7)
    assert np.array_equal(chunk, np.tile(answer(make_tiny_openvla(tmp_path / "single")), (8, 1)))


def test_the_type_of_the_weights_can_be_chosen(folder: Path) -> None:
    exact, half = answer(folder), answer(folder, f"{TRUST}&{KEY}&dtype=bfloat16")
    assert 0 < np.abs(exact - half).max() < 0.02
    with pytest.raises(
        PolicyUnavailableError, match=r"dtype='float8'\. Did you mean .*'float16'.*Known: bfloat16, float16, float32"
    ):
        describe_policy(f"hf:{folder}?{TRUST}&{KEY}&dtype=float8")


@pytest.mark.parametrize("query", [KEY, f"{KEY}&trust_remote_code=0"])
def test_nothing_of_the_folder_runs_unless_it_is_trusted(folder: Path, query: str) -> None:
    for file in folder.glob("*.py"):
        file.write_text(f"open({str(folder / 'ran')!r}, 'w')\n" + file.read_text())
    with pytest.raises(PolicyUnavailableError, match=r"would be executed with your rights.*trust_remote_code=1"):
        describe_policy(f"hf:{folder}?{query}")
    with pytest.raises(PolicyUnavailableError, match="would be executed with your rights"):
        make_policy(f"hf:{folder}?{query}", SPEC)
    describe_policy(f"hf:{folder}?{TRUST}&{KEY}")
    assert not (folder / "ran").exists()
    answer(folder)
    assert (folder / "ran").exists()


@pytest.mark.parametrize("file", ["config.json", "processor_config.json"])
def test_trust_is_in_the_folder_and_not_in_code_from_elsewhere(folder: Path, file: str) -> None:
    auto_map = json.loads((folder / file).read_text())["auto_map"]
    edit(folder / file, auto_map={name: f"openvla/openvla-7b--{code}" for name, code in auto_map.items()})
    with pytest.raises(PolicyUnavailableError, match=r"another repository, openvla/openvla-7b\. Copy its Python files"):
        describe_policy(f"hf:{folder}?{TRUST}&{KEY}")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("modeling_tiny.py", r"names code in 'modeling_tiny\.TinyVLA', which is not in the folder"),
        ("model.safetensors", r"no weights as \*\.safetensors"),
        ("dataset_statistics.json", "neither dataset_statistics.json nor norm_stats"),
        ("config.json", "config.json cannot be read"),
    ],
)
def test_an_incomplete_folder_is_refused(folder: Path, missing: str, message: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(PolicyUnavailableError, match=message):
        describe_policy(f"hf:{folder}?{TRUST}&{KEY}")


def test_a_model_without_code_of_its_own_is_refused(folder: Path) -> None:
    edit(folder / "config.json", auto_map={"AutoConfig": "configuration_tiny.TinyConfig"})
    with pytest.raises(PolicyUnavailableError, match="there is no predict_action"):
        describe_policy(f"hf:{folder}?{TRUST}&{KEY}")


def test_the_data_set_is_named_where_there_are_several(folder: Path) -> None:
    with pytest.raises(PolicyUnavailableError, match=r"choose one with unnorm_key: libero_spatial_no_noops, bridge_orig"):
        describe_policy(f"hf:{folder}?{TRUST}")
    with pytest.raises(PolicyUnavailableError, match=r"no data set 'bridge'\. Did you mean 'bridge_orig'"):
        describe_policy(f"hf:{folder}?{TRUST}&unnorm_key=bridge")


def test_code_that_cannot_be_loaded_is_the_checkpoints_fault(folder: Path) -> None:
    (folder / "modeling_tiny.py").write_text("raise RuntimeError('written for another version')")
    with pytest.raises(PolicyUnavailableError, match=r"cannot load it: RuntimeError: written for another version"):
        answer(folder)


def test_two_folders_with_the_same_config_keep_their_own_code(tmp_path: Path) -> None:
    one, other = make_tiny_openvla(tmp_path / "one" / "tiny"), make_tiny_openvla(tmp_path / "other" / "tiny")
    code = (other / "modeling_tiny.py").read_text()
    (other / "modeling_tiny.py").write_text(code.replace("self.gain * features", "-self.gain * features"))
    first = answer(one)
    assert np.abs(answer(other) - first).max() > 0.1
    assert np.array_equal(answer(one), first)


def test_an_error_in_the_models_code_is_the_policys(folder: Path) -> None:
    code = (folder / "modeling_tiny.py").read_text()
    (folder / "modeling_tiny.py").write_text(code.replace("assert not do_sample", "assert do_sample"))
    policy = make_policy(f"hf:{folder}?{TRUST}&{KEY}", SPEC)
    with pytest.raises(PolicyError, match="the model's own code raised AssertionError"):
        policy.infer(grey())


def test_the_fingerprint_covers_weights_code_and_the_data_set(folder: Path) -> None:
    def print_of(query: str = KEY) -> str:
        return describe_policy(f"hf:{folder}?{TRUST}&{query}").fingerprint

    seen = [print_of(), print_of("unnorm_key=bridge_orig"), print_of(f"{KEY}&dtype=float16")]
    for name in ("modeling_tiny.py", "model.safetensors", "dataset_statistics.json"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content + b" ")
        seen.append(print_of())
        (folder / name).write_bytes(content)
    assert len(set(seen)) == len(seen)
    assert print_of() == seen[0]


def test_the_statistics_that_it_was_trained_with_can_be_looked_at(folder: Path) -> None:
    policy = make_policy(f"hf:{folder}?{TRUST}&{KEY}", SPEC)
    assert policy.statistics.key == "libero_spatial_no_noops"
    assert policy.statistics.actions.q99 == (0.5,) * 7
    (folder / "dataset_statistics.json").write_text(json.dumps({"a": {"action": {"q01": [0], "q99": [1], "mask": [True]}}}))
    assert make_policy(f"hf:{folder}?{TRUST}", SPEC).statistics is None


def test_the_public_checker_finds_nothing(folder: Path) -> None:
    findings = check_policy(f"hf:{folder}?{TRUST}&{KEY}", SPEC)
    assert [finding for finding in findings if finding.level != "ok"] == []
