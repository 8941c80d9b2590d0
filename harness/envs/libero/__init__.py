"""LIBERO: hf-libero's tasks on robosuite and MuJoCo."""
