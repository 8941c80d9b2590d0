"""Checkpoints of LeRobot, asked by lerobot's own evaluation and by the harness."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_lerobot import CHUNK, PICTURE_PX, PICTURES, STEPS, edit_config, make_act, make_smolvla

from harness.envs.libero.spec import libero_env_spec
from harness.errors import PolicyUnavailableError
from harness.policies.check import check_policy, synthetic_observation
from harness.registry import describe_policy, make_policy
from harness.types import EnvSpec, Episode, Observation, Policy

pytest.importorskip("lerobot", reason="lerobot is not installed (tests/integration/test_lerobot_policy.py)")

pytestmark = pytest.mark.torch

SPEC = libero_env_spec(PICTURE_PX, PICTURE_PX)
MAKERS: dict[str, Callable[..., Path]] = {"act": make_act, "smolvla": make_smolvla}


def episode(init: int = 0) -> Episode:
    return Episode(suite="s", task_id=0, task="t", instruction="pick up the bowl", init=init, repeat=0, seed=0)


def observation(seed: int = 0, instruction: str = "pick up the bowl") -> Observation:
    generator = np.random.default_rng(seed)
    pictures = {name: generator.integers(0, 256, shape, dtype=np.uint8) for name, shape in SPEC.images.items()}
    return replace(synthetic_observation(SPEC), images=pictures, instruction=instruction)


def with_picture(camera: str, seed: int) -> Observation:
    """An observation with the picture of one camera changed."""
    shown = observation()
    return replace(shown, images={**shown.images, camera: observation(seed).images[camera]})


def opened(folder: Path, query: str = "", spec: EnvSpec = SPEC) -> Policy:
    policy = make_policy(f"lerobot:{folder}?device=cpu{query}", spec)
    policy.reset(episode())
    return policy


class LeRobotsOwn:
    """What lerobot's evaluation of LIBERO does: its environment's step, the processors, and actions one by one."""

    def __init__(self, folder: Path) -> None:
        from lerobot.configs.policies import PreTrainedConfig
        from lerobot.policies.factory import get_policy_class, make_pre_post_processors
        from lerobot.processor.env_processor import LiberoProcessorStep

        config = PreTrainedConfig.from_pretrained(str(folder))
        self.policy = get_policy_class(config.type).from_pretrained(str(folder), config=config)
        self.before, self.after = make_pre_post_processors(config, str(folder))
        self.environment = LiberoProcessorStep()

    def seed(self, one: Episode) -> None:
        import torch

        torch.manual_seed(one.derived_seed("policy"))
        self.policy.reset()

    def action(self, shown: Observation) -> np.ndarray:
        batch = self.environment.observation(self.raw(shown))
        return self.after(self.policy.select_action(self.before(batch | {"task": [shown.instruction]})))[0].numpy()

    def raw(self, shown: Observation) -> dict[str, Any]:
        """The simulator's own rows, from bottom to top, and its poses."""
        import torch

        def picture(name: str) -> Any:
            turned = np.ascontiguousarray(np.rot90(shown.images[name], 2).transpose(2, 0, 1))
            return torch.from_numpy(turned)[None].float() / 255

        pos, quat, fingers = (torch.tensor(shown.state[n])[None] for n in ("eef_pos", "eef_quat_xyzw", "gripper_qpos"))
        pictures = {PICTURES[0]: picture("agentview"), PICTURES[1]: picture("wrist")}
        return pictures | {"observation.robot_state": {"eef": {"pos": pos, "quat": quat}, "gripper": {"qpos": fingers}}}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: make(tmp_path_factory.mktemp(kind)) for kind, make in MAKERS.items()}


@pytest.fixture(params=MAKERS)
def checkpoint(request: pytest.FixtureRequest, checkpoints: dict[str, Path]) -> Path:
    return checkpoints[request.param]


