from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyError, PolicyOutputError, PolicyUnavailableError
from harness.policies.base import PolicyURI
from harness.transforms.images import CentreCrop, JpegRoundTrip, ResizeLanczos
from harness.transforms.presets import PRESET_PARAMS, PRESETS, preset, preset_details, preset_help, preset_of
from harness.transforms.statistics import Statistics, VectorStatistics
from harness.types import EnvSpec, Observation

SPEC = libero_env_spec()
PARTS = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
# Halves of the range of a dimension: q99 - q01 is 2, 4, ..., around the middle 1; the gripper is masked.
ACTIONS = VectorStatistics(
    mean=(1.0,) * 7,
    std=(2.0,) * 7,
    q01=tuple(1.0 - half for half in range(1, 8)),
    q99=tuple(1.0 + half for half in range(1, 8)),
    mask=(True,) * 6 + (False,),
)
STATE = VectorStatistics(mean=(1.0,) * 8, std=(2.0,) * 8, q01=(-1.0,) * 8, q99=(3.0,) * 8)
STATISTICS = Statistics(actions=ACTIONS, state=STATE, sha256="ab" * 32, key="libero_spatial_no_noops")


def observation(size: int = 256, spec: EnvSpec = SPEC) -> Observation:
    generator = np.random.default_rng(3)
    images = {name: generator.integers(0, 256, (size, size, 3), dtype=np.uint8) for name in spec.images}
    for image in images.values():
        image.flags.writeable = False
    state = np.arange(8.0)
    state.flags.writeable = False
    return Observation(images=images, state={"vector": state}, instruction="Stack the bowls", step=0)


def answer(name: str, chunk: np.ndarray) -> Any:
    """A chunk as a model of a preset's family gives it."""
    if name != "gr00t-libero":
        return chunk
    return {f"action.{part}": chunk[np.newaxis, :, [dim]].astype(np.float32) for dim, part in enumerate(PARTS)}


def uri(query: str) -> PolicyURI:
    return PolicyURI.parse(f"ws://localhost:8000{query}")


def write_statistics(path: Path) -> None:
    vectors = {"mean": [0] * 7, "std": [1] * 7, "q01": [-2] * 7, "q99": [2] * 7}
    path.write_text(json.dumps({"norm_stats": {"actions": vectors, "state": {**vectors, "q01": None, "q99": None}}}))


def test_openpis_request_has_pictures_of_224_state_and_prompt() -> None:
    request = preset("openpi-libero", SPEC).request(observation())
    assert list(request) == ["observation/image", "observation/wrist_image", "observation/state", "prompt"]
    for key in ("observation/image", "observation/wrist_image"):
        assert (request[key].shape, request[key].dtype) == ((224, 224, 3), np.uint8)
    assert (request["observation/state"].dtype, request["observation/state"].tolist()) == (np.float64, [*range(8)])
    assert request["prompt"] == "Stack the bowls"


def test_openvlas_request_is_one_picture_that_its_own_script_would_make() -> None:
    shown = observation()
    request = preset("openvla-libero", SPEC).request(shown)
    assert list(request) == ["image", "instruction"]
    # run_libero_eval.py: resize_image (JPEG, Lanczos), then get_vla_action (crop).
    expected = CentreCrop(0.9)(ResizeLanczos(224)(JpegRoundTrip()(shown.images["agentview"])))
    assert np.array_equal(request["image"], expected)


def test_ofts_request_is_not_cropped_because_its_server_does_that() -> None:
    shown = observation()
    request = preset("oft-libero", SPEC).request(shown)
    assert list(request) == ["full_image", "wrist_image", "state", "instruction"]
    for theirs, ours in (("full_image", "agentview"), ("wrist_image", "wrist")):
        assert np.array_equal(request[theirs], ResizeLanczos(224)(JpegRoundTrip()(shown.images[ours])))
    assert request["state"].tolist() == [*range(8)]


def test_lerobots_request_is_float_with_channels_first() -> None:
    shown = observation()
    request = preset("lerobot-libero", SPEC).request(shown)
    assert list(request) == ["observation.images.image", "observation.images.image2", "observation.state", "task"]
    for theirs, ours in (("observation.images.image", "agentview"), ("observation.images.image2", "wrist")):
        assert (request[theirs].shape, request[theirs].dtype) == ((3, 256, 256), np.float32)
        assert request[theirs][1] == pytest.approx(shown.images[ours][..., 1] / 255)
    assert (request["observation.state"].dtype, request["observation.state"].tolist()) == (np.float32, [*range(8)])


