"""Optional tracking of runs in services of others; each in a file of its own, imported only when it is asked for."""

from harness.tracking.base import Tracker, refuse_missing_library
from harness.tracking.guarded import GuardedTracker

__all__ = ["GuardedTracker", "Tracker", "refuse_missing_library"]
