"""How long each of a policy's answers took: what ``queries.csv`` of a run directory holds, and how it is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StoreError
from harness.timing import QueryTiming

QUERIES_FILE = "queries.csv"
COLUMNS = ("key", "attempt", "step", "total_ms", "transport_ms", "queue_ms", "inference_ms", "stale_steps")


@dataclass(frozen=True)
class Query:
    """One answer of the policy.

    Attributes:
        step: Control steps before the observation.
        timing: Where its time went.
        stale_steps: Control steps that went by before it could be applied; 0 when the simulation waits.
    """

    step: int
    timing: QueryTiming
    stale_steps: int


class QueryLog:
    """Appends to ``queries.csv``. What a crash or a full disk leaves out of it changes no result."""

    def __init__(self, directory: Path) -> None:
        """Opens the file, or makes it; a torn last line is cut off.

        Raises:
            StoreError: It cannot be written.
        """
        path = directory / QUERIES_FILE
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            os.ftruncate(self._file, path.read_bytes().rfind(b"\n") + 1)
            if os.fstat(self._file).st_size == 0:
                os.write(self._file, (",".join(COLUMNS) + "\n").encode())
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error

    def append(self, key: str, attempt: int, queries: Sequence[Query]) -> None:
        """Appends the answers of one attempt, all of them or none."""
        text = "".join(_line(key, attempt, query) for query in queries).encode()
        before = os.fstat(self._file).st_size
        try:
            complete = os.write(self._file, text) == len(text)
        except OSError:
            complete = False
        if not complete:
            os.ftruncate(self._file, before)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


def row(key: str, attempt: int, query: Query) -> tuple[str, int, int, float, float, float, float, int]:
    """An answer of an attempt as `COLUMNS` have it."""
    timing = query.timing
    seconds = (timing.total_s, timing.transport_s, timing.queue_s, timing.inference_s)
    total_ms, transport_ms, queue_ms, inference_ms = (1000 * part for part in seconds)
    return key, attempt, query.step, total_ms, transport_ms, queue_ms, inference_ms, query.stale_steps


def _line(key: str, attempt: int, query: Query) -> str:
    return ",".join(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row(key, attempt, query)) + "\n"
