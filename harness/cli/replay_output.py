"""What ``evalharness replay`` prints: a line an episode on standard output, progress and notes on standard error."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from harness.recorded_run import RecordedEpisode
from harness.recording.replay import Replayed, Verification


class ReplayOutput:
    """Prints results as they come.

    Attributes:
        failed: Whether an episode differed or could not be replayed.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.failed = False
        self._as_json = as_json
        self._counts: Counter[str] = Counter()
        self._bar = _bar() if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        if self._counts and not self._as_json:
            self.note(", ".join(f"{count} {what}" for what, count in self._counts.items()))

    def begin(self, episodes: Sequence[RecordedEpisode]) -> None:
        """The work on some episodes begins."""
        if self._bar:
            self._bar.add_task("", total=sum(one.record.steps + 1 for one in episodes))
            self._bar.start()

    def advance(self) -> None:
        """One more state is drawn or compared."""
        if self._bar:
            self._bar.advance(self._bar.task_ids[0])

    def note(self, text: str) -> None:
        """Says something that belongs to no episode."""
        self._echo(text, err=True)

    def kept(self, one: RecordedEpisode, path: Path) -> None:
        """A video was there."""
        self._line("kept", {"key": one.key, "video": str(path), "made": False}, f"{one.key}  {path}  was there")

    def replayed(self, made: Replayed) -> None:
        """A video was made."""
        if not made.same_scene:
            self.note(f"{made.key}: the scene is not the recorded one: things without joints may stand elsewhere")
        fields = {
            "key": made.key,
            "video": str(made.path),
            "made": True,
            "frames": made.frames,
            "same_scene": made.same_scene,
        }
        self._line("made", fields, f"{made.key}  {made.path}")

    def verified(self, result: Verification) -> None:
        """An episode was simulated again."""
        self.failed |= not result.identical
        found = "identical" if result.identical else "different"
        fields = {"key": result.key, "result": found, **_jsonable(result)}
        line = f"{result.key}  {found}  {result.steps} steps"
        if result.frame == "different":
            line += "  the first pictures differ"
        elif result.frame == "other renderer":
            line += "  (the first pictures differ: another renderer drew them)"
        if result.difference is not None:
            line += f"  {result.difference}"
        self._line(found, fields, line)

    def problem(self, one: RecordedEpisode, message: str) -> None:
        """An episode could not be replayed."""
        self.failed = True
        self._line("not replayed", {"key": one.key, "result": "problem", "message": message}, f"{one.key}  {message}")

    def _line(self, count_as: str, fields: dict[str, Any], text: str) -> None:
        self._counts[count_as] += 1
        self._echo(json.dumps(fields, allow_nan=False) if self._as_json else text)

    def _echo(self, text: str, *, err: bool = False) -> None:
        """Prints a line; the bar is taken away for the moment, because both may be on one terminal."""
        shown = self._bar is not None and self._bar.live.is_started
        if self._bar and shown:
            self._bar.stop()
        click.echo(text, err=err)
        if self._bar and shown:
            self._bar.start()


def _bar() -> Progress:
    return Progress(
        BarColumn(bar_width=20),
        TextColumn("{task.completed:.0f}/{task.total:.0f} steps"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _jsonable(result: Verification) -> dict[str, Any]:
    """The fields of a result; numbers that JSON does not have become words."""
    fields = dataclasses.asdict(result)
    difference = fields["difference"]
    for name in ("recorded", "replayed") if difference else ():
        value = difference[name]
        difference[name] = value if isinstance(value, str) or math.isfinite(value) else repr(value)
    return fields
