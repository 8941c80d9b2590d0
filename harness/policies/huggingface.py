"""OpenVLA and its kin: models whose own code transformers runs, in this process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.errors import PolicyError, PolicyUnavailableError, suggest
from harness.policies.base import BasePolicy, PolicyURI
from harness.policies.checkpoints import (
    checkpoint_name,
    chosen_device,
    fingerprint,
    local_path,
    read_json,
    require,
    stay_offline,
)
from harness.transforms.presets import Preset, preset
from harness.transforms.prompts import OpenVLAPrompt
from harness.transforms.statistics import OPENVLA_FILE, Statistics, data_set_key, read_statistics
from harness.types import EnvSpec, Float64Array, Observation, PolicyInfo

CONFIG = "config.json"

# Where a folder may name code of its own.
_CONFIGS = (CONFIG, "preprocessor_config.json", "processor_config.json", "tokenizer_config.json")

# What a model of pictures and text is called in auto_map: by transformers up to 4, and from 5 on.
_AUTO_CLASSES = ("AutoModelForVision2Seq", "AutoModelForImageTextToText")
_DTYPES = ("bfloat16", "float16", "float32")
_PRESET = "openvla-libero"


@dataclass(frozen=True)
class _Checkpoint:
    """What a folder says about its model, before anything in it runs.

    Attributes:
        folder: Where it is.
        model_type: transformers' name for the kind of model.
        code: ``MODULE.CLASS`` of the model, in the folder.
        statistics: Data set -> statistics that actions are un-normalised with, as the model takes them.
        unnorm_key: Which of them is used.
    """

    folder: Path
    model_type: str
    code: str
    statistics: Mapping[str, Any]
    unnorm_key: str

    @property
    def files(self) -> list[Path]:
        """Everything in the folder: weights, code, tokenizer, statistics."""
        return [path for path in self.folder.iterdir() if path.is_file() and not path.name.startswith(".")]

    def training_data(self) -> Statistics | None:
        """The statistics as the harness reads them, for ``evalharness policies check``; None where they are not complete."""
        with contextlib.suppress(PolicyUnavailableError):
            return read_statistics(self.folder / OPENVLA_FILE, self.unnorm_key)
        return None


class HuggingFacePolicy(BasePolicy):
    """hf:FOLDER: OpenVLA and models like it, loaded by transformers with the code in their folder.

    The model is asked as OpenVLA's own evaluation does it: one picture of the camera in front (JPEG round trip, Lanczos to
    224x224, the middle 90 % of its area), the question what the robot should do, and ``predict_action`` without sampling.
    The gripper's 0 (close) to 1 (open) is mapped here, whatever the protocol's rule.

    Parameters: ``trust_remote_code=1``, without which nothing is loaded, because the model is a program in that folder;
    ``unnorm_key``, the data set whose statistics un-normalise actions (needed where there are several; ``_no_noops`` is
    added where only that exists); ``device`` (``cuda`` where there is one); ``dtype`` (bfloat16; on a processor float32).
    """

    params = frozenset({"trust_remote_code", "unnorm_key", "device", "dtype"})

    def __init__(self, model: _Model, action_preset: Preset, statistics: Statistics | None, action_dim: int) -> None:
        self._model = model
        self._preset = action_preset
        self._action_dim = action_dim
        self.raw_actions = action_preset.raw_actions
        self.statistics = statistics

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`: reads the configs and hashes the folder; runs nothing of it."""
        checkpoint = _read(uri)
        return PolicyInfo(
            uri=uri.text,
            name=checkpoint_name(checkpoint.model_type, checkpoint.folder),
            fingerprint=fingerprint(checkpoint.files, checkpoint.unnorm_key, uri.params.get("dtype", "")),
            details={
                "model_type": checkpoint.model_type,
                "transformers": version("transformers"),
                "unnorm_key": checkpoint.unnorm_key,
                "preset": _PRESET,
            },
        )

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> HuggingFacePolicy:
        """See `BasePolicy.from_uri`; here the folder's code runs for the first time."""
        checkpoint = _read(uri)
        return cls(_Model.load(uri, checkpoint), preset(_PRESET, spec), checkpoint.training_data(), spec.action_dim)

    def infer(self, observation: Observation) -> Float64Array:
        """The action, or the chunk where the model makes one, as (T, A).

        Raises:
            PolicyError: The model's own code raised.
            PolicyOutputError: The answer is not finite, or has another number of dimensions.
        """
        request = self._preset.request(observation)
        return self._preset.actions(self._model.answer(request), request, self._action_dim)


