"""YAML files that people write, read and checked: errors name the file, the field, and what would have been right."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from harness.errors import HarnessError, suggest

Schema = TypeVar("Schema", bound=BaseModel)

# libyaml parses several times faster; PyYAML is built without it on some machines.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Of many wrong fields the first few are told; the rest often follows from them.
_TOLD = 5


def read_mapping(path: Path, what: str, error_type: type[HarnessError]) -> dict[str, Any]:
    """Reads a YAML file that holds a mapping; nothing in it is executed.

    Args:
        path: The file.
        what: What it is to be, such as ``suite``, for messages.
        error_type: What to raise.

    Raises:
        HarnessError: Of `error_type`: the file cannot be read, is not YAML, or holds something else.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506  # plain data alone, as safe_load
    except OSError as error:
        raise error_type(f"cannot read {what} file {path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no UTF-8, or a date that no calendar has
        raise error_type(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise error_type(f"{path} must hold a mapping with the fields of a {what}, not {type(content).__name__}")
    return content


def checked(
    schema: type[Schema], content: Mapping[str, Any], path: Path, error_type: type[HarnessError], prefix: str = ""
) -> Schema:
    """Checks a file's content against its schema.

    Args:
        schema: What it should be.
        content: What it is.
        path: Where it came from, for messages.
        error_type: What to raise.
        prefix: Where in the file the content stands.

    Raises:
        HarnessError: Of `error_type`: a line for each of the first wrong fields.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        lines = (f"{path}: {_complaint(schema, one, prefix)}" for one in error.errors()[:_TOLD])
        raise error_type("\n".join(lines)) from error


def _complaint(schema: type[BaseModel], error: Any, prefix: str) -> str:
    """One line: where, what, and what would have been right."""
    shown, below = _located(schema, error["loc"])
    where = ".".join([prefix] * bool(prefix) + shown)
    kind = error["type"]
    if kind == "extra_forbidden":
        return f"{where}: no such field. {suggest(shown[-1], _names(below))}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        tags = _tags(schema, error["loc"])
        said = suggest(str(error["ctx"]["tag"]), tags) if "tag" in error["ctx"] else f"missing. {suggest('', tags)}"
        return f"{where}.{str(error['ctx']['discriminator']).strip(chr(39))}: {said}"
    if kind == "value_error":
        return f"{where}: {error['ctx']['error']}" if where else str(error["ctx"]["error"])
    given = "" if kind == "missing" else f", not {error['input']!r}"
    return f"{where}: {error['msg']}{given}"


def _located(schema: type[BaseModel], location: Sequence[Any]) -> tuple[list[str], type[BaseModel]]:
    """A location's parts as the file has them, and the schema that the last part belongs to.

    pydantic puts the tag of a tagged union into the location; the file has no such level.
    """
    shown: list[str] = []
    alternatives: dict[str, type[BaseModel]] = {}
    for part in location:
        if part in alternatives:
            schema, alternatives = alternatives[part], {}
            continue
        shown.append(str(part))
        field = next((f for name, f in schema.model_fields.items() if (f.alias or name) == part), None)
        nested = _models(field.annotation) if field else []
        if len(nested) == 1:
            schema = nested[0]
        elif nested:
            alternatives = {model.__name__.lower(): model for model in nested}
    return shown, schema


def _tags(schema: type[BaseModel], location: Sequence[Any]) -> list[str]:
    """The kinds that a tagged union at a location may be of: the names of its schemas in small letters."""
    names = {(field.alias or name): field for name, field in schema.model_fields.items()}
    return [model.__name__.lower() for model in _models(names[location[0]].annotation)]


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The schemas in a field's type: ``dict[str, Joint]`` has one, ``tuple[Box | Sphere, ...]`` two."""
    if inspect.isclass(annotation) and not typing.get_args(annotation):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for argument in typing.get_args(annotation) for model in _models(argument)]


def _names(schema: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in schema.model_fields.items()]
