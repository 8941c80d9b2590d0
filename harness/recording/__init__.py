"""What is kept of an episode besides its line: states and pictures."""
