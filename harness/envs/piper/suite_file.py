"""Piper suites from their YAML files."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator

from harness.action_spaces import ACTION_SPACES
from harness.checked_yaml import checked
from harness.envs.piper.spec import CAMERAS, MAX_PICTURE_PX, STATE_PARTS
from harness.envs.piper.task import PiperTask
from harness.envs.piper.tasks import SCENES
from harness.envs.piper.tasks.base import Scene
from harness.errors import SuiteError, suggest
from harness.suite_files import NAME_PATTERN, ProtocolFields, Strict, SuiteFields
from harness.types import STANDARD, Protocol, Suite


class PiperProtocolFields(ProtocolFields):
    """The protocols that the Piper can be run with: settling is holding still, and a scene depends on its key alone."""

    state_parts = STATE_PARTS
    action_spaces = tuple(ACTION_SPACES)
    settle_action_dim = 0
    scene_seedings = ("episode_key",)

    # Joints' fastest steps and the expert's pace are those of 20 Hz.
    control_freq_hz: Literal[20]
    image_height_px: int = Field(ge=1, le=MAX_PICTURE_PX)
    image_width_px: int = Field(ge=1, le=MAX_PICTURE_PX)
    # The rules are for grippers from -1 to 1; three of the four action spaces count metres.
    gripper: Literal["as_is"]

    @field_validator("cameras")
    @classmethod
    def _known_cameras(cls, cameras: dict[str, str]) -> dict[str, str]:
        for source in cameras.values():
            if source not in CAMERAS:
                raise ValueError(f"there is no camera {source!r}. {suggest(source, CAMERAS)}")
        return cameras


class _InitStates(Strict):
    seed: int = Field(ge=0)
    count: int = Field(ge=1)


class _TaskFields(Strict):
    name: str = Field(pattern=NAME_PATTERN)
    scene: dict[str, Any]
    init_states: _InitStates
    instructions: dict[str, str]

    @field_validator("scene")
    @classmethod
    def _known_kind(cls, scene: dict[str, Any]) -> dict[str, Any]:
        kind = scene.get("kind")
        if not isinstance(kind, str) or kind not in SCENES:
            raise ValueError(f"there is no kind {kind!r}. {suggest(str(kind), SCENES)}")
        return scene

    @field_validator("instructions")
    @classmethod
    def _english_among_them(cls, instructions: dict[str, str]) -> dict[str, str]:
        if "en" not in instructions:
            raise ValueError("an English instruction, en, is missing")
        return instructions


class _SuiteFile(SuiteFields):
    protocol: PiperProtocolFields
    tasks: tuple[_TaskFields, ...] = Field(min_length=1)


def read_suite(content: Mapping[str, Any], path: Path) -> Suite:
    """A suite from its file's content.

    Raises:
        SuiteError: A field is wrong.
    """
    fields = checked(_SuiteFile, content, path, SuiteError)
    return Suite(
        name=fields.name,
        aliases=fields.aliases,
        environment=fields.environment,
        description=fields.description,
        protocol=Protocol(name=STANDARD, **dict(fields.protocol)),
        tasks=tuple(_task(fields.name, task, i, path) for i, task in enumerate(fields.tasks)),
    )


def _task(suite: str, fields: _TaskFields, task_id: int, path: Path) -> PiperTask:
    return PiperTask(
        suite=suite,
        task_id=task_id,
        name=fields.name,
        instruction=fields.instructions["en"],
        translations={code: text for code, text in fields.instructions.items() if code != "en"},
        kind=fields.scene["kind"],
        scene=_scene(fields.scene, f"{path}: tasks.{task_id}.scene"),
        init_seed=fields.init_states.seed,
        init_count=fields.init_states.count,
    )


def _scene(content: Mapping[str, Any], place: str) -> Scene:
    """The scene's dataclass, made from what the file says of it.

    Every field of every scene is a length, a mass, a tolerance, a share or a count.
    """
    schema: Any = SCENES[content["kind"]]
    types = {field.name: field.type for field in dataclasses.fields(schema)}
    given = {name: value for name, value in content.items() if name != "kind"}
    for name, value in given.items():
        if name not in types:
            raise SuiteError(f"{place}.{name}: no such field. {suggest(name, types)}")
        whole = types[name] == "int"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not 0 < value < math.inf:
            raise SuiteError(f"{place}.{name}: must be a {'whole' if whole else 'finite'} number above 0, not {value!r}")
    try:
        scene: Scene = schema(**given)
        scene.sample(np.random.default_rng(0))
    except ValueError as error:
        raise SuiteError(f"{place}: {error}") from error
    return scene
