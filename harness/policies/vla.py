"""A small vision-language-action model of our own, in process."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.errors import PolicyError, PolicyUnavailableError, UsageError, suggest
from harness.policies.base import BasePolicy, PolicyURI
from harness.policies.checkpoints import checkpoint_name, chosen_device, fingerprint, local_path, require
from harness.transforms.images import ResizeWithPad
from harness.types import EnvSpec, Episode, Float64Array, Observation, PolicyInfo
from harness.vla.checkpoint import FILES, Parts, load_model, read_parts

if typing.TYPE_CHECKING:
    from harness.vla.model import VLA

_SWITCH = {"0": False, "1": True}


class VLAPolicy(BasePolicy):
    """vla:FOLDER: a small vision-language-action model: picture and instruction in, action tokens out (docs/vla.md).

    Parameters: ``device`` as PyTorch names it (CUDA's where there is one); ``cache=0`` to compute everything again for every
    token; ``unnorm_key``, where the folder has statistics of several datasets.
    """

    params = frozenset({"device", "cache", "unnorm_key"})

    def __init__(self, parts: Parts, model: VLA, cache: bool) -> None:
        self._parts = parts
        self._model: VLA | None = model
        self._cache = cache

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`; reads every file but makes no model. The fingerprint is that of the files."""
        folder, parts = _checked(uri)
        config = parts.config
        details = {"camera": config.camera, "image_px": config.image_px, "chunk_steps": config.chunk_steps}
        return PolicyInfo(
            uri=uri.text,
            name=checkpoint_name("vla", folder),
            fingerprint=fingerprint((folder / name for name in FILES), uri.params.get("unnorm_key", "")),
            details=details,
            concurrency="batch",
        )

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> VLAPolicy:
        """See `BasePolicy.from_uri`."""
        folder, parts = _checked(uri)
        config = parts.config
        if config.action_dim != spec.action_dim:
            raise PolicyUnavailableError(
                f"policy {uri.text!r} answers with {config.action_dim} numbers, and the environment takes {spec.action_dim}"
            )
        if config.camera not in spec.images:
            raise PolicyUnavailableError(
                f"policy {uri.text!r} looks through the camera {config.camera!r}. {suggest(config.camera, spec.images)}"
            )
        device = chosen_device(uri)
        try:
            return cls(parts, load_model(folder, parts, device), _cache(uri))
        except UsageError as error:
            raise PolicyUnavailableError(f"policy {uri.text!r}: {error}") from error

    def infer(self, observation: Observation) -> Float64Array:
        """The chunk (T, A) that the model answers with."""
        chunk: Float64Array = self._answers([observation])[0]
        return chunk

    def infer_batch(self, observations: Sequence[Observation], episodes: Sequence[Episode]) -> Sequence[Float64Array]:
        """See `harness.policies.base.BatchPolicy`; nothing is remembered of an episode."""
        return list(self._answers(observations))

    def close(self) -> None:
        """Gives the weights back."""
        self._model = None

    def _answers(self, observations: Sequence[Observation]) -> Float64Array:
        import torch

        if self._model is None:
            raise PolicyError("the vla policy was asked after it was closed")
        config = self._parts.config
        resize = ResizeWithPad(config.image_px)
        pictures = np.stack([resize(seen.images[config.camera]) for seen in observations])
        texts = [self._parts.text_ids(seen.instruction) for seen in observations]
        prediction = self._model.predict_action(torch.from_numpy(pictures), texts, cache=self._cache)
        token_ids = prediction.token_ids.cpu().numpy().reshape(len(observations), config.chunk_steps, config.action_dim)
        return self._parts.actions.decode(token_ids)


def _checked(uri: PolicyURI) -> tuple[Path, Parts]:
    """The folder, and what it holds but the weights."""
    _cache(uri)
    require(uri, "torch", "torch")
    folder = local_path(uri)
    try:
        return folder, read_parts(folder, uri.params.get("unnorm_key"))
    except UsageError as error:
        raise PolicyUnavailableError(f"policy {uri.text!r}: {error}") from error


def _cache(uri: PolicyURI) -> bool:
    value = uri.params.get("cache", "1")
    if value not in _SWITCH:
        raise PolicyUnavailableError(f"policy {uri.text!r}: cache={value!r} must be 0 or 1")
    return _SWITCH[value]
