"""Policies behind a socket: one inference thread, and a front end for every protocol; see docs/serving.md."""
