"""Whether runs may be compared: every field that moves numbers, run against run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from harness.comparison.settings import Setting, settings_of
from harness.comparison.types import Difference
from harness.errors import UsageError
from harness.runs import Run

_SHOWN_TASKS = 3


def find_differences(runs: Mapping[str, Run]) -> tuple[Difference, ...]:
    """Compares runs field by field.

    Args:
        runs: Label -> run.

    Returns:
        The fields in which not all runs agree, blocking ones first. A field about a suite is compared between the runs that
        have that suite.

    Raises:
        StoreError: A run is damaged.
    """
    settings = {label: settings_of(run) for label, run in runs.items()}
    fields = dict.fromkeys(name for of_run in settings.values() for name in of_run)
    found = [difference for field in fields if (difference := _difference(field, settings)) is not None]
    return tuple(sorted(_tasks_joined(found), key=lambda difference: difference.severity != "blocking"))


def refuse_blocking(differences: Sequence[Difference]) -> None:
    """Refuses a comparison of runs that are not comparable.

    Raises:
        UsageError: Names every blocking difference.
    """
    blocking = [difference for difference in differences if difference.severity == "blocking"]
    if blocking:
        lines = "".join(f"\n  {difference}" for difference in blocking)
        raise UsageError(
            f"these runs are not comparable, because these differ:{lines}\n"
            "Compare runs of one protocol, or use --force (force=True), which marks the result as not comparable."
        )


def scene_difference(episodes: pd.DataFrame) -> Difference | None:
    """Whether shared episodes began from the same scenes, bit for bit, in all runs.

    Args:
        episodes: Columns ``label``, ``key``, ``scene_sha256``.

    Returns:
        A note with how many did not, for every run against the first that has the episode; None where all did. The same
        settings on another processor may differ in the last bit, so it is no reason to refuse.
    """
    known = episodes.dropna(subset=["scene_sha256"])
    first = known.groupby("key")["scene_sha256"].transform("first")
    other = known.loc[known["scene_sha256"] != first, "label"].value_counts()
    if other.empty:
        return None
    counts = {str(label): int(count) for label, count in sorted(other.items(), key=str)}
    return Difference("scenes", {label: _scene_words(count) for label, count in counts.items()}, "note")


def _scene_words(count: int) -> str:
    return f"{count} episode{'s' if count > 1 else ''} that began from a scene that is not another run's bit for bit"


def _difference(field: str, settings: Mapping[str, Mapping[str, Setting]]) -> Difference | None:
    about_suite = ": " in field
    absent = Setting("nothing")
    having = {label: own.get(field, absent) for label, own in settings.items() if field in own or not about_suite}
    values = {label: setting.value for label, setting in having.items()}
    if len(set(values.values())) < 2:
        return None
    severity = next(setting.severity for setting in having.values() if setting is not absent)
    return Difference(field, values, severity)


def _tasks_joined(differences: Sequence[Difference]) -> list[Difference]:
    """One difference a suite for its tasks, which differ together where a suite's definition or the language does."""
    joined: list[Difference] = []
    tasks: dict[tuple[str, str], list[Difference]] = {}
    for difference in differences:
        suite, _, rest = difference.field.partition(": task ")
        if rest:
            tasks.setdefault((suite, rest.partition(" ")[2]), []).append(difference)
        else:
            joined.append(difference)
    for (suite, what), of_suite in tasks.items():
        ids = [difference.field.partition(": task ")[2].partition(" ")[0] for difference in of_suite]
        more = f" and {len(ids) - _SHOWN_TASKS} more" if len(ids) > _SHOWN_TASKS else ""
        field = f"{suite}: {what} of task {', '.join(ids[:_SHOWN_TASKS])}{more}"
        joined.append(Difference(field, of_suite[0].values, of_suite[0].severity))
    return joined
