"""What pages show beyond rates: success over time steps, and where the time went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# The parts of an episode's wall time that a record measures; what is left is `other`: building scenes, waiting, writing.
_PARTS = ("policy_s", "physics_s", "render_s")


def success_curve(outcomes: Sequence[str], steps: Sequence[int], *, errors_as_failures: bool = False) -> dict[str, Any]:
    """How many episodes have succeeded by which step.

    Args:
        outcomes: (N,) success, failure or error.
        steps: (N,) control steps of each.
        errors_as_failures: Whether episodes in error count among all.

    Returns:
        ``n``: the episodes that count. ``points``: [step, successes so far] at every step at which one succeeds, ascending.
        Successes over n at step t is the share of episodes that a limit of t steps would have let succeed.
    """
    ended = np.asarray(outcomes, dtype=str)
    n = int(ended.size if errors_as_failures else (ended != "error").sum())
    at, counts = np.unique(np.asarray(steps, dtype=np.int64)[ended == "success"], return_counts=True)
    return {"n": n, "points": [[int(t), int(k)] for t, k in zip(at, counts.cumsum(), strict=True)]}


def timing(episodes: pd.DataFrame) -> dict[str, Any]:
    """Where the time of some episodes went.

    Args:
        episodes: The columns ``steps``, ``wall_s``, ``policy_s``, ``physics_s``, ``render_s``.

    Returns:
        ``episodes``, ``steps``: how many. ``wall_s``, ``policy_s``, ``physics_s``, ``render_s``: sums. ``other_s``: what is
        left of the wall time, at least 0. ``steps_per_s``: steps over wall time, videos included. ``policy_ms``: median and
        95th percentile over episodes of the policy's time a control step, in milliseconds; with chunks a query takes longer,
        since it answers several steps. Numbers without a value are None.
    """
    sums = {name: float(episodes[name].sum()) for name in ("wall_s", *_PARTS)}
    steps = int(episodes["steps"].sum())
    moved = episodes[episodes["steps"] > 0]
    policy_ms = 1000 * (moved["policy_s"] / moved["steps"]).to_numpy(dtype=float)
    return {
        "episodes": len(episodes),
        "steps": steps,
        **sums,
        "other_s": max(0.0, sums["wall_s"] - sum(sums[name] for name in _PARTS)),
        "steps_per_s": steps / sums["wall_s"] if sums["wall_s"] > 0 else None,
        "policy_ms": [float(np.percentile(policy_ms, q)) for q in (50, 95)] if len(policy_ms) else None,
    }
