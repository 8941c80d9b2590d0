"""Piper suites from their YAML files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from harness.action_spaces import ACTION_SPACES
from harness.checked_yaml import checked
from harness.envs.piper.spec import STATE_PARTS
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
        if kind not in SCENES:
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
    """The scene's dataclass, made from what the file says of it."""
    schema = SCENES[content["kind"]]
    given = {name: value for name, value in content.items() if name != "kind"}
    known = list(getattr(schema, "__dataclass_fields__", {}))
    for name, value in given.items():
        if name not in known:
            raise SuiteError(f"{place}.{name}: no such field. {suggest(name, known)}")
        # Every field of every scene is a length, a mass, a tolerance or a count.
        if isinstance(value, int | float) and not 0 < value < math.inf:
            raise SuiteError(f"{place}.{name}: must be a finite number above 0, not {value!r}")
    try:
        scene: Scene = TypeAdapter(schema).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, (place, *first["loc"])))
        raise SuiteError(f"{where}: {first['msg']}, not {first['input']!r}") from error
    return scene
