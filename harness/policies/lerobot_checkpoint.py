"""What a LeRobot checkpoint's own files say about it, read without lerobot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import PolicyUnavailableError
from harness.policies.checkpoints import read_json

CONFIG, WEIGHTS = "config.json", "model.safetensors"
PREPROCESSOR, POSTPROCESSOR = "policy_preprocessor.json", "policy_postprocessor.json"

# The types whose `predict_action_chunk` answers from one observation, and whose loading can be relied upon. The rest of
# lerobot 0.4 answers from queues of earlier observations that `select_action` alone fills (diffusion, vqbet, tdmpc), needs
# steps of its own around it (groot, xvla, wall_x), or goes on with random weights when its own cannot be loaded (pi0, pi05,
# pi0_fast: `from_pretrained` prints "Returning model without loading pretrained weights").
TYPES = ("act", "smolvla")

# lerobot adds these pictures itself, for models that were trained with more cameras than there are.
_EMPTY_CAMERA = "empty_camera_"
_STATE, _ACTION = "observation.state", "action"

# A class, because lerobot's modules have functions of other packages too (`lerobot.policies.groot.utils.copytree`).
_LEROBOTS_CLASS = re.compile(r"lerobot(\.\w+)+\.[A-Z]\w*")


@dataclass(frozen=True)
class LeRobotCheckpoint:
    """A folder that ``save_pretrained`` of lerobot 0.4 wrote.

    Attributes:
        folder: Where it is.
        type: LeRobot's name for the kind of policy.
        pictures: Keys of the pictures that it takes, in the config's order, without those that lerobot adds itself.
        picture_shapes: Shape (3, H, W) of each in its training data.
        state_dim: Numbers in the state that it takes; None: it takes none.
        action_dim: Numbers in an action.
        chunk_size: Actions that one inference makes.
        n_action_steps: How many of them are to be used.
        ensembles: True when every action is an average over the chunks of several steps (ACT's temporal ensembling).
        has_device_step: True when the preprocessor moves its inputs to a device.
        named_models: What lerobot loads besides: folders, or names on the Hugging Face hub.
    """

    folder: Path
    type: str
    pictures: tuple[str, ...]
    picture_shapes: tuple[tuple[int, ...], ...]
    state_dim: int | None
    action_dim: int
    chunk_size: int
    n_action_steps: int
    ensembles: bool
    has_device_step: bool
    named_models: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that decides what it answers."""
        processors = self.folder.glob("policy_*processor*")
        return (self.folder / CONFIG, self.folder / WEIGHTS, *processors)


def read_checkpoint(folder: Path) -> LeRobotCheckpoint:
    """Reads a checkpoint's config and the lists of its processors' steps.

    Raises:
        PolicyUnavailableError: It is no such folder, is incomplete, or is of a kind that cannot be asked for a chunk.
    """
    config = read_json(_complete(folder) / CONFIG)
    kind = config.get("type")
    if kind not in TYPES:
        raise PolicyUnavailableError(
            f"{folder / CONFIG}: a policy of type {kind!r} is not supported, only {' and '.join(TYPES)} "
            "(docs/checkpoints.md says why). A `py:` policy around its select_action can ask it"
        )
    if config.get("use_peft"):
        raise PolicyUnavailableError(f"{folder} holds a PEFT adapter: merge it into its base model first")
    if config.get("n_obs_steps", 1) != 1:
        raise PolicyUnavailableError(f"{folder / CONFIG}: n_obs_steps is {config['n_obs_steps']}; only 1 is supported")
    before, _ = _steps(folder / PREPROCESSOR), _steps(folder / POSTPROCESSOR)
    try:
        return _checkpoint(folder, config, before)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise PolicyUnavailableError(f"{folder / CONFIG} is not as lerobot writes it: {error!r}") from error


def _checkpoint(folder: Path, config: Mapping[str, Any], before: Mapping[str, Mapping[str, Any]]) -> LeRobotCheckpoint:
    inputs: Mapping[str, Any] = config["input_features"]
    shown = {key: value for key, value in inputs.items() if value["type"] == "VISUAL" and _EMPTY_CAMERA not in key}
    state = inputs.get(_STATE)
    named = (config.get("vlm_model_name"), before.get("tokenizer_processor", {}).get("tokenizer_name"))
    return LeRobotCheckpoint(
        folder=folder,
        type=config["type"],
        pictures=tuple(shown),
        picture_shapes=tuple(tuple(map(int, value["shape"])) for value in shown.values()),
        state_dim=int(state["shape"][0]) if state else None,
        action_dim=int(config["output_features"][_ACTION]["shape"][0]),
        chunk_size=int(config["chunk_size"]),
        n_action_steps=int(config["n_action_steps"]),
        ensembles=config.get("temporal_ensemble_coeff") is not None,
        has_device_step="device_processor" in before,
        named_models=tuple(dict.fromkeys(filter(None, named))),
    )


def _complete(folder: Path) -> Path:
    """The folder, with all of its files there."""
    if not folder.is_dir():
        raise PolicyUnavailableError(f"{folder} is not a folder; a LeRobot checkpoint is the one that has {CONFIG} in it")
    inner = folder / "pretrained_model"
    if not (folder / CONFIG).is_file() and inner.is_dir():
        raise PolicyUnavailableError(f"{folder} has no {CONFIG}; the checkpoint is in {inner}")
    missing = [name for name in (CONFIG, WEIGHTS, PREPROCESSOR, POSTPROCESSOR) if not (folder / name).is_file()]
    if missing and missing[0] in (PREPROCESSOR, POSTPROCESSOR):
        raise PolicyUnavailableError(
            f"{folder} has no {' and no '.join(missing)}: it was written before lerobot 0.4 kept normalisation there. "
            "Convert it with `python -m lerobot.processor.migrate_policy_normalization --pretrained-path FOLDER`"
        )
    if missing:
        raise PolicyUnavailableError(f"{folder} has no {' and no '.join(missing)}")
    return folder


def _steps(path: Path) -> dict[str, Mapping[str, Any]]:
    """A processor's steps: registered name -> config. A step that lerobot would import from another package is refused."""
    steps = read_json(path).get("steps")
    found = {}
    for step in steps if isinstance(steps, list) else [None]:
        name = (step.get("registry_name") or step.get("class")) if isinstance(step, dict) else None
        if not isinstance(step, dict) or not isinstance(name, str):
            raise PolicyUnavailableError(f"{path} is not as lerobot writes it: every step has a registry_name or a class")
        if "registry_name" not in step and not _LEROBOTS_CLASS.fullmatch(name):
            raise PolicyUnavailableError(f"{path}: a step would import and call {name}, which is no class of lerobot")
        found[name] = step.get("config") or {}
    return found
