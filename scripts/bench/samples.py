"""What the bench measures, and ratios of it: pure functions on plain data."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

ClockName = Literal["wall", "cpu"]


@dataclass(frozen=True)
class Spent:
    """Time spent in `count` calls of one kind.

    Attributes:
        count: How many calls.
        wall_s: Wall seconds of all of them.
        cpu_s: CPU seconds of all threads of the process during them.
    """

    count: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.count + other.count, self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)

    def __sub__(self, other: Spent) -> Spent:
        """What is left of a whole without one of its parts; the whole's count stays."""
        return Spent(self.count, self.wall_s - other.wall_s, self.cpu_s - other.cpu_s)

    def total_s(self, clock: ClockName) -> float:
        """Seconds of all calls."""
        return self.wall_s if clock == "wall" else self.cpu_s

    def mean_s(self, clock: ClockName) -> float:
        """Seconds a call; not a number when there was none."""
        return self.total_s(clock) / self.count if self.count else math.nan


class Stopwatch:
    """Adds up what was spent, by name."""

    def __init__(self) -> None:
        self.spent: dict[str, Spent] = {}

    @contextmanager
    def measure(self, part: str) -> Iterator[None]:
        """Counts the block as one call of a part."""
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        yield
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        self.spent[part] = self.spent.get(part, Spent()) + Spent(1, wall_s, cpu_s)


@dataclass(frozen=True)
class Sample:
    """One part of one measurement.

    Attributes:
        task: Such as ``libero_spatial 0``.
        round: Measurements of one task and round are of the same initial state and the same actions, and are compared.
        subject: What was measured; see `scripts.bench.subjects`.
        part: Which part of it, such as ``step``.
        spent: Calls and seconds.
    """

    task: str
    round: int
    subject: str
    part: str
    spent: Spent


@dataclass(frozen=True)
class Pair:
    """Everything that was measured of one task in one round.

    Attributes:
        task: As in `Sample`.
        round: As in `Sample`.
        spent: (subject, part) -> calls and time.
    """

    task: str
    round: int
    spent: dict[tuple[str, str], Spent]

    def mean_s(self, subject: str, part: str, clock: ClockName) -> float:
        """Seconds a call.

        Raises:
            KeyError: It was not measured.
        """
        return self.spent[subject, part].mean_s(clock)


# Seconds that are computed from a pair; raises KeyError where something that they need was not measured.
Seconds = Callable[[Pair], float]


def pairs_of(samples: Iterable[Sample]) -> list[Pair]:
    """The samples by task and round, in the order in which these first come."""
    pairs: dict[tuple[str, int], Pair] = {}
    for sample in samples:
        pair = pairs.setdefault((sample.task, sample.round), Pair(sample.task, sample.round, {}))
        pair.spent[sample.subject, sample.part] = sample.spent
    return list(pairs.values())


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some numbers."""

    median: float
    low: float
    high: float
    count: int


def spread(values: Iterable[float]) -> Spread | None:
    """The spread of the numbers that are finite; None when there is none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return None
    return Spread(statistics.median(finite), min(finite), max(finite), len(finite))


def seconds_of(pairs: Iterable[Pair], measured: Seconds) -> list[float]:
    """One number for every pair in which all that it is computed from was measured."""
    return [value for value in (_value(pair, measured) for pair in pairs) if value is not None]


def paired_ratios(pairs: Iterable[Pair], slow: Seconds, fast: Seconds) -> list[float]:
    """`slow` over `fast`, both of one task and round; pairs in which one of them was not measured are left out."""
    values = ((_value(pair, slow), _value(pair, fast)) for pair in pairs)
    return [one / other for one, other in values if one is not None and other]


def _value(pair: Pair, measured: Seconds) -> float | None:
    try:
        return measured(pair)
    except KeyError:
        return None
