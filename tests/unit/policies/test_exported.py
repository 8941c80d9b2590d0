"""Programs that PyTorch exported, and the cards beside them."""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_exports import CHUNK, PICTURE_PX, changed, expected_chunk, make_card, make_export

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyOutputError, PolicyUnavailableError
from harness.policies.check import check_policy, synthetic_observation
from harness.registry import describe_policy, make_policy
from harness.types import EnvSpec, Observation

torch = pytest.importorskip("torch", reason="torch is not installed")

pytestmark = pytest.mark.torch

SPEC = libero_env_spec(PICTURE_PX, PICTURE_PX)
SUFFIXES = [".pt2", ".pt"]
NORM_STATS = {
    "state": {"mean": [1.0] * 8, "std": [0.5] * 8, "q01": [0.0] * 8, "q99": [2.0] * 8},
    "actions": {"mean": [0.25] * 7, "std": [2.0] * 7, "q01": [-1.0] * 7, "q99": [3.0] * 7},
}


def observation(height: int = PICTURE_PX, width: int = PICTURE_PX) -> Observation:
    """Green 51 of 255 everywhere, 1.25 m up."""
    shown = synthetic_observation(SPEC)
    picture = np.tile(np.array([204, 51, 102], dtype=np.uint8), (height, width, 1))
    vector = np.array([0, 0, 1.25, 3, 0, 0, 0.04, -0.04])
    return replace(shown, images={**shown.images, "agentview": picture}, state={**shown.state, "vector": vector})


def answer(path: Path, shown: Observation | None = None, spec: EnvSpec = SPEC) -> np.ndarray:
    return np.asarray(make_policy(f"export:{path}?device=cpu", spec).infer(shown or observation()))


@pytest.fixture(params=SUFFIXES)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return make_export(tmp_path, request.param)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return make_export(tmp_path, ".pt")


def write_card(model: Path, card: dict[str, Any]) -> None:
    model.with_suffix(".json").write_text(json.dumps(card))


def test_the_program_is_given_what_its_card_says_and_computes_as_outside_training(model: Path) -> None:
    assert answer(model) == pytest.approx(expected_chunk(51 / 255, 1.25), abs=1e-6)


@pytest.mark.parametrize(
    ("fields", "green"),
    [
        ({"range": [-1, 1]}, -0.6),
        ({"range": [0, 255]}, 51),
        ({"range": [0, 1], "mean": [0.9, 0.1, 0.9], "std": [9, 0.5, 9]}, 0.2),
        ({"dtype": "float64", "range": [0, 1]}, 0.2),
    ],
)
def test_pixels_become_the_numbers_of_the_card(script: Path, fields: dict[str, Any], green: float) -> None:
    write_card(script, changed(make_card(), 0, **fields))
    assert answer(script) == pytest.approx(expected_chunk(green, 1.25), abs=1e-5)


def test_bytes_are_given_as_bytes(script: Path) -> None:
    card = changed(make_card(), 0, dtype="uint8")
    del card["inputs"][0]["range"]
    write_card(script, card)
    assert answer(script) == pytest.approx(expected_chunk(51, 1.25), abs=1e-4)


