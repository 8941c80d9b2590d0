"""Weights & Biases: offline unless ``WANDB_MODE`` says otherwise; ``wandb sync`` uploads what is in the run directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb


class WandbTracker:
    """A wandb run under ``wandb`` in the run directory."""

    def __init__(self, directory: Path, name: str, config: Mapping[str, Any]) -> None:
        mode: Any = os.environ.get("WANDB_MODE", "offline")
        project = os.environ.get("WANDB_PROJECT", "evalharness")
        settings = wandb.Settings(silent=True, console="off")
        self._run = wandb.init(
            project=project,
            name=name,
            dir=str(directory),
            config=dict(config),
            mode=mode,
            settings=settings,
            reinit="create_new",
        )

    def log(self, done: int, metrics: Mapping[str, float]) -> None:
        """See `harness.tracking.base.Tracker.log`."""
        self._run.log(dict(metrics), step=done)

    def finish(self, summary: Mapping[str, float]) -> None:
        """See `harness.tracking.base.Tracker.finish`."""
        self._run.summary.update(dict(summary))
        self._run.finish()
