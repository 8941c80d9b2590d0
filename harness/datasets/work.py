"""What a worker does for a dataset: it simulates episodes again and keeps each as a piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.datasets.formats import dataset_format
from harness.datasets.frames import look_again
from harness.datasets.pieces import new_piece
from harness.datasets.source import source_of
from harness.envs.family import Assets
from harness.envs.gl import GLInfo, use_gl
from harness.errors import HarnessError, StoreError, UsageError
from harness.recorded_run import RecordedEpisode, RecordedRun


@dataclass(frozen=True)
class WorkConfig:
    """Everything that a worker needs to know; picklable.

    Attributes:
        run: The run directory.
        assets: What scenes are built from.
        gl: The OpenGL back end.
        format: Name of the dataset's format.
        pieces: The folder of all pieces.
    """

    run: Path
    assets: Assets
    gl: GLInfo
    format: str
    pieces: Path


class PieceRunner:
    """Makes pieces in this process, one after the other; a `harness.executors.base.Runner` with one slot.

    Its results are None where a piece was made, and else why not.
    """

    def __init__(self, config: WorkConfig) -> None:
        """Makes the environment; models are built when an episode needs them."""
        use_gl(config.gl)
        run = RecordedRun(config.run)
        self._config = config
        self._source = source_of(run)
        self._format = dataset_format(config.format)
        self._environment = run.environment(config.assets)
        self._job: tuple[int, RecordedEpisode] | None = None

    def begin(self, slot: int, job: RecordedEpisode) -> None:
        """Takes an episode; it begins with the next `advance`."""
        self._job = (slot, job)

    def advance(self) -> Iterator[tuple[int, str | None]]:
        """Makes the piece.

        Raises:
            StoreError: It cannot be written; the export cannot go on.
            UsageError: It could not be written for any episode.
        """
        assert self._job is not None
        (slot, recorded), self._job = self._job, None
        problem = None
        try:
            self._make(recorded)
        except (StoreError, UsageError):
            raise
        except HarnessError as error:
            problem = str(error)
        yield slot, problem

    def _make(self, recorded: RecordedEpisode) -> None:
        frames = look_again(self._environment, recorded, self._source.spec, self._source.noise_std)
        with new_piece(self._config.pieces, recorded, frames) as folder:
            self._format.write_pictures(folder, frames, self._source)

    def close(self) -> None:
        """Closes the environment."""
        self._environment.close()