def test_rows_columns_and_channels_are_in_the_cards_order(tmp_path: Path) -> None:
    class Corner(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image[0, 1, 0, :].repeat(3)[:7][None]

    torch.jit.script(Corner()).save(str(tmp_path / "corner.pt"))
    picture = {"kind": "picture", "name": "i", "camera": "wrist", "shape": [1, 2, 4, 3], "layout": "HWC", "dtype": "float32"}
    write_card(tmp_path / "corner.pt", {"inputs": [picture], "output": {"chunk": 1, "action_dim": 7}})
    spec = replace(SPEC, images={"wrist": (2, 4, 3)})
    shown = replace(observation(), images={"wrist": np.arange(24, dtype=np.uint8).reshape(2, 4, 3)})
    assert answer(tmp_path / "corner.pt", shown, spec).tolist() == [[12, 13, 14, 12, 13, 14, 12]]


@pytest.mark.parametrize(
    ("norm", "third", "first_action"),
    [("zscore", 0.25 / (0.5 + 1e-6), lambda x: x * (2 + 1e-6) + 0.25), ("bounds_q99", 0.25, lambda x: (x + 1) / 2 * 4 - 1)],
)
@pytest.mark.parametrize("where", ["card", "file"])
def test_states_and_actions_are_normalised_with_the_cards_statistics(script: Path, norm, third, first_action, where) -> None:
    card = changed(make_card(), 1, normalize=norm)
    card["output"]["normalize"] = norm
    if where == "card":
        write_card(script, card | {"norm_stats": NORM_STATS})
    else:
        write_card(script, card | {"statistics": "stats/norm_stats.json"})
        (script.parent / "stats").mkdir()
        (script.parent / "stats" / "norm_stats.json").write_text(json.dumps({"norm_stats": NORM_STATS}))
    assert answer(script) == pytest.approx(first_action(expected_chunk(0.2, third)), abs=1e-5)


@pytest.mark.parametrize("resize", ["pad", "lanczos"])
def test_a_picture_of_another_size_is_scaled_when_the_card_says_how(script: Path, resize: str) -> None:
    wide = replace(SPEC, images={**SPEC.images, "agentview": (24, 48, 3)})
    with pytest.raises(PolicyUnavailableError, match=r"takes 32 x 32 pixels, 'agentview' has 24 x 48, and the card has no"):
        make_policy(f"export:{script}", wide)
    write_card(script, changed(make_card(), 0, resize=resize))
    green = 0.0 if resize == "pad" else 51 / 255  # padding puts black above
    assert answer(script, observation(24, 48), wide) == pytest.approx(expected_chunk(green, 1.25), abs=1e-5)


@pytest.mark.parametrize(("rule", "gripper"), [("binarize", [1.0] * 3), ("rlds_sign", [1.0, -1.0, -1.0]), (None, None)])
def test_the_cards_gripper_rule_takes_the_place_of_the_protocols(script: Path, rule: str | None, gripper: Any) -> None:
    write_card(script, make_card(gripper=rule, action_space="eef_delta"))
    policy = make_policy(f"export:{script}?device=cpu", SPEC)
    raw = expected_chunk(0.2, 0.25)[:, -1]  # 0.225, 0.725, 1.225
    shown = observation()
    shown.state["vector"][2] = 0.25
    assert policy.raw_actions is (rule is not None)
    assert np.asarray(policy.infer(shown))[:, -1] == pytest.approx(raw if gripper is None else gripper, abs=1e-6)
    assert describe_policy(f"export:{script}").action_space == "eef_delta"


def test_a_model_without_pictures_needs_none_drawn(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Linear(8, 7)).save(str(tmp_path / "linear.pt"))
    write_card(tmp_path / "linear.pt", {"inputs": make_card()["inputs"][1:], "output": {"chunk": 1, "action_dim": 7}})
    assert not make_policy(f"export:{tmp_path / 'linear.pt'}", SPEC).needs_images
    assert answer(tmp_path / "linear.pt", replace(observation(), images={})).shape == (1, 7)


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (make_card(inputs=[]), "inputs: "),
        (make_card(gripers="as_is"), r"gripers: no such field. Did you mean 'gripper'"),
        (make_card(gripper="open"), "gripper: "),
        (make_card(output={"chunk": 0, "action_dim": 7}), r"output\.chunk: .*greater than or equal to 1"),
        (changed(make_card(), 0, kind="video"), r"inputs\.0\.kind: .*picture"),
        (changed(make_card(), 0, layout="HWC"), r"inputs\.0: shape \[1, 3, 32, 32\] is no picture of layout HWC"),
        (changed(make_card(), 0, shape=[2, 3, 32, 32]), r"inputs\.0: shape .* ones before"),
        (changed(make_card(), 0, shape=[1, 3, 16, 32], resize="pad"), r"inputs\.0: resize makes squares"),
        (changed(make_card(), 0, std=[1, 0, 1]), r"inputs\.0: std may not be 0"),
        (changed(make_card(), 0, dtype="uint8"), r"inputs\.0: bytes are given as they are"),
        (changed(make_card(), 0, name="state"), "the same name twice: state, state"),
        (changed(make_card(), 1, shape=[8, 1]), r"inputs\.1: shape \[8, 1\] is no vector"),
        (changed(make_card(), 1, normalize="zscore"), "there is neither statistics nor norm_stats"),
        (
            changed(make_card(norm_stats={"actions": NORM_STATS["actions"]}), 1, normalize="zscore"),
            "statistics for 0 numbers, and 8",
        ),
        (
            make_card(output={"chunk": 3, "action_dim": 8, "normalize": "zscore"}, norm_stats=NORM_STATS),
            "for 7 numbers, and 8",
        ),
        (make_card(statistics="s.json", norm_stats=NORM_STATS), "one of the two is enough"),
    ],
)
def test_a_wrong_card_is_refused_with_the_field(script: Path, card: dict[str, Any], message: str) -> None:
    write_card(script, card)
    with pytest.raises(PolicyUnavailableError, match=message):
        describe_policy(f"export:{script}")


