"""The run directory: ``run.json``, written once, and ``episodes.jsonl``, one line an attempt, only ever appended to."""

from __future__ import annotations

import json
import os
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import RunDirectoryError, StoreError
from harness.files import remove_asides, written_aside
from harness.query_log import QueryLog
from harness.run_lock import LOCK_FILE, RunLock
from harness.types import Episode, Outcome

SCHEMA_VERSION = 2
RUN_FILE = "run.json"
EPISODES_FILE = "episodes.jsonl"
TRACES_FOLDER = "traces"
VIDEOS_FOLDER = "videos"
ERRORS_FOLDER = "errors"

_OUTCOMES = typing.get_args(Outcome)
_WHOLE_NUMBERS = ("task_id", "init", "repeat", "seed", "attempt", "steps")


@dataclass(frozen=True)
class Record:
    """One attempt at an episode: a line of ``episodes.jsonl``. The fields are described in docs/results.md."""

    key: str
    suite: str
    task_id: int
    task: str
    init: int
    repeat: int
    seed: int
    attempt: int
    outcome: Outcome
    steps: int
    error: Mapping[str, str] | None
    scene_sha256: str | None
    frame_sha256: str | None
    wall_s: float
    policy_s: float
    physics_s: float
    render_s: float
    video: str | None
    trace: str | None

    @classmethod
    def of_error(cls, episode: Episode, attempt: int, kind: str, message: str, wall_s: float) -> Record:
        """The record of an attempt of which nothing is left but that it went wrong."""
        return cls(
            **identity(episode),
            attempt=attempt,
            outcome="error",
            steps=0,
            error={"type": kind, "message": message},
            scene_sha256=None,
            frame_sha256=None,
            wall_s=round(wall_s, 4),
            policy_s=0.0,
            physics_s=0.0,
            render_s=0.0,
            video=None,
            trace=None,
        )


def identity(episode: Episode) -> dict[str, Any]:
    """The fields of a record that come from the episode."""
    return {
        "key": episode.key,
        "suite": episode.suite,
        "task_id": episode.task_id,
        "task": episode.task,
        "init": episode.init,
        "repeat": episode.repeat,
        "seed": episode.seed,
    }