def test_gr00ts_request_is_a_batch_of_one_with_one_moment() -> None:
    shown = observation()
    request = preset("gr00t-libero", SPEC).request(shown)
    assert set(request) == {
        "video.image",
        "video.wrist_image",
        *(f"state.{part}" for part in PARTS),
        "annotation.human.action.task_description",
    }
    assert (request["video.image"].shape, request["video.image"].dtype) == ((1, 1, 256, 256, 3), np.uint8)
    assert np.array_equal(request["video.wrist_image"][0, 0], shown.images["wrist"])
    assert [request[f"state.{part}"].tolist() for part in PARTS[:6]] == [[[[float(number)]]] for number in range(6)]
    assert (request["state.gripper"].dtype, request["state.gripper"].tolist()) == (np.float32, [[[6.0, 7.0]]])
    assert request["annotation.human.action.task_description"] == ["Stack the bowls"]


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_rotates_or_mixes_colours_or_writes_into_the_observation(name: str) -> None:
    images = {camera: np.zeros((256, 256, 3), dtype=np.uint8) for camera in SPEC.images}
    for image in images.values():
        image[:64, :64] = (250, 120, 10)
        image.flags.writeable = False
    shown = dataclasses.replace(observation(), images=images)
    chosen = preset(name, SPEC)
    pictures = [value for value in chosen.request(shown).values() if getattr(value, "ndim", 0) >= 3 and value.size > 100]
    assert len(pictures) == len([need for need in chosen.needs if need in SPEC.images])
    for picture in pictures:
        picture = picture.reshape(picture.shape[-3:])
        picture = np.moveaxis(picture, 0, -1) * 255 if picture.shape[0] == 3 else picture
        assert picture[5, 5] == pytest.approx([250, 120, 10], abs=8)
        assert picture[-5, 5] == pytest.approx([0, 0, 0], abs=8)
        assert picture[5, -5] == pytest.approx([0, 0, 0], abs=8)


@pytest.mark.parametrize(
    ("name", "gripper", "raw"),
    [
        ("openpi-libero", [0.75, 0.25], False),
        ("lerobot-libero", [0.75, 0.25], False),
        ("openvla-libero", [-1.0, 1.0], True),
        ("oft-libero", [-1.0, 1.0], True),
        ("gr00t-libero", [-1.0, 1.0], True),
    ],
)
def test_the_gripper_is_mapped_by_those_presets_that_say_so(name: str, gripper: list[float], raw: bool) -> None:
    chosen = preset(name, SPEC)
    chunk = np.full((2, 7), 0.5)
    chunk[:, 6] = (0.75, 0.25)
    actions = chosen.actions(answer(name, chunk), chosen.request(observation()), 7)
    assert actions.dtype == np.float64
    assert actions[:, :6].tolist() == [[0.5] * 6] * 2
    assert actions[:, 6].tolist() == gripper
    assert chosen.raw_actions is raw
    assert chunk[:, 6].tolist() == [0.75, 0.25]


def test_one_action_of_openvla_is_a_chunk_of_one() -> None:
    chosen = preset("openvla-libero", SPEC)
    assert chosen.actions([0.0] * 6 + [1.0], {}, 7).tolist() == [[0.0] * 6 + [-1.0]]


