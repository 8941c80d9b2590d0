"""Episodes on their way into a dataset: a folder each, which is there when it is complete, and else absent."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.datasets.frames import EpisodeFrames
from harness.datasets.stats import picture_histogram
from harness.errors import StoreError
from harness.recorded_run import RecordedEpisode

_EPISODE_FILE = "episode.json"
_ARRAYS_FILE = "arrays.npz"
_ASIDE_SUFFIX = ".part"

# Names of arrays, and what stands before the names of the others.
STATE, ACTION, EXECUTED = "observation.state", "action", "executed_action"
HISTOGRAM = "histogram."


@dataclass(frozen=True)
class Piece:
    """One complete episode.

    Attributes:
        folder: Where its files are; besides the arrays, what the dataset's format keeps pictures in.
        key: The episode's key.
        suite: Name of the suite.
        task_id: Position of the task in the suite.
        task: Name of the task.
        instruction: What the policy was told.
        outcome: How the episode ended.
        length: Steps.
    """

    folder: Path
    key: str
    suite: str
    task_id: int
    task: str
    instruction: str
    outcome: str
    length: int

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """State and actions, float64 (T, n), and the pictures' histograms.

        Raises:
            StoreError: They cannot be read.
        """
        path = self.folder / _ARRAYS_FILE
        try:
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} cannot be read: {error}") from error

    def video(self, camera: str) -> Path:
        """Where a camera's video belongs."""
        return self.folder / f"{camera}.mp4"


@contextmanager
def new_piece(parent: Path, recorded: RecordedEpisode, frames: EpisodeFrames) -> Iterator[Path]:
    """Lets an episode's folder be filled, and moves it to its place when all went well.

    Args:
        parent: The folder of all pieces.
        recorded: Which episode.
        frames: What is in it; the arrays are written here.

    Yields:
        The folder to put pictures into.

    Raises:
        StoreError: The file system refused; nothing is left behind.
    """
    final = parent / recorded.episode.file_stem
    aside = parent / f"{final.name}{_ASIDE_SUFFIX}"
    episode = recorded.episode
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        with (aside / _ARRAYS_FILE).open("wb") as stream:
            np.savez(stream, allow_pickle=False, **_arrays(frames))
        yield aside
        piece = Piece(
            folder=final,
            key=episode.key,
            suite=episode.suite,
            task_id=episode.task_id,
            task=episode.task,
            instruction=episode.instruction,
            outcome=recorded.record.outcome,
            length=len(frames.action),
        )
        content = {name: value for name, value in asdict(piece).items() if name != "folder"}
        (aside / _EPISODE_FILE).write_text(json.dumps(content), encoding="utf-8")
        os.replace(aside, final)
    except OSError as error:
        raise StoreError(f"{final} cannot be written: {error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def read_pieces(parent: Path) -> dict[str, Piece]:
    """The complete episodes by key; what was left incomplete is removed.

    Raises:
        StoreError: One is damaged.
    """
    found = {}
    for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
        if folder.name.endswith(_ASIDE_SUFFIX):
            shutil.rmtree(folder)
            continue
        try:
            content = json.loads((folder / _EPISODE_FILE).read_text(encoding="utf-8"))
            piece = Piece(folder=folder, **content)
        except (OSError, ValueError, TypeError) as error:
            raise StoreError(f"{folder} is damaged: {error}; remove it to have it made again") from error
        found[piece.key] = piece
    return found


def _arrays(frames: EpisodeFrames) -> dict[str, npt.NDArray[np.generic]]:
    histograms = {HISTOGRAM + name: picture_histogram(pictures) for name, pictures in frames.pictures.items()}
    return {STATE: frames.state["vector"], ACTION: frames.action, EXECUTED: frames.executed, **histograms}
