"""Suites and protocols: YAML files read, checked and turned into `harness.types`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from harness.checked_yaml import checked, read_mapping
from harness.envs.families import FAMILIES, family_of
from harness.errors import SuiteError, suggest
from harness.paths import suites_dir
from harness.suite_files import NameFields, Strict
from harness.types import STANDARD, Protocol, Suite


class _CollectionFile(NameFields):
    schema_: Literal[1] = Field(alias="schema")
    description: str = ""
    suites: tuple[str, ...] = Field(min_length=1)


class _PresetFile(Strict):
    schema_: Literal[1] = Field(alias="schema")
    name: str
    max_steps: dict[str, int] = Field(default_factory=dict)
    protocol: dict[str, Any]


def load_suites(name: str, environment: str | None = None) -> tuple[Suite, ...]:
    """Finds suites by name, alias or file.

    Args:
        name: ``spatial``, ``libero_spatial``, ``all``, or the path of a YAML file.
        environment: Takes suites of this environment alone, whose names may then be given without it: ``all`` means
            ``piper_all`` for ``piper``.

    Returns:
        One suite, or several where the name is a collection; all of one environment.

    Raises:
        SuiteError: The name is unknown, a file is wrong (the message says which field), or what it names belongs to another
            environment.
    """
    full = f"{environment}_{name}"
    suites = _load(full if full in _aliases(suites_dir()) else name, within=())
    for suite in suites:
        if suite.environment != (environment or suites[0].environment):
            raise SuiteError(
                f"suite {suite.name!r} belongs to the environment {suite.environment!r}, not to "
                f"{environment or suites[0].environment!r}. " + _other_command(suite, environment)
            )
    return suites


def _other_command(suite: Suite, environment: str | None) -> str:
    if environment is None:
        return "Suites that are run together must be of one environment."
    return f"Run it with `evalharness {suite.environment} --suite {suite.name}`."


def is_suite_file(name: str) -> bool:
    """Whether what a user gave as a suite is a path, not a name."""
    return name.endswith((".yaml", ".yml")) or "/" in name


def _load(name: str, within: tuple[Path, ...]) -> tuple[Suite, ...]:
    """Loads a suite, or a collection that stands in the collections `within`."""
    path = Path(name) if is_suite_file(name) else _path_of(name)
    content = read_mapping(path, "suite", SuiteError)
    if "suites" not in content:
        return (_suite(content, path),)
    collection = checked(_CollectionFile, content, path, SuiteError)
    if path.resolve() in within:
        raise SuiteError(f"{path}: suites: the collection contains itself")
    suites = tuple(suite for member in collection.suites for suite in _load(member, (*within, path.resolve())))
    _refuse_repetition([suite.name for suite in suites], path, "suites")
    return suites


def suite_names(environment: str | None = None) -> dict[str, tuple[str, ...]]:
    """The names of all suites that come with the harness -> their aliases, collections included.

    Args:
        environment: Only those whose names begin with it, as all of ours do.

    Raises:
        SuiteError: A file in the folder of suites has no name.
    """
    names = dict(map(_names_in, _suite_paths(suites_dir())))
    return {name: aliases for name, aliases in names.items() if environment is None or name.startswith(f"{environment}_")}


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
    fields = checked(family_of(suite.environment).protocol_schema, used, path, SuiteError, "protocol")
    return Protocol(name=name, **dict(fields))


def _suite_paths(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.yaml"))


def _names_in(path: Path) -> tuple[str, tuple[str, ...]]:
    """The name and the aliases of the suite or collection in a file, of which nothing else is checked."""
    content = read_mapping(path, "suite", SuiteError)
    names = checked(NameFields, {key: content[key] for key in ("name", "aliases") if key in content}, path, SuiteError)
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


def _suite(content: Mapping[str, Any], path: Path) -> Suite:
    if "environment" not in content:
        raise SuiteError(f"{path}: environment: Field required. {suggest('', FAMILIES)}")
    environment = str(content["environment"])
    if environment not in FAMILIES:
        raise SuiteError(f"{path}: environment: there is none called {environment!r}. {suggest(environment, FAMILIES)}")
    suite = family_of(environment).suite(content, path)
    _refuse_repetition([task.name for task in suite.tasks], path, "tasks")
    return suite


def _refuse_repetition(names: list[str], path: Path, field: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise SuiteError(f"{path}: {field}: {name!r} is named more than once")