class RunStore:
    """A run directory that is being written, by one process at a time.

    Attributes:
        directory: Which one.
        queries: How long the policy's answers took.
    """

    def __init__(self, directory: Path, new: Mapping[str, Any] | None = None) -> None:
        """Opens an existing run directory for appending; use `create` for a new one.

        A torn last line, which a killed process may leave, is cut off.

        Args:
            directory: The run directory.
            new: What `create` puts into ``run.json``; None when the run is there already.

        Raises:
            StoreError: The directory is no run, cannot be written, or another process is writing it.
        """
        self.directory = directory
        if new is None:
            read_info(directory)
        self._lock = RunLock(directory)
        try:
            if new is not None:
                _refuse_content(directory)  # of two processes that create one run at once, one finds the other's
                write_info(directory, new)
            self._lines = _opened(directory / EPISODES_FILE)
            self.queries = QueryLog(directory)
        except BaseException:
            self._lock.release()
            raise
        for folder in (TRACES_FOLDER, VIDEOS_FOLDER, ERRORS_FOLDER, "."):
            remove_asides(directory / folder)

    @classmethod
    def create(cls, directory: Path, info: Mapping[str, Any]) -> RunStore:
        """Makes a new run directory and opens it.

        Args:
            directory: May exist when it is empty.
            info: The content of ``run.json``, JSON-able.

        Raises:
            StoreError: There is something in the directory already, or it cannot be written.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True)
            _refuse_content(directory)
        except OSError as error:
            raise StoreError(f"{directory} cannot be made: {error.strerror}") from error
        return cls(directory, info)

    def append(self, record: Record) -> None:
        """Appends a line and waits until it is on the disk.

        Raises:
            StoreError: It could not be written whole; nothing of it is left.
        """
        line = json.dumps(asdict(record), allow_nan=False).encode() + b"\n"
        before = os.fstat(self._lines).st_size
        try:
            written = os.write(self._lines, line)
            if written != len(line):
                raise OSError(f"only {written} of {len(line)} bytes fit")
            os.fsync(self._lines)
        except OSError as error:
            os.ftruncate(self._lines, before)
            raise StoreError(f"{self.directory / EPISODES_FILE} cannot be written: {error}") from error

    def close(self) -> None:
        """Lets another process write the directory."""
        os.close(self._lines)
        self.queries.close()
        self._lock.release()


def write_info(directory: Path, info: Mapping[str, Any]) -> None:
    """Writes ``run.json``, whole or not at all."""
    text = json.dumps(info, indent=2, allow_nan=False) + "\n"
    with written_aside(directory / RUN_FILE) as aside:
        aside.write_text(text, encoding="utf-8")


def read_info(directory: Path) -> dict[str, Any]:
    """Reads ``run.json``.

    Raises:
        StoreError: It is missing, damaged, or of a schema that this version does not know.
    """
    path = directory / RUN_FILE
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunDirectoryError(
            f"{directory} is not a run directory: {RUN_FILE} cannot be read: {error.strerror}"
        ) from error
    except ValueError as error:
        raise StoreError(f"{path} is damaged: {error}") from error
    if not isinstance(info, dict) or info.get("schema") != SCHEMA_VERSION:
        found = info.get("schema") if isinstance(info, dict) else type(info).__name__
        newer = isinstance(found, int) and found > SCHEMA_VERSION
        advice = ". A newer evalharness has made it: install that one to read it" if newer else ""
        raise StoreError(f"{path} has schema {found!r}; this version of evalharness reads schema {SCHEMA_VERSION}{advice}")
    return info


def read_records(directory: Path) -> list[Record]:
    """All attempts so far, in the order in which they ended. A torn last line is left out, and left alone.

    Raises:
        StoreError: The file cannot be read, a line other than the last is damaged, or an episode has two results.
    """
    path = directory / EPISODES_FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    lines = content.split(b"\n")[:-1]
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(_record(line))
        except ValueError as error:
            if number == len(lines):
                break
            raise StoreError(f"{path}, line {number}, is damaged: {error}") from error
    _refuse_two_results(records, path)
    return records


def final_records(records: list[Record]) -> dict[str, Record]:
    """The attempt that counts for every episode, by key: the one that did not end in an error, or else the last."""
    final: dict[str, Record] = {}
    for record in records:
        if record.key not in final or final[record.key].outcome == "error":
            final[record.key] = record
    return final


def _refuse_two_results(records: list[Record], path: Path) -> None:
    """Refuses what no single writer leaves: an attempt twice, or a second result of an episode.

    Which of the lines is true cannot be known, so no rate can be given.
    """
    attempts: dict[tuple[str, int], int] = {}
    results: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        before = attempts.setdefault((record.key, record.attempt), number)
        if record.outcome != "error":
            before = min(before, results.setdefault(record.key, number))
        if before != number:
            raise StoreError(
                f"{path}, lines {before} and {number}: {record.key} has two results; two processes have written the file, "
                "or two files were joined. Which one is true cannot be known: keep one of the lines"
            )


def _refuse_content(directory: Path) -> None:
    if any(entry.name != LOCK_FILE for entry in directory.iterdir()):
        raise RunDirectoryError(
            f"{directory} is not empty. To go on with the run in it: --resume {directory}; "
            "to begin a new one, name another --out."
        )


def _opened(path: Path) -> int:
    """Opens the episodes for appending, cut to the lines that are whole."""
    try:
        lines = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(lines, _intact_length(path.read_bytes()))
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return lines


def _intact_length(content: bytes) -> int:
    """Bytes up to the end of the last line that is whole and readable."""
    length = content.rfind(b"\n") + 1
    last = content[: max(length - 1, 0)].rfind(b"\n") + 1
    try:
        _record(content[last:length])
    except ValueError:
        return last
    return length


def _record(line: bytes) -> Record:
    """Reads a line of ``episodes.jsonl``; raises ValueError when it is damaged."""
    try:
        record = Record(**json.loads(line))
    except TypeError as error:
        raise ValueError(str(error)) from error
    if record.outcome not in _OUTCOMES:
        raise ValueError(f"there is no outcome {record.outcome!r}; an episode ends in {', '.join(_OUTCOMES)}")
    for name in _WHOLE_NUMBERS:
        if type(getattr(record, name)) is not int:
            raise ValueError(f"{name} is {getattr(record, name)!r}, which is no whole number")
    return record
