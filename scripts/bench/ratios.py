"""Which ratios are formed, which are to be reached, and how each is computed from what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scripts.bench.measure import FLOOR, LOOP, LOOP_OFF, OFF, SOLVES
from scripts.bench.samples import ClockName, Pair, Seconds, Spent, Spread

# The ratios to reach, from the definition of the engine's work.
START_TARGET, STEP_TARGET, FLOOR_TARGET = 50.0, 3.0, 1.7
EPISODE_TARGETS: Mapping[int, float] = {1: 1.2, 5: 5.0, 10: 8.0, 50: 12.0}


@dataclass(frozen=True)
class Ratio:
    """A row of the first table.

    Attributes:
        title: What is compared.
        target: The ratio to reach; None where there is none.
        at_most: The target is a largest, not a smallest value.
        slow: The numerator.
        fast: The denominator.
    """

    title: str
    target: float | None
    slow: Seconds
    fast: Seconds
    at_most: bool = False

    def reached(self, found: Spread | None) -> str:
        """Whether the median reaches the target."""
        if self.target is None or found is None:
            return ""
        return "yes" if (found.median <= self.target if self.at_most else found.median >= self.target) else "no"

    @property
    def target_text(self) -> str:
        """For the table."""
        return "" if self.target is None else f"{'at most ' if self.at_most else ''}{self.target:g}"


def mean_of(subject: str, *parts: str, clock: ClockName) -> Seconds:
    """Seconds a call, of several parts one after the other."""
    return lambda pair: sum(pair.mean_s(subject, part, clock) for part in parts)


def engine_start(engine: str, clock: ClockName) -> Seconds:
    """Seconds of a start with settling: the mean over all episodes of the engine in a round."""

    def measured(pair: Pair) -> float:
        starts = [
            spent for (subject, part), spent in pair.spent.items() if part == "start" and subject.startswith(f"{engine} ")
        ]
        if not starts:
            raise KeyError(engine)
        return sum(starts, Spent()).mean_s(clock)

    return measured


def full_length_ratio(engine: str, replan: int, lengths: Mapping[str, int]) -> Ratio:
    """Whole episodes of as many steps as the task's protocol allows, computed from the parts of shorter ones; wall time.

    Args:
        engine: Of the harness.
        replan: Steps between its observations with pictures.
        lengths: Task -> control steps.
    """
    subject = f"{engine} {replan}"

    def slow(pair: Pair) -> float:
        return pair.mean_s(LOOP, "start", "wall") + lengths[pair.task] * pair.mean_s(LOOP, "step", "wall")

    def fast(pair: Pair) -> float:
        queries = math.ceil(lengths[pair.task] / replan)
        steps_s = lengths[pair.task] * pair.mean_s(subject, "step", "wall")
        queries_s = queries * sum(pair.mean_s(subject, part, "wall") for part in ("observe", "policy"))
        return pair.mean_s(subject, "start", "wall") + steps_s + queries_s

    return Ratio(f"whole episode, replan {replan}", EPISODE_TARGETS.get(replan), slow, fast)


def ratio_rows(engine: str, replans: Iterable[int], clock: ClockName) -> list[Ratio]:
    """What is compared, for one engine and clock."""
    off = f"{engine} {OFF}"
    rows = [
        Ratio(
            "episode start, without settling",
            START_TARGET,
            mean_of(LOOP, "reset", "set init state", clock=clock),
            mean_of(engine, "unsettled start", clock=clock),
        ),
        Ratio(
            "episode start, with settling",
            START_TARGET,
            mean_of(LOOP, "start", clock=clock),
            engine_start(engine, clock),
        ),
        Ratio(
            "episode start, with settling, against upstream without cameras",
            None,
            mean_of(LOOP_OFF, "start", clock=clock),
            engine_start(engine, clock),
        ),
        Ratio(
            "control step and state, against upstream without cameras",
            STEP_TARGET,
            mean_of(LOOP_OFF, "step", clock=clock),
            mean_of(off, "step", "observe", clock=clock),
        ),
        Ratio(
            "control step alone, against upstream without cameras",
            STEP_TARGET,
            mean_of(LOOP_OFF, "step", clock=clock),
            mean_of(off, "step", clock=clock),
        ),
        Ratio(
            "control step over the floor of 25 bare `mj_step` (less is better)",
            FLOOR_TARGET,
            mean_of(off, "step", clock=clock),
            mean_of(FLOOR, "step", clock=clock),
            at_most=True,
        ),
        Ratio(
            "upstream's three solutions a substep, without controller, over the floor",
            None,
            mean_of(SOLVES, "step", clock=clock),
            mean_of(FLOOR, "step", clock=clock),
        ),
    ]
    rows += [
        Ratio(
            f"whole episode, replan {replan}",
            EPISODE_TARGETS.get(replan),
            mean_of(LOOP, "episode", clock=clock),
            mean_of(f"{engine} {replan}", "episode", clock=clock),
        )
        for replan in replans
    ]
    return rows
