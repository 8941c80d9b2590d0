"""The evalharness command."""
