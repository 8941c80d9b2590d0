"""How long a policy's answers took, and how stale they were: ``queries.csv`` of a run directory, read and summed up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from harness.errors import StoreError
from harness.query_log import COLUMNS, QUERIES_FILE, Query, row

_NUMBERS = COLUMNS[1:]


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
    rows = [row("", 1, query) for query in queries]
    return summarise_latency(pd.DataFrame(rows, columns=list(COLUMNS)))
