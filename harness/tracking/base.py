"""What a tracker is, and which there are."""

from __future__ import annotations

import importlib
import importlib.util
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.errors import UsageError


class Tracker(typing.Protocol):
    """One session of a run in a tracking service. Made when the session begins; whatever it raises costs tracking alone."""

    def log(self, done: int, metrics: Mapping[str, float]) -> None:
        """Takes numbers in the course of the run.

        Args:
            done: Episodes that have ended, those of earlier sessions included.
            metrics: Name -> number.
        """

    def finish(self, summary: Mapping[str, float]) -> None:
        """Takes the final numbers and closes; called once, also where the session was interrupted."""


# A tracker is made from the run directory, the run's name, and what identifies the run: plain values by dotted names.
MakeTracker = Callable[[Path, str, Mapping[str, Any]], Tracker]


@dataclass(frozen=True)
class _Source:
    """Where a tracker comes from.

    Attributes:
        library: What must be installed: the module's name.
        module: Ours.
        attribute: Its class.
    """

    library: str
    module: str
    attribute: str


_SOURCES: Mapping[str, _Source] = MappingProxyType(
    {
        "wandb": _Source("wandb", "harness.tracking.wandb_run", "WandbTracker"),
        "mlflow": _Source("mlflow", "harness.tracking.mlflow_run", "MlflowTracker"),
        "tensorboard": _Source("tensorboardX", "harness.tracking.tensorboard_events", "TensorboardTracker"),
    }
)


def refuse_missing_library(name: str) -> None:
    """Refuses a tracker whose library is not installed; nothing is imported.

    Args:
        name: One of `harness.request.TRACKERS`.

    Raises:
        UsageError: Says what to install.
    """
    library = _SOURCES[name].library
    if importlib.util.find_spec(library) is None:
        raise UsageError(f"--track {name} needs {library}, which is not here: pip install 'evalharness[track-{name}]'")


def load_tracker(name: str) -> MakeTracker:
    """Imports a tracker's class and its library."""
    source = _SOURCES[name]
    make: MakeTracker = getattr(importlib.import_module(source.module), source.attribute)
    return make
