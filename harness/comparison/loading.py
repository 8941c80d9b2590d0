"""Finding runs on the disk: directories, folders that hold them, patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import RunDirectoryError, suggest
from harness.runs import Run
from harness.store import RUN_FILE

_PATTERN_CHARACTERS = frozenset("*?[")


def load_runs(*paths: str | Path | Iterable[str | Path]) -> list[Run]:
    """Opens runs for reading.

    Args:
        paths: Run directories, folders with runs anywhere below them, or patterns such as ``results/*pi0*`` (``**`` stands
            for any folders); or lists of these.

    Returns:
        The runs in the order of the paths, those of a folder or pattern by path; each once.

    Raises:
        RunDirectoryError: A path is not there, or there is no run at it.
        StoreError: A run is damaged, or of a version that this one does not know.
    """
    directories: dict[Path, Path] = {}
    for path in _flat(paths):
        for directory in _runs_at(path):
            directories.setdefault(directory.resolve(), directory)
    return [Run(directory) for directory in directories.values()]


def _flat(paths: Iterable[str | Path | Iterable[str | Path]]) -> Iterator[Path]:
    for path in paths:
        if isinstance(path, str | Path):
            yield Path(path).expanduser()
        else:
            yield from _flat(path)


def _runs_at(path: Path) -> list[Path]:
    if path.is_dir():
        found = list(_runs_below(path))
        if not found:
            raise RunDirectoryError(f"{path} is not a run directory, and there is none below it: no {RUN_FILE}")
        return found
    if _PATTERN_CHARACTERS & set(str(path)) and not path.exists():
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True)) if Path(match).is_dir()]
        found = [directory for match in matches for directory in _runs_below(match)]
        if not found:
            raise RunDirectoryError(f"no run directory fits {path}")
        return found
    if path.exists():
        raise RunDirectoryError(f"{path} is a file; name the run directory that it lies in")
    beside = [entry.name for entry in path.parent.iterdir() if entry.is_dir()] if path.parent.is_dir() else []
    raise RunDirectoryError(f"there is no {path}. {suggest(path.name, beside)}")


def _runs_below(folder: Path) -> Iterator[Path]:
    """The runs at and below a folder by path; nothing is looked for within a run."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        if RUN_FILE in files:
            folders.clear()
            yield Path(place)
