"""LIBERO suites from their YAML files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from harness.checked_yaml import checked
from harness.envs.libero.installation import libero_root
from harness.envs.libero.spec import ACTION_SPACE, STATE_PARTS, libero_env_spec
from harness.envs.libero.task import LiberoTask
from harness.errors import SuiteError
from harness.suite_files import NAME_PATTERN, ProtocolFields, Strict, SuiteFields
from harness.types import STANDARD, Protocol, Suite

# hf-libero 0.1.4 names the scene before the words of LIBERO-90 and LIBERO-10 tasks: KITCHEN_SCENE4_put_the_...
_SCENE_PREFIX = re.compile(r"^[A-Z_]+_SCENE\d+_")


class LiberoProtocolFields(ProtocolFields):
    """The protocols that LIBERO can be run with."""

    state_parts = STATE_PARTS
    action_spaces = (ACTION_SPACE,)
    settle_action_dim = libero_env_spec().action_dim
    scene_seedings = ("episode_key", "sequential", "per_episode")


class _TaskFields(Strict):
    name: str = Field(pattern=NAME_PATTERN)
    instruction: str | None = None
    bddl: str | None = None
    init_states: str | None = None


def _with_fields(task: Any) -> Any:
    """A task may be written as its name alone."""
    return {"name": task} if isinstance(task, str) else task


class _SuiteFile(SuiteFields):
    protocol: LiberoProtocolFields
    bddl: str = "."
    init_states: str = "."
    tasks: tuple[Annotated[_TaskFields, BeforeValidator(_with_fields)], ...] = Field(min_length=1)


def read_suite(content: Mapping[str, Any], path: Path) -> Suite:
    """A suite from its file's content.

    Raises:
        SuiteError: A field is wrong, or a task's file is nowhere.
        UsageError: LIBERO is not installed.
    """
    fields = checked(_SuiteFile, content, path, SuiteError)
    return Suite(
        name=fields.name,
        aliases=fields.aliases,
        environment=fields.environment,
        description=fields.description,
        protocol=Protocol(name=STANDARD, **dict(fields.protocol)),
        tasks=tuple(_task(fields, task, i, path) for i, task in enumerate(fields.tasks)),
    )


def _task(suite: _SuiteFile, fields: _TaskFields, task_id: int, path: Path) -> LiberoTask:
    return LiberoTask(
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
