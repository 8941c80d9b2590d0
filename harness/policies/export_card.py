"""The card beside an exported model: what it takes, in which form, and what its answer means."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.checked_yaml import checked, read_mapping
from harness.errors import PolicyUnavailableError, suggest
from harness.policies.base import PolicyURI
from harness.transforms.statistics import Statistics, VectorStatistics, read_statistics
from harness.types import EnvSpec, GripperRule

Norm = Literal["quantile", "zscore", "bounds_q99"]
Kind = Literal["torch.export", "TorchScript"]

_SUFFIXES: dict[str, Kind] = {".pt2": "torch.export", ".pt": "TorchScript", ".ts": "TorchScript"}


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Picture(_Schema):
    """A picture among a model's inputs.

    Attributes:
        kind: ``picture``.
        name: For messages.
        camera: Which of the environment's.
        shape: As the model takes it, with leading ones: ``[1, 3, 224, 224]``.
        layout: ``CHW`` or ``HWC``: the order of the last three.
        dtype: Of its numbers.
        resize: How a picture of another size becomes this one, which must be square: ``pad`` keeps the aspect ratio
            (bilinear, black around it), ``lanczos`` does not. None: the environment's pictures must have this size.
        range: What the bytes 0 and 255 become.
        mean: Taken away afterwards, a number a channel.
        std: Divided by after that, a number a channel.
    """

    kind: Literal["picture"]
    name: str = Field(min_length=1)
    camera: str = Field(min_length=1)
    shape: tuple[Annotated[int, Field(ge=1)], ...]
    layout: Literal["CHW", "HWC"]
    dtype: Literal["uint8", "float16", "float32", "float64"]
    resize: Literal["pad", "lanczos"] | None = None
    range: tuple[float, float] = (0.0, 255.0)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width."""
        return self.shape[-2:] if self.layout == "CHW" else self.shape[-3:-1]  # type: ignore[return-value]

    @model_validator(mode="after")
    def _consistent(self) -> Picture:
        channels = self.shape[-3:][0 if self.layout == "CHW" else -1] if len(self.shape) >= 3 else 0
        if channels != 3 or any(side != 1 for side in self.shape[:-3]):
            raise ValueError(
                f"shape {list(self.shape)} is no picture of layout {self.layout}: expected 3 channels, ones before"
            )
        if self.resize is not None and len(set(self.size_px)) != 1:
            raise ValueError(f"resize makes squares, and the shape is {self.size_px[0]} x {self.size_px[1]}")
        if 0.0 in self.std:
            raise ValueError("std may not be 0")
        if self.dtype == "uint8" and (self.range, self.mean, self.std) != ((0.0, 255.0), (0.0,) * 3, (1.0,) * 3):
            raise ValueError("bytes are given as they are: leave range, mean and std out, or choose another dtype")
        return self


class State(_Schema):
    """A state among a model's inputs.

    Attributes:
        kind: ``state``.
        name: For messages.
        state: Which of the environment's.
        shape: As the model takes it, with leading ones: ``[1, 8]``.
        dtype: Of its numbers.
        normalize: With which formula, by the statistics of the state; None: not at all.
    """

    kind: Literal["state"]
    name: str = Field(min_length=1)
    state: str = "vector"
    shape: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1)
    dtype: Literal["float16", "float32", "float64"]
    normalize: Norm | None = None

    @model_validator(mode="after")
    def _consistent(self) -> State:
        if any(side != 1 for side in self.shape[:-1]):
            raise ValueError(f"shape {list(self.shape)} is no vector: expected ones before its length")
        return self


class Output(_Schema):
    """A model's answer: one tensor (chunk, action_dim), which may have ones before.

    Attributes:
        chunk: Actions in an answer.
        action_dim: Numbers in an action.
        normalize: By which formula they were normalised, to be undone with the statistics of actions; None: they were not.
    """

    chunk: int = Field(ge=1)
    action_dim: int = Field(ge=1)
    normalize: Norm | None = None


class Card(_Schema):
    """What a model's side file says.

    Attributes:
        inputs: What the model is given, in the order of its arguments.
        output: What it answers.
        statistics: The file with the statistics, from where the card is; None: ``norm_stats`` below, if anything is needed.
        unnorm_key: Which data set in that file.
        norm_stats: The statistics themselves, ``{"state": {...}, "actions": {...}}``, as openpi's file has them.
        gripper: What is done to the last number of every action; None leaves that to the protocol.
        action_space: What an action's numbers mean; None leaves that to the protocol.
    """

    inputs: tuple[Annotated[Picture | State, Field(discriminator="kind")], ...] = Field(min_length=1)
    output: Output
    statistics: str | None = None
    unnorm_key: str | None = None
    norm_stats: dict[str, dict[str, list[float] | None]] | None = None
    gripper: GripperRule | None = None
    action_space: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Card:
        names = [one.name for one in self.inputs]
        if len(set(names)) != len(names):
            raise ValueError(f"inputs have the same name twice: {', '.join(names)}")
        if self.statistics is not None and self.norm_stats is not None:
            raise ValueError("statistics names a file, and norm_stats is here: one of the two is enough")
        return self


