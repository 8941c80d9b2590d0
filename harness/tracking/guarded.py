"""A tracker that costs nothing but itself when it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.tracking.base import Tracker, load_tracker


class GuardedTracker:
    """Passes everything on until the tracker first raises; from then on it does nothing."""

    def __init__(self, name: str | None, directory: Path, config: Mapping[str, Any], note: Callable[[str], None]) -> None:
        """Makes the tracker.

        Args:
            name: One of `harness.request.TRACKERS`; None tracks nothing.
            directory: The run directory.
            config: What identifies the run: plain values by dotted names.
            note: Is told, once, why tracking has ended before the run.
        """
        self._name = name
        self._note = note
        self._tracker: Tracker | None = None
        if name is not None:
            self._guard(lambda: self._make(name, directory, config))

    def log(self, done: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        self._pass_on(lambda tracker: tracker.log(done, metrics))

    def finish(self, summary: Callable[[], Mapping[str, float]]) -> None:
        """See `Tracker.finish`; the summary is made only where it is tracked."""
        self._pass_on(lambda tracker: tracker.finish(summary()))

    def _make(self, name: str, directory: Path, config: Mapping[str, Any]) -> None:
        self._tracker = load_tracker(name)(directory, directory.resolve().name, config)

    def _pass_on(self, call: Callable[[Tracker], None]) -> None:
        tracker = self._tracker
        if tracker is not None:
            self._guard(lambda: call(tracker))

    def _guard(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # whatever a service does, the run goes on
            self._tracker = None
            self._note(f"tracking with {self._name} has ended, the run goes on: {type(error).__name__}: {error}")
