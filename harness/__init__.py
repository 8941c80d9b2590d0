"""evalharness: a simulation evaluation harness for robot policies.

``harness.evaluate`` runs an evaluation and returns a ``harness.Run``, ``harness.sweep`` evaluates several policies;
``harness.load_runs`` opens runs again, and ``harness.compare`` says what they show beside each other. All are loaded when
they are first used, so that importing the package stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.comparison.compare import compare
    from harness.comparison.loading import load_runs
    from harness.evaluation import evaluate
    from harness.runs import Run
    from harness.sweeps import sweep

__version__ = "0.1.0"
__all__ = ["Run", "__version__", "compare", "evaluate", "load_runs", "sweep"]

_MODULES = {
    "Run": "harness.runs",
    "compare": "harness.comparison.compare",
    "evaluate": "harness.evaluation",
    "load_runs": "harness.comparison.loading",
    "sweep": "harness.sweeps",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