def read_card(path: Path) -> Card:
    """Reads a card.

    Raises:
        PolicyUnavailableError: It is missing or wrong; the message names the field.
    """
    if not path.is_file():
        raise PolicyUnavailableError(
            f"there is no card {path}, which says what the model takes and answers (docs/checkpoints.md); "
            "card=FILE names another"
        )
    return checked(Card, read_mapping(path, "model's card", PolicyUnavailableError), path, PolicyUnavailableError)


def statistics_file(path: Path, card: Card) -> Path | None:
    """The file that has the card's statistics: another, or the card itself; None where there are none."""
    if card.statistics is not None:
        return path.parent / card.statistics
    return path if card.norm_stats is not None else None


def card_statistics(path: Path, card: Card) -> Statistics | None:
    """What the card's formulas need, checked for being there and long enough.

    Raises:
        PolicyUnavailableError: Something is to be normalised and has no statistics, or ones of another length.
    """
    needed = [one for one in card.inputs if isinstance(one, State) and one.normalize]
    file = statistics_file(path, card)
    if not needed and not card.output.normalize:
        return None
    if file is None:
        raise PolicyUnavailableError(f"{path}: something is normalised, and there is neither statistics nor norm_stats")
    found = read_statistics(file, card.unnorm_key)
    for one in needed:
        _check_length(found.state, one.shape[-1], f"{file}: the state that {one.name!r} needs")
    if card.output.normalize:
        _check_length(found.actions, card.output.action_dim, f"{file}: actions")
    return found


def _check_length(statistics: VectorStatistics | None, length: int, what: str) -> None:
    there = 0 if statistics is None else len(statistics.mean)
    if there < length:
        raise PolicyUnavailableError(f"{what}: there are statistics for {there} numbers, and {length} are normalised")


def model_kind(path: Path) -> Kind:
    """How a model's file is loaded, after a look into it that loads nothing.

    Raises:
        PolicyUnavailableError: Its name has no known ending, or it is something else than its name says.
    """
    if path.suffix not in _SUFFIXES:
        raise PolicyUnavailableError(
            f"{path}: an exported model's name ends with .pt2 (torch.export.save) or .pt or .ts (torch.jit.save)"
        )
    kind = _SUFFIXES[path.suffix]
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise PolicyUnavailableError(f"{path} is no archive that PyTorch wrote: {error}") from error
    is_script = any("/code/" in name for name in names) and any(name.endswith("/constants.pkl") for name in names)
    is_export = any(name.endswith("/archive_format") for name in names)
    if (kind == "TorchScript" and not is_script) or (kind == "torch.export" and not is_export):
        other = "a TorchScript" if is_script else "a torch.export program" if is_export else "weights without a program"
        raise PolicyUnavailableError(
            f"{path} holds {other}, and its name says {kind}. "
            + ("Rename it" if is_script or is_export else "Save the model with torch.export.save or torch.jit.save")
        )
    return kind


def check_fit(uri: PolicyURI, card: Card, spec: EnvSpec) -> None:
    """Refuses a model that wants what the environment does not show, or that answers with another action.

    Raises:
        PolicyUnavailableError: It does not fit; the message names the input.
    """
    problems = [problem for one in card.inputs for problem in _misfit(one, spec)]
    if card.output.action_dim != spec.action_dim:
        problems.append(f"its actions have {card.output.action_dim} numbers, the environment's {spec.action_dim}")
    if problems:
        raise PolicyUnavailableError(f"policy {uri.text!r} does not fit: {'; '.join(problems)}")


def _misfit(one: Picture | State, spec: EnvSpec) -> Sequence[str]:
    if isinstance(one, State):
        if one.state not in spec.state:
            return [f"{one.name!r}: there is no state {one.state!r}. {suggest(one.state, spec.state)}"]
        length = spec.state[one.state]
        return (
            []
            if length == one.shape[-1]
            else [f"{one.name!r} takes {one.shape[-1]} numbers, and {one.state!r} has {length}"]
        )
    if one.camera not in spec.images:
        return [f"{one.name!r}: there is no camera {one.camera!r}. {suggest(one.camera, spec.images)}"]
    height, width = spec.images[one.camera][:2]
    if one.resize is None and one.size_px != (height, width):
        return [
            f"{one.name!r} takes {one.size_px[0]} x {one.size_px[1]} pixels, {one.camera!r} has {height} x {width}, and the "
            "card has no resize"
        ]
    return []
