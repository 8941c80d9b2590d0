"""evalharness: a simulation evaluation harness for robot policies."""

__version__ = "0.1.0"
