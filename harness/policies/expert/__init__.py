"""Scripted experts for the Piper suites: they see what only the simulator knows, and show that the tasks can be done."""
