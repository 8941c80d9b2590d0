"""What a person sees while a run goes on: a bar on a terminal, one line an episode anywhere else."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from harness.errors import HarnessError
from harness.types import Outcome

_STYLES = {"success": "green", "failure": "red", "error": "yellow"}


class Progress:
    """Follows the episodes of one session of a run.

    Rates, success or speed, are over the episodes of this session: what an earlier session did (`already_done`) only
    moves the count. The clock starts with the first episode, so that building workers does not slow the speed shown.

    Args:
        total: Episodes of the whole run.
        already_done: How many of them an earlier session finished.
        stream: Where to write, standard error unless given; a bar when it is a terminal.
        clock: Seconds, from any origin.
        around: Says, in words, how far what this run is a part of has come; shown behind the run's own.

    Raises:
        HarnessError: More episodes are done than there are.
    """

    def __init__(
        self,
        total: int,
        already_done: int = 0,
        stream: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        around: Callable[[], str] = str,
    ) -> None:
        if not 0 <= already_done <= total:
            raise HarnessError(f"{already_done} of {total} episodes cannot be done already")
        self._total = total
        self._already_done = already_done
        self._stream = stream or sys.stderr
        self._clock = clock
        self._around = around
        self._begun_s: float | None = None
        self._running: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._bar = _bar(self._stream) if self._stream.isatty() else None
        if self._bar:
            self._bar.add_task("", total=total, completed=already_done, status=self._status(), running=0)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def started(self, key: str) -> None:
        """An episode begins; its key is remembered as running."""
        self._begin()
        self._running.add(key)
        self._refresh()

    def finished(
        self, key: str, outcome: Outcome, wall_s: float, message: str | None = None, *, steps: int | None = None
    ) -> None:
        """An episode has ended for good.

        Args:
            key: The episode's key.
            outcome: How it ended.
            wall_s: Seconds that it took.
            message: What went wrong, for an error; only its first line is shown.
            steps: Control steps, where known.
        """
        self._begin()
        self._running.discard(key)
        self._counts[outcome] += 1
        reason = (message or "").strip().partition("\n")[0]
        if self._bar is None:
            self._line(self._episode_line(key, outcome, wall_s, reason, steps))
        elif outcome == "error":
            self._bar.console.print(Text(f"error in {key}: {reason or 'no message'}", style=_STYLES["error"]))
        self._refresh()

    def note(self, text: str) -> None:
        """Says something that belongs to no finished episode, such as a worker that died."""
        if self._bar is None:
            self._line(text)
        else:
            self._bar.console.print(Text(text))

    def _begin(self) -> None:
        if self._begun_s is None:
            self._begun_s = self._clock()

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def _refresh(self) -> None:
        if self._bar:
            done = self._already_done + self._counts.total()
            self._bar.update(self._bar.task_ids[0], completed=done, status=self._status(), running=len(self._running))

    def _episode_line(self, key: str, outcome: Outcome, wall_s: float, reason: str, steps: int | None) -> str:
        done = self._already_done + self._counts.total()
        count = f"[{done:{len(str(self._total))}}/{self._total}]"
        taken = "" if steps is None else f"  {steps:3} steps"
        line = f"{count} {key}  {outcome}{taken}  {wall_s:.1f} s | {self._status()}"
        return f"{line} | {reason}" if reason else line

    def _status(self) -> str:
        """Such as ``75.0 % (9/12) 1 error | 0.31 episodes/s, 4 min 40 s left``."""
        successes, errors = self._counts["success"], self._counts["error"]
        counted = successes + self._counts["failure"]
        parts = [f"{100 * successes / counted:.1f} % ({successes}/{counted})" if counted else "no rate yet"]
        if errors:
            parts.append(f"{errors} error{'s' if errors > 1 else ''}")
        around = self._around()
        return " ".join(parts) + self._speed() + (f" | {around}" if around else "")

    def _speed(self) -> str:
        finished = self._counts.total()
        elapsed_s = self._clock() - self._begun_s if self._begun_s is not None else 0.0
        if not finished or elapsed_s <= 0:
            return ""
        left = self._total - self._already_done - finished
        remaining = f", {duration_text(left * elapsed_s / finished)} left" if left > 0 else ""
        return f" | {finished / elapsed_s:.2f} episodes/s{remaining}"


def duration_text(seconds: float) -> str:
    """A duration in its two largest units, such as ``35 s``, ``4 min 40 s`` or ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(whole / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def _bar(stream: TextIO) -> RichProgress:
    # A program's standard output stays its own: rich would send it to this stream while the bar is up.
    return RichProgress(
        TextColumn("{task.completed:.0f}/{task.total:.0f}", markup=False),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[status]} | {task.fields[running]} running", markup=False),
        console=Console(file=stream, highlight=False),
        redirect_stdout=False,
        redirect_stderr=stream is sys.stderr,
    )
