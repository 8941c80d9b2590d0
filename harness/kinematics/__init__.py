"""Forward and inverse kinematics of a serial arm: one interface, one file a back end."""