def test_the_chunk_is_what_lerobots_evaluation_hands_out_one_by_one(checkpoint: Path) -> None:
    theirs = LeRobotsOwn(checkpoint)
    theirs.seed(episode())
    wanted = np.stack([theirs.action(observation()) for _ in range(STEPS)])
    chunk = np.asarray(opened(checkpoint).infer(observation()))
    assert chunk.shape == (STEPS, 7)
    assert np.array_equal(chunk, wanted)
    assert wanted.std() > 1e-3


def test_fewer_actions_of_a_chunk_can_be_asked_for_and_as_many_as_there_are(checkpoint: Path) -> None:
    whole = np.asarray(opened(checkpoint, f"&n_action_steps={CHUNK}").infer(observation()))
    assert len(whole) == CHUNK
    assert np.array_equal(opened(checkpoint, "&n_action_steps=2").infer(observation()), whole[:2])
    with pytest.raises(PolicyUnavailableError, match=f"n_action_steps={CHUNK + 1}, and the checkpoint makes {CHUNK}"):
        describe_policy(f"lerobot:{checkpoint}?n_action_steps={CHUNK + 1}")


def test_noise_depends_on_the_episode_alone(checkpoints: dict[str, Path]) -> None:
    import torch

    policy = opened(checkpoints["smolvla"])
    first = np.asarray(policy.infer(observation()))
    assert not np.array_equal(policy.infer(observation()), first), "the noise goes on within an episode"
    torch.manual_seed(99)
    state = torch.random.get_rng_state()
    policy.reset(episode())
    assert np.array_equal(policy.infer(observation()), first)
    assert torch.equal(torch.random.get_rng_state(), state)
    policy.reset(episode(init=1))
    assert not np.array_equal(policy.infer(observation()), first)


def test_episodes_that_take_turns_are_answered_as_if_alone(checkpoint: Path) -> None:
    policy, shown, episodes = opened(checkpoint), [observation(0), observation(1)], [episode(0), episode(1)]
    alone = []
    for one in episodes:
        policy.reset(one)
        alone.append([np.asarray(policy.infer(shown[step])) for step in range(2)])
    for one in episodes:
        policy.reset(one)
    for step in range(2):
        together = policy.infer_batch([shown[step]] * 2, episodes)
        assert all(np.array_equal(chunk, alone[index][step]) for index, chunk in enumerate(together))
    assert describe_policy(f"lerobot:{checkpoint}").concurrency == "batch"


def test_smolvla_hears_the_instruction(checkpoints: dict[str, Path]) -> None:
    policy = opened(checkpoints["smolvla"])
    first = np.asarray(policy.infer(observation()))
    policy.reset(episode())
    assert not np.array_equal(policy.infer(observation(instruction="open the drawer")), first)


