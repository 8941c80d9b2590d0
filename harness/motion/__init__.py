"""Moving an arm: trajectories in time, obstacles, collision-free paths, and driving the simulated arm along them."""