class _Model:
    """A model and its processor."""

    def __init__(self, model: Any, processor: Any, unnorm_key: str) -> None:
        self._model = model
        self._processor = processor
        self._unnorm_key = unnorm_key

    @classmethod
    def load(cls, uri: PolicyURI, checkpoint: _Checkpoint) -> _Model:
        stay_offline()
        import torch
        from transformers import AutoProcessor
        from transformers.dynamic_module_utils import get_class_from_dynamic_module

        device = chosen_device(uri)
        dtype = getattr(torch, uri.params.get("dtype") or ("float32" if device == "cpu" else "bfloat16"))
        folder = str(checkpoint.folder)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
                # Not through an Auto class: those answer with the code of an earlier folder whose config class is the same.
                model_class = get_class_from_dynamic_module(checkpoint.code, folder)
                # torch_dtype: transformers 4 knows no other name, and 5 still takes it.
                model = model_class.from_pretrained(folder, use_safetensors=True, torch_dtype=dtype)
        except Exception as error:
            what = f"transformers {version('transformers')} cannot load it: {type(error).__name__}: {error}"
            raise PolicyUnavailableError(
                f"policy {uri.text!r}: {what}"
                "\nCode in a checkpoint's folder is written for one version of transformers: its authors' is the safe one"
            ) from error
        model.to(device).eval()
        model.norm_stats = dict(checkpoint.statistics)
        return cls(model, processor, checkpoint.unnorm_key)

    def answer(self, request: Mapping[str, Any]) -> Any:
        """What ``predict_action`` answers: one action, or a chunk."""
        import torch
        from PIL import Image

        prompt = OpenVLAPrompt()(request["instruction"])
        try:
            with torch.inference_mode():
                inputs = self._processor(prompt, Image.fromarray(request["image"]))
                inputs = inputs.to(self._model.device, dtype=self._model.dtype)
                answer = self._model.predict_action(**inputs, unnorm_key=self._unnorm_key, do_sample=False)
        except Exception as error:
            raise PolicyError(f"the model's own code raised {type(error).__name__}: {error}") from error
        # OpenVLA-OFT answers with hidden states beside its actions.
        return answer[0] if isinstance(answer, tuple) else answer


def _read(uri: PolicyURI) -> _Checkpoint:
    """Checks the URI and the folder, without running anything of it."""
    require(uri, "hf", "transformers", "torch", "PIL")
    folder = local_path(uri)
    if uri.params.get("trust_remote_code") != "1":
        raise PolicyUnavailableError(
            f"policy {uri.text!r}: the model is a program in {folder}, which would be executed with your rights. "
            "If you trust it, say so: trust_remote_code=1"
        )
    if uri.params.get("dtype", _DTYPES[0]) not in _DTYPES:
        raise PolicyUnavailableError(
            f"policy {uri.text!r}: dtype={uri.params['dtype']!r}. {suggest(uri.params['dtype'], _DTYPES)}"
        )
    config = read_json(folder / CONFIG)
    code = _own_code(folder, config)
    if not any(folder.glob("*.safetensors")):
        raise PolicyUnavailableError(f"{folder} has no weights as *.safetensors; others could hold code, and are not loaded")
    statistics_file = folder / OPENVLA_FILE if (folder / OPENVLA_FILE).is_file() else folder / CONFIG
    statistics = read_json(statistics_file) if statistics_file.name == OPENVLA_FILE else config.get("norm_stats")
    if not isinstance(statistics, dict) or not statistics:
        raise PolicyUnavailableError(
            f"{folder} has neither {OPENVLA_FILE} nor norm_stats in {CONFIG}: actions have no scale"
        )
    key = data_set_key(statistics, uri.params.get("unnorm_key"), statistics_file)
    return _Checkpoint(folder, str(config.get("model_type", "model")), code, statistics, key)


def _own_code(folder: Path, config: Mapping[str, Any]) -> str:
    """``MODULE.CLASS`` of the model; what the folder's configs name must be in the folder, all of it."""
    auto_map = config.get("auto_map")
    codes = [auto_map[name] for name in _AUTO_CLASSES if name in auto_map] if isinstance(auto_map, dict) else []
    if not codes:
        classes = " or ".join(_AUTO_CLASSES)
        raise PolicyUnavailableError(
            f"{folder / CONFIG}: auto_map names no code for {classes}, so there is no predict_action"
        )
    for file in (folder / name for name in _CONFIGS if (folder / name).is_file()):
        for reference in _references(read_json(file).get("auto_map")):
            repository, _, local = reference.rpartition("--")
            if repository:
                raise PolicyUnavailableError(
                    f"{file} takes its code from another repository, {repository}. Copy its Python files into {folder} and "
                    f"write {local!r} in auto_map"
                )
            if not (folder / f"{local.partition('.')[0]}.py").is_file():
                raise PolicyUnavailableError(f"{file} names code in {local!r}, which is not in the folder")
    return str(codes[0])


def _references(auto_map: Any) -> Iterator[str]:
    """The ``MODULE.CLASS`` of an auto_map; tokenizers have two each, one of which may be null."""
    for value in auto_map.values() if isinstance(auto_map, dict) else ():
        yield from (str(one) for one in (value if isinstance(value, list) else [value]) if one is not None)
