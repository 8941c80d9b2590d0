"""Stopping a run as soon as its answer is clear, with the error rate kept (docs/statistics.md, docs/sweeps.md).

A rule holds the plan: rounds of one episode a task, in an order that was drawn before the run. `StopTest` is told outcomes
in any order and looks at them in the plan's, round by round, when a round is complete. What it finds follows from the rule
and the records alone, so that a resumed run and a table find the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.errors import StoreError
from harness.statistics.intervals import Interval
from harness.statistics.sequential import Decision, PairedTest, RateTest
from harness.types import Outcome

ALPHA = 0.05

# How the outcomes of another run stand in run.json, a character an episode of the plan.
_CHARACTERS: Mapping[bool | None, str] = {True: "1", False: "0", None: "-"}


@dataclass(frozen=True)
class ReferenceRun:
    """The run that another is held against, as it was when that one began.

    Attributes:
        directory: Where it was.
        policy: Its policy's name.
        successes: Key -> whether it succeeded; None where it has an error that does not count.
    """

    directory: str
    policy: str
    successes: Mapping[str, bool | None]


@dataclass(frozen=True)
class StopRule:
    """When a run stops.

    Attributes:
        rounds: Keys of the plan's episodes, in the plan's order: rounds of one episode a task.
        against: A success rate between 0 and 1, or a run.
        alpha: The chance that the decision is wrong.
    """

    rounds: tuple[tuple[str, ...], ...]
    against: float | ReferenceRun
    alpha: float = ALPHA

    @property
    def against_words(self) -> str:
        """Such as ``90 %`` or ``the run my_run (pi0)``."""
        if isinstance(self.against, float):
            return f"{100 * self.against:g} %"
        return f"the run {self.against.directory.rstrip('/').rpartition('/')[2]} ({self.against.policy})"

    def info(self) -> dict[str, Any]:
        """What ``run.json`` has of it: ``stopping``, JSON-able."""
        if isinstance(self.against, float):
            against: dict[str, Any] = {"rate": self.against}
        else:
            flat = (self.against.successes[key] for one in self.rounds for key in one)
            outcomes = "".join(_CHARACTERS[success] for success in flat)
            against = {"run": self.against.directory, "policy": self.against.policy, "outcomes": outcomes}
        return {"when": "decided", "alpha": self.alpha, "against": against, "rounds": [list(one) for one in self.rounds]}

    @classmethod
    def from_info(cls, content: Mapping[str, Any]) -> StopRule:
        """Reads what `info` has written.

        Raises:
            StoreError: It is damaged.
        """
        try:
            rounds = tuple(tuple(str(key) for key in one) for one in content["rounds"])
            return cls(rounds, _against(content["against"], rounds), float(content["alpha"]))
        except (LookupError, TypeError, ValueError) as error:
            raise StoreError(f"what run.json says of stopping early is damaged: {error!r}") from error


def _against(content: Mapping[str, Any], rounds: tuple[tuple[str, ...], ...]) -> float | ReferenceRun:
    if "rate" in content:
        return float(content["rate"])
    meanings = {character: success for success, character in _CHARACTERS.items()}
    keys = [key for one in rounds for key in one]
    successes = {key: meanings[character] for key, character in zip(keys, content["outcomes"], strict=True)}
    return ReferenceRun(str(content["run"]), str(content["policy"]), successes)


@dataclass(frozen=True)
class Finding:
    """What a test has found after its last look. It looks no more once it is decided.

    Attributes:
        decided: ``better`` or ``worse`` than what the run is held against; None while that is open.
        rounds: How many rounds were looked at.
        planned_rounds: How many there are.
        episodes: Episodes in these rounds that count.
        left_out: Episodes in these rounds that do not, because of an error.
        successes: Of this run, in the episodes that count.
        rate: Of success in these episodes; NaN without any.
        rate_interval: Confidence sequence of the success rate, for fewer errors than alpha at all looks together.
        difference: This run's rate minus the other's; None when held against a rate.
        difference_interval: Confidence sequence of the difference; None when held against a rate.
        e_value: Evidence at the last look; 1 / alpha decides.
        alpha: The chance that a decision is wrong.
        against: In words.
    """

    decided: Decision | None
    rounds: int
    planned_rounds: int
    episodes: int
    left_out: int
    successes: int
    rate: float
    rate_interval: Interval
    difference: float | None
    difference_interval: Interval | None
    e_value: float
    alpha: float
    against: str

    @property
    def stopped_early(self) -> bool:
        """Whether rounds were left when it was decided."""
        return self.decided is not None and self.rounds < self.planned_rounds

    @property
    def words(self) -> str:
        """A sentence, such as ``stopped early, after 24 episodes in 24 of 50 rounds: better than 50 %, ...``."""
        state = "decided" if self.decided else "not decided"
        start = "stopped early" if self.stopped_early else state
        verdict = f"{self.decided} than" if self.decided else "neither better nor worse than"
        left_out = f" ({self.left_out} with an error left out)" if self.left_out else ""
        return (
            f"{start}, after {self.episodes} episodes{left_out} in {self.rounds} of {self.planned_rounds} rounds: {verdict} "
            f"{self.against}; {self._measured}, e-value {self.e_value:.3g}"
        )

    @property
    def _measured(self) -> str:
        if self.difference is None or self.difference_interval is None:
            value, (low, high), unit = self.rate, self.rate_interval, "%"
        else:
            value, (low, high), unit = self.difference, self.difference_interval, "points"
        shown = "n/a" if math.isnan(value) else f"{100 * value:.1f} {unit}"
        return f"{shown}, {100 * (1 - self.alpha):g} % confidence sequence [{100 * low:.1f}, {100 * high:.1f}]"

    def info(self) -> dict[str, Any]:
        """What ``run.json`` has of it: ``stopping.found``, JSON-able."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("alpha", "against")}
        rate = None if math.isnan(self.rate) else self.rate
        difference = None if self.difference is None or math.isnan(self.difference) else self.difference
        return {**content, "rate": rate, "difference": difference, "stopped_early": self.stopped_early}


