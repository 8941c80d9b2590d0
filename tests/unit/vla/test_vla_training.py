"""The model learns: from picture and instruction over tokens to actions, on samples that it can tell apart."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from tiny_vla import INSTRUCTIONS, TINY, parts_of, pictures_of  # noqa: E402

from harness.envs.libero.spec import libero_env_spec  # noqa: E402
from harness.errors import UsageError  # noqa: E402
from harness.registry import make_policy  # noqa: E402
from harness.types import Observation  # noqa: E402
from harness.vla.checkpoint import save  # noqa: E402
from harness.vla.demonstrations import Demonstration, read_demonstrations  # noqa: E402
from harness.vla.model import VLA  # noqa: E402
from harness.vla.training import batch_of, fit, token_accuracy  # noqa: E402

pytestmark = pytest.mark.torch


def test_samples_that_differ_in_picture_or_instruction_are_learnt_and_played_by_the_policy(tmp_path):
    generator = np.random.default_rng(0)
    pictures = pictures_of(TINY, 2).repeat(2, axis=0)
    instructions = [INSTRUCTIONS[0], INSTRUCTIONS[1]] * 2
    actions = generator.uniform(-0.9, 0.9, (4, 1, 7))
    parts = parts_of(TINY)
    torch.manual_seed(0)
    model = VLA(TINY, parts.actions.token_ids)
    batch = batch_of(parts, pictures, instructions, actions)
    untrained = token_accuracy(model, batch).mean()
    losses = list(fit(model, [batch] * 100, learning_rate=3e-3))
    assert untrained < 0.2
    assert losses[-1] < 0.1 < 4 < losses[0]
    assert token_accuracy(model, batch).mean() == 1.0

    save(tmp_path / "m", parts, model, "mine", [actions[:, 0]])
    policy = make_policy(f"vla:{tmp_path / 'm'}?device=cpu", libero_env_spec())
    for picture, instruction, action in zip(pictures, instructions, actions, strict=True):
        answer = policy.infer(Observation(images={"agentview": picture}, state={}, instruction=instruction, step=0))
        assert answer == pytest.approx(action, abs=1 / 255 + 1e-7)


def test_prompts_are_not_learnt():
    parts = parts_of(TINY)
    torch.manual_seed(0)
    model = VLA(TINY, parts.actions.token_ids)
    batch = batch_of(parts, pictures_of(TINY, 1), INSTRUCTIONS[:1], np.zeros((1, 1, 7)))
    with torch.no_grad():
        logits = model(batch.pictures, batch.texts, batch.action_ids)[0].double()
    targets = [*batch.action_ids[0].tolist(), 2]  # <eos>
    by_hand = -np.mean([logits[place].log_softmax(dim=-1)[token].item() for place, token in enumerate(targets)])
    assert next(iter(fit(model, [batch], learning_rate=0.0))) == pytest.approx(by_hand, abs=1e-5)


def test_chunks_hold_the_next_actions_and_repeat_the_last_one():
    demonstration = Demonstration(np.zeros((3, 2, 2, 3), np.uint8), "", np.array([[1.0], [2.0], [3.0]]))
    assert demonstration.chunks(2)[..., 0].tolist() == [[1, 2], [2, 3], [3, 3]]


def write_dataset(folder, convention):
    path = folder / "s" / "t_demo.hdf5"
    path.parent.mkdir(parents=True)
    raw = np.arange(2 * 16 * 16 * 3, dtype=np.uint32).reshape(2, 16, 16, 3).astype(np.uint8)
    with h5py.File(path, "w") as file:
        file["data/demo_0/obs/agentview_rgb"] = raw
        file["data/demo_0/actions"] = np.ones((2, 7))
        file["data"].attrs["problem_info"] = json.dumps({"language_instruction": "do it"})
        file["data"].attrs["macros_image_convention"] = convention
    return raw


def test_libero_s_demonstrations_are_turned_as_a_policy_sees_them(tmp_path):
    raw = write_dataset(tmp_path, "opengl")
    (demonstration,) = read_demonstrations(tmp_path, "agentview", 16)
    assert np.array_equal(demonstration.pictures, raw[:, ::-1, ::-1])
    assert (demonstration.instruction, demonstration.actions.tolist()) == ("do it", [[1.0] * 7] * 2)


def test_upright_demonstrations_stay_as_they_are(tmp_path):
    raw = write_dataset(tmp_path, "opencv")
    assert np.array_equal(read_demonstrations(tmp_path, "agentview", 16)[0].pictures, raw)


def test_a_folder_without_demonstrations_is_refused(tmp_path):
    with pytest.raises(UsageError, match="collect --format hdf5"):
        read_demonstrations(tmp_path, "agentview", 16)


def test_a_camera_that_was_not_recorded_is_refused(tmp_path):
    write_dataset(tmp_path, "opencv")
    with pytest.raises(UsageError, match="cannot be read"):
        read_demonstrations(tmp_path, "wrist", 16)