def test_gr00ts_parts_are_taken_in_the_order_of_an_action_with_or_without_their_prefix() -> None:
    parts = {part: np.full((1, 3, 1), dim, dtype=np.float32) for dim, part in reversed(list(enumerate(PARTS)))}
    actions = preset("gr00t-libero", SPEC).actions(parts, {}, 7)
    assert actions.tolist() == [[0, 1, 2, 3, 4, 5, -1]] * 3


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("openpi-libero", None, "answered with None"),
        ("openvla-libero", None, "answered with None"),
        ("openvla-libero", "error", "not the actions of openvla-libero"),
        ("openvla-libero", [[0.0] * 6], r"shape \(1, 6\)"),
        ("oft-libero", [[0.0] * 6 + [float("nan")]], "answered with nan"),
        ("oft-libero", [], "not the actions of oft-libero"),
        ("gr00t-libero", np.zeros((3, 7)), "the answer is a ndarray"),
        ("gr00t-libero", {"action.x": np.zeros((1, 3, 1))}, "no 'action.y', only action.x"),
        ("gr00t-libero", {f"action.{part}": np.zeros((3, 1)) for part in PARTS}, r"shape \(3, 1\); expected \(1, T, D\)"),
        ("gr00t-libero", {f"action.{part}": np.zeros((1, 2 + (part == "x"), 1)) for part in PARTS}, "not the actions"),
    ],
)
def test_an_answer_that_is_no_chunk_of_actions_is_refused(name: str, given: Any, message: str) -> None:
    with pytest.raises(PolicyOutputError, match=message):
        preset(name, SPEC).actions(given, {}, 7)


def test_an_unknown_preset_is_refused_with_the_nearest() -> None:
    with pytest.raises(PolicyUnavailableError, match=r"no preset 'openvla'\. Did you mean 'openvla-libero'"):
        preset("openvla", SPEC)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "openvla-libero"])
def test_an_environment_without_the_wrist_or_the_state_is_refused(name: str) -> None:
    spec = dataclasses.replace(SPEC, images={"agentview": (8, 8, 3)}, state={"joint_pos": 7})
    with pytest.raises(PolicyUnavailableError, match="needs wrist, vector, and the environment shows agentview, joint_pos"):
        preset(name, spec)


def test_openvla_needs_neither_wrist_nor_state() -> None:
    spec = dataclasses.replace(SPEC, images={"agentview": (8, 8, 3)}, state={})
    assert preset("openvla-libero", spec).needs == ("agentview",)


def test_without_agentview_the_first_camera_that_is_not_the_wrists_is_in_front() -> None:
    spec = dataclasses.replace(SPEC, images={"wrist": (64, 64, 3), "side": (64, 64, 3), "top": (64, 64, 3)})
    chosen = preset("openpi-libero", spec, size_px=0)
    shown = observation(64, spec)
    assert chosen.needs == ("side", "wrist", "vector")
    assert np.array_equal(chosen.request(shown)["observation/image"], shown.images["side"])


def test_a_picture_that_the_observation_lacks_is_named() -> None:
    shown = dataclasses.replace(observation(), images={})
    with pytest.raises(PolicyError, match="no 'image/agentview', only state/vector, prompt"):
        preset("openvla-libero", SPEC).request(shown)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", [0, 100])
def test_the_size_of_pictures_can_be_chosen_and_0_leaves_it(name: str, size: int) -> None:
    request = preset(name, SPEC, size_px=size).request(observation())
    sides = {max(value.shape) for value in request.values() if getattr(value, "ndim", 0) >= 3 and value.size > 100}
    assert sides == {size or 256}


def test_openpis_statistics_normalise_the_state_and_un_normalise_padded_actions() -> None:
    chosen = preset("openpi-libero", SPEC, STATISTICS)
    request = chosen.request(observation())
    # (x + 1) / 4 * 2 - 1
    assert request["observation/state"] == pytest.approx([(x + 1) / 2 - 1 for x in range(8)], abs=1e-5)
    actions = chosen.actions(np.ones((5, 32)), request, 7)
    # The statistics' mask holds for openpi's formula too: the gripper stays.
    assert actions == pytest.approx(np.tile([2, 3, 4, 5, 6, 7, 1], (5, 1)), abs=1e-4)


def test_openpis_z_scores_are_chosen_by_name_or_because_there_are_no_quantiles() -> None:
    without = dataclasses.replace(
        STATISTICS, actions=VectorStatistics(mean=(1.0,) * 7, std=(2.0,) * 7), state=dataclasses.replace(STATE, q01=None)
    )
    for chosen in (preset("openpi-libero", SPEC, without), preset("openpi-libero", SPEC, STATISTICS, norm="zscore")):
        request = chosen.request(observation())
        assert request["observation/state"] == pytest.approx([(x - 1) / 2 for x in range(8)], abs=1e-5)
        assert chosen.actions(np.ones(7), request, 7)[0, :6] == pytest.approx([3] * 6, abs=1e-4)


