"""Models that were exported from PyTorch as programs: torch.export's and TorchScript's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.episode import with_gripper_rule
from harness.errors import PolicyError, PolicyOutputError, PolicyUnavailableError
from harness.policies.base import BasePolicy, PolicyURI, checked_chunk
from harness.policies.checkpoints import checkpoint_name, chosen_device, fingerprint, local_path, require
from harness.policies.export_card import (
    Card,
    Picture,
    State,
    card_statistics,
    check_fit,
    model_kind,
    read_card,
    statistics_file,
)
from harness.transforms.images import ResizeLanczos, ResizeWithPad
from harness.transforms.presets import NORMS
from harness.transforms.statistics import Statistics
from harness.types import EnvSpec, Float64Array, Observation, PolicyInfo


class ExportedPolicy(BasePolicy):
    """export:MODEL.pt2 or export:MODEL.pt: a program that torch.export or TorchScript saved.

    A card beside it, MODEL.json, says which pictures and states it is given, in which form, and what its answer means;
    see docs/checkpoints.md. The program itself is loaded with `torch.export.load` or `torch.jit.load`, after all of that has
    been checked.

    Parameters: ``card`` (MODEL.json), ``device`` (``cuda`` where there is one).
    """

    params = frozenset({"card", "device"})

    def __init__(self, program: Any, device: str, card: Card, statistics: Statistics | None) -> None:
        self._program = program
        self._device = device
        self._card = card
        self.statistics = statistics
        self.needs_images = any(isinstance(one, Picture) for one in card.inputs)
        self.raw_actions = card.gripper is not None

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`: reads the card and hashes the files; loads nothing."""
        require(uri, "torch", "torch")
        path = local_path(uri)
        kind = model_kind(path)
        card_path = _card_path(uri, path)
        card = read_card(card_path)
        card_statistics(card_path, card)
        statistics = statistics_file(card_path, card)
        return PolicyInfo(
            uri=uri.text,
            name=checkpoint_name("export", path.with_suffix("")),
            fingerprint=fingerprint({path, card_path} | ({statistics} if statistics else set())),
            details={
                "kind": kind,
                "torch": version("torch"),
                "inputs": [one.name for one in card.inputs],
                "chunk": card.output.chunk,
            },
            action_space=card.action_space,
        )

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> ExportedPolicy:
        """See `BasePolicy.from_uri`; the card is checked against the environment before the model is loaded."""
        require(uri, "torch", "torch")
        path = local_path(uri)
        card_path = _card_path(uri, path)
        card = read_card(card_path)
        statistics = card_statistics(card_path, card)
        check_fit(uri, card, spec)
        device = chosen_device(uri)
        return cls(_loaded(uri, path, device), device, card, statistics)

    def infer(self, observation: Observation) -> Float64Array:
        """The chunk of actions (T, A).

        Raises:
            PolicyError: The program failed.
            PolicyOutputError: It answered with something else than the card says, or not finite.
        """
        import torch

        arguments = [self._argument(one, observation) for one in self._card.inputs]
        try:
            with torch.inference_mode():
                answer = self._program(*(torch.from_numpy(array).to(self._device) for array in arguments))
        except Exception as error:
            given = ", ".join(
                f"{one.name} {array.dtype} {array.shape}" for one, array in zip(self._card.inputs, arguments, strict=True)
            )
            raise PolicyError(f"the exported program was given {given} and failed: {error}") from error
        return self._actions(answer)

    def _argument(self, one: Picture | State, observation: Observation) -> npt.NDArray[Any]:
        array = _picture(one, observation) if isinstance(one, Picture) else self._state(one, observation.state)
        return np.array(array, dtype=one.dtype).reshape(one.shape)

    def _state(self, one: State, state: Mapping[str, Float64Array]) -> Float64Array:
        value = state[one.state]
        if one.normalize is None or self.statistics is None or self.statistics.state is None:
            return value
        normalized: Float64Array = NORMS[one.normalize](self.statistics.state)(value)
        return normalized

    def _actions(self, answer: Any) -> Float64Array:
        output = self._card.output
        shape = tuple(getattr(answer, "shape", ()))
        if _without_ones(shape) != _without_ones((output.chunk, output.action_dim)):
            what = f"a tensor of shape {shape}" if shape else type(answer).__name__
            raise PolicyOutputError(
                f"the exported program answered with {what}; its card says chunk {output.chunk} and action_dim "
                f"{output.action_dim}"
            )
        actions = answer.to("cpu").double().numpy().reshape(output.chunk, output.action_dim)
        if output.normalize is not None and self.statistics is not None:
            actions = NORMS[output.normalize](self.statistics.actions).undo(actions)
        chunk = checked_chunk(actions, output.action_dim)
        return chunk if self._card.gripper is None else with_gripper_rule(chunk, self._card.gripper)


def _picture(one: Picture, observation: Observation) -> npt.NDArray[Any]:
    """The camera's picture in the form that the card asks for, (H, W, 3) or (3, H, W)."""
    image = observation.images[one.camera]
    if one.resize is not None:
        side_px = one.size_px[0]
        image = ResizeWithPad(side_px)(image) if one.resize == "pad" else ResizeLanczos(side_px)(image)
    value: npt.NDArray[Any] = image
    if one.dtype != "uint8":
        low, high = one.range
        value = (image.astype(np.float64) / 255.0 * (high - low) + low - np.array(one.mean)) / np.array(one.std)
    return value if one.layout == "HWC" else np.moveaxis(value, -1, 0)


def _without_ones(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(side for side in shape if side != 1)


def _card_path(uri: PolicyURI, path: Path) -> Path:
    return Path(uri.params["card"]).expanduser() if "card" in uri.params else path.with_suffix(".json")


@contextmanager
def _weights_only() -> Iterator[None]:
    """Keeps `torch.load` from unpickling objects: `torch.export.load` would let it where tensors alone cannot be read."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _loaded(uri: PolicyURI, path: Path, device: str) -> Any:
    """The program on its device, as it computes outside training."""
    import torch

    try:
        if model_kind(path) == "TorchScript":
            return torch.jit.load(str(path), map_location=device).eval()
        from torch.export.passes import move_to_device_pass

        with _weights_only():
            program = torch.export.load(path)
        return move_to_device_pass(program, device).module()
    except PolicyUnavailableError:
        raise
    except Exception as error:
        what = f"torch {version('torch')} cannot load it: {type(error).__name__}: {error}"
        raise PolicyUnavailableError(f"policy {uri.text!r}: {what}") from error