def test_what_does_not_fit_the_environment_is_refused_before_the_model_is_loaded(script: Path) -> None:
    card = changed(changed(make_card(output={"chunk": 3, "action_dim": 6}), 0, camera="agentveiw"), 1, shape=[1, 9])
    write_card(script, card)
    script.write_bytes(b"not loaded")
    with pytest.raises(PolicyUnavailableError) as refused:
        make_policy(f"export:{script}", SPEC)
    assert "Did you mean 'agentview'" in str(refused.value)
    assert "'state' takes 9 numbers, and 'vector' has 8" in str(refused.value)
    assert "its actions have 6 numbers, the environment's 7" in str(refused.value)


def test_a_missing_card_is_named_and_another_can_be(model: Path) -> None:
    wanted = answer(model)
    other = model.with_suffix(".json").rename(model.parent / "other.json")
    with pytest.raises(PolicyUnavailableError, match=r"no card .*model\.json, which says what the model takes"):
        describe_policy(f"export:{model}")
    policy = make_policy(f"export:{model}?card={other}&device=cpu", SPEC)
    assert np.array_equal(policy.infer(observation()), wanted)


def test_files_that_are_not_what_their_name_says_are_refused(model: Path, tmp_path: Path) -> None:
    def told(path: Path) -> str:
        with pytest.raises(PolicyUnavailableError) as refused:
            describe_policy(f"export:{path}")
        return str(refused.value)

    is_export = model.suffix == ".pt2"
    swapped = model.rename(model.with_suffix(".pt" if is_export else ".pt2"))
    assert f"holds {'a torch.export program' if is_export else 'a TorchScript'}, and its name says" in told(swapped)
    torch.save({"weight": torch.zeros(1)}, swapped)
    assert "holds weights without a program" in told(swapped)
    swapped.write_text("nothing")
    assert "is no archive that PyTorch wrote" in told(swapped)
    assert "name ends with .pt2 (torch.export.save) or .pt or .ts" in told(swapped.rename(tmp_path / "model.onnx"))
    assert "there is no" in told(tmp_path / "nowhere.pt2")


class _Unpickled:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_objects_that_are_pickled_among_a_programs_inputs_are_not_unpickled(tmp_path: Path) -> None:
    model = make_export(tmp_path, ".pt2")
    file = io.BytesIO()
    torch.save({"object": _Unpickled(tmp_path / "unpickled")}, file)
    with zipfile.ZipFile(model) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    (inputs,) = (name for name in content if "sample_inputs" in name)
    with zipfile.ZipFile(model, "w") as archive:
        for name, data in (content | {inputs: file.getvalue()}).items():
            archive.writestr(name, data)
    with pytest.raises(PolicyUnavailableError, match=r"cannot load it.*UnpicklingError"):
        answer(model)
    assert not (tmp_path / "unpickled").exists()


def test_an_answer_of_another_shape_than_the_cards_is_an_error(model: Path) -> None:
    write_card(model, make_card(output={"chunk": CHUNK + 1, "action_dim": 7}))
    with pytest.raises(PolicyOutputError, match=r"a tensor of shape \(1, 3, 7\); its card says chunk 4 and action_dim 7"):
        answer(model)


def test_a_program_that_fails_says_what_it_was_given(model: Path) -> None:
    card = changed(make_card(), 0, shape=[3, PICTURE_PX, PICTURE_PX])
    write_card(model, card)
    with pytest.raises(PolicyError, match=r"was given image float32 \(3, 32, 32\), state float32 \(1, 8\) and failed"):
        answer(model)


def test_the_fingerprint_covers_the_model_the_card_and_the_statistics(script: Path) -> None:
    def print_of() -> str:
        return describe_policy(f"export:{script}").fingerprint

    seen = [print_of()]
    write_card(script, make_card(gripper="binarize"))
    seen.append(print_of())
    statistics = script.parent / "norm_stats.json"
    write_card(script, make_card(statistics=statistics.name, output={"chunk": 3, "action_dim": 7, "normalize": "zscore"}))
    for mean in (0.0, 0.5):
        statistics.write_text(json.dumps({"norm_stats": {"actions": {"mean": [mean] * 7, "std": [1.0] * 7}}}))
        seen.append(print_of())
    torch.jit.script(torch.nn.Linear(8, 7)).save(str(script))
    seen.append(print_of())
    assert len(set(seen)) == len(seen)


def test_the_public_checker_finds_nothing(model: Path) -> None:
    write_card(model, changed(make_card(), 0, range=[-2, -1.9]))
    findings = check_policy(f"export:{model}?device=cpu", SPEC)
    assert [finding for finding in findings if finding.level != "ok"] == []
