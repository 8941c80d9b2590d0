"""What ``--against`` names: a success rate, or a run that the new one must be comparable with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.comparison.comparability import find_differences
from harness.errors import UsageError
from harness.runs import Run
from harness.stopping import ReferenceRun
from harness.store import final_records

_NEW = "the new run"


def read_against(text: str, info: Mapping[str, Any], keys: Sequence[str]) -> float | ReferenceRun:
    """Reads what a run is held against.

    Args:
        text: A rate such as ``0.9``, or a run directory.
        info: What the new run would record.
        keys: The episodes of its plan.

    Raises:
        UsageError: It is neither, or a run that the new one cannot be held against.
        StoreError: The run is damaged.
    """
    if not Path(text).is_dir():
        return _rate(text)
    run = Run(text)
    _refuse_differences(run, info)
    final = final_records(run.records())
    missing = [key for key in keys if key not in final]
    stopping = run.info.get("stopping")
    if missing:
        cut = " It may have stopped early: outcomes at such a moment are no fair sample." if stopping else ""
        raise UsageError(
            f"--against {text}: it lacks {len(missing)} of the {len(keys)} episodes, such as {missing[0]}.{cut} Ask for "
            "fewer with --tasks, --episodes or --init, or finish that run with --resume"
        )
    failing = run.errors_as_failures
    successes = {
        key: None if final[key].outcome == "error" and not failing else final[key].outcome == "success" for key in keys
    }
    return ReferenceRun(str(Path(text).absolute()), run.policy, successes)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise UsageError(f"--against {text!r} is neither a run directory nor a success rate such as 0.9") from None
    if not 0 < rate < 1:
        raise UsageError(f"--against {text}: a success rate must be between 0 and 1, such as 0.9")
    return rate


class _Planned(Run):
    """A run that is not there yet."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        self.directory = Path(_NEW)
        self.info = dict(info)


def _refuse_differences(run: Run, info: Mapping[str, Any]) -> None:
    found = find_differences({run.name: run, _NEW: _Planned(info)})
    blocking = [difference for difference in found if difference.severity == "blocking"]
    if blocking:
        lines = "".join(f"\n  {difference}" for difference in blocking)
        raise UsageError(f"--against {run.directory}: the runs are not comparable, because these differ:{lines}")
