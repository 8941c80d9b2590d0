"""How long a policy's answers took, and how stale they were: ``queries.csv`` of a run directory."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from harness.errors import StoreError
from harness.timing import QueryTiming

QUERIES_FILE = "queries.csv"
COLUMNS = ("key", "attempt", "step", "total_ms", "transport_ms", "queue_ms", "inference_ms", "stale_steps")
_NUMBERS = COLUMNS[1:]


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


def read_queries(directory: Path, counted: Collection[tuple[str, int]]) -> pd.DataFrame:
    """The answers of some attempts, in the order in which they were given; the columns are `COLUMNS`.

    Args:
        directory: The run directory.
        counted: Keys and attempts whose answers are wanted; of others nothing is given.

    Raises:
        StoreError: The file is damaged.
    """
    path = directory / QUERIES_FILE
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    try:
        frame = pd.read_csv(path, dtype={"key": str, **dict.fromkeys(_NUMBERS, float)})
        frame = frame.astype(dict.fromkeys(("attempt", "step", "stale_steps"), int))
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    if not counted:
        return frame.iloc[:0]
    wanted = pd.MultiIndex.from_tuples(list(counted), names=["key", "attempt"])
    return frame[pd.MultiIndex.from_frame(frame[["key", "attempt"]]).isin(wanted)].reset_index(drop=True)


@dataclass(frozen=True)
class LatencySummary:
    """How long answers took, in ms, and how many control steps went by meanwhile.

    Attributes:
        queries: How many answers.
        p50_ms: The median.
        p99_ms: What 99 % stayed below.
        longest_ms: The longest, usually the first, which may compile.
        transport_ms: Mean of the part between asking and the server's work.
        queue_ms: Mean of the part behind other questions.
        inference_ms: Mean of the part in the model.
        stale_steps: Control steps while the policy was thinking.
    """

    queries: int
    p50_ms: float
    p99_ms: float
    longest_ms: float
    transport_ms: float
    queue_ms: float
    inference_ms: float
    stale_steps: int

    @property
    def words(self) -> str:
        """One line for people."""
        line = (
            f"{self.queries} answers, p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, longest "
            f"{self.longest_ms:.1f} ms (mean: transport {self.transport_ms:.1f}, queue {self.queue_ms:.1f}, inference "
            f"{self.inference_ms:.1f})"
        )
        return f"{line}; {self.stale_steps} stale steps" if self.stale_steps else line


def summarise_latency(queries: pd.DataFrame) -> LatencySummary | None:
    """Sums up what `read_queries` gives; None where there is nothing."""
    if queries.empty:
        return None
    total = queries["total_ms"].to_numpy(dtype=float)
    means = {part: float(queries[f"{part}_ms"].mean()) for part in ("transport", "queue", "inference")}
    return LatencySummary(
        queries=len(queries),
        p50_ms=float(np.percentile(total, 50)),
        p99_ms=float(np.percentile(total, 99)),
        longest_ms=float(total.max()),
        transport_ms=means["transport"],
        queue_ms=means["queue"],
        inference_ms=means["inference"],
        stale_steps=int(queries["stale_steps"].sum()),
    )


def summarise_queries(queries: Sequence[Query]) -> LatencySummary | None:
    """The same of one attempt's answers."""
    rows = [_row("", 1, query) for query in queries]
    return summarise_latency(pd.DataFrame(rows, columns=list(COLUMNS)))


def _row(key: str, attempt: int, query: Query) -> tuple[str, int, int, float, float, float, float, int]:
    timing = query.timing
    seconds = (timing.total_s, timing.transport_s, timing.queue_s, timing.inference_s)
    total_ms, transport_ms, queue_ms, inference_ms = (1000 * part for part in seconds)
    return key, attempt, query.step, total_ms, transport_ms, queue_ms, inference_ms, query.stale_steps


def _line(key: str, attempt: int, query: Query) -> str:
    return ",".join(f"{value:.3f}" if isinstance(value, float) else str(value) for value in _row(key, attempt, query)) + "\n"
