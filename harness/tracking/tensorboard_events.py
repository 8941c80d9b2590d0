"""TensorBoard: event files in the run directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter


class TensorboardTracker:
    """Event files under ``tensorboard`` in the run directory; the configuration is a text."""

    def __init__(self, directory: Path, name: str, config: Mapping[str, Any]) -> None:
        self._writer = SummaryWriter(logdir=str(directory / "tensorboard"))
        rows = "".join(f"| {key} | {value} |\n" for key, value in config.items())
        self._writer.add_text("config", f"| name | value |\n| --- | --- |\n| run | {name} |\n{rows}", 0)
        self._done = 0

    def log(self, done: int, metrics: Mapping[str, float]) -> None:
        """See `harness.tracking.base.Tracker.log`."""
        self._done = done
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, done)

    def finish(self, summary: Mapping[str, float]) -> None:
        """See `harness.tracking.base.Tracker.finish`."""
        self.log(self._done, summary)
        self._writer.close()
