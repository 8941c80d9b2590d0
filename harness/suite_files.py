"""What a suite's YAML file may hold: the fields that all families of environments share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from harness.errors import suggest
from harness.types import GripperRule, RealtimeFiller, SceneSeeding

# A suite's or a task's name becomes part of file names.
NAME_PATTERN = r"^[A-Za-z0-9_.-]+$"


class Strict(BaseModel):
    """Refuses fields that it does not know, and numbers that are none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ProtocolFields(Strict):
    """The fields of `harness.types.Protocol`; each family says which names and lengths it knows."""

    state_parts: ClassVar[Mapping[str, int]] = {}
    action_spaces: ClassVar[tuple[str, ...]] = ()
    settle_action_dim: ClassVar[int] = 0
    scene_seedings: ClassVar[tuple[SceneSeeding, ...]] = ()

    max_steps: int = Field(ge=1)
    settle_steps: int = Field(ge=0)
    settle_action: tuple[float, ...]
    control_freq_hz: int = Field(ge=1)
    cameras: dict[str, str] = Field(min_length=1)
    image_height_px: int = Field(ge=1, le=4096)
    image_width_px: int = Field(ge=1, le=4096)
    image_rotation_deg: Literal[0, 180]
    state_layout: tuple[str, ...] = Field(min_length=1)
    gripper: GripperRule
    replan_steps: int | None = Field(ge=1)
    scene_seeding: SceneSeeding
    scene_seed: int = Field(ge=0, lt=2**32)
    action_space: str
    realtime_hz: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    realtime_filler: RealtimeFiller = "hold"

    @field_validator("settle_action")
    @classmethod
    def _fitting_action(cls, action: tuple[float, ...]) -> tuple[float, ...]:
        if len(action) != cls.settle_action_dim:
            raise ValueError(f"must have {cls.settle_action_dim} numbers, not {len(action)}")
        return action

    @field_validator("state_layout")
    @classmethod
    def _known_parts(cls, parts: tuple[str, ...]) -> tuple[str, ...]:
        for part in parts:
            if part not in cls.state_parts:
                raise ValueError(f"{part!r} is no part of the state. {suggest(part, cls.state_parts)}")
        return parts

    @field_validator("action_space")
    @classmethod
    def _known_space(cls, name: str) -> str:
        if name not in cls.action_spaces:
            raise ValueError(f"{name!r} is no action space here. {suggest(name, cls.action_spaces)}")
        return name

    @field_validator("scene_seeding")
    @classmethod
    def _known_seeding(cls, rule: SceneSeeding) -> SceneSeeding:
        if rule not in cls.scene_seedings:
            raise ValueError(f"{rule!r} is not known here. {suggest(rule, cls.scene_seedings)}")
        return rule


class NameFields(Strict):
    """The names of a suite or a collection."""

    name: str = Field(pattern=NAME_PATTERN)
    aliases: tuple[str, ...] = ()


class SuiteFields(NameFields):
    """A suite's file, but for what its family of environments adds to it: ``protocol`` and ``tasks`` at the least."""

    schema_: Literal[1] = Field(alias="schema")
    environment: str
    description: str = ""
