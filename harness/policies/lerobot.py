"""Checkpoints of LeRobot, loaded by lerobot itself in this process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from harness.errors import PolicyError, PolicyUnavailableError
from harness.policies.base import BasePolicy, PolicyURI
from harness.policies.checkpoints import (
    check_cached,
    checkpoint_name,
    chosen_device,
    fingerprint,
    local_path,
    require,
    stay_offline,
)
from harness.policies.lerobot_checkpoint import LeRobotCheckpoint, read_checkpoint
from harness.seeding import GlobalGenerators
from harness.transforms.presets import PRESET_PARAMS, Preset, preset_details, preset_of
from harness.types import EnvSpec, Episode, Float64Array, Observation, PolicyInfo

# lerobot's own LIBERO environment turns pictures by 180 degrees after it drew them (LiberoProcessorStep reverses rows and
# columns, src/lerobot/processor/env_processor.py of lerobot 0.4.4). The protocols have done that already: nothing is turned
# here, and that step is not in a checkpoint's own preprocessor.
_PRESET = "lerobot-libero"
_PICTURES, _STATE, _TASK = "observation.images.", "observation.state", "task"

# Episodes that were begun last and whose noise can go on; nobody says when an episode ends. Many more than run at a time.
_REMEMBERED_EPISODES = 1024


class LeRobotPolicy(BasePolicy):
    """lerobot:FOLDER: a checkpoint of LeRobot (ACT, SmolVLA), in this process.

    FOLDER is what lerobot 0.4's ``save_pretrained`` wrote: ``pretrained_model`` in a training's output. The chunk is what
    lerobot's ``predict_action_chunk`` answers between the checkpoint's own pre- and postprocessor, cut to
    ``n_action_steps``: the actions that ``select_action`` would hand out of its queue one by one. A checkpoint with temporal
    ensembling (ACT) is asked for one action at every step, as its config wants it, unless ``n_action_steps`` is given.

    The noise of SmolVLA depends on the episode alone. Several environments are answered one by one, and not in one
    batch of the model, whose size would change the last bits of every answer; with temporal ensembling only one can be.

    Parameters: ``device`` (``cuda`` where there is one), ``n_action_steps`` (the config's), ``preset`` (lerobot-libero) and
    what goes with it.
    """

    params = frozenset({"device", "n_action_steps"}) | PRESET_PARAMS

    def __init__(self, model: _Model, preset: Preset, action_dim: int) -> None:
        self._model = model
        self._preset = preset
        self._action_dim = action_dim
        self._generators: dict[str, GlobalGenerators] = {}
        self._episode = ""
        self.raw_actions = preset.raw_actions

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`: reads the configs and hashes the weights."""
        require(uri, "lerobot", "lerobot")
        checkpoint = read_checkpoint(local_path(uri))
        steps = _steps_used(uri, checkpoint)
        settings = (f"{name}={value}" for name, value in sorted(uri.params.items()) if name != "device")
        return PolicyInfo(
            uri=uri.text,
            name=checkpoint_name(checkpoint.type, checkpoint.folder),
            fingerprint=fingerprint(checkpoint.files, *settings),
            details=preset_details(uri, _PRESET)
            | {
                "type": checkpoint.type,
                "lerobot": version("lerobot"),
                "chunk_size": checkpoint.chunk_size,
                "n_action_steps": steps or 1,
                "temporal_ensembling": steps is None,
                "pictures": {
                    key: list(shape) for key, shape in zip(checkpoint.pictures, checkpoint.picture_shapes, strict=True)
                },
            },
            concurrency="batch" if steps is not None else "none",
        )

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> LeRobotPolicy:
        """See `BasePolicy.from_uri`; what does not fit is refused before the weights are loaded."""
        require(uri, "lerobot", "lerobot")
        checkpoint = read_checkpoint(local_path(uri))
        steps = _steps_used(uri, checkpoint)
        preset = preset_of(uri, spec, _PRESET)
        _check_fit(uri, checkpoint, spec, [name for name in preset.needs if name in spec.images])
        return cls(_Model.load(uri, checkpoint, steps), preset, spec.action_dim)

    def reset(self, episode: Episode) -> None:
        """Empties what lerobot remembers, and seeds the noise that it draws in this episode."""
        self._episode = episode.key
        self._generators.pop(episode.key, None)
        self._generators[episode.key] = GlobalGenerators(episode.derived_seed("policy"))
        if len(self._generators) > _REMEMBERED_EPISODES:
            del self._generators[next(iter(self._generators))]
        self._model.reset()

    def infer(self, observation: Observation) -> Float64Array:
        """The chunk of actions (T, A), in the episode that was reset last.

        Raises:
            PolicyError: No episode was reset.
            PolicyOutputError: The answer is not finite, or has another number of dimensions.
        """
        return self._answer(observation, self._episode)

    def infer_batch(self, observations: Sequence[Observation], episodes: Sequence[Episode]) -> list[Float64Array]:
        """What `infer` answers in each episode; see `harness.policies.base.BatchPolicy`."""
        return [self._answer(one, episode.key) for one, episode in zip(observations, episodes, strict=True)]

    def _answer(self, observation: Observation, key: str) -> Float64Array:
        request = self._preset.request(observation)
        if key not in self._generators:
            raise PolicyError(f"the policy was asked about episode {key!r}, which was not reset, or too long ago")
        with self._generators[key].in_use():
            answer = self._model.answer(request)
        return self._preset.actions(answer, request, self._action_dim)


class _Model:
    """lerobot's policy with its two processors."""

    def __init__(self, policy: Any, processors: tuple[Any, Any], checkpoint: LeRobotCheckpoint, steps: int | None) -> None:
        """Takes how many actions of a chunk are answered; None: one, from lerobot's temporal ensembling."""
        self._policy = policy
        self._preprocess, self._postprocess = processors
        self._checkpoint = checkpoint
        self._steps = steps

    @classmethod
    def load(cls, uri: PolicyURI, checkpoint: LeRobotCheckpoint, steps: int | None) -> _Model:
        stay_offline()
        check_cached(uri, checkpoint.named_models)
        from lerobot.configs.policies import PreTrainedConfig
        from lerobot.policies.factory import get_policy_class, make_pre_post_processors

        device = chosen_device(uri)
        folder = str(checkpoint.folder)
        # lerobot prints while it loads; standard output is for results.
        try:
            with contextlib.redirect_stdout(sys.stderr):
                config = PreTrainedConfig.from_pretrained(folder)
                config.device = device
                if hasattr(config, "pretrained_backbone_weights"):
                    config.pretrained_backbone_weights = None  # ImageNet's would be downloaded, and overwritten
                # strict: a weight that the file lacks would stay random, without a word.
                policy = get_policy_class(config.type).from_pretrained(folder, config=config, strict=True)
                on_device = {"device_processor": {"device": device}} if checkpoint.has_device_step else {}
                processors = make_pre_post_processors(config, folder, preprocessor_overrides=on_device)
        except Exception as error:
            raise PolicyUnavailableError(
                f"policy {uri.text!r}: lerobot {version('lerobot')} cannot load it: {type(error).__name__}: {error}"
            ) from error
        policy.eval()
        return cls(policy, processors, checkpoint, steps)

    def reset(self) -> None:
        for part in (self._policy, self._preprocess, self._postprocess):
            part.reset()

    def answer(self, request: dict[str, Any]) -> Any:
        """The actions (T, A), or one action (A,), un-normalised."""
        import torch

        config = self._policy.config
        with torch.inference_mode(), torch.autocast(torch.device(config.device).type, enabled=config.use_amp):
            batch = self._preprocess(self._batch(request))
            if self._steps is None:
                answer = self._policy.select_action(batch)
            else:
                answer = self._policy.predict_action_chunk(batch)[:, : self._steps]
            return self._postprocess(answer)[0].to("cpu", torch.float64).numpy()

    def _batch(self, request: dict[str, Any]) -> dict[str, Any]:
        import torch

        given = [key for key in request if key.startswith(_PICTURES)]
        taken = _matched(self._checkpoint.pictures, given)
        if self._checkpoint.state_dim is not None:
            taken[_STATE] = _STATE
        missing = sorted({_TASK, *taken.values()} - set(request))
        if missing:
            raise PolicyError(f"the preset gives {', '.join(request)}; lerobot needs {', '.join(missing)}")
        arrays = {theirs: np.asarray(request[ours], dtype=np.float32) for theirs, ours in taken.items()}
        return {theirs: torch.tensor(array)[None] for theirs, array in arrays.items()} | {_TASK: [request[_TASK]]}


def _matched(wanted: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """The checkpoint's pictures -> the preset's: by name where all names are known, otherwise by position."""
    if set(wanted) <= set(given):
        return {key: key for key in wanted}
    return dict(zip(wanted, given, strict=False))


def _steps_used(uri: PolicyURI, checkpoint: LeRobotCheckpoint) -> int | None:
    """How many actions of a chunk are answered; None: one, from lerobot's temporal ensembling."""
    if checkpoint.ensembles and "n_action_steps" not in uri.params:
        return None
    steps = uri.integer("n_action_steps", default=checkpoint.n_action_steps, minimum=1)
    if steps > checkpoint.chunk_size:
        made = checkpoint.chunk_size
        raise PolicyUnavailableError(
            f"policy {uri.text!r}: n_action_steps={steps}, and the checkpoint makes {made} at a time"
        )
    return steps


def _check_fit(uri: PolicyURI, checkpoint: LeRobotCheckpoint, spec: EnvSpec, cameras: Sequence[str]) -> None:
    """Refuses a checkpoint of another robot, or of one with more cameras."""
    problems = []
    if checkpoint.action_dim != spec.action_dim:
        problems.append(f"its actions have {checkpoint.action_dim} numbers, the environment's {spec.action_dim}")
    state_dim = spec.state.get("vector", 0)
    if checkpoint.state_dim not in (None, state_dim):
        problems.append(f"it takes a state of {checkpoint.state_dim} numbers, and the environment's vector has {state_dim}")
    if len(checkpoint.pictures) > len(cameras):
        pictures = ", ".join(checkpoint.pictures)
        problems.append(
            f"it takes {len(checkpoint.pictures)} pictures ({pictures}), and is given {', '.join(cameras) or 'none'}"
        )
    if problems:
        raise PolicyUnavailableError(f"policy {uri.text!r} does not fit: {'; '.join(problems)}")
