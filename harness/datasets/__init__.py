"""Datasets for imitation learning from the episodes of runs: LeRobot's formats and LIBERO's HDF5."""
