"""Ways to run episodes: in this process, or in several that may die."""