@pytest.mark.parametrize("kind", MAKERS)
def test_pictures_with_other_names_are_taken_by_position(kind: str, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    renamed = MAKERS[kind](tmp_path, pictures=("observation.images.camera1", "observation.images.camera2"))
    assert np.array_equal(opened(renamed).infer(observation()), opened(checkpoints[kind]).infer(observation()))


def test_a_checkpoint_with_one_picture_sees_the_camera_in_front(tmp_path: Path) -> None:
    policy = opened(make_act(tmp_path, pictures=("observation.images.top",)))
    first = np.asarray(policy.infer(observation()))
    assert np.array_equal(policy.infer(with_picture("wrist", 5)), first)
    assert not np.array_equal(policy.infer(with_picture("agentview", 5)), first)


def test_a_checkpoint_with_the_wrists_picture_alone_is_not_shown_the_front(tmp_path: Path) -> None:
    policy = opened(make_act(tmp_path, pictures=PICTURES[1:]))
    first = np.asarray(policy.infer(observation()))
    assert np.array_equal(policy.infer(with_picture("agentview", 5)), first)
    assert not np.array_equal(policy.infer(with_picture("wrist", 5)), first)


def test_temporal_ensembling_averages_as_lerobot_does_and_begins_anew_with_an_episode(tmp_path: Path) -> None:
    folder = make_act(tmp_path, temporal_ensemble_coeff=0.01, n_action_steps=1)
    theirs, policy = LeRobotsOwn(folder), opened(folder)
    theirs.seed(episode())
    wanted = [theirs.action(observation(step)) for step in range(3)]
    for _ in range(2):
        assert np.array_equal([np.ravel(policy.infer(observation(step))) for step in range(3)], wanted)
        policy.reset(episode())
    info = describe_policy(f"lerobot:{folder}")
    assert (info.details["temporal_ensembling"], info.concurrency) == (True, "none")
    assert np.asarray(opened(folder, "&n_action_steps=3").infer(observation())).shape == (3, 7)


def test_imagenets_weights_are_not_asked_for(checkpoints: dict[str, Path], tmp_path: Path, monkeypatch) -> None:
    folder = shutil.copytree(checkpoints["act"], tmp_path / "act")
    edit_config(folder, pretrained_backbone_weights="ResNet18_Weights.IMAGENET1K_V1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    assert np.array_equal(opened(folder).infer(observation()), opened(checkpoints["act"]).infer(observation()))
    assert not (tmp_path / "cache").exists()


def test_a_checkpoint_that_lacks_a_weight_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(checkpoint, tmp_path / "torn")
    weights = load_file(folder / "model.safetensors")
    name = sorted(weights)[-1]
    del weights[name]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(PolicyUnavailableError, match=f"Missing key.*{name}"):
        opened(folder)


def test_a_vision_language_model_that_is_not_here_is_named(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoints["smolvla"], tmp_path / "smolvla")
    edit_config(folder, vlm_model_name="nobody/no-such-model")
    with pytest.raises(
        PolicyUnavailableError, match=r"builds upon nobody/no-such-model, .*`hf download nobody/no-such-model`"
    ):
        opened(folder)


def test_what_does_not_fit_the_environment_is_refused_before_the_weights_are_read(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(checkpoints["act"], tmp_path / "act")
    (folder / "model.safetensors").write_bytes(b"no weights")
    blind = replace(SPEC, action_dim=6, state={**SPEC.state, "vector": 9})
    with pytest.raises(PolicyUnavailableError, match=r"actions have 7 numbers, the environment's 6; it takes a state of 8"):
        opened(folder, spec=blind)
    edit_config(folder, input_features={f"observation.images.{n}": {"type": "VISUAL", "shape": [3, 8, 8]} for n in "abc"})
    with pytest.raises(PolicyUnavailableError, match=r"takes 3 pictures .* and is given agentview, wrist"):
        opened(folder)


def test_a_device_that_is_not_here_is_refused(checkpoints: dict[str, Path]) -> None:
    with pytest.raises(PolicyUnavailableError, match="device='abacus' cannot be used"):
        make_policy(f"lerobot:{checkpoints['act']}?device=abacus", SPEC)


def test_the_fingerprint_is_that_of_the_weights_and_of_the_steps_wherever_the_folder_lies(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    def print_of(uri: str) -> str:
        return describe_policy(uri).fingerprint

    folder = shutil.copytree(checkpoints["act"], tmp_path / "run" / "checkpoints" / "020000" / "pretrained_model")
    original = print_of(f"lerobot:{checkpoints['act']}")
    assert print_of(f"lerobot:{folder}?device=cpu") == original
    assert print_of(f"lerobot:{folder}?n_action_steps=2") != original
    assert describe_policy(f"lerobot:{folder}").name == "act-run-020000"
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert print_of(f"lerobot:{folder}") != original


def test_the_public_checker_finds_nothing(checkpoint: Path) -> None:
    findings = check_policy(f"lerobot:{checkpoint}?device=cpu", SPEC)
    assert [finding for finding in findings if finding.level != "ok"] == []
