"""What can be found out about a policy before an evaluation: wrong conventions, above all."""