class StopTest:
    """Follows the outcomes of a run and says when its answer is clear."""

    def __init__(self, rule: StopRule, *, errors_as_failures: bool = False) -> None:
        """Begins without outcomes.

        Args:
            rule: The plan, and what the run is held against.
            errors_as_failures: Whether an error counts as a failure; if not, it is left out.
        """
        self.rule = rule
        self._errors_as_failures = errors_as_failures
        self._outcomes: dict[str, Outcome] = {}
        self._rounds = self._left_out = self._successes = self._episodes = 0
        against = rule.against
        self._test = RateTest(against, rule.alpha) if isinstance(against, float) else PairedTest(rule.alpha)

    def add(self, key: str, outcome: Outcome) -> bool:
        """Adds the outcome of an episode after all tries; True when this has led to a look.

        Episodes that are not in the plan are ignored.
        """
        self._outcomes[key] = outcome
        before = self._rounds
        while self.decided is None and self._rounds < len(self.rule.rounds):
            keys = self.rule.rounds[self._rounds]
            if not all(key in self._outcomes for key in keys):
                break
            self._look(keys)
        return self._rounds > before

    @property
    def decided(self) -> Decision | None:
        """What was found, or None."""
        return self._test.decided

    @property
    def seen(self) -> frozenset[str]:
        """Keys of the episodes in the rounds that were looked at."""
        return frozenset(key for one in self.rule.rounds[: self._rounds] for key in one)

    @property
    def finding(self) -> Finding:
        """What is known after the last look."""
        paired = isinstance(self._test, PairedTest)
        return Finding(
            decided=self.decided,
            rounds=self._rounds,
            planned_rounds=len(self.rule.rounds),
            episodes=self._episodes,
            left_out=self._left_out,
            successes=self._successes,
            rate=self._successes / self._episodes if self._episodes else math.nan,
            rate_interval=confidence_sequence(self._successes, self._episodes, self.rule.alpha),
            difference=self._test.estimate if paired else None,
            difference_interval=self._test.interval if paired else None,
            e_value=self._test.e_value,
            alpha=self.rule.alpha,
            against=self.rule.against_words,
        )

    def _look(self, keys: tuple[str, ...]) -> None:
        self._rounds += 1
        pairs = [(self._success(key), self._reference(key)) for key in keys]
        counted = [(own, other) for own, other in pairs if own is not None and other is not None]
        self._left_out += len(pairs) - len(counted)
        self._episodes += len(counted)
        self._successes += sum(own for own, _ in counted)
        if isinstance(self._test, RateTest):
            self._test.update([own for own, _ in counted])
        else:
            self._test.update([own for own, _ in counted], [other for _, other in counted])

    def _success(self, key: str) -> bool | None:
        outcome = self._outcomes[key]
        return None if outcome == "error" and not self._errors_as_failures else outcome == "success"

    def _reference(self, key: str) -> bool | None:
        """Whether the other run succeeded; anything but None where there is none."""
        against = self.rule.against
        return True if isinstance(against, float) else against.successes[key]


def confidence_sequence(successes: int, episodes: int, alpha: float = ALPHA) -> Interval:
    """Limits of a success rate that hold at whatever time one stops; of whole rounds where tasks differ.

    Args:
        successes: How many ended so.
        episodes: Of how many.
        alpha: The chance that the rate is ever outside.
    """
    test = RateTest(0.5, alpha)  # its confidence sequence does not depend on the rate that it tests
    test.update(np.arange(episodes) < successes)
    return test.interval


def stop_test_of(info: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> StopTest | None:
    """What a run's stopping rule has found; None when it has no rule.

    Args:
        info: The content of ``run.json``.
        outcomes: Key -> final outcome.

    Raises:
        StoreError: The rule is damaged.
    """
    content = info.get("stopping")
    if content is None:
        return None
    test = StopTest(StopRule.from_info(content), errors_as_failures=bool(info["options"]["errors_as_failures"]))
    for key, outcome in outcomes.items():
        test.add(key, outcome)
    return test
