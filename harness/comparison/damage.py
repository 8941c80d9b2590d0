"""What to say of a ``run.json`` that is no run's."""

from __future__ import annotations

from harness.errors import StoreError
from harness.runs import Run
from harness.store import RUN_FILE


def damaged(run: Run, error: Exception) -> StoreError:
    """The error to raise where the content of a run's ``run.json`` cannot be used.

    Args:
        run: The run.
        error: What came of using it.
    """
    reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    return StoreError(f"{run.directory / RUN_FILE} is damaged, or not this version's: {reason}")
