"""Suites and protocols: YAML files read, checked and turned into `harness.types`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from harness.checked_yaml import checked, read_mapping
from harness.envs.libero.installation import libero_root
from harness.envs.libero.spec import STATE_PARTS, libero_env_spec
from harness.errors import SuiteError, suggest
from harness.paths import suites_dir
from harness.types import GripperRule, Protocol, SceneSeeding, Suite, Task

STANDARD = "standard"

# hf-libero 0.1.4 names the scene before the words of LIBERO-90 and LIBERO-10 tasks: KITCHEN_SCENE4_put_the_...
_SCENE_PREFIX = re.compile(r"^[A-Z_]+_SCENE\d+_")

_ACTION_DIM = libero_env_spec().action_dim


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _ProtocolFields(_Strict):
    max_steps: int = Field(ge=1)
    settle_steps: int = Field(ge=0)
    settle_action: tuple[float, ...] = Field(min_length=_ACTION_DIM, max_length=_ACTION_DIM)
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

    @field_validator("state_layout")
    @classmethod
    def _known_parts(cls, parts: tuple[str, ...]) -> tuple[str, ...]:
        for part in parts:
            if part not in STATE_PARTS:
                raise ValueError(f"{part!r} is no part of the state. {suggest(part, STATE_PARTS)}")
        return parts


class _TaskFields(_Strict):
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    instruction: str | None = None
    bddl: str | None = None
    init_states: str | None = None


def _with_fields(task: Any) -> Any:
    """A task may be written as its name alone."""
    return {"name": task} if isinstance(task, str) else task


class _Names(_Strict):
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    aliases: tuple[str, ...] = ()


class _SuiteFile(_Names):
    schema_: Literal[1] = Field(alias="schema")
    environment: Literal["libero"]
    description: str = ""
    protocol: _ProtocolFields
    bddl: str = "."
    init_states: str = "."
    tasks: tuple[Annotated[_TaskFields, BeforeValidator(_with_fields)], ...] = Field(min_length=1)


class _CollectionFile(_Names):
    schema_: Literal[1] = Field(alias="schema")
    description: str = ""
    suites: tuple[str, ...] = Field(min_length=1)


class _PresetFile(_Strict):
    schema_: Literal[1] = Field(alias="schema")
    name: str
    max_steps: dict[str, int] = Field(default_factory=dict)
    protocol: dict[str, Any]


def load_suites(name: str) -> tuple[Suite, ...]:
    """Finds suites by name, alias or file.

    Args:
        name: ``spatial``, ``libero_spatial``, ``all``, or the path of a YAML file.

    Returns:
        One suite, or several where the name is a collection.

    Raises:
        SuiteError: The name is unknown, or a file is wrong; the message says which field.
    """
    return _load(name, within=())


def is_suite_file(name: str) -> bool:
    """Whether what a user gave as a suite is a path, not a name."""
    return name.endswith((".yaml", ".yml")) or "/" in name


def _load(name: str, within: tuple[Path, ...]) -> tuple[Suite, ...]:
    """Loads a suite, or a collection that stands in the collections `within`."""
    path = Path(name) if is_suite_file(name) else _path_of(name)
    content = read_mapping(path, "suite", SuiteError)
    if "suites" not in content:
        return (_suite(checked(_SuiteFile, content, path, SuiteError), path),)
    collection = checked(_CollectionFile, content, path, SuiteError)
    if path.resolve() in within:
        raise SuiteError(f"{path}: suites: the collection contains itself")
    suites = tuple(suite for member in collection.suites for suite in _load(member, (*within, path.resolve())))
    _refuse_repetition([suite.name for suite in suites], path, "suites")
    return suites


def suite_names() -> dict[str, tuple[str, ...]]:
    """The names of all suites that come with the harness -> their aliases, collections included.

    Raises:
        SuiteError: A file in the folder of suites has no name.
    """
    return dict(map(_names_in, _suite_paths(suites_dir())))


def preset_names() -> tuple[str, ...]:
    """The names that `preset` knows."""
    return (STANDARD, *sorted(path.stem for path in (suites_dir() / "protocols").glob("*.yaml")))


def preset(suite: Suite, name: str) -> Protocol:
    """The protocol of a suite under a preset.

    Args:
        suite: The suite whose standard protocol the preset changes.
        name: One of `preset_names`.

    Raises:
        SuiteError: The preset is unknown, its file is wrong, or it says nothing about this suite.
    """
    if name == STANDARD:
        return suite.protocol
    if name not in preset_names():
        raise SuiteError(f"unknown protocol {name!r}. {suggest(name, preset_names())}")
    path = suites_dir() / "protocols" / f"{name}.yaml"
    content = checked(_PresetFile, read_mapping(path, "suite", SuiteError), path, SuiteError)
    if suite.name not in content.max_steps:
        raise SuiteError(
            f"protocol {name!r} says nothing about suite {suite.name!r}; it knows {', '.join(content.max_steps)}. "
            f"Use --protocol {STANDARD}, which is the suite's own."
        )
    standard = {key: value for key, value in dataclasses.asdict(suite.protocol).items() if key != "name"}
    used = {**standard, **content.protocol, "max_steps": content.max_steps[suite.name]}
    fields = checked(_ProtocolFields, used, path, SuiteError, "protocol")
    return Protocol(name=name, **dict(fields))


def _suite_paths(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.yaml"))


def _names_in(path: Path) -> tuple[str, tuple[str, ...]]:
    """The name and the aliases of the suite or collection in a file, of which nothing else is checked."""
    content = read_mapping(path, "suite", SuiteError)
    names = checked(_Names, {key: content[key] for key in ("name", "aliases") if key in content}, path, SuiteError)
    return names.name, names.aliases


@cache
def _aliases(directory: Path) -> Mapping[str, Path]:
    table: dict[str, Path] = {}
    for path in _suite_paths(directory):
        name, aliases = _names_in(path)
        table.update(dict.fromkeys((name, *aliases), path))
    return table


def _path_of(name: str) -> Path:
    aliases = _aliases(suites_dir())
    if name not in aliases:
        raise SuiteError(f"unknown suite {name!r}. {suggest(name, aliases)} A suite of your own: --suite PATH.yaml")
    return aliases[name]


def _suite(content: _SuiteFile, path: Path) -> Suite:
    _refuse_repetition([task.name for task in content.tasks], path, "tasks")
    return Suite(
        name=content.name,
        aliases=content.aliases,
        environment=content.environment,
        description=content.description,
        protocol=Protocol(name=STANDARD, **dict(content.protocol)),
        tasks=tuple(_task(content, task, i, path) for i, task in enumerate(content.tasks)),
    )


def _refuse_repetition(names: list[str], path: Path, field: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise SuiteError(f"{path}: {field}: {name!r} is named more than once")


def _task(suite: _SuiteFile, fields: _TaskFields, task_id: int, path: Path) -> Task:
    return Task(
        suite=suite.name,
        task_id=task_id,
        name=fields.name,
        instruction=fields.instruction or instruction_of(fields.name),
        bddl=_file(path, "bddl_files", suite.bddl, fields.bddl or f"{fields.name}.bddl"),
        init_states=_file(path, "init_files", suite.init_states, fields.init_states or f"{fields.name}.pruned_init"),
    )


def _file(suite_path: Path, upstream_folder: str, folder: str, name: str) -> Path:
    """A task's file: beside the suite's YAML, or else in hf-libero."""
    own = suite_path.parent / folder / name
    if own.is_file():
        return own.resolve()
    upstream = libero_root() / upstream_folder / folder / name
    if upstream.is_file():
        return upstream
    raise SuiteError(f"{suite_path}: {name} is neither in {own.parent} nor in {upstream.parent}")


def instruction_of(task_name: str) -> str:
    """The instruction that upstream's benchmark derives from a task's file name.

    hf-libero 0.1.4, ``grab_language_from_filename`` in libero/libero/benchmark/__init__.py. It differs from the words in
    29 of the BDDL files; published scripts give policies this one.
    """
    return _SCENE_PREFIX.sub("", task_name).replace("_", " ")
