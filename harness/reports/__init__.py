"""Tables made from run directories."""
