"""The families of environments by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType

from harness.envs.family import Family
from harness.errors import UsageError, suggest

# Named rather than imported, so that a family's own imports are paid only when it is used.
FAMILIES: Mapping[str, str] = MappingProxyType(
    {"libero": "harness.envs.libero.family:LiberoFamily", "piper": "harness.envs.piper.family:PiperFamily"}
)


def family_of(environment: str) -> Family:
    """The family of a name, as `harness.types.Suite.environment` has it.

    Raises:
        UsageError: There is none.
    """
    if environment not in FAMILIES:
        raise UsageError(f"there is no environment {environment!r}. {suggest(environment, FAMILIES)}")
    module, _, attribute = FAMILIES[environment].partition(":")
    family: Family = getattr(importlib.import_module(module), attribute)()
    return family