@pytest.mark.parametrize("name", ["openvla-libero", "oft-libero"])
def test_openvlas_statistics_un_normalise_before_the_gripper_is_mapped(name: str) -> None:
    actions = preset(name, SPEC, STATISTICS).actions([[-1.0] * 6 + [0.9]], {}, 7)
    # 0.5 (-1 + 1) (q99 - q01) + q01 = q01; the gripper is masked, so 0.9 opens.
    assert actions.tolist() == [[0.0, -1.0, -2.0, -3.0, -4.0, -5.0, -1.0]]


def test_ofts_statistics_normalise_the_state_within_bounds() -> None:
    request = preset("oft-libero", SPEC, STATISTICS).request(observation())
    # 2 (x + 1) / 4 - 1, cut off at 1
    assert request["state"] == pytest.approx([-0.5, 0, 0.5, 1, 1, 1, 1, 1], abs=1e-6)


@pytest.mark.parametrize("name", ["lerobot-libero", "gr00t-libero"])
def test_models_that_normalise_by_themselves_take_no_statistics(name: str) -> None:
    with pytest.raises(PolicyUnavailableError, match="normalise by themselves; leave the statistics out"):
        preset(name, SPEC, STATISTICS)


def test_a_normalisation_that_a_preset_does_not_have_is_refused() -> None:
    with pytest.raises(PolicyUnavailableError, match=r"no normalisation 'zscore'\. Known: bounds_q99"):
        preset("openvla-libero", SPEC, STATISTICS, norm="zscore")


def test_the_uri_chooses_preset_size_and_statistics(tmp_path: Path) -> None:
    path = tmp_path / "norm_stats.json"
    write_statistics(path)
    chosen = preset_of(uri(f"?stats={path}&norm=zscore&size=64"), SPEC, "openpi-libero")
    assert chosen.name == "openpi-libero"
    assert chosen.request(observation())["observation/image"].shape == (64, 64, 3)
    assert chosen.actions(np.full(7, 2.0), {}, 7) == pytest.approx(np.full((1, 7), 2.0), abs=1e-5)
    assert preset_of(uri("?preset=oft-libero"), SPEC, "openpi-libero").name == "oft-libero"
    details = preset_details(uri(f"?stats={path}"), "openpi-libero")
    assert details == {"preset": "openpi-libero", "statistics_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert preset_details(uri(""), "gr00t-libero") == {"preset": "gr00t-libero"}


def test_openvlas_server_is_told_the_data_set_unless_the_statistics_are_here() -> None:
    chosen = preset_of(uri("?preset=openvla-libero&unnorm_key=bridge_orig"), SPEC, "openpi-libero")
    assert chosen.request(observation())["unnorm_key"] == "bridge_orig"
    here = preset("openvla-libero", SPEC, STATISTICS, unnorm_key="libero_spatial")
    assert "unnorm_key" not in here.request(observation())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?preset=openpi", "no preset 'openpi'"),
        ("?unnorm_key=bridge_orig", "unnorm_key has nothing to work on; name the statistics"),
        ("?norm=zscore", "norm has nothing to work on"),
        ("?size=-1", "size='-1' must be a whole number >= 0"),
        ("?stats=missing.json", "cannot be read"),
        ("?preset=gr00t-libero&stats={path}", "normalise by themselves"),
        ("?stats={path}&norm=minmax", "no normalisation 'minmax'"),
        ("?stats={path}&norm=quantile", "no q01 and q99"),
        ("?stats={path}&unnorm_key=x", "leave unnorm_key='x' out"),
    ],
)
def test_a_wrong_query_is_refused_by_describing_and_by_making_alike(query: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "norm_stats.json"
    write_statistics(path)
    asked = uri(query.format(path=path))
    assert set(asked.params) <= PRESET_PARAMS
    with pytest.raises(PolicyUnavailableError, match=message):
        preset_details(asked, "openpi-libero")
    with pytest.raises(PolicyUnavailableError, match=message):
        preset_of(asked, SPEC, "openpi-libero")


def test_every_preset_has_one_line_of_help() -> None:
    assert list(preset_help()) == list(PRESETS)
    assert all(line and "\n" not in line for line in preset_help().values())
