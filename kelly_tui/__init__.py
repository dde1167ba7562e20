"""Kelly: a terminal workstation for making music training data."""
