"""A dataset from the episodes of a run: `export_run` is what the command line calls."""

from __future__ import annotations

import typing
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.datasets.folder import DatasetFolder
from harness.datasets.formats import FormatName, dataset_format
from harness.datasets.pieces import Piece, read_pieces
from harness.datasets.source import Source, source_of
from harness.datasets.work import PieceRunner, WorkConfig
from harness.envs.gl import choose_gl
from harness.errors import HarnessError, StoreError, UsageError
from harness.executors.base import Executor, Lost, Order, Started
from harness.executors.processes import ProcessExecutor
from harness.executors.serial import SerialExecutor
from harness.recorded_run import RecordedEpisode, RecordedRun
from harness.run_lock import RunLock
from harness.types import Outcome


class Listener(typing.Protocol):
    """Who is told how an export goes on."""

    def begin(self, steps: int, done: int) -> None:
        """So many steps are in the dataset's episodes, and so many of them are done already."""

    def advance(self, steps: int) -> None:
        """An episode of so many steps is dealt with."""

    def note(self, text: str) -> None:
        """Something that a user should know."""


@dataclass(frozen=True)
class Exported:
    """What came of an export.

    Attributes:
        directory: The dataset.
        episodes: How many are in it.
        frames: How many all of them have.
        left_out: Key -> why it is not in it.
    """

    directory: Path
    episodes: int
    frames: int
    left_out: dict[str, str]


def export_run(
    run_directory: str | Path,
    out: str | Path,
    listener: Listener,
    *,
    format_name: FormatName = "lerobot",
    outcomes: Sequence[Outcome] = ("success",),
    workers: int = 0,
    resume: bool = False,
    force: bool = False,
    keep: Collection[str] = (),
    assets: str = "auto",
    gl: str = "auto",
) -> Exported:
    """Makes a dataset from a run's episodes, each simulated again from its trace.

    An episode that does not repeat bit for bit is left out. When the export is interrupted, complete episodes are kept.

    Args:
        run_directory: The run.
        out: Where the dataset goes.
        listener: Who is told how it goes on.
        format_name: ``lerobot`` (v2.1), ``lerobot-v3`` or ``hdf5`` (LIBERO's).
        outcomes: Which episodes; one that ended in an error is never taken.
        workers: Processes; 0 works in this one.
        resume: Go on with what an interrupted export left in `out`.
        force: Make the dataset in `out` anew.
        keep: Names in `out` that are not the dataset's.
        assets: As for a run; ``auto`` finds what the run was made with.
        gl: OpenGL back end.

    Raises:
        UsageError: Something that was asked for cannot be; nothing was written.
        HarnessError: No episode repeats, or the export could not go on; complete episodes are kept.
    """
    how, run = dataset_format(format_name), RecordedRun(run_directory)
    source = source_of(run)
    chosen = _chosen(run, outcomes)
    settings = _settings(source, format_name, outcomes)
    folder = DatasetFolder(Path(out))
    if folder.begin(settings, resume=resume, force=force, keep=keep):
        there = folder.content()
        lengths = {episode["key"]: episode["length"] for episode in there["episodes"]}
        more = [one.key for one in chosen if one.key not in lengths and one.key not in there["left_out"]]
        if not more:
            return Exported(folder.directory, len(lengths), sum(lengths.values()), there["left_out"])
        listener.note(f"the run has {len(more)} episodes more than {out}: the dataset is made anew")
        folder.begin(settings, resume=False, force=True, keep=keep)
    lock = RunLock(folder.directory)
    try:
        left_out = _make_pieces(run, chosen, folder, listener, format_name, workers, assets, gl)
        pieces = _in_order(chosen, folder)
        if not pieces:
            raise HarnessError(f"no episode can be taken into {out}, such as {next(iter(left_out.values()))}")
        how.assemble(pieces, source, folder.empty_assembled())
        episodes = [{"key": piece.key, "outcome": piece.outcome, "length": piece.length} for piece in pieces]
        folder.finish(settings, {"episodes": episodes, "left_out": left_out})
    finally:
        lock.release()
    return Exported(folder.directory, len(pieces), sum(piece.length for piece in pieces), left_out)


def _chosen(run: RecordedRun, outcomes: Sequence[Outcome]) -> list[RecordedEpisode]:
    if "error" in outcomes or not outcomes:
        raise UsageError("a dataset is made of episodes that ended in success or failure")
    return run.select(outcomes=outcomes)


def _settings(source: Source, format_name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What identifies an export."""
    return {
        "format": format_name,
        "outcomes": sorted(set(outcomes)),
        "fps": source.fps,
        "action_space": source.spec.action_space,
        "action_label": "executed" if source.noise_std is None else "clean",
        "noise_std": source.noise_std,
        "state_layout": list(source.protocol.state_layout),
        "run": dict(source.identity),
    }


def _make_pieces(
    run: RecordedRun,
    chosen: Sequence[RecordedEpisode],
    folder: DatasetFolder,
    listener: Listener,
    format_name: FormatName,
    workers: int,
    assets: str,
    gl: str,
) -> dict[str, str]:
    """Makes the pieces that are not there yet; returns why others could not be made, by key."""
    done = read_pieces(folder.pieces)
    left = deque(one for one in chosen if one.key not in done)
    total = sum(one.record.steps for one in chosen)
    listener.begin(total, total - sum(one.record.steps for one in left))
    if not left:
        return {}
    found = run.find_assets(assets, left)
    for difference in run.differences(found, left):
        listener.note(f"episodes may not repeat, and are then left out: {difference}")
    config = WorkConfig(run.directory, found, choose_gl(gl), format_name, folder.pieces)
    left_out: dict[str, str] = {}
    events = _executor(config, workers).events(left)
    try:
        for event in events:
            if isinstance(event, Started):
                continue
            problem = event.reason if isinstance(event, Lost) else event.result
            listener.advance(event.job.record.steps)
            if problem is not None:
                left_out[event.job.key] = problem
                listener.note(f"{event.job.key} is left out: {problem}")
    except (KeyboardInterrupt, StoreError):
        listener.note(f"stopped; complete episodes are kept in {folder.directory}. Go on with --resume")
        raise
    finally:
        events.close()  # type: ignore[attr-defined]  # a generator: its workers end now, not when it is collected
    return left_out


def _executor(config: WorkConfig, workers: int) -> Executor[RecordedEpisode, str | None]:
    order = Order[RecordedEpisode](
        group=lambda one: (one.episode.suite, one.episode.task_id), cost=lambda one: float(one.record.steps)
    )
    make_runner = partial(PieceRunner, config)
    if workers == 0:
        return SerialExecutor(make_runner, order)
    return ProcessExecutor(make_runner, workers, order)


def _in_order(chosen: Sequence[RecordedEpisode], folder: DatasetFolder) -> list[Piece]:
    """The pieces in the run's order, whichever was made first."""
    pieces = read_pieces(folder.pieces)
    return [pieces[one.key] for one in chosen if one.key in pieces]
