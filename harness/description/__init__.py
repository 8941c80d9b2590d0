"""A robot's description: read from its ``robot.yaml``, written as URDF, MJCF, USD and cuRobo configurations."""
