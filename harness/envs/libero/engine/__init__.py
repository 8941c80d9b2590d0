"""The exact engine: robosuite's control step without Python, equal to it bit for bit."""
