"""evalharness: a simulation evaluation harness for robot policies.

``harness.evaluate`` runs an evaluation and returns a ``harness.Run``; both are loaded when they are first used, so that
importing the package stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.evaluation import evaluate
    from harness.runs import Run

__version__ = "0.1.0"
__all__ = ["Run", "__version__", "evaluate"]


def __getattr__(name: str) -> Any:
    if name == "evaluate":
        from harness.evaluation import evaluate

        return evaluate
    if name == "Run":
        from harness.runs import Run

        return Run
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
